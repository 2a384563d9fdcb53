"""`Sandbox` and `SandboxManager` of opensandbox, async and sync: all that they offer, or why not.

Each flow is written once: what the async clients return is awaited, what the others return is
taken as it is.
"""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from opensandbox import Sandbox, SandboxManager, SandboxManagerSync, SandboxSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import SandboxFilter, SnapshotFilter
from opensandbox.models.templates import TemplateFilter

from code_interpreter.local import LocalServer
from tests.local.lifecycle.support import eventually, guard_of, marked

pytestmark = pytest.mark.kernels

MINUTE = timedelta(minutes=1)


@dataclass
class Clients:
    """The classes of one kind, and a configuration for them."""

    sandbox: Any
    manager: Any
    config: Any


async def done(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


Flow = Callable[[Clients, Any, Any], Any]


@pytest.fixture(params=["async", "sync"])
def run(request: pytest.FixtureRequest, server: LocalServer) -> Callable[[Flow], None]:
    """Runs a flow with a sandbox and a manager of one kind."""
    clients = (
        Clients(Sandbox, SandboxManager, server.connection_config)
        if request.param == "async"
        else Clients(SandboxSync, SandboxManagerSync, server.connection_config_sync)
    )

    async def whole(flow: Flow) -> None:
        sandbox = await done(
            clients.sandbox.create(
                "x", timeout=MINUTE, metadata={"a": "1"}, connection_config=clients.config
            )
        )
        manager = await done(clients.manager.create(clients.config))
        try:
            await flow(clients, sandbox, manager)
        finally:
            await done(manager.close())
            await done(sandbox.close())

    return lambda flow: asyncio.run(whole(flow))


def test_a_sandbox_is_looked_at_changed_renewed_and_ended(run: Callable[[Flow], None]) -> None:
    async def flow(clients: Clients, sandbox: Any, manager: Any) -> None:
        del manager
        info = await done(sandbox.get_info())
        assert (info.id, info.status.state, info.metadata) == (sandbox.id, "Running", {"a": "1"})
        assert await done(sandbox.is_healthy())
        await done(sandbox.check_ready(MINUTE, timedelta(milliseconds=50)))
        patched = await done(sandbox.patch_metadata({"a": None, "b": "2"}))
        assert patched.metadata == {"b": "2"}
        before = datetime.now(timezone.utc)
        renewed = await done(sandbox.renew(2 * MINUTE))
        assert before + 2 * MINUTE <= renewed.expires_at
        assert (await done(sandbox.get_info())).expires_at == renewed.expires_at
        again = await done(clients.sandbox.connect(sandbox.id, connection_config=clients.config))
        assert (await done(again.get_endpoint(8888))).endpoint.startswith("127.0.0.1:")
        await done(again.destroy())
        assert marked(sandbox.id) == []
        assert not await done(sandbox.is_healthy())
        for call in (sandbox.get_info, sandbox.kill, lambda: sandbox.renew(MINUTE)):
            with pytest.raises(SandboxApiException, match="no sandbox has the id") as caught:
                await done(call())
            assert caught.value.status_code == 404
            assert caught.value.error.code == "SANDBOX_NOT_FOUND"

    run(flow)


def test_a_manager_does_all_of_it_by_id(run: Callable[[Flow], None]) -> None:
    async def flow(clients: Clients, sandbox: Any, manager: Any) -> None:
        other = await done(clients.sandbox.create("x", connection_config=clients.config))
        await done(manager.patch_sandbox_metadata(other.id, {"a": "2"}))

        async def listed(**filters: Any) -> list[str]:
            found = await done(manager.list_sandbox_infos(SandboxFilter(**filters)))
            return [info.id for info in found.sandbox_infos]

        assert await listed() == [sandbox.id, other.id]
        assert await listed(metadata={"a": "2"}) == [other.id]
        assert await listed(states=["Running"], page=2, page_size=1) == [other.id]
        assert await listed(states=["Failed"]) == []
        assert (await done(manager.get_sandbox_info(other.id))).metadata == {"a": "2"}
        renewed = await done(manager.renew_sandbox(other.id, MINUTE))
        assert (await done(other.get_info())).expires_at == renewed.expires_at
        await done(manager.kill_sandbox(other.id))
        await done(other.close())
        assert await listed() == [sandbox.id]
        await done(sandbox.kill())

    run(flow)


def test_expiry_really_ends_a_sandbox(run: Callable[[Flow], None]) -> None:
    async def flow(clients: Clients, sandbox: Any, manager: Any) -> None:
        del clients
        guard = guard_of(sandbox.id)
        family = [guard, *guard.children(recursive=True)]
        await done(sandbox.renew(timedelta(seconds=1)))
        eventually(lambda: not any(process.is_running() for process in family))
        assert marked(sandbox.id) == []
        # The last of its processes has gone a moment before the server forgets it.
        await asyncio.sleep(1.5)
        with pytest.raises(SandboxApiException, match="no sandbox has the id") as caught:
            await done(sandbox.get_info())
        assert caught.value.status_code == 404
        found = await done(manager.list_sandbox_infos(SandboxFilter()))
        assert found.sandbox_infos == []

    run(flow)


def test_what_a_local_sandbox_does_not_have_is_said_in_words(run: Callable[[Flow], None]) -> None:
    async def flow(clients: Clients, sandbox: Any, manager: Any) -> None:
        calls: list[tuple[str, Callable[[], Any]]] = [
            ("no snapshots", lambda: sandbox.create_snapshot("s")),
            ("no snapshots", lambda: manager.create_snapshot(sandbox.id)),
            ("no snapshots", lambda: manager.get_snapshot("s")),
            ("no snapshots", lambda: manager.list_snapshots(SnapshotFilter())),
            ("no snapshots", lambda: manager.delete_snapshot("s")),
            ("no templates", lambda: manager.get_template("t")),
            ("no templates", lambda: manager.list_templates(TemplateFilter())),
            ("no templates", lambda: manager.delete_template("t")),
            ("no diagnostics", lambda: sandbox.get_diagnostic_logs("all")),
            ("no diagnostics", lambda: sandbox.get_diagnostic_events("all")),
            ("no credential vaults", sandbox.credential_vault.get),
            ("neither signed", lambda: sandbox.get_signed_endpoint(80, 2_000_000_000)),
        ]
        for words, call in calls:
            with pytest.raises(SandboxApiException, match=words) as caught:
                await done(call())
            assert caught.value.status_code == 501, words
            assert "NOT_SUPPORTED" in str(caught.value)
        starts: list[Callable[[], Any]] = [
            lambda: clients.sandbox.create(snapshot_id="s", connection_config=clients.config),
            lambda: clients.sandbox.create_from_template(
                "t", timeout=MINUTE, connection_config=clients.config
            ),
        ]
        for start in starts:
            with pytest.raises(SandboxApiException, match="not supported") as caught:
                await done(start())
            assert caught.value.error.code == "NOT_SUPPORTED"
        assert await done(sandbox.is_healthy())
        await done(sandbox.kill())

    run(flow)
