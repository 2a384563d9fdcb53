"""Sandboxes in a box, and bait that a test lays out for them: nothing else is ever touched."""

import ctypes
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import IsolationUnavailableError
from code_interpreter.local.box import tiers
from tests.local.lifecycle.conftest import own_scratch

TIERS = ("namespaces", "landlock")


@dataclass
class Bait:
    """What a sandbox must not get at, each by its exact name."""

    home_file: Path
    foreign_file: Path  # of another sandbox
    open_folder: Path  # that everybody may write to
    open_file: Path  # in it, that nobody else may read
    removable: Path  # in it
    pid: int
    port: int
    udp_port: int
    address: str  # of this machine, not loopback's; the port is the same
    abstract: str
    socket_file: Path
    datagram_file: Path
    shared_key: int  # of memory of System V
    shared_name: str  # of memory of POSIX


@contextmanager
def boxed(isolation: str) -> Generator[CodeInterpreterSync, None, None]:
    """A sandbox of this isolation; the test is skipped where there can be none."""
    need_box(isolation)
    with CodeInterpreterSync.local(isolation=isolation) as interpreter:  # type: ignore[arg-type]
        yield interpreter


def need_box(isolation: str) -> None:
    """Skip the test where there are no boxes of this kind.

    CI says what it must have: CI_TIERS; of namespaces if it does not say.
    """
    try:
        tiers.box_for(tiers.chosen(isolation))
    except IsolationUnavailableError as error:
        if os.environ.get("CI") and isolation in os.environ.get("CI_TIERS", "namespaces"):
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


def _serve_datagrams(listening: socket.socket) -> None:
    while True:
        try:
            _, sender = listening.recvfrom(10)
        except OSError:
            return
        if sender:
            listening.sendto(b"bait", sender)


@contextmanager
def _shared_memory(name: str) -> Generator[int, None, None]:
    """Memory that all processes of the machine can share, of both kinds; yields its key."""
    file = Path("/dev/shm", name)
    file.write_text("bait")
    file.chmod(0o666)
    libc = ctypes.CDLL(None, use_errno=True)
    key = secrets.randbelow(2**30) + 1
    made = libc.shmget(key, 4, 0o1666)  # IPC_CREAT
    assert made >= 0
    try:
        yield key
    finally:
        libc.shmctl(made, 0, None)  # IPC_RMID
        file.unlink()


def own_address() -> str:
    """An address of this machine that is not 127.0.0.1."""
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
    address = own_address()
    with (
        own_scratch(tmp_path_factory),
        boxed("none") as other,
        TemporaryDirectory(prefix="bait-", dir="/tmp") as place,
        _shared_memory(name) as shared_key,
    ):
        other.codes.run("open('bait', 'w').write('bait')")
        folder = other.codes.run("import os; print(os.getcwd())").text.strip()
        open_folder = Path(place)
        open_folder.chmod(0o777)
        open_file, removable = open_folder / "closed", open_folder / "removable"
        for file in (open_file, removable):
            file.write_text("bait")
            file.chmod(0o600)
        home_file.write_text("bait")
        process = subprocess.Popen(["sleep", "1000"], env={"BAIT_API_KEY": "bait"})
        listeners = [socket.create_server((address, 0))]
        port = listeners[0].getsockname()[1]
        listeners.append(socket.create_server(("127.0.0.1", port)))
        listeners.append(socket.create_server(("::1", port), family=socket.AF_INET6))
        for where in (f"\0{name}", str(open_folder / "socket")):
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(where)
            listeners[-1].listen()
        datagrams = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        datagrams[0].bind(("127.0.0.1", 0))
        datagrams.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams[1].bind(str(open_folder / "datagrams"))
        for socket_name in ("socket", "datagrams"):
            (open_folder / socket_name).chmod(0o777)
        for listening in datagrams:
            threading.Thread(target=_serve_datagrams, args=(listening,), daemon=True).start()
        for listening in listeners:
            threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        try:
            yield Bait(
                home_file=home_file,
                foreign_file=Path(folder) / "bait",
                open_folder=open_folder,
                open_file=open_file,
                removable=removable,
                pid=process.pid,
                port=port,
                udp_port=datagrams[0].getsockname()[1],
                address=address,
                abstract=name,
                socket_file=open_folder / "socket",
                datagram_file=open_folder / "datagrams",
                shared_key=shared_key,
                shared_name=name,
            )
        finally:
            process.kill()
            process.wait()
            home_file.unlink()
            for listening in (*listeners, *datagrams):
                # A thread that waits in `accept` is woken by this, and not by `close`; of UDP,
                # which is not connected, it is woken all the same.
                with suppress(OSError):
                    listening.shutdown(socket.SHUT_RDWR)
                listening.close()
