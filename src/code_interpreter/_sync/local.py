# Made from local.py in _async/ by scripts/unasync.py: edit that.
"""A sandbox on this machine, with a server that is there for it alone.

What must stay true: both end with the interpreter that they were made for. Where no one closes that
one, its Connection is what counts, since `codes` alone keeps that alive. At the exit of the program
nothing is done: the guards of the sandbox notice it.
"""

import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx
from opensandbox import SandboxSync

from code_interpreter._call import readiness
from code_interpreter._errors import InvalidArgumentError
from code_interpreter._sync import primitives as on
from code_interpreter._sync.connection import Connection

if TYPE_CHECKING:
    from code_interpreter.local.server import LocalServer


class _Closable(Protocol):
    def close(self) -> None: ...


InterpreterT = TypeVar("InterpreterT", bound=_Closable)


class LocalSandbox:
    """A sandbox and its server, from `start` until they are closed or dropped."""

    def __init__(self, server: "LocalServer") -> None:
        self._server = server
        self._pid = os.getpid()
        self._home = on.home()
        self._sockets = weakref.WeakSet[Any]()
        self._sandbox: SandboxSync | None = None

    @property
    def sandbox(self) -> SandboxSync:
        """The sandbox, once it has started."""
        assert self._sandbox is not None  # noqa: S101  # `start` comes first
        return self._sandbox

    def start(self, env: Mapping[str, str], resource: Mapping[str, str]) -> None:
        """Start the server and the sandbox; what has started ends if something does not."""
        server = self._server
        server.start()
        config = server.connection_config_sync
        config.event_hooks["response"] = [self._note]
        try:
            self._sandbox = SandboxSync.create(
                readiness.LOCAL_IMAGE,
                connection_config=config,
                env=dict(env),
                resource=dict(resource),
                timeout=None,
            )
        except BaseException:
            self.close()
            raise

    def _note(self, response: httpx.Response) -> None:
        if (socket := response.extensions.get("network_stream")) is not None:
            self._sockets.add(socket)

    def go_with(self, connection: Connection) -> None:
        """End when a connection is closed, and where it is dropped without that."""
        connection.on_close = self.close
        weakref.finalize(connection, on.disown, self._sockets)
        weakref.finalize(connection, self._drop).atexit = False

    def _drop(self) -> None:
        # In a child of its process, all of it is the parent's.
        if self._sandbox is not None and self._pid == os.getpid():
            self._server.stop(wait=False)
            on.detach(self._home, self._release)

    def _release(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if on.is_gone(self._home):
            on.disown(self._sockets)
        elif sandbox is not None:
            sandbox.close()

    def close(self) -> None:
        """End both, and wait until that is done."""
        try:
            self._release()
        finally:
            # Stopping the server ends the sandbox too; there is no need to kill it first.
            self._server.__exit__(None, None, None)


class LocalStart(on.Startable[InterpreterT]):
    """An interpreter that starts when it is told to, or with a block.

    It starts once. The end of the block ends all that it started, and so does the interpreter's
    own `close`.
    """

    def __init__(
        self,
        server: "Callable[[], LocalServer]",
        create: Callable[[LocalSandbox], InterpreterT],
        env: Mapping[str, str],
        resource: Mapping[str, str],
    ) -> None:
        self._server = server
        self._create = create
        self._env = env
        self._resource = resource
        self._is_started = False
        self._interpreter: InterpreterT | None = None

    def start(self) -> InterpreterT:
        """Start the server, the sandbox and the interpreter, which the caller closes.

        Raises:
            InvalidArgumentError: It was started before.
        """
        if self._is_started:
            raise InvalidArgumentError("this interpreter was started before: call `local` again")
        self._is_started = True
        place = LocalSandbox(self._server())
        place.start(self._env, self._resource)
        try:
            return self._create(place)
        except BaseException:
            place.close()
            raise

    def __enter__(self) -> InterpreterT:
        self._interpreter = self.start()
        return self._interpreter

    def __exit__(self, *exc: object) -> None:
        if self._interpreter is not None:
            self._interpreter.close()
