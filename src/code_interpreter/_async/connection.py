"""The connections of one interpreter, and who owns their transports."""

import execd_client
import httpx
from opensandbox.config import ConnectionConfig
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._wire.target import Clients, Target


class Connection(Clients):
    """The clients of one execd. A transport that the user brought is shared and never closed.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.
    """

    def __init__(self, config: ConnectionConfig, endpoint: SandboxEndpoint) -> None:
        target = Target(config, endpoint)

        async def guard(request: httpx.Request) -> None:
            target.guard(request)

        hooks = {**config.event_hooks, "request": [*config.event_hooks.get("request", []), guard]}

        def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
            return httpx.AsyncClient(**target.options, event_hooks=hooks, transport=transport)

        if config.owns_transport or config.transport is None:
            rest = client(config.new_owned_transport())
            streams = client(
                unwrap_retry_transport(config.new_owned_transport(max_connections=None))
            )
            self._owned = [rest, streams]
        else:
            rest = client(config.transport)
            streams = client(unwrap_retry_transport(config.transport))
            self._owned = []
        url = str(target.base_url)
        super().__init__(
            rest=execd_client.Client(url).set_async_httpx_client(rest),
            streams=execd_client.Client(url).set_async_httpx_client(streams),
            timeout=rest.timeout,
        )

    async def aclose(self) -> None:
        """Close what is ours; a second call does nothing."""
        self._closed = True
        while self._owned:
            await self._owned.pop().aclose()
