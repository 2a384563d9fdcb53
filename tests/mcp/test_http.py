"""The server on a port: who may speak to it, and when a session ends."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import psutil
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from code_interpreter.execd.http.gate import bind, uvicorn_server
from code_interpreter.mcp.http import http_app
from code_interpreter.places import Place
from tests.local.lifecycle.support import eventually
from tests.mcp.agents import Served, agent, are_gone, serving, started, text_of

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


def hello(served: Served, *, token: bool = True, **headers: str) -> httpx2.Response:
    """The answer to a request that begins a session."""
    said = {**ACCEPT, **(served.headers if token else {})}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(served.url, json=HELLO, headers=said, timeout=20)


def below(served: Served) -> set[psutil.Process]:
    """The processes that the server has started."""
    return {*psutil.Process(served.process.pid).children(recursive=True)}


def test_who_has_the_token_is_let_in(served: Served) -> None:
    answer = hello(served)
    assert answer.status_code == 200
    assert answer.headers["mcp-session-id"]


def test_who_has_not_is_refused(served: Served) -> None:
    assert hello(served, token=False).status_code == 401
    assert hello(served, Authorization="Bearer wrong").status_code == 401
    assert (
        hello(served, token=False, Authorization=served.headers["Authorization"][7:]).status_code
        == 401
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:6274", 200),
        ("http://127.0.0.1", 200),
        ("https://[::1]:3000", 200),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost:80@evil.example", 403),
        ("http://evil.example:8000/localhost", 403),
        ("file://localhost", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_pages_of_this_machine_alone_are_let_in(served: Served, origin: str, status: int) -> None:
    assert hello(served, Origin=origin, Sec_Fetch_Site="cross-site").status_code == status


def test_a_page_is_refused_that_hides_its_origin(served: Served) -> None:
    assert hello(served, Sec_Fetch_Site="cross-site").status_code == 403


def test_other_host_names_are_refused(served: Served) -> None:
    assert hello(served, Host="evil.example").status_code == 403
    assert hello(served, Host="localhost").status_code == 200


def test_a_version_without_sessions_is_refused_with_those_that_have_them(served: Served) -> None:
    answer = hello(served, MCP_Protocol_Version="2026-07-28")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == -32022
    assert error["data"]["requested"] == "2026-07-28"
    assert "2025-11-25" in error["data"]["supported"]
    assert "2026-07-28" not in error["data"]["supported"]


def test_a_request_that_begins_no_session_leaves_none(served: Served) -> None:
    headers = {**ACCEPT, **served.headers}
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for _ in range(40):  # more than there may be sessions
        assert httpx2.post(served.url, json=listing, headers=headers).status_code == 400
    unknown = {**headers, "Mcp-Session-Id": "none"}
    assert httpx2.post(served.url, json=listing, headers=unknown).status_code == 404
    assert hello(served).status_code == 200


def test_each_session_has_a_sandbox_of_its_own_which_ends_with_it() -> None:
    with serving() as served, agent(served.client()) as one:
        server = psutil.Process(served.process.pid)
        one.run("x = 1\nopen('mine.txt', 'w').close()")
        mine = {*server.children()}
        with agent(served.client()) as other:
            assert "NameError" in text_of(other.run("x"))
            assert text_of(other.run("import os\nos.listdir()")) == "[]"
            (guard,) = {*server.children()} - mine
            others = {guard, *guard.children(recursive=True)}
            assert len(others) > 3
        eventually(lambda: are_gone(others), 20)
        assert text_of(one.run("x")) == "1"


def test_a_session_that_is_silent_ends() -> None:
    with serving("--idle-timeout", "3") as served:
        headers = {**ACCEPT, **served.headers}
        headers["Mcp-Session-Id"] = hello(served).headers["mcp-session-id"]
        call = {"name": "run_code", "arguments": {"language": "python", "code": "1"}}
        body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
        assert "ok" in httpx2.post(served.url, json=body, headers=headers, timeout=60).text
        started = below(served)
        assert started
        eventually(lambda: are_gone(started), 20)
        assert httpx2.post(served.url, json=body, headers=headers).status_code == 404


@contextmanager
def app_on_a_port(*, gone: float) -> Generator[tuple[str, dict[str, str]], None, None]:
    """The server in this process; yields its URL and the header that it needs."""
    listening = bind("127.0.0.1", 0)
    server = uvicorn_server(http_app(Place(), host="127.0.0.1", token="t", gone=gone))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        yield url, {"Authorization": "Bearer t"}
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_a_client_that_goes_away_without_a_word_is_noticed() -> None:
    known = started()
    with app_on_a_port(gone=1) as (url, headers):

        @asynccontextmanager
        async def rude() -> AsyncGenerator[Client]:
            http = httpx2.AsyncClient(headers=headers, timeout=60)
            transport = streamable_http_client(url, http_client=http, terminate_on_close=False)
            async with http, Client(transport) as client:
                yield client

        with agent(rude()) as one:
            assert text_of(one.run("6 * 7")) == "42"
            mine = started() - known
            time.sleep(2)  # silent, but there
            assert text_of(one.run("6 * 8")) == "48"
        eventually(lambda: are_gone(mine), 20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_leaves_nothing(number: signal.Signals) -> None:
    with serving() as served, agent(served.client()) as one:
        one.run("import subprocess\nsleeping = subprocess.Popen(['sleep', '1000'])")
        started = below(served)
        assert len(started) > 3
        served.process.send_signal(number)
        assert served.process.wait(20) == (-9 if number == signal.SIGKILL else 0)
        eventually(lambda: are_gone(started), 20)
