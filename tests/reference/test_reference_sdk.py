"""The reference SDK, in an environment of its own, works against `code-interpreter serve`."""

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.execd.needs import need_kernel
from tests.seed.with_asyncio import EXAMPLES
from tests.support.serve import serving

pytestmark = [pytest.mark.kernels, pytest.mark.network, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
SEED = ROOT / "tests" / "seed"


@pytest.fixture(scope="module")
def reference_python() -> Path:
    """An interpreter with the reference SDK; its environment is kept between runs."""
    home = ROOT / ".venvs" / "reference-{}.{}".format(*sys.version_info)
    python = home / "bin" / "python"
    if not (home / ".installed").exists():
        venv.create(home, with_pip=False, clear=True)
        # Most of it is in uv's cache by now: pip needs 8 seconds of CPU time more.
        uv: list[str | Path] = [find_uv_bin(), "pip", "install", "--quiet", "--python", python]
        installed = subprocess.run(
            [*uv, "opensandbox-code-interpreter==1.1.1"],
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode != 0:
            pytest.skip(f"needs opensandbox-code-interpreter==1.1.1 from PyPI: {installed.stderr}")
        (home / ".installed").touch()
    return python


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The variables by which clients find a running server."""
    with serving() as environment:
        environment.pop("PYTHONPATH", None)
        yield environment


def printed(command: list[str | Path], environment: dict[str, str]) -> str:
    """What a program prints that ends well."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_reference_sdk_works_against_our_server(
    reference_python: Path, environment: dict[str, str]
) -> None:
    program = ROOT / "tests" / "reference" / "program.py"
    assert printed([reference_python, program], environment) == "the reference SDK is content\n"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", ["with_asyncio.py", "blocking.py"])
@pytest.mark.parametrize("example", list(EXAMPLES))
def test_the_reference_sdk_runs_the_program_that_ours_runs(
    reference_python: Path, environment: dict[str, str], program: str, example: str
) -> None:
    need_kernel("python" if example == "streaming" else example)
    assert printed([reference_python, SEED / program, example], environment) == f"{example}\n"
