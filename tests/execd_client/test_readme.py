"""The README of the generated client: its programs run, one after the other, on a real server."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.execd.server import TOKEN, Server

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "generated" / "README.md").read_text()
PROGRAM = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
CLIENT = 'Client("http://localhost:44772")'


def test_the_programs_of_the_readme_run(tmp_path: Path) -> None:
    server = Server(tmp_path / "sandbox")
    files = tmp_path / "files"
    files.mkdir()
    try:
        assert PROGRAM.count(CLIENT) == 1
        with_token = f'Client("{server.url}", headers={{"X-EXECD-ACCESS-TOKEN": "{TOKEN}"}})'
        program = PROGRAM.replace(CLIENT, with_token).replace('"/tmp/', f'"{tmp_path}/sandbox/')
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=files,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.close()
    assert done.returncode == 0, done.stderr
    for written in ("stdout hi\n", "'42'"):
        assert done.stdout.count(written) == 2, done.stdout
    assert done.stdout.splitlines()[-1].startswith("CONTEXT_NOT_FOUND context no-such-context")
    assert {path.name: path.read_text() for path in files.iterdir()} == {
        "copy.txt": "alpha\nbeta\n",
        "beta.txt": "beta\n",
        "line-2.txt": "beta\n",
    }
    assert (tmp_path / "sandbox" / "b.txt").read_text() == "gamma\n"
