"""A temporary directory of its own for every test, to see what is left in it."""

import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from code_interpreter.local import LocalServer


@contextmanager
def own_scratch(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    # pytest looks for the place of its own ones when it first needs it: not in this one.
    tmp_path_factory.getbasetemp()
    path = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    path.chmod(0o711)  # sandboxes of root run as another user
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(path))
        patch.setenv("TMPDIR", str(path))
        yield path
    shutil.rmtree(path)


@contextmanager
def clean_server(
    scratch: Path, isolation: Literal["namespaces", "none"] | None = None
) -> Generator[LocalServer, None, None]:
    with LocalServer(isolation=isolation) as server:
        yield server
    assert list(scratch.iterdir()) == []


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The temporary directory of this process and those it starts. Short, as sockets want it."""
    with own_scratch(tmp_path_factory) as path:
        yield path


@pytest.fixture
def server(scratch: Path) -> Iterator[LocalServer]:
    """A server; nothing of it is left after the test."""
    with clean_server(scratch) as server:
        yield server


@pytest.fixture
def bare_server(scratch: Path) -> Iterator[LocalServer]:
    """The same, whose sandboxes are in no box."""
    with clean_server(scratch, isolation="none") as server:
        yield server
