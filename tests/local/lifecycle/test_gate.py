"""What the two servers let in: every route of both is found and tried, new ones too."""

import inspect
import re
import socket
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from opensandbox import SandboxSync
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from code_interpreter.execd.app import Execd
from code_interpreter.execd.http.gate import Gate
from code_interpreter.local import LocalServer
from code_interpreter.local.lifecycle.api import lifecycle_app
from code_interpreter.local.lifecycle.sandbox import Provision
from tests.local.lifecycle.conftest import clean_server, own_scratch

_NOTHING: Any = None


def operations(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each method and path that routes answer, as `GET /a/{id}`."""
    for route in routes:
        if isinstance(route, Mount):
            yield from operations(route.routes, prefix + route.path)
            continue
        assert isinstance(route, Route), f"not known to this test: {route}"
        for method in route.methods or ():
            yield method, prefix + route.path


def lifecycle_operations() -> list[tuple[str, str]]:
    app = lifecycle_app(api_key="k", host="127.0.0.1", provision=Provision()).app
    assert isinstance(app, Starlette)
    # /health tells whoever asks that the server answers, and nothing else.
    return [(method, path) for method, path in operations(app.routes) if path != "/health"]


def execd_operations() -> list[tuple[str, str]]:
    # Its parts only answer requests, and none is made.
    parts = [_NOTHING] * len(inspect.signature(Execd).parameters)
    return [*operations(Execd(*parts).app.routes)]


def filled(path: str, value: str) -> str:
    return re.sub(r"\{[^}]*\}", lambda _: value, path)


class Target:
    """A server, its secret and all that it answers."""

    def __init__(self, url: str, secret: dict[str, str], operations: list[tuple[str, str]]) -> None:
        self.secret = secret
        self.operations = operations
        self.client = httpx.Client(base_url=url, timeout=30)

    def statuses(self, headers: dict[str, str]) -> set[int]:
        """The statuses of all operations."""
        return {
            self.client.request(method, filled(path, "1"), headers=headers).status_code
            for method, path in self.operations
        }


# One of each for all tests: none of them leaves anything behind that another could see.


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_scratch(tmp_path_factory) as path:
        yield path


@pytest.fixture(scope="module")
def server(scratch: Path) -> Iterator[LocalServer]:
    with clean_server(scratch) as server:
        yield server


@pytest.fixture(scope="module")
def sandbox(server: LocalServer) -> Iterator[SandboxSync]:
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        yield sandbox
        sandbox.kill()


@pytest.fixture(scope="module", params=["lifecycle", "execd", "execd below its prefix"])
def target(
    request: pytest.FixtureRequest, server: LocalServer, sandbox: SandboxSync
) -> Iterator[Target]:
    if request.param == "lifecycle":
        url, secret = f"http://{server.address}", {"OPEN-SANDBOX-API-KEY": server.api_key}
        target = Target(url, secret, lifecycle_operations())
    else:
        endpoint = sandbox.get_endpoint(44772)
        url = f"http://{endpoint.endpoint}"
        if request.param == "execd":
            url = url.removesuffix("/44772")
        target = Target(url, dict(endpoint.headers), execd_operations())
    with target.client:
        yield target


def test_the_routes_of_both_servers_are_found() -> None:
    assert ("POST", "/v1/sandboxes") in lifecycle_operations()
    assert ("DELETE", "/v1/snapshots/{snapshot_id}") in lifecycle_operations()
    assert ("POST", "/code") in execd_operations()
    assert ("GET", "/files/download") in execd_operations()
    assert ("POST", "/session/{id}/run") in execd_operations()


def test_every_operation_wants_the_secret(target: Target) -> None:
    (name,) = target.secret
    for headers in ({}, {name: ""}, {name: "wrong"}, {"Authorization": target.secret[name]}):
        assert target.statuses(headers) == {401}, headers
    nowhere = target.client.get("/nothing/here")
    assert nowhere.status_code == 401


HOSTILE = [
    {"Host": "evil.example"},
    {"Host": "evil.example:80"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "0.0.0.0"},
    {"Host": "[::]:80"},
    {"Host": ""},
    {"Host": "127.0.0.1:evil.example"},
    {"Host": "[::1].evil.example"},
    {"Host": "[::1]evil:80"},
    {"Host": "localhost:80:evil.example"},
    {"Host": "localhost@evil.example"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
def test_no_operation_answers_a_web_page_or_a_foreign_name_even_with_the_secret(
    target: Target, headers: dict[str, str]
) -> None:
    assert target.statuses({**target.secret, **headers}) == {403}


def test_programs_and_typed_addresses_pass(target: Target) -> None:
    method, path = target.operations[0]
    for headers in ({}, {"Host": "localhost"}, {"Host": "[::1]:9"}, {"Sec-Fetch-Site": "none"}):
        answer = target.client.request(method, path, headers={**target.secret, **headers})
        assert answer.status_code not in {401, 403}


def test_a_preflight_is_refused_and_allows_nothing(target: Target) -> None:
    for _, path in target.operations:
        headers = {
            "Origin": "http://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": ", ".join(target.secret),
        }
        answer = target.client.request("OPTIONS", filled(path, "1"), headers=headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_upgrade_is_a_request_like_any_other(target: Target) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert target.statuses(upgrade) == {401}
    page = {**upgrade, **target.secret, "Origin": "http://evil.example"}
    assert target.statuses(page) == {403}


def test_a_websocket_does_not_pass_the_gate() -> None:
    async def behind(*_: Any) -> None:
        raise AssertionError("it has passed")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    gate = Gate(behind, header="h", secret="s", host="127.0.0.1")
    coroutine = gate({"type": "websocket", "headers": [(b"h", b"s")]}, receive, send)
    with pytest.raises(StopIteration):
        coroutine.__await__().__next__()
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_both_servers_listen_on_loopback_alone(server: LocalServer, sandbox: SandboxSync) -> None:
    execd = sandbox.get_endpoint(44772).endpoint.removesuffix("/44772")
    for address in (server.address, execd):
        host, port = address.split(":")
        assert host == "127.0.0.1"
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((_outward_address(), int(port)), timeout=5).close()


def _outward_address() -> str:
    """An address of this machine that is not loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org"])
def test_a_server_for_other_machines_has_to_be_allowed_in_words(host: str) -> None:
    with pytest.raises(ValueError, match="say allow_remote=True"):
        LocalServer(host=host)
    assert LocalServer(host=host, allow_remote=True).api_key


EVIL = [
    "..",
    "%2e%2e",
    "..%2fcanary",
    "..%2f..%2fcanary",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5ccanary",
    "%2fetc%2fpasswd",
    "canary",
    "%00",
    "canary%00",
    "%ff%fe",
    "a" * 5000,
]


@pytest.mark.parametrize("value", EVIL, ids=lambda value: value[:40])
def test_an_id_is_never_the_name_of_a_file(target: Target, scratch: Path, value: str) -> None:
    (directory,) = filter(Path.is_dir, scratch.iterdir())
    canaries = [
        place / f"canary{suffix}"
        for place in (directory, *filter(Path.is_dir, directory.iterdir()))
        for suffix in ("", ".log", ".sh")
    ]
    for canary in canaries:
        canary.write_text("root: precious")
    host, port = target.client.base_url.host, target.client.base_url.port
    for method, path in target.operations:
        if "{" not in path and method != "DELETE":
            continue
        filled_path = f"{filled(path, value)}?id={value}"
        # A client of ours would tidy the path up.
        lines = [
            f"{method} {target.client.base_url.path.rstrip('/')}{filled_path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Connection: close",
            "Content-Length: 2",
            *(f"{name}: {secret}" for name, secret in target.secret.items()),
        ]
        with socket.create_connection((host, port or 80), timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, "", "{}"]).encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        status = int(answer.split(b" ", 2)[1])
        assert status in {400, 404, 405, 500, 501, 503}, answer
        assert b"root:" not in answer
        assert b"UNKNOWN" not in answer
    assert [canary.read_text() for canary in canaries] == ["root: precious"] * len(canaries)


BODIES = {
    "half of a surrogate pair": b'{"metadata": {"a": "\\ud800"}, "code": "\\ud800"}',
    "no UTF-8": b'{"metadata": {"a": "\xff"}}',
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "large": b'{"code": "' + b"x" * 40_000_000 + b'"}',
    "no JSON": b"{",
    "NUL": rb'{"code": "\u0000", "command": "\u0000", "cwd": "\u0000", "language": "\u0000", '
    rb'"envs": {"A": "\u0000"}, "env": {"A": "\u0000"}, "path": "\u0000", "timeout": 60}',
    "NUL in paths": rb'[{"src": "/\u0000", "dest": "/\u0000", "path": "/\u0000"}]',
    "NUL as a path": rb'{"/\u0000": {"mode": 755, "old": "a", "new": "b"}}',
}


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_operation_breaks_at_a_bad_body_and_the_next_request_is_answered(
    target: Target, body: bytes
) -> None:
    for method, path in target.operations:
        if method in {"POST", "PUT", "PATCH"}:
            answer = target.client.request(
                method, filled(path, "1"), headers=target.secret, content=body
            )
            # That there is no such session is a 500 of the real server, in these words.
            unknown = path == "/session/{id}/run" and "context not found" in answer.text
            assert answer.status_code != 500 or unknown, (path, answer.text)
            if (
                path == "/v1/sandboxes" and answer.status_code == 202
            ):  # of what it does not know, it has made a sandbox
                made = f"{path}/{answer.json()['id']}"
                assert target.client.delete(made, headers=target.secret).status_code == 204
    listed = "/v1/sandboxes" if ("GET", "/v1/sandboxes") in target.operations else "/ping"
    assert target.client.get(listed, headers=target.secret).status_code == 200


BAD_PATHS = {"NUL": "/a\0b", "long": "/" + "n" * 300, "longer": "/n" * 4000, "half": "/\ud800"}


@pytest.mark.parametrize("bad", BAD_PATHS.values(), ids=BAD_PATHS)
def test_no_path_that_cannot_be_breaks_an_operation(target: Target, bad: str) -> None:
    value = urllib.parse.quote(bad, errors="surrogatepass")
    names = ("path", "id", "cwd", "pattern", "language", "metadata", "state")
    query = "&".join(f"{name}={value}" for name in names)
    for method, path in target.operations:
        if method in {"GET", "DELETE"} and not path.endswith("/watch"):
            answer = target.client.request(
                method, f"{filled(path, '1')}?{query}", headers=target.secret
            )
            unknown = (method, path) == ("DELETE", "/code") or path == "/command"
            assert answer.status_code != 500 or (unknown and "no such session" in answer.text), (
                path,
                answer.text,
            )
