"""The connections of one interpreter, and who owns their transports."""

import execd_client
import httpx
from opensandbox.config import ConnectionConfig
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._errors import InterpreterClosedError
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
        target = Target(config, endpoint)

        async def guard(request: httpx.Request) -> None:
            target.guard(request)

        hooks = {**config.event_hooks, "request": [*config.event_hooks.get("request", []), guard]}

        def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
            return httpx.AsyncClient(**target.options, event_hooks=hooks, transport=transport)

        given = None if config.owns_transport else config.transport
        if given is None:
            rest = client(config.new_owned_transport())
            streams = client(
                unwrap_retry_transport(config.new_owned_transport(max_connections=None))
            )
        else:
            rest, streams = client(given), client(unwrap_retry_transport(given))
        self.timeout = rest.timeout
        self._owned = [rest, streams] if given is None else []
        self._closed = False
        url = str(target.base_url)
        self._rest = execd_client.Client(url).set_async_httpx_client(rest)
        self._streams = execd_client.Client(url).set_async_httpx_client(streams)

    @property
    def rest(self) -> execd_client.Client:
        """For calls with one answer. Raises InterpreterClosedError after closing."""
        self.check_open()
        return self._rest

    @property
    def streams(self) -> execd_client.Client:
        """For event streams. Raises InterpreterClosedError after closing."""
        self.check_open()
        return self._streams

    def check_open(self) -> None:
        """Raise InterpreterClosedError after closing."""
        if self._closed:
            raise InterpreterClosedError("the interpreter is closed")

    async def aclose(self) -> None:
        """Close what is ours; a second call does nothing."""
        self._closed = True
        while self._owned:
            await self._owned.pop().aclose()
