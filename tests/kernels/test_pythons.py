"""Environments with ipykernel for Pythons that lack it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from code_interpreter.kernels.install import data_dir
from code_interpreter.kernels.launch import KernelMissingError
from code_interpreter.kernels.python.environments import find_uv, make
from code_interpreter.kernels.python.pythons import Python, Pythons, bases_of
from tests.execd.server import Server

pytestmark = [
    pytest.mark.skipif(find_uv(os.environ) is None, reason="pip install uv"),
    pytest.mark.kernels,
    pytest.mark.network,
    pytest.mark.slow,
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Jupyter data directory without any environment."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.delenv("PYTHON_VERSION", raising=False)
    return tmp_path / "jupyter"


@pytest.fixture
def other(data: Path) -> Python:
    """A Python that lacks ipykernel, and no other of its version has it."""
    del data
    pythons = Pythons().look(os.environ)
    usable = {python.version for python in pythons if python.ipykernel}
    system = Path("/usr/bin")  # Debian's lacks ensurepip
    for python in bases_of(pythons):
        if python.version not in usable and Path(python.path).parent != system:
            return python
    pytest.skip("needs another Python of 3.10 or newer without ipykernel: pyenv install 3.12")


def made(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "code-interpreter" / "python").iterdir())


def test_two_that_ask_at_once_get_one_environment_that_lasts_and_works(
    data: Path, other: Python, tmp_path: Path
) -> None:
    env = {**os.environ, "PYTHON_VERSION": other.version_text}

    async def both() -> list[str]:
        launches = await asyncio.gather(*(Pythons().find("python", env) for _ in range(2)))
        return [launch.argv[0] for launch in launches]

    python = data / "code-interpreter" / "python" / other.version_text / "bin" / "python"
    assert asyncio.run(both()) == [str(python)] * 2
    assert made(data) == [other.version_text]
    before = (data / "code-interpreter" / "python" / other.version_text).stat().st_ino

    server = Server(tmp_path / "work", env={"PYTHON_VERSION": other.version_text})
    try:
        code = (
            "import sys, site\n"
            "print(sys.executable)\n"
            "print(*sys.version_info[:3], sep='.')\n"
            "print(any(path.startswith(sys.base_prefix) for path in site.getsitepackages()))\n"
            "%pip --version"
        )
        outcome = server.request("/code", {"code": code, "context": {"language": "python"}})
    finally:
        server.close()
    lines = outcome.text().splitlines()
    assert lines[:3] == [str(python), other.version_text, "True"]
    assert lines[3].startswith("pip ")
    assert str(python.parent.parent) in lines[3]
    after = (data / "code-interpreter" / "python" / other.version_text).stat().st_ino
    assert before == after


def test_without_uv_venv_and_pip_make_it(data: Path, other: Python) -> None:
    lines: list[str] = []
    python = make(other.path, other.version_text, uv=None, env=os.environ, say=lines.append)
    found = asyncio.run(Pythons().installed(os.environ))
    assert (str(python), other.version_text) in {(item.where, item.version) for item in found}
    assert made(data) == [other.version_text]


def test_installing_makes_what_is_asked_for_and_only_once(
    data: Path, other: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_VERSION", other.version_text)
    first: list[str] = []
    Pythons().install(first.append)
    assert made(data) == [other.version_text]
    assert any("lacks ipykernel" in line for line in first)
    again: list[str] = []
    Pythons().install(again.append)
    assert [line for line in again if "lacks" in line] == []


def test_what_cannot_be_made_leaves_nothing_and_says_why(
    data: Path, other: Python, tmp_path: Path
) -> None:
    env = {
        **os.environ,
        "PYTHON_VERSION": other.version_text,
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "empty"),
        "UV_FIND_LINKS": "",
        "PIP_FIND_LINKS": "",
    }
    with pytest.raises(KernelMissingError, match="lacks ipykernel") as caught:
        asyncio.run(Pythons().find("python", env))
    assert other.path in str(caught.value)
    assert "uv --quiet pip install" in str(caught.value)
    assert made(data) == []


def test_without_a_version_the_running_python_is_taken(data: Path) -> None:
    launch = asyncio.run(Pythons().find("python", dict(os.environ)))
    assert launch.argv[0] == sys.executable
    assert data_dir() == data
