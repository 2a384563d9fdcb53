"""Where our kernels run: on this machine, or set up in a sandbox of a foreign cluster."""

import os
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from datetime import timedelta
from typing import Protocol

import pytest
from opensandbox import Sandbox, SandboxSync

from code_interpreter import CodeInterpreter, CodeInterpreterSync
from code_interpreter._bundled.talk import Daemon, state_path
from code_interpreter.local import LocalServer
from tests.support.standin import Settings, StandIn


class Place(Protocol):
    """Gives an interpreter for the length of a block."""

    def blocking(self) -> AbstractContextManager[CodeInterpreterSync]: ...

    def tasks(self) -> AbstractAsyncContextManager[CodeInterpreter]: ...


class Here:
    """On this machine: a sandbox for each block."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server

    @contextmanager
    def blocking(self) -> Generator[CodeInterpreterSync, None, None]:
        config = self._server.connection_config_sync
        with SandboxSync.create("any", connection_config=config) as sandbox:
            with CodeInterpreterSync.create(sandbox) as interpreter:
                yield interpreter
            sandbox.kill()

    @asynccontextmanager
    async def tasks(self) -> AsyncGenerator[CodeInterpreter, None]:
        config = self._server.connection_config
        async with await Sandbox.create("any", connection_config=config) as sandbox:
            async with await CodeInterpreter.create(sandbox) as interpreter:
                yield interpreter
            await sandbox.kill()


class There:
    """In one sandbox of the stand-in cluster, which is left without contexts."""

    def __init__(self, standin: StandIn, sandbox: SandboxSync) -> None:
        self._standin = standin
        self._sandbox = sandbox

    @contextmanager
    def blocking(self) -> Generator[CodeInterpreterSync, None, None]:
        with CodeInterpreterSync.create(self._sandbox, runtime="bundled") as interpreter:
            try:
                yield interpreter
            finally:
                for language in interpreter.runtime.languages or ():
                    interpreter.codes.delete_contexts(language)

    @asynccontextmanager
    async def tasks(self) -> AsyncGenerator[CodeInterpreter, None]:
        config = self._standin.connection()
        sandbox = await Sandbox.connect(self._sandbox.id, connection_config=config)
        async with sandbox:
            interpreter = await CodeInterpreter.create(sandbox, runtime="bundled")
            async with interpreter:
                yield interpreter
        with self.blocking():
            pass  # its contexts go


@contextmanager
def bundled_sandbox(
    *packages: str, env: Mapping[str, str] | None = None
) -> Generator[tuple[StandIn, SandboxSync], None, None]:
    """A sandbox with all languages, in which our runtime is set up; skips where there can be none.

    Args:
        packages: What the sandbox's user has installed for its Python.
        env: Of the sandbox.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root, on Linux, can start the stand-in's sandboxes")
    settings = Settings(uv=True, languages=True)
    with StandIn() as standin:
        sandbox = SandboxSync.create(
            standin.image(settings),
            connection_config=standin.connection_sync(),
            env=dict(env or {}),
            timeout=None,  # a session of tests may take longer than the usual life
            ready_timeout=timedelta(seconds=30),
        )
        with sandbox:
            if packages:
                install = f"python3 -m pip install --quiet --user {' '.join(packages)}"
                assert sandbox.commands.run(install).error is None
            CodeInterpreterSync.create(sandbox, runtime="bundled").close()
            yield standin, sandbox
            sandbox.kill()


def daemon_of(sandbox: SandboxSync) -> tuple[str, dict[str, str]]:
    """Return the URL of the runtime in a sandbox of the stand-in, and the headers that it wants."""
    home = "/root/.cache/code-interpreter"
    daemon = Daemon(sandbox.files.read_file(state_path(home)))
    endpoint = sandbox.get_endpoint(daemon.port)
    return f"http://{endpoint.endpoint}", {**endpoint.headers, **daemon.headers}
