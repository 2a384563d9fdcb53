"""The sandbox API inside a program: `with LocalServer() as server`, on a separate thread.

What must stay true: the server never runs in the caller's event loop or on the caller's thread,
so that a program that blocks is still served, and it never touches signal handlers. However the
program ends, its sandboxes end with it: their guards notice, and no exit handler is needed.

opensandbox takes a second to import, and a server does not need it: it is imported when a client's
configuration is asked for.
"""

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import uvicorn

from code_interpreter.execd.http.gate import authority, bind, is_loopback, uvicorn_server
from code_interpreter.local.box import bytecode
from code_interpreter.local.box.tiers import Isolation, box_for, chosen
from code_interpreter.local.box.volumes import Volume, allowed
from code_interpreter.local.guard.spawn import close_in_forks
from code_interpreter.local.lifecycle.api import lifecycle_app
from code_interpreter.local.lifecycle.sandbox import Provision
from code_interpreter.local.mounts import Mounts, read_mounts
from code_interpreter.local.network.choice import Network, read_network

if TYPE_CHECKING:
    from opensandbox.config import ConnectionConfig, ConnectionConfigSync
    from typing_extensions import Self

    from code_interpreter.local.box.box import Box

_STEP = 0.005


class LocalServer:
    """A sandbox server for as long as a `with` or `async with` block lasts.

    It runs code on this machine, each sandbox in a box unless `isolation` says otherwise.

    Args:
        host: The address to listen on.
        port: 0 lets the system choose.
        api_key: What clients must send; by default a new random one.
        allow_remote: Whether `host` may be one that other machines can reach. Everyone who has the
            key, or reads it from the unencrypted traffic, can then run code as you.
        limits: Whether sandboxes are held to the `resource` that they are created with, as far as
            this system can. Clients that name no `resource` ask for one processor and 2 GiB.
        isolation: The box around each sandbox: `"namespaces"` (Linux; needs bubblewrap, which the
            extra `[local]` brings); `"landlock"`, a weaker one, where there are no namespaces
            (Linux 6.7 or newer); `"auto"`, the strongest that this system has, never none;
            `"none"`: code runs as you, and may do anything that you may. By default what
            `CODE_INTERPRETER_ISOLATION` says, else `"auto"`.
        network: What sandboxes in a box may reach: `"public"`, the default, all that is public and
            nothing that is private; a `NetworkPolicy` of opensandbox. Both are for those that ask
            for nothing else. `"none"`: nothing, whatever they ask for.
        mounts: Folders of yours that each sandbox has in its box: by absolute path there, a folder,
            which is then read-only, or a `Mount`.
        allow_volumes: Folders that the `volumes` of `Sandbox.create` may name, with all that is in
            them, to read and to write. Only in a box, too.

    Raises:
        ValueError: `host` is not loopback, and `allow_remote` is not true; `isolation` is no
            isolation that there is; `network`, `mounts` or `allow_volumes` are not valid, or given
            without a box.

    Example:
        with LocalServer() as server:
            sandbox = SandboxSync.create("any", connection_config=server.connection_config_sync)
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        allow_remote: bool = False,
        limits: bool = True,
        isolation: Isolation | None = None,
        network: Network | None = None,
        mounts: Mounts | None = None,
        allow_volumes: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        if not (allow_remote or is_loopback(host)):
            raise ValueError(
                f"other machines may reach {host!r}, and run code as you: say allow_remote=True"
            )
        self._limits = limits
        self._isolation: Isolation = chosen(isolation)
        isolated = self._isolation != "none"
        self._outside = read_network(network, isolated=isolated)
        self._mounts = read_mounts(mounts)
        self._folders = allowed(allow_volumes)
        if not isolated and (self._mounts or self._folders):
            raise ValueError("a sandbox that is not isolated has all folders: use their paths")
        self._host = host
        self._port = port
        self._api_key = api_key or secrets.token_urlsafe(24)
        self._box: Box | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Return `host:port`, which opensandbox calls a domain; port 0 before the server runs."""
        return authority(self._host, self._port)

    @property
    def api_key(self) -> str:
        """Return what clients must send."""
        return self._api_key

    @property
    def isolation(self) -> Isolation:
        """Return what is around its sandboxes; "auto" only before the server has started."""
        return self._isolation if self._box is None else self._box.tier

    @property
    def connection_config(self) -> "ConnectionConfig":
        """Return a new configuration for async clients of this server."""
        from opensandbox.config import ConnectionConfig  # noqa: PLC0415 - see the top

        return ConnectionConfig(domain=self.address, api_key=self._api_key)

    @property
    def connection_config_sync(self) -> "ConnectionConfigSync":
        """Return a new configuration for sync clients of this server."""
        from opensandbox.config import ConnectionConfigSync  # noqa: PLC0415 - see the top

        return ConnectionConfigSync(domain=self.address, api_key=self._api_key)

    def start(self) -> None:
        """Start, and return as soon as requests are answered. Blocks for some milliseconds.

        Raises:
            OSError: The address cannot be resolved, or is taken.
            RuntimeError: The server runs already, or did not start.
            IsolationUnavailableError: This system cannot isolate sandboxes as was asked for.
            ValueError: A box cannot have a folder of `mounts` where it should.
        """
        if self._thread is not None:
            raise RuntimeError("this server runs already")
        box = self._box = box_for(self._isolation)
        mounts: Sequence[Volume] = ()
        if box is not None:
            bytecode.keep()
            sources = [mount.source for mount in self._mounts]
            mounts = box.resolve(self._mounts, sources)
        listening = bind(self._host, self._port)
        close_in_forks(listening)
        self._port = listening.getsockname()[1]
        app = lifecycle_app(
            api_key=self._api_key,
            host=self._host,
            provision=Provision(
                limits=self._limits,
                box=box,
                outside=self._outside,
                mounts=mounts,
                folders=self._folders,
            ),
        )
        server = self._server = uvicorn_server(app)
        self._thread = threading.Thread(
            target=_serve, args=(server, listening), name="code-interpreter-server", daemon=True
        )
        self._thread.start()
        while not server.started:
            if not self._thread.is_alive():
                self._thread = None
                raise RuntimeError("the server did not start; its log says why")
            time.sleep(_STEP)

    def stop(self, *, wait: bool = True) -> None:
        """End all sandboxes, then the server.

        Args:
            wait: Whether to block until both are done.
        """
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            if wait:
                self._thread.join()
                self._thread = None

    def __enter__(self) -> "Self":
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> "Self":
        self.start()
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        # On a thread: the caller's event loop must not block.
        await asyncio.to_thread(self.stop)


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    mine = threading.get_ident()

    def is_of_use(record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or record.thread != mine

    # The program around may show INFO, and run a uvicorn of its own.
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "uvicorn.access")]
    for logger in loggers:
        logger.addFilter(is_of_use)
    try:
        with listening:
            asyncio.run(server.serve(sockets=[listening]))
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_use)
