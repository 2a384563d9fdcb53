"""The reference SDK, in an environment of its own, works against `code-interpreter serve`."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.serve import serving

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def reference_python() -> Path:
    """An interpreter with the reference SDK; its environment is kept between runs."""
    home = ROOT / ".venvs" / "reference-{}.{}".format(*sys.version_info)
    python = home / "bin" / "python"
    if not (home / ".installed").exists():
        venv.create(home, with_pip=True, clear=True)
        installed = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "opensandbox-code-interpreter==1.1.1"],
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode != 0:
            pytest.skip(f"needs opensandbox-code-interpreter==1.1.1 from PyPI: {installed.stderr}")
        (home / ".installed").touch()
    return python


@pytest.mark.timeout(300)
def test_the_reference_sdk_works_against_our_server(reference_python: Path) -> None:
    with serving() as environment:
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [reference_python, ROOT / "tests" / "reference" / "program.py"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the reference SDK is content\n"
