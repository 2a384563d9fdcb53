"""Where a bare execd is, and small things about requests that both kinds of clients do alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx
from opensandbox.models.sandboxes import SandboxEndpoint

from code_interpreter._errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class BareTarget:
    """Where a bare execd is, in the parts that a ConnectionConfig and an endpoint hold."""

    protocol: str
    endpoint: SandboxEndpoint
    request_timeout: timedelta

    @classmethod
    def parse(
        cls, base_url: str, headers: Mapping[str, str] | None, timeout: timedelta | None
    ) -> "BareTarget":
        """Check the arguments of `connect`, and take the URL apart."""
        if timeout is not None and timeout <= timedelta(0):
            raise InvalidArgumentError(f"timeout must be positive; got {timeout}")
        try:
            url = httpx.URL(base_url)
        except (httpx.InvalidURL, TypeError) as error:
            raise InvalidArgumentError(f"not a URL: {base_url!r}", cause=error) from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise InvalidArgumentError(
                f"base_url must look like http://127.0.0.1:44772; got {base_url!r}"
            )
        if url.query or url.fragment or url.userinfo:
            raise InvalidArgumentError("base_url must end with its path, and hold no credentials")
        endpoint = url.netloc.decode("ascii") + url.path.rstrip("/")
        return cls(
            url.scheme,
            SandboxEndpoint(endpoint=endpoint, headers=dict(headers or {})),
            timedelta(seconds=30) if timeout is None else timeout,
        )


def at_most(configured: httpx.Timeout, seconds: float | None) -> httpx.Timeout:
    """Return the configured request timeout, or less."""
    if seconds is None or (configured.read is not None and seconds > configured.read):
        return configured
    return httpx.Timeout(seconds)
