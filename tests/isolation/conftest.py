"""Sandboxes in a box, and bait that a test lays out for them: nothing else is ever touched."""

import os
import socket
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import IsolationUnavailableError
from tests.local.lifecycle.conftest import own_scratch


@dataclass
class Bait:
    """What a sandbox must not get at, each by its exact name."""

    home_file: Path
    foreign_file: Path  # of another sandbox
    open_folder: Path  # that everybody may write to
    pid: int
    port: int
    address: str  # of this machine, not loopback's; the port is the same
    abstract: str
    socket_file: Path


@contextmanager
def boxed(isolation: str) -> Generator[CodeInterpreterSync, None, None]:
    """A sandbox of this isolation; the test is skipped where there can be none, but not in CI."""
    assert isolation in {"namespaces", "none"}
    try:
        with CodeInterpreterSync.local(isolation=isolation) as interpreter:  # type: ignore[arg-type]
            yield interpreter
    except IsolationUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"bait")


def _address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


@pytest.fixture(scope="session")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    """All bait, and another sandbox beside."""
    name = f"ci-bait-{uuid4().hex}"
    home_file = Path.home() / f".{name}"
    address = _address()
    with own_scratch(tmp_path_factory) as scratch, boxed("none") as other:
        other.codes.run("open('bait', 'w').write('bait')")
        folder = other.codes.run("import os; print(os.getcwd())").text.strip()
        open_folder = scratch / "open"
        open_folder.mkdir()
        open_folder.chmod(0o777)
        home_file.write_text("bait")
        process = subprocess.Popen(["sleep", "1000"], env={"BAIT_API_KEY": "bait"})
        listeners = [socket.create_server((address, 0))]
        port = listeners[0].getsockname()[1]
        listeners.append(socket.create_server(("127.0.0.1", port)))
        for where in (f"\0{name}", str(open_folder / "socket")):
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(where)
            listeners[-1].listen()
        (open_folder / "socket").chmod(0o777)
        for listening in listeners:
            threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        try:
            yield Bait(
                home_file=home_file,
                foreign_file=Path(folder) / "bait",
                open_folder=open_folder,
                pid=process.pid,
                port=port,
                address=address,
                abstract=name,
                socket_file=open_folder / "socket",
            )
        finally:
            process.kill()
            process.wait()
            home_file.unlink()
            for listening in listeners:
                # A thread that waits in `accept` is woken by this, and not by `close`.
                listening.shutdown(socket.SHUT_RDWR)
                listening.close()
