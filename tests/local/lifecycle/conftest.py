"""A temporary directory of its own for every test, to see what is left in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter.local import LocalServer


@pytest.fixture
def scratch(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The temporary directory of this process and those it starts. Short, as sockets want it."""
    # pytest looks for the place of its own ones when it first needs it: not in this one.
    tmp_path_factory.getbasetemp()
    path = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    monkeypatch.setenv("TMPDIR", str(path))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def server(scratch: Path) -> Iterator[LocalServer]:
    """A server; nothing of it is left after the test."""
    with LocalServer() as server:
        yield server
    assert list(scratch.iterdir()) == []
