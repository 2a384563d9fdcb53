"""opensandbox's own clients against the server, with real sandboxes."""

import asyncio
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from opensandbox import Sandbox, SandboxManager, SandboxManagerSync, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import NetworkPolicy, SandboxFilter

from code_interpreter.local import LocalServer
from tests.local.lifecycle.support import eventually, execd_of, guard_of, marked

pytestmark = pytest.mark.kernels

MINUTE = timedelta(minutes=1)


def make(server: LocalServer, **parameters: Any) -> SandboxSync:
    return SandboxSync.create(
        "any/image:1", connection_config=server.connection_config_sync, **parameters
    )


def http(server: LocalServer) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://{server.address}/v1",
        headers={"OPEN-SANDBOX-API-KEY": server.api_key},
        timeout=30,
    )


def listed_ids(server: LocalServer) -> list[str]:
    with http(server) as client:
        return [item["id"] for item in client.get("/sandboxes").json()["items"]]


def test_a_sandbox_from_its_start_to_its_end(server: LocalServer, scratch: Path) -> None:
    begin = datetime.now(timezone.utc)
    with make(server, timeout=MINUTE, metadata={"name": "one"}) as sandbox:
        info = sandbox.get_info()
        assert info.id == sandbox.id
        assert info.status.state == "Running"
        assert info.image is not None
        assert info.image.image == "any/image:1"
        assert info.metadata == {"name": "one"}
        assert info.entrypoint
        assert begin <= info.created_at <= datetime.now(timezone.utc)
        assert info.expires_at == info.created_at + MINUTE
        assert sandbox.is_healthy()
        assert len(list(scratch.iterdir())) == 1
        sandbox.kill()
        assert marked(sandbox.id) == []
        assert list(scratch.iterdir()) == []
        with pytest.raises(SandboxApiException) as caught:
            sandbox.get_info()
        assert caught.value.status_code == 404
        assert caught.value.error.code == "SANDBOX_NOT_FOUND"


def test_the_async_client_in_the_loop_of_the_caller(scratch: Path) -> None:
    async def scenario() -> None:
        async with LocalServer() as server:
            sandbox = await Sandbox.create("x", connection_config=server.connection_config)
            async with sandbox:
                assert (await sandbox.get_info()).status.state == "Running"
                again = await Sandbox.connect(
                    sandbox.id, connection_config=server.connection_config
                )
                assert await again.is_healthy()
                await again.close()
                await sandbox.kill()

    asyncio.run(scenario())
    assert list(scratch.iterdir()) == []


def test_the_environment_reaches_the_processes_and_secrets_do_not(
    bare_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPEN_SANDBOX_API_KEY", "secret")
    monkeypatch.setenv("FROM_SERVER", "yes")
    with make(bare_server, env={"GREETING": "good day"}) as sandbox:
        execd = execd_of(sandbox.id).environ()
        assert execd["GREETING"] == "good day"
        assert execd["FROM_SERVER"] == "yes"
        assert execd["OPENSANDBOX_SANDBOX_ID"] == sandbox.id
        assert "OPEN_SANDBOX_API_KEY" not in execd
        done = sandbox.commands.run('echo "$GREETING/$FROM_SERVER/$OPEN_SANDBOX_API_KEY/$TMPDIR"')
        text = "".join(message.text for message in done.logs.stdout).strip()
        greeting, from_server, key, tmpdir = text.split("/", 3)
        assert (greeting, from_server, key) == ("good day", "yes", "")
        assert tmpdir.startswith(os.environ["TMPDIR"] + "/ci-")


def test_connecting_by_id_and_any_port(bare_server: LocalServer) -> None:
    with make(bare_server) as sandbox:
        other = SandboxSync.connect(
            sandbox.id, connection_config=bare_server.connection_config_sync
        )
        with other:
            assert other.is_healthy()
            assert other.get_endpoint(9999).endpoint == "127.0.0.1:9999"
            execd = other.get_endpoint(44772)
            assert execd.endpoint.endswith("/44772")
            assert set(execd.headers) == {"X-EXECD-ACCESS-TOKEN"}
            assert httpx.get(f"http://{execd.endpoint}/ping").status_code == 401


def test_listing_with_filters_and_pages(server: LocalServer) -> None:
    config = server.connection_config_sync
    sandboxes = [make(server, metadata={"n": str(n), "odd&=": str(n % 2)}) for n in range(3)]
    with SandboxManagerSync.create(config) as manager:

        def listed(**filters: Any) -> list[str]:
            found = manager.list_sandbox_infos(SandboxFilter(**filters))
            return [info.id for info in found.sandbox_infos]

        ids = [sandbox.id for sandbox in sandboxes]
        assert listed() == ids
        assert listed(states=["Running", "Paused"]) == ids
        assert listed(states=["Paused"]) == []
        assert listed(metadata={"odd&=": "0"}) == [ids[0], ids[2]]
        assert listed(metadata={"odd&=": "0", "n": "2"}) == [ids[2]]
        page = manager.list_sandbox_infos(SandboxFilter(page=2, page_size=2))
        assert [info.id for info in page.sandbox_infos] == [ids[2]]
        pagination = page.pagination
        assert (pagination.page, pagination.page_size) == (2, 2)
        assert (pagination.total_items, pagination.total_pages) == (3, 2)
        assert not pagination.has_next_page
        patched = manager.patch_sandbox_metadata(ids[0], {"n": None, "new": "x"})
        assert patched.metadata == {"odd&=": "0", "new": "x"}
        manager.kill_sandbox(ids[0])
        assert listed() == ids[1:]
    for sandbox in sandboxes:
        sandbox.close()


def test_the_async_manager(server: LocalServer) -> None:
    async def scenario() -> None:
        config = server.connection_config
        sandbox = await Sandbox.create("x", connection_config=config)
        async with sandbox, await SandboxManager.create(config) as manager:
            found = await manager.list_sandbox_infos(SandboxFilter(states=["Running"]))
            assert [info.id for info in found.sandbox_infos] == [sandbox.id]

    asyncio.run(scenario())


def test_expiry_ends_a_sandbox(server: LocalServer, scratch: Path) -> None:
    with make(server, timeout=timedelta(seconds=6)) as sandbox:
        assert marked(sandbox.id)
        eventually(lambda: not marked(sandbox.id), 20)
        eventually(lambda: not list(scratch.iterdir()))
        eventually(lambda: not listed_ids(server))
        with pytest.raises(SandboxApiException, match="no sandbox"):
            sandbox.get_info()


def test_renewing_moves_the_end_later_and_earlier(server: LocalServer) -> None:
    with make(server, timeout=timedelta(seconds=6)) as sandbox:
        renewed = sandbox.renew(MINUTE)
        assert sandbox.get_info().expires_at == renewed.expires_at
        time.sleep(6.2)
        assert sandbox.get_info().status.state == "Running"
        sandbox.renew(timedelta(seconds=0.5))
        eventually(lambda: not marked(sandbox.id))


def test_a_wrong_key_is_a_401(server: LocalServer) -> None:
    config = ConnectionConfigSync(domain=server.address, api_key="wrong")
    with pytest.raises(SandboxApiException) as caught:
        SandboxSync.create("x", connection_config=config)
    assert caught.value.status_code == 401
    assert httpx.get(f"http://{server.address}/v1/sandboxes").status_code == 401


def test_whoever_watches_the_server_needs_no_key_and_learns_nothing(server: LocalServer) -> None:
    url = f"http://{server.address}/health"
    answer = httpx.get(url)
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403
    assert httpx.get(url, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(f"{url}/v1/sandboxes").status_code == 401


def test_requests_from_web_pages_are_refused(server: LocalServer) -> None:
    with http(server) as client:
        answer = client.get("/sandboxes", headers={"Origin": "http://localhost"})
        assert answer.status_code == 403
        assert client.get("/sandboxes", headers={"Host": "evil.example"}).status_code == 403


def test_unsupported_wishes_are_clear_errors(bare_server: LocalServer) -> None:
    with pytest.raises(SandboxApiException, match="networkPolicy is not supported") as caught:
        make(bare_server, network_policy=NetworkPolicy(defaultAction="deny"))
    assert caught.value.status_code == 400
    assert caught.value.error.code == "NOT_SUPPORTED"
    with make(bare_server) as sandbox:
        with pytest.raises(SandboxApiException, match="NOT_SUPPORTED") as caught:
            sandbox.create_snapshot()
        assert caught.value.status_code == 501
        with http(bare_server) as client:
            path = f"/sandboxes/{sandbox.id}/networkpolicy"
            assert client.get(path).json()["code"] == "NOT_SUPPORTED"
    with http(bare_server) as client:
        assert client.get("/templates").status_code == 501


ERRORS = [
    ("POST /sandboxes", b"{", 400, "INVALID_REQUEST_BODY"),
    ("POST /sandboxes", b"[]", 400, "INVALID_REQUEST_BODY"),
    ("POST /sandboxes", b'{"timeout":"5"}', 400, "INVALID_REQUEST_BODY"),
    ("GET /sandboxes?page=0", None, 400, "INVALID_QUERY"),
    ("GET /sandboxes/none", None, 404, "SANDBOX_NOT_FOUND"),
    ("DELETE /sandboxes/none", None, 404, "SANDBOX_NOT_FOUND"),
    ("POST /sandboxes/none/renew-expiration", b"{}", 404, "SANDBOX_NOT_FOUND"),
    ("GET /sandboxes/none/endpoints/44772", None, 404, "SANDBOX_NOT_FOUND"),
    ("PATCH /sandboxes/none/metadata", b"{}", 404, "SANDBOX_NOT_FOUND"),
    ("GET /nothing", None, 404, "NOT_FOUND"),
    ("PUT /sandboxes", b"{}", 405, "METHOD_NOT_ALLOWED"),
]


def test_errors_have_a_code_and_a_message(server: LocalServer) -> None:
    with http(server) as client:
        for request_line, body, status, code in ERRORS:
            answer = client.request(*request_line.split(), content=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code), request_line
            assert answer.json()["message"]


def test_small_answers_come_at_once(server: LocalServer) -> None:
    with http(server) as client:
        client.get("/sandboxes")
        seconds: list[float] = []
        for _ in range(20):
            begin = time.monotonic()
            client.get("/sandboxes")
            seconds.append(time.monotonic() - begin)
        # With Nagle's algorithm on, not one would take less than 40 ms.
        assert min(seconds) < 0.03


@pytest.mark.parametrize("victim", [execd_of, guard_of], ids=["execd", "guard"])
def test_a_sandbox_that_died_is_listed_as_failed(
    server: LocalServer, scratch: Path, victim: Any
) -> None:
    with make(server, timeout=timedelta(seconds=6)) as sandbox:
        victim(sandbox.id).kill()
        eventually(lambda: sandbox.get_info().status.state == "Failed")
        status = sandbox.get_info().status
        assert status.reason == "EXECD_DIED"
        assert status.message
        assert marked(sandbox.id) == []
        assert list(scratch.iterdir()) == []
        with http(server) as client:
            answer = client.get(f"/sandboxes/{sandbox.id}/endpoints/44772")
            assert (answer.status_code, answer.json()["code"]) == (409, "SANDBOX_NOT_RUNNING")
            assert client.delete(f"/sandboxes/{sandbox.id}").status_code == 204
            assert client.get(f"/sandboxes/{sandbox.id}").status_code == 404


def test_a_sandbox_that_does_not_start_says_why_and_leaves_nothing(
    server: LocalServer, scratch: Path
) -> None:
    # An interpreter that is told to find its library in an empty place cannot start.
    with pytest.raises(SandboxApiException, match="execd did not start") as caught:
        make(server, env={"PYTHONHOME": "/nowhere"})
    assert caught.value.status_code == 500
    assert "encodings" in str(caught.value)
    assert list(scratch.iterdir()) == []


def test_a_client_that_went_away_leaves_no_sandbox_behind(
    server: LocalServer, scratch: Path
) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /v1/sandboxes HTTP/1.1\r\nHost: {server.address}\r\n"
            f"OPEN-SANDBOX-API-KEY: {server.api_key}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        )
        eventually(lambda: listed_ids(server))
    eventually(lambda: not listed_ids(server))
    assert list(scratch.iterdir()) == []


def test_a_server_stops_while_a_sandbox_starts(scratch: Path) -> None:
    with LocalServer() as server, ThreadPoolExecutor() as pool:
        client = http(server)
        answer = pool.submit(client.post, "/sandboxes", json={})
        eventually(lambda: list(scratch.iterdir()))
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 5
        assert list(scratch.iterdir()) == []
        assert answer.result().status_code in {202, 500}
        client.close()


def test_many_at_once_and_a_quick_stop(scratch: Path) -> None:
    async def scenario() -> tuple[list[str], float]:
        async with LocalServer() as server:
            config = server.connection_config
            made = await asyncio.gather(
                *(Sandbox.create("x", connection_config=config) for _ in range(4))
            )
            for sandbox in made:
                await sandbox.close()
            begin = time.monotonic()
        return [sandbox.id for sandbox in made], time.monotonic() - begin

    ids, seconds = asyncio.run(scenario())
    assert [marked(sandbox_id) for sandbox_id in ids] == [[], [], [], []]
    assert list(scratch.iterdir()) == []
    assert seconds < 5


def test_the_environment_variables_of_opensandbox_find_the_server(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPEN_SANDBOX_DOMAIN", server.address)
    monkeypatch.setenv("OPEN_SANDBOX_API_KEY", server.api_key)
    with SandboxManagerSync.create(ConnectionConfigSync()) as manager:
        assert manager.list_sandbox_infos(SandboxFilter()).sandbox_infos == []
    assert ConnectionConfig().get_domain() == server.address
