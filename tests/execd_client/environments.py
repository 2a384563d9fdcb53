"""Copies of the repository, and fresh environments of other Pythons, for tests of the scripts.

What must hold of the work tree is tried on a copy of it. An environment takes a second with uv on
PATH, and a few more with venv and pip alone.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def copy_repository(root: Path, *names: str) -> Path:
    """Copy files and folders of the repository to a place that does not exist yet."""
    for name in names:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    return root


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))


def find_python(version: str) -> str:
    """The path of a Python such as 3.13; without one, the test is skipped."""
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in _candidates(version):
        # pyenv's shims are on PATH for versions that are not chosen, too.
        told = subprocess.run([candidate, "-c", asked], capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return candidate
    pytest.skip(f"install Python {version}: pyenv install {version}")


def make_environment(directory: Path, version: str, *pip_arguments: str | Path) -> str:
    """A virtual environment with what pip is told to install in it; its Python."""
    python = find_python(version)
    inside = str(directory / "bin" / "python")
    if uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--python", python, directory)
        run(uv, "pip", "install", "--quiet", "--python", inside, *pip_arguments)
    else:
        run(python, "-m", "venv", directory)
        run(
            inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pip_arguments
        )
    return inside


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of a command, which has to succeed."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout
