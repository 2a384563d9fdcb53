"""The connections of one interpreter, and who owns their transports."""

import os
import weakref

import execd_client
import httpx
from opensandbox.config import ConnectionConfig
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._async.primitives import Clients, Home, check_home, home
from code_interpreter._errors import ForkedError, InterpreterClosedError
from code_interpreter._wire.target import Target


class Connection:
    """The clients of one execd, until they are closed. A transport of the user's stays open.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.

    Attributes:
        timeout: The configured request timeout.
    """

    def __init__(self, config: ConnectionConfig, endpoint: SandboxEndpoint) -> None:
        self._config = config
        self._target = Target(config, endpoint)
        self._closed = False
        self._pid = os.getpid()
        self._open()

    def _open(self) -> None:
        config, target = self._config, self._target
        clients = Clients(target.base_url)

        async def guard(request: httpx.Request) -> None:
            target.guard(request)

        async def log(response: httpx.Response) -> None:
            target.log(response)
            clients.note(response)

        hooks = dict(config.event_hooks)
        for kind, ours in ("request", guard), ("response", log):
            hooks[kind] = [*hooks.get(kind, []), ours]

        def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
            return httpx.AsyncClient(**target.options, event_hooks=hooks, transport=transport)

        given = None if config.owns_transport else config.transport
        if given is None:
            rest = client(config.new_owned_transport())
            streams = client(
                unwrap_retry_transport(config.new_owned_transport(max_connections=None))
            )
            clients.owned = [rest, streams]
        else:
            rest, streams = client(given), client(unwrap_retry_transport(given))
        self.timeout = rest.timeout
        self._clients = clients
        self._unclosed = weakref.finalize(self, clients.forget)
        url = str(target.base_url)
        self._rest = execd_client.Client(url).set_async_httpx_client(rest)
        self._streams = execd_client.Client(url).set_async_httpx_client(streams)

    @property
    def rest(self) -> execd_client.Client:
        """For calls with one answer, if `check_open` agrees."""
        self.check_open()
        return self._rest

    @property
    def streams(self) -> execd_client.Client:
        """For event streams, if `check_open` agrees."""
        self.check_open()
        return self._streams

    @property
    def is_inherited(self) -> bool:
        """Whether this is a copy in a child of its process: what it holds is the parent's."""
        return os.getpid() != self._pid

    def check_open(self) -> None:
        """Raise the error for a use after closing, or where `check_place` refuses it."""
        if self._closed:
            raise InterpreterClosedError("the interpreter is closed")
        self.check_place()

    def check_place(self, begun: Home | None = None) -> None:
        """Raise the error for a use in a child of its process, or in another event loop.

        Connections of a loop that was closed are gone with it, as at the end of an `asyncio.run`:
        there are new ones then, unless they are the user's own or for what has `begun` elsewhere.
        """
        if self.is_inherited:
            raise ForkedError("this interpreter belongs to the parent process: make another here")
        clients = self._clients
        if begun is None and clients.owned and clients.is_homeless:
            clients.leave()
            self._unclosed.detach()
            self._open()
            clients = self._clients
        if clients.home is None:
            clients.home = home()
        check_home(clients.home if begun is None else begun)

    async def aclose(self) -> None:
        """Close what is ours; a second call does nothing, nor does one in a child process."""
        if self._clients.owned and not self.is_inherited:
            self.check_place()
        self._closed = True
        self._unclosed.detach()
        while self._clients.owned and not self.is_inherited:
            await self._clients.owned.pop().aclose()
