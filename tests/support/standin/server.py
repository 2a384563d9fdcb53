"""The cluster: the lifecycle API on a thread, and a box with an agent for each sandbox."""

from types import TracebackType

from opensandbox.config import ConnectionConfig
from opensandbox.config.connection_sync import ConnectionConfigSync
from typing_extensions import Self

from tests.support.standin.settings import Settings


class StandIn:
    """A server that runs inside a `with` block; all its sandboxes end with the block.

    Attributes:
        api_key: What the lifecycle API wants in OPEN-SANDBOX-API-KEY.
        domain: Where it is, as `host:port`.
    """

    api_key: str
    domain: str

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def image(self, settings: Settings) -> str:
        """Return the image that makes `Sandbox.create` start a sandbox with these settings."""
        raise NotImplementedError

    @property
    def environment(self) -> dict[str, str]:
        """OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY, for clients in other processes."""
        return {"OPEN_SANDBOX_DOMAIN": self.domain, "OPEN_SANDBOX_API_KEY": self.api_key}

    def connection(self) -> ConnectionConfig:
        """Return a new configuration for async clients of this server."""
        return ConnectionConfig(domain=self.domain, api_key=self.api_key)

    def connection_sync(self) -> ConnectionConfigSync:
        """Return a new configuration for blocking clients of this server."""
        return ConnectionConfigSync(domain=self.domain, api_key=self.api_key)
