"""The way into a box: every byte of both directions, whoever is slow, and an end with its guard."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from code_interpreter.local.guard import guard
from tests.execd.server import wait_until

Serve = Callable[[Callable[[socket.socket], None]], int]
SIZE = 20_000_000
PROGRAM = Path(guard.__file__).with_name("relay.py")


def whole(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


class Relay:
    """A relay in a process of its own, and the box's side of it in a thread of ours."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        self.inside = socket.socket(socket.AF_UNIX)
        self.inside.bind(str(self.path))
        self.inside.listen()
        self.inside.settimeout(20)
        outside = socket.create_server(("127.0.0.1", 0))
        self.address = outside.getsockname()
        self.stdin, theirs = os.pipe()[::-1]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", PROGRAM, self.path, "", str(outside.fileno())],
            stdin=theirs,
            pass_fds=[outside.fileno()],
        )
        outside.close()
        os.close(theirs)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection."""
        client = socket.create_connection(self.address, 20)
        served, _ = self.inside.accept()
        served.settimeout(20)
        return client, served

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.stdin)
        try:
            assert self.process.wait(20) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.inside.close()


@pytest.fixture
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    made = Relay(tmp_path_factory.mktemp("r"))
    yield made
    made.close()


def test_both_directions_are_whole_at_once_and_end_apart(way: Relay) -> None:
    there, back = os.urandom(SIZE), os.urandom(SIZE)
    client, served = way.connect()
    with client, served:

        def send(connection: socket.socket, data: bytes) -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        threads = [
            threading.Thread(target=send, args=pair) for pair in ((client, there), (served, back))
        ]
        got: list[bytes] = []
        threads.append(threading.Thread(target=lambda: got.append(whole(served))))
        for thread in threads:
            thread.start()
        assert hashlib.sha256(whole(client)).digest() == hashlib.sha256(back).digest()
        for thread in threads:
            thread.join(20)
        assert hashlib.sha256(got[0]).digest() == hashlib.sha256(there).digest()


def test_a_reader_who_does_not_read_holds_up_nobody_else_and_loses_nothing(way: Relay) -> None:
    slow, full = way.connect()
    full.setblocking(False)
    sent = 0
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            sent += full.send(b"x" * 65536)
        except BlockingIOError:
            if sent and time.monotonic() > deadline - 4.5:
                break
            time.sleep(0.01)
    client, served = way.connect()
    with client, served:
        client.sendall(b"ping")
        assert served.recv(10) == b"ping"
    full.close()
    with slow:
        assert len(whole(slow)) == sent


def test_an_end_that_breaks_off_breaks_the_other(way: Relay) -> None:
    for which in range(2):
        pair = way.connect()
        gone, left = pair[which], pair[1 - which]
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.close()
        with left:
            left.settimeout(20)
            with suppress(ConnectionResetError):
                assert left.recv(10) == b""


def test_a_client_that_does_not_leave_keeps_nothing_once_the_other_side_has(way: Relay) -> None:
    process = psutil.Process(way.process.pid)
    client, served = way.connect()  # so that it has started
    client.sendall(b"x")
    assert served.recv(1) == b"x"
    at_rest = process.num_fds() - 2
    client.close()
    served.close()
    client, served = way.connect()
    with client:
        served.sendall(b"bye")
        served.close()
        assert whole(client) == b"bye"
        wait_until(lambda: process.num_fds() == at_rest)


def test_it_serves_on_when_nobody_is_inside(way: Relay) -> None:
    way.inside.close()
    way.path.unlink()
    with socket.create_connection(way.address, 20) as client:
        client.settimeout(20)
        with suppress(ConnectionResetError):
            assert client.recv(10) == b""
    assert way.process.poll() is None
