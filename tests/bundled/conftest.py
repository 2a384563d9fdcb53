"""Sandboxes of a foreign cluster that know only commands and files."""

import os
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from datetime import timedelta
from typing import Protocol

import pytest
from opensandbox import Sandbox, SandboxSync
from opensandbox.exceptions import SandboxApiException

from tests.support.standin import Settings, StandIn


class StandInSandbox(Protocol):
    """Makes a sandbox that lasts for an `async with` block."""

    def __call__(
        self, settings: Settings, env: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Sandbox]: ...


class StandInSandboxSync(Protocol):
    """Makes a blocking sandbox that lasts for a `with` block."""

    def __call__(
        self, settings: Settings, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[SandboxSync]: ...


NOT_SUPPORTED = 501  # the machine lacks what the settings want
_READY = timedelta(seconds=30)


@contextmanager
def _skipping_what_is_missing() -> Generator[None, None, None]:
    try:
        yield
    except SandboxApiException as error:
        if error.status_code != NOT_SUPPORTED:
            raise
        pytest.skip(str(error))


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are async functions run in asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def standin() -> Iterator[StandIn]:
    """The cluster."""
    if os.geteuid() != 0:
        pytest.skip("only root can start the stand-in's sandboxes")
    with StandIn() as server:
        yield server


@pytest.fixture(scope="session")
def standin_sandbox(standin: StandIn) -> StandInSandbox:
    """Make a sandbox that is killed at the end of its `async with` block."""

    @asynccontextmanager
    async def sandbox(
        settings: Settings, env: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Sandbox, None]:
        with _skipping_what_is_missing():
            made = await Sandbox.create(
                standin.image(settings),
                connection_config=standin.connection(),
                env=dict(env or {}),
                ready_timeout=_READY,
            )
        try:
            yield made
        finally:
            with suppress(SandboxApiException):  # the test may have ended it
                await made.destroy()

    return sandbox


@pytest.fixture(scope="session")
def standin_sandbox_sync(standin: StandIn) -> StandInSandboxSync:
    """Make a blocking sandbox that is killed at the end of its `with` block."""

    @contextmanager
    def sandbox(
        settings: Settings, env: Mapping[str, str] | None = None
    ) -> Generator[SandboxSync, None, None]:
        with _skipping_what_is_missing():
            made = SandboxSync.create(
                standin.image(settings),
                connection_config=standin.connection_sync(),
                env=dict(env or {}),
                ready_timeout=_READY,
            )
        try:
            yield made
        finally:
            with suppress(SandboxApiException):  # the test may have ended it
                made.destroy()

    return sandbox
