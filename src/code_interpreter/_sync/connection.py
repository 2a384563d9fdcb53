# Made from connection.py in _async/ by scripts/unasync.py: edit that.
"""The connections of one interpreter, and who owns their transports.

Everything follows the sandbox's `ConnectionConfigSync`. There are two HTTP clients, for two kinds
of calls: short ones, which the configured retry policy may repeat, and event streams, which must
not be repeated (code would run twice), may be silent for long, and are open at once in any number.

The API key never travels to execd except in server-proxy mode: `SandboxEndpoint` builds the headers
accordingly, and `_guard` keeps them from following a redirect to another origin.
"""

import logging
import os
import warnings
import weakref
from typing import Any, Final

import execd_client
import httpx
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._errors import ForkedError, InterpreterClosedError
from code_interpreter._sync import primitives as on

_log: Final = logging.getLogger("code_interpreter")


class _Clients:
    """The HTTP clients, until they are closed or their event loop is.

    It outlives its Connection, to which nothing here may refer, for as long as `forget` takes.
    """

    def __init__(self, config: ConnectionConfigSync, endpoint: SandboxEndpoint) -> None:
        self.owned: list[httpx.Client] = []
        self.home: on.Home | None = None  # that of the first use
        self.sockets = weakref.WeakSet[Any]()
        self._pid = os.getpid()
        self._url = httpx.URL(f"{config.protocol}://{endpoint.endpoint}")
        self._headers = endpoint.build_request_headers(config)
        if config.owns_transport or config.transport is None:
            rest = self._client(config, config.new_owned_transport())
            single = unwrap_retry_transport(config.new_owned_transport(max_connections=None))
            streams = self._client(config, single)
            self.owned = [rest, streams]
        else:
            rest = self._client(config, config.transport)
            streams = self._client(config, unwrap_retry_transport(config.transport))
        self.timeout = rest.timeout
        self.rest = execd_client.Client(str(self._url)).set_httpx_client(rest)
        self.streams = execd_client.Client(str(self._url)).set_httpx_client(streams)

    def _client(self, config: ConnectionConfigSync, transport: httpx.BaseTransport) -> httpx.Client:
        hooks = dict(config.event_hooks)
        for kind, ours in ("request", self._guard), ("response", self._note):
            hooks[kind] = [*hooks.get(kind, []), ours]
        return httpx.Client(
            base_url=self._url,
            headers=self._headers,
            timeout=config.request_timeout.total_seconds(),
            follow_redirects=config.follow_redirects,
            event_hooks=hooks,
            transport=transport,
        )

    def _guard(self, request: httpx.Request) -> None:
        """Take our headers off a request that a redirect sends to another origin."""
        here, there = self._url, request.url
        if there.netloc != here.netloc or there.scheme != here.scheme:
            for name in self._headers:
                if name.lower() != "user-agent":
                    request.headers.pop(name, None)

    def _note(self, response: httpx.Response) -> None:
        """Log the answer, without the query, which may name files; keep sight of its connection."""
        request = response.request
        _log.debug("%s %s: HTTP %d", request.method, request.url.path, response.status_code)
        if (socket := response.extensions.get("network_stream")) is not None:
            self.sockets.add(socket)

    def forget(self) -> None:
        """Warn, and close what can be closed: no one did."""
        if self.owned and self.home is not None and self._pid == os.getpid():
            on.disown(self.sockets)
            on.detach(self.home, self.close)
            warnings.warn(
                f"unclosed code interpreter of {self._url}: close it, or use a `with` block",
                ResourceWarning,
                stacklevel=2,
            )

    def close(self) -> None:
        """Close those that are ours."""
        while self.owned:
            self.owned.pop().close()


class Connection:
    """The clients of one execd, until they are closed. A transport of the user's stays open.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.

    Attributes:
        on_close: What else `close` ends.
    """

    def __init__(self, config: ConnectionConfigSync, endpoint: SandboxEndpoint) -> None:
        self._config = config
        self._endpoint = endpoint
        self.on_close: on.Work | None = None
        self._closed = False
        self._pid = os.getpid()
        self._open()

    def _open(self) -> None:
        self._clients = _Clients(self._config, self._endpoint)
        self._unclosed = weakref.finalize(self, self._clients.forget)

    @property
    def rest(self) -> execd_client.Client:
        """For calls with one answer, if `check_open` agrees."""
        self.check_open()
        return self._clients.rest

    @property
    def streams(self) -> execd_client.Client:
        """For event streams, if `check_open` agrees."""
        self.check_open()
        return self._clients.streams

    @property
    def timeout(self) -> httpx.Timeout:
        """The configured request timeout."""
        return self._clients.timeout

    @property
    def is_inherited(self) -> bool:
        """Whether this is a copy in a child of its process: what it holds is the parent's."""
        return os.getpid() != self._pid

    def check_open(self) -> None:
        """Raise the error for a use after closing, or where `check_place` refuses it."""
        if self._closed:
            raise InterpreterClosedError("the interpreter is closed")
        self.check_place()

    def check_place(self, begun: on.Home | None = None) -> None:
        """Raise the error for a use in a child of its process, or in another event loop.

        Connections of a loop that was closed are gone with it, as at the end of an `asyncio.run`:
        there are new ones then, unless they are the user's own or for what has `begun` elsewhere.
        """
        if self.is_inherited:
            raise ForkedError("this interpreter belongs to the parent process: make another here")
        clients = self._clients
        if begun is None and clients.owned and on.is_gone(clients.home):
            on.disown(clients.sockets)
            self._unclosed.detach()
            self._open()
            clients = self._clients
        if clients.home is None:
            clients.home = on.home()
        on.check_home(clients.home if begun is None else begun)

    def close(self) -> None:
        """Close what is ours; a second call does nothing, nor does one in a child process."""
        if self._clients.owned and not self.is_inherited:
            self.check_place()
        self._closed = True
        self._unclosed.detach()
        if not self.is_inherited:
            try:
                self._clients.close()
            finally:
                more, self.on_close = self.on_close, None
                if more is not None:
                    more()
