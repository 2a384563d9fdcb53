# Made from connection.py in _async/ by scripts/unasync.py: edit that.
"""The connections of one interpreter, and who owns their transports."""

import execd_client
import httpx
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._wire.target import Clients, Target


class Connection(Clients):
    """The clients of one execd. A transport that the user brought is shared and never closed.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.
    """

    def __init__(self, config: ConnectionConfigSync, endpoint: SandboxEndpoint) -> None:
        target = Target(config, endpoint)

        def guard(request: httpx.Request) -> None:
            target.guard(request)

        hooks = {**config.event_hooks, "request": [*config.event_hooks.get("request", []), guard]}

        def client(transport: httpx.BaseTransport) -> httpx.Client:
            return httpx.Client(**target.options, event_hooks=hooks, transport=transport)

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
            rest=execd_client.Client(url).set_httpx_client(rest),
            streams=execd_client.Client(url).set_httpx_client(streams),
            timeout=rest.timeout,
        )

    def close(self) -> None:
        """Close what is ours; a second call does nothing."""
        self._closed = True
        while self._owned:
            self._owned.pop().close()
