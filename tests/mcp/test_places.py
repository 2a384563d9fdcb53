"""A cluster as the place of code: a server of sandboxes that this test starts stands for one."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from mcp.types import ResourceLink
from opensandbox import SandboxSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import SandboxFilter
from opensandbox.sync.manager import SandboxManagerSync

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from code_interpreter.places import Place
from tests.mcp.agents import agent, stdio, text_of
from tests.support.places import bundled_sandbox

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def test_a_new_sandbox_of_a_cluster_has_a_lease_and_ends_with_the_client(
    cluster: LocalServer,
) -> None:
    with SandboxManagerSync.create(cluster.connection_config_sync) as manager:
        with agent(stdio("--domain", cluster.address, OPEN_SANDBOX_API_KEY=cluster.api_key)) as one:
            assert text_of(one.run("6 * 7")) == "42"
            (info,) = manager.list_sandbox_infos(SandboxFilter()).sandbox_infos
            assert info.expires_at is not None
            seconds = (info.expires_at - info.created_at).total_seconds()
            assert 590 < seconds < 610
        with pytest.raises(SandboxApiException) as caught:
            manager.get_sandbox_info(info.id)
        assert caught.value.status_code == 404


def test_a_lease_is_renewed_for_as_long_as_the_client_is_there(
    cluster: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPEN_SANDBOX_API_KEY", cluster.api_key)
    place = Place(domain=cluster.address, lease=timedelta(seconds=6))

    async def stay() -> str | None:
        async with place.open() as interpreter:
            began = (await interpreter.sandbox.get_info()).expires_at
            await asyncio.sleep(7)
            until = (await interpreter.sandbox.get_info()).expires_at
            assert began is not None
            assert until is not None
            assert until > began
            execution = await interpreter.codes.run("6 * 7")
            return execution.text

    assert asyncio.run(stay()) == "42"


def test_a_sandbox_that_exists_stays_and_its_files_are_no_news(cluster: LocalServer) -> None:
    with SandboxSync.create("any", connection_config=cluster.connection_config_sync) as sandbox:
        sandbox.files.write_file("old.txt", "old")
        env = {"OPEN_SANDBOX_DOMAIN": cluster.address, "OPEN_SANDBOX_API_KEY": cluster.api_key}
        with agent(stdio("--sandbox", sandbox.id, **env)) as one:
            result = one.run("open('old.txt').read()")
            assert [block.type for block in result.content] == ["text"]
            assert text_of(result) == "'old'"
            one.run("open('new.txt', 'w').write('new')")
        assert sandbox.files.read_file("new.txt") == "new"
        with CodeInterpreterSync.create(sandbox) as interpreter:
            assert interpreter.codes.list_contexts() == []
        sandbox.kill()


@pytest.mark.network
def test_our_runtime_is_set_up_in_a_sandbox_of_a_foreign_cluster() -> None:
    with bundled_sandbox() as (cluster, sandbox):
        options = ["--sandbox", sandbox.id, "--runtime", "bundled"]
        with agent(stdio(*options, **cluster.environment)) as one:
            assert text_of(one.run("x = 6\nx * 7")) == "42"
            assert text_of(one.run("echo 1 > one.txt; cat one.txt", "bash")) == "1"
            made = one.run("open('two.txt', 'w').close()").content
            assert [block.name for block in made if isinstance(block, ResourceLink)] == ["two.txt"]
            assert text_of(one.call("read_file", path="one.txt")) == "1\n"
            answer = one.call("install_packages", packages=["six"])
            assert not answer.is_error, text_of(answer)
            assert text_of(one.run("import six\nsix.__name__")) == "'six'"
        assert sandbox.commands.run("ls ~/one.txt").error is None


def test_a_cluster_that_cannot_be_reached_is_told_to_the_model(cluster: LocalServer) -> None:
    with agent(stdio("--domain", cluster.address, OPEN_SANDBOX_API_KEY="wrong")) as one:
        for _ in range(2):  # it is tried again
            answer = one.run("1")
            assert answer.is_error
            assert "credential" in text_of(answer)
