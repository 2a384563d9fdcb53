# Made from connection.py in _async/ by scripts/unasync.py: edit that.
"""The connections of one interpreter, and who owns their transports."""

import os
import weakref

import execd_client
import httpx
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._errors import ForkedError, InterpreterClosedError, WrongLoopError
from code_interpreter._sync.primitives import Clients, Home, home
from code_interpreter._wire.target import Target


class Connection:
    """The clients of one execd, until they are closed. A transport of the user's stays open.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.

    Attributes:
        timeout: The configured request timeout.
    """

    def __init__(self, config: ConnectionConfigSync, endpoint: SandboxEndpoint) -> None:
        target = Target(config, endpoint)

        def guard(request: httpx.Request) -> None:
            target.guard(request)

        clients = Clients(target.base_url)

        def log(response: httpx.Response) -> None:
            target.log(response)
            clients.note(response)

        hooks = dict(config.event_hooks)
        for kind, ours in ("request", guard), ("response", log):
            hooks[kind] = [*hooks.get(kind, []), ours]

        def client(transport: httpx.BaseTransport) -> httpx.Client:
            return httpx.Client(**target.options, event_hooks=hooks, transport=transport)

        given = None if config.owns_transport else config.transport
        if given is None:
            rest = client(config.new_owned_transport())
            streams = client(
                unwrap_retry_transport(config.new_owned_transport(max_connections=None))
            )
        else:
            rest, streams = client(given), client(unwrap_retry_transport(given))
        self.timeout = rest.timeout
        if given is None:
            clients.owned = [rest, streams]
        self._clients = clients
        self._unclosed = weakref.finalize(self, clients.forget)
        self._closed = False
        self._home: Home | None = None  # where it was used first
        self._pid = os.getpid()
        url = str(target.base_url)
        self._rest = execd_client.Client(url).set_httpx_client(rest)
        self._streams = execd_client.Client(url).set_httpx_client(streams)

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

    def check_place(self) -> None:
        """Raise the error for a use in a child of its process, or in another event loop."""
        if self.is_inherited:
            raise ForkedError("this interpreter belongs to the parent process: make another here")
        if self._home is None:
            self._home = self._clients.home = home()
        elif self._home is not home():
            raise WrongLoopError(
                "this interpreter belongs to another event loop: make another here, or use"
                " CodeInterpreter"
            )

    def close(self) -> None:
        """Close what is ours; a second call does nothing, nor does one in a child process."""
        owned = [] if self.is_inherited else self._clients.owned
        if owned:
            self.check_place()
        self._closed = True
        self._unclosed.detach()
        while owned:
            owned.pop().close()
