"""A sandbox on this machine, with a server that is there for it alone.

What must stay true: both end with the interpreter that they were made for. Where no one closes that
one, its Connection is what counts, since `codes` alone keeps that alive. At the exit of the program
nothing is done: the guards of the sandbox notice it.
"""

import os
import weakref
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx
from opensandbox import Sandbox

from code_interpreter._async import primitives as on
from code_interpreter._async.connection import Connection
from code_interpreter._call import readiness
from code_interpreter._errors import InvalidArgumentError

if TYPE_CHECKING:
    from code_interpreter.local.server import LocalServer


class _Closable(Protocol):
    async def aclose(self) -> None: ...


InterpreterT = TypeVar("InterpreterT", bound=_Closable)


class LocalSandbox:
    """A sandbox and its server, from `start` until they are closed or dropped."""

    def __init__(self, server: "LocalServer") -> None:
        self._server = server
        self._pid = os.getpid()
        self._home = on.home()
        self._sockets = weakref.WeakSet[Any]()
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, once it has started."""
        assert self._sandbox is not None  # noqa: S101  # `start` comes first
        return self._sandbox

    async def start(self, env: Mapping[str, str], resource: Mapping[str, str]) -> None:
        """Start the server and the sandbox; what has started ends if something does not."""
        server = self._server
        server.start()
        config = server.connection_config
        config.event_hooks["response"] = [self._note]
        try:
            self._sandbox = await Sandbox.create(
                readiness.LOCAL_IMAGE,
                connection_config=config,
                env=dict(env),
                resource=dict(resource),
                timeout=None,
            )
        except BaseException:
            await self.aclose()
            raise

    async def _note(self, response: httpx.Response) -> None:
        if (socket := response.extensions.get("network_stream")) is not None:
            self._sockets.add(socket)

    def go_with(self, connection: Connection) -> None:
        """End when a connection is closed, and where it is dropped without that."""
        connection.on_close = self.aclose
        weakref.finalize(connection, on.disown, self._sockets)
        weakref.finalize(connection, self._drop).atexit = False

    def _drop(self) -> None:
        # In a child of its process, all of it is the parent's.
        if self._sandbox is not None and self._pid == os.getpid():
            self._server.stop(wait=False)
            on.detach(self._home, self._release)

    async def _release(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if on.is_gone(self._home):
            on.disown(self._sockets)
        elif sandbox is not None:
            await sandbox.close()

    async def aclose(self) -> None:
        """End both, and wait until that is done."""
        try:
            await self._release()
        finally:
            # Stopping the server ends the sandbox too; there is no need to kill it first.
            await self._server.__aexit__(None, None, None)


class LocalStart(on.Startable[InterpreterT]):
    """An interpreter that starts when it is awaited, or with a block.

    It starts once. The end of the block ends all that it started, and so does the interpreter's
    own `aclose`.
    """

    def __init__(
        self,
        server: "Callable[[], LocalServer]",
        create: Callable[[LocalSandbox], Coroutine[Any, Any, InterpreterT]],
        env: Mapping[str, str],
        resource: Mapping[str, str],
    ) -> None:
        self._server = server
        self._create = create
        self._env = env
        self._resource = resource
        self._is_started = False
        self._interpreter: InterpreterT | None = None

    async def start(self) -> InterpreterT:
        """Start the server, the sandbox and the interpreter, which the caller closes.

        Raises:
            InvalidArgumentError: It was started before.
        """
        if self._is_started:
            raise InvalidArgumentError("this interpreter was started before: call `local` again")
        self._is_started = True
        place = LocalSandbox(self._server())
        await place.start(self._env, self._resource)
        try:
            return await self._create(place)
        except BaseException:
            await place.aclose()
            raise

    async def __aenter__(self) -> InterpreterT:
        self._interpreter = await self.start()
        return self._interpreter

    async def __aexit__(self, *exc: object) -> None:
        if self._interpreter is not None:
            await self._interpreter.aclose()
