"""Connections that are open and say nothing are closed; those that are served are not."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from code_interpreter.execd.http.gate import bind, uvicorn_server
from code_interpreter.execd.http.patience import PatientProtocol
from tests.execd.server import Server, wait_until

HEAD, BODY = 0.3, 0.6


class Impatient(PatientProtocol):
    head, body = HEAD, BODY


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    request = Request(scope, receive)
    length = len(await request.body())
    await asyncio.sleep(float(request.headers.get("x-wait", "0")))
    await PlainTextResponse(f"{length} bytes")(scope, receive, send)


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server with the protocol of both servers, and less patience."""
    with bind("127.0.0.1", 0) as listening:
        server = uvicorn_server(app, protocol=Impatient)

        async def serve() -> None:
            await server.serve(sockets=[listening])

        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        wait_until(lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)


def closed_after(connection: socket.socket) -> float:
    began = time.monotonic()
    connection.settimeout(60)
    assert connection.recv(1000) == b""
    return time.monotonic() - began


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"


@pytest.mark.parametrize("sent", [b"", b"POS", POST], ids=["nothing", "a word", "half a head"])
def test_a_connection_without_a_request_is_closed(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        assert closed_after(connection) >= HEAD / 2


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(POST)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b"X")
                time.sleep(HEAD / 10)
            pytest.fail("it was waited for")


def test_a_body_that_is_not_sent_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(POST + b"\r\nab")
        assert closed_after(connection) >= BODY / 2


def test_a_slow_answer_and_a_slow_body_are_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(60)
        wait = f"X-Wait: {BODY * 3}\r\n\r\nab".encode()
        connection.sendall(POST + wait)
        time.sleep(BODY / 2)
        connection.sendall(b"cd" + POST)  # and the beginning of another request
        time.sleep(BODY * 2)
        connection.sendall(b"\r\nefgh")
        answers = b""
        while answers.count(b"4 bytes") < 2:
            piece = connection.recv(1000)
            assert piece
            answers += piece


@pytest.mark.slow
def test_a_real_server_is_so_with_its_own_patience(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        assert closed_after(connection) >= PatientProtocol.head / 2
