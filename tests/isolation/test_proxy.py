"""The way out, by itself: what it lets out, what it says, and what it leaves."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from code_interpreter.local.guard import guard
from tests.execd.server import wait_until
from tests.isolation.bait_server import SIZE, serving_bait
from tests.isolation.conftest import own_address

PROGRAM = Path(guard.__file__).with_name("relay.py")


def whole(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


class Way:
    """A relay in a process of its own, and what a server and a box say to it."""

    def __init__(self, folder: str) -> None:
        self.stdin, theirs = os.pipe()[::-1]
        self.places = [f"{folder}/{name}" for name in ("execd", "proxy", "control")]
        listeners: list[socket.socket] = []
        for place in self.places:
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(place)
            listeners[-1].listen(2000)
        numbers = [one.fileno() for one in listeners]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", PROGRAM, "", f"{folder}/ports", *map(str, numbers)],
            stdin=theirs,
            pass_fds=numbers,
        )
        for one in listeners:
            one.close()
        os.close(theirs)

    def _connect(self, place: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(place)
        return connection

    def client(self) -> socket.socket:
        return self._connect(self.places[1])

    def tell(self, line: str) -> str:
        with self._connect(self.places[2]) as server:
            server.sendall(f"{line}\n".encode())
            return whole(server).decode().strip()

    def allow(self, *targets: str, default: str = "deny") -> None:
        egress = [{"action": "allow", "target": target} for target in targets]
        policy = {"defaultAction": default, "egress": egress}
        assert self.tell(f"policy {json.dumps(policy)}") == "ok"

    def ask(self, data: str) -> str:
        with self.client() as client:
            client.sendall(data.replace("\n", "\r\n").encode())
            return whole(client).decode()

    def get(self, host: str, port: int, path: str = "/") -> str:
        return self.ask(f"GET http://{host}:{port}{path} HTTP/1.1\nHost: evil.example\n\n")

    def tunnel(self, host: str, port: int) -> tuple[socket.socket, str]:
        client = self.client()
        client.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
        return client, client.recv(4096).decode()

    def close(self) -> None:
        os.close(self.stdin)
        try:
            assert self.process.wait(20) == 0
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def way() -> Iterator[Way]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Way(folder)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def bait() -> Iterator[tuple[int, list[str]]]:
    with serving_bait("127.0.0.1") as served:
        yield served


def test_nothing_is_let_out_before_a_policy_is_set(way: Way, bait: tuple[int, list[str]]) -> None:
    said = way.get("127.0.0.1", bait[0])
    assert said.startswith("HTTP/1.1 403 Forbidden: 127.0.0.1:")


SPELLINGS = [
    *("127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "[::ffff:127.0.0.1]", "[::1]"),
    *(
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
    ),
    *("127.0.0.2", "169.254.169.254", "10.255.255.1"),
]


@pytest.mark.parametrize("host", [*SPELLINGS, own_address()])
def test_what_is_private_is_refused_by_default(
    way: Way, bait: tuple[int, list[str]], host: str
) -> None:
    way.allow(default="allow")
    said = way.get(host, bait[0])
    assert said.startswith("HTTP/1.1 403 Forbidden: ")
    assert "is not public (" in said.splitlines()[0]
    client, said = way.tunnel(host, bait[0])
    client.close()
    assert said.startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "127.0.0.1%00"])
def test_other_spellings_of_an_address_are_refused(
    way: Way, bait: tuple[int, list[str]], host: str
) -> None:
    way.allow("127.0.0.1", default="allow")
    assert way.get(host, bait[0]).startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_a_rule_that_names_it_opens_it_at_its_port(
    way: Way, bait: tuple[int, list[str]], host: str
) -> None:
    port, seen = bait
    seen.clear()
    way.allow(f"127.0.0.1:{port}")
    assert way.get(host, port, "/a?b=c").endswith("\r\n\r\nbait")
    assert seen == [f"/a?b=c {host}:{port} close"]
    assert way.get(host, port + 1).startswith("HTTP/1.1 403 ")
    client, said = way.tunnel(host, port)
    with client:
        assert said == "HTTP/1.1 200 Connection established\r\n\r\n"
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert whole(client).endswith(b"\r\n\r\nbait")


def test_a_name_that_leads_to_this_machine_is_not_enough(
    way: Way, bait: tuple[int, list[str]]
) -> None:
    name = socket.gethostname()
    try:
        known = {place[4][0] for place in socket.getaddrinfo(name, None)}
    except OSError:
        pytest.skip("this machine does not know its own name")
    way.allow(name)
    said = way.get(name, bait[0])
    if name == "localhost":
        pytest.skip("that is the one name that is")
    assert said.startswith("HTTP/1.1 403 "), known
    assert "its address" in said


def test_a_body_of_any_size_comes_and_goes(way: Way, bait: tuple[int, list[str]]) -> None:
    port, _ = bait
    way.allow("127.0.0.1")
    assert len(way.get("127.0.0.1", port, "/large")) > SIZE
    with way.client() as client:
        head = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nContent-Length: {SIZE}\r\n\r\n"
        sent = threading.Thread(target=client.sendall, args=(head.encode() + b"y" * SIZE,))
        sent.start()
        assert whole(client).partition(b"\r\n\r\n")[2] == b"y" * SIZE
        sent.join()


def test_a_half_that_ends_leaves_the_other(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        way.allow(f"127.0.0.1:{port}")
        client, _ = way.tunnel("127.0.0.1", port)
        origin, _ = server.accept()
        with client, origin:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert whole(origin) == b"question"
            origin.sendall(b"answer")
            origin.close()
            assert whole(client) == b"answer"


def test_what_cannot_be_resolved_or_reached_is_said(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    way.allow(default="allow")
    said = way.get("nothing.invalid", 80)
    assert said.startswith("HTTP/1.1 502 Bad Gateway: nothing.invalid cannot be resolved: ")
    way.allow("127.0.0.1")
    said = way.get("127.0.0.1", port)
    assert said.startswith(f"HTTP/1.1 502 Bad Gateway: 127.0.0.1:{port} cannot be reached: ")


def test_a_refusal_names_its_rule(way: Way) -> None:
    rule = {"action": "deny", "target": "*.example.com"}
    way.tell(f"policy {json.dumps({'defaultAction': 'allow', 'egress': [rule]})}")
    said = way.get("a.example.com", 80)
    assert "a.example.com:80 is refused by the rule: deny *.example.com" in said.splitlines()[0]
    assert said.endswith("is refused by the rule: deny *.example.com\n")
    way.tell('policy {"nonsense": 1}')
    assert "this sandbox has no network" in way.get("a.example.com", 80)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("CONNECT 127.0.0.1 HTTP/1.1\n\n", 400),
        ("\x16\x03\x01\n\n", 400),
        ("GET http://a/ HTTP/1.1\nx: " + "y" * 70_000 + "\n\n", 400),
    ],
)
def test_nonsense_is_answered(way: Way, data: str, status: int) -> None:
    assert way.ask(data).startswith(f"HTTP/1.1 {status} ")


def test_a_change_holds_at_once_and_closes_what_it_refuses(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        way.allow(f"127.0.0.1:{port}")
        client, _ = way.tunnel("127.0.0.1", port)
        origin, _ = server.accept()
        with client, origin:
            client.sendall(b"x")
            assert origin.recv(1) == b"x"
            way.allow(f"127.0.0.1:{port}", "example.com")
            client.sendall(b"y")
            assert origin.recv(1) == b"y"
            way.allow("example.com")
            origin.settimeout(20)
            with suppress(ConnectionResetError):
                assert origin.recv(1) == b""
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        other, said = way.tunnel("127.0.0.1", port)
        other.close()
        assert said.startswith("HTTP/1.1 403 ")


def test_those_who_wait_hold_up_nobody_and_those_who_go_leave_nothing(
    way: Way, bait: tuple[int, list[str]]
) -> None:
    port, _ = bait
    way.allow("127.0.0.1")
    process = psutil.Process(way.process.pid)
    assert way.get("127.0.0.1", port).endswith("bait")
    at_rest = process.num_fds()  # perhaps with that one connection still
    silent = [way.client() for _ in range(50)]
    for client in silent[::2]:
        client.sendall(b"GET http://127")
    for _ in range(200):
        assert way.get("127.0.0.1", port).endswith("bait")
    for client in silent:
        client.close()
    for _ in range(50):
        with way.client() as client:
            client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
    wait_until(lambda: process.num_fds() <= at_rest)


def test_too_many_at_once_are_told_so(way: Way) -> None:
    way.allow()
    with ExitStack() as clients:
        for _ in range(1000):
            clients.enter_context(way.client())
        with way.client() as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.1 503 ")
    wait_until(lambda: "403" in way.get("a.example", 80))
