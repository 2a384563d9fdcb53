"""Ports of a box that are reached from outside: HTTP, events, web sockets, anything."""

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator

import httpx
import psutil
import pytest
from opensandbox import SandboxSync

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from tests.isolation.conftest import need_box
from tests.local.lifecycle.support import eventually

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# Servers of a sandbox's own: of one connection after the other, each in a thread.
SERVERS = r"""
import base64, hashlib, http.server, socket, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for number in range(3):
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
                told.acquire()
            return
        if self.path == "/next":
            told.release()
        if self.headers.get("Upgrade") == "websocket":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            self.send_header("Sec-WebSocket-Accept", accepted)
            self.end_headers()
            self.wfile.write(self.rfile.read(8))
            self.close_connection = True
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"inside " + self.path.encode())

    def log_message(self, *_):
        pass

told = threading.Semaphore(0)
web = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
threading.Thread(target=web.serve_forever, daemon=True).start()

def echo(listening):
    while True:
        connection, _ = listening.accept()
        def serve(connection=connection):
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.close()
        threading.Thread(target=serve, daemon=True).start()

for listening in (
    socket.create_server(("127.0.0.1", 8001)),
    socket.create_server(("::1", 8002), family=socket.AF_INET6),
):
    threading.Thread(target=echo, args=(listening,), daemon=True).start()
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxSync]:
    need_box("namespaces")
    with CodeInterpreterSync.local(isolation="namespaces", network="none") as interpreter:
        interpreter.codes.run(SERVERS).raise_for_error()
        yield interpreter.sandbox


def address(sandbox: SandboxSync, port: int) -> tuple[str, int]:
    host, _, number = sandbox.get_endpoint(port).endpoint.rpartition(":")
    return host, int(number)


def whole(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def test_http_is_reached_at_an_address_that_stays(sandbox: SandboxSync) -> None:
    endpoint = sandbox.get_endpoint(8000)
    assert endpoint.endpoint.startswith("127.0.0.1:")
    assert endpoint.endpoint != "127.0.0.1:8000"
    assert httpx.get(f"http://{endpoint.endpoint}/a").text == "inside /a"
    with LocalServer(isolation="none") as server:
        del server  # another server in between
    assert sandbox.get_endpoint(8000).endpoint == endpoint.endpoint


def test_events_come_one_by_one(sandbox: SandboxSync) -> None:
    url = f"http://{sandbox.get_endpoint(8000).endpoint}"
    with httpx.stream("GET", f"{url}/events", timeout=20) as answer:
        events = answer.iter_lines()
        for number in range(3):
            assert next(line for line in events if line) == f"data: {number}"
            assert httpx.get(f"{url}/next").status_code == 200


def test_web_sockets_are_upgraded(sandbox: SandboxSync) -> None:
    key = base64.b64encode(b"k" * 16).decode()
    with socket.create_connection(address(sandbox, 8000), 20) as client:
        head = (
            "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        client.sendall(head.encode() + b"\x82\x02ab" + b"\x88\x02\x03\xe8")
        said = whole(client)
    magic = f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()
    assert base64.b64encode(hashlib.sha1(magic).digest()) in said
    assert said.endswith(b"\x82\x02ab\x88\x02\x03\xe8")


@pytest.mark.parametrize("port", [8001, 8002])
def test_any_bytes_go_both_ways_and_each_half_ends_by_itself(
    sandbox: SandboxSync, port: int
) -> None:
    data = os.urandom(5_000_000)
    with socket.create_connection(address(sandbox, port), 20) as client:

        def send() -> None:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        assert whole(client) == data
        sending.join()


def test_where_nothing_listens_http_is_told_and_others_are_cut(sandbox: SandboxSync) -> None:
    answer = httpx.get(f"http://{sandbox.get_endpoint(8009).endpoint}/")
    assert answer.status_code == 502
    assert "nothing listens at port 8009" in answer.text
    with socket.create_connection(address(sandbox, 8009), 20) as client:
        client.sendall(b"\0\1\2")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    client = socket.create_connection(address(sandbox, 8009), 20)
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)  # nobody has said anything


def test_a_server_that_comes_later_is_reached(sandbox: SandboxSync) -> None:
    url = f"http://{sandbox.get_endpoint(8010).endpoint}/"
    assert httpx.get(url).status_code == 502
    sandbox.commands.run(
        "nohup python3 -c \"import http.server as h; s = h.HTTPServer(('', 8010), "
        'h.SimpleHTTPRequestHandler); s.serve_forever()" >/dev/null 2>&1 &'
    )
    eventually(lambda: httpx.get(url).status_code == 200, 20)


def test_each_sandbox_has_its_own_and_they_go_with_it() -> None:
    need_box("namespaces")
    with LocalServer(isolation="namespaces") as server:
        config = server.connection_config_sync
        places: list[tuple[str, int]] = []
        for number in range(2):
            with SandboxSync.create("x", connection_config=config) as sandbox:
                with CodeInterpreterSync.create(sandbox) as interpreter:
                    code = SERVERS.replace("inside ", f"of {number} ")
                    interpreter.codes.run(code).raise_for_error()
                places.append(address(sandbox, 8000))
                url = f"http://{sandbox.get_endpoint(8000).endpoint}/"
                assert httpx.get(url).text == f"of {number} /"
                sandbox.kill()
        for place in places:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place, 5).close()


def test_a_part_inside_that_is_killed_is_replaced(sandbox: SandboxSync) -> None:
    url = f"http://{sandbox.get_endpoint(8000).endpoint}/"
    assert httpx.get(url).status_code == 200
    sandbox.commands.run("pkill -9 -f '[-]I -S .*/doors[.]py'")

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers, 20)


def test_connections_leave_nothing(sandbox: SandboxSync) -> None:
    place = address(sandbox, 8001)
    relay = next(
        process
        for process in psutil.Process().children(recursive=True)
        if any(part.endswith("relay.py") for part in process.cmdline())
    )

    def ask() -> None:
        with socket.create_connection(place, 20) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"

    ask()
    before = relay.num_fds()
    for _ in range(100):
        ask()
    eventually(lambda: relay.num_fds() <= before, 20)
