"""Where execd is, which headers it wants, and the two HTTP clients that reach it.

Everything follows the sandbox's `ConnectionConfig`. There are two clients, for two kinds of calls:
short ones, which the configured retry policy may repeat, and event streams, which must not be
repeated (code would run twice), may be silent for long, and are open at once in any number.

The API key never travels to execd except in server-proxy mode: `SandboxEndpoint` builds the headers
accordingly, and `Target.guard` keeps them from following a redirect to another origin.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxEndpoint

from code_interpreter._errors import InvalidArgumentError

_log: Final = logging.getLogger("code_interpreter")

DEFAULT_REQUEST_TIMEOUT: Final = timedelta(seconds=30)


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
            DEFAULT_REQUEST_TIMEOUT if timeout is None else timeout,
        )


class Target:
    """Where execd is, and what each request to it carries."""

    def __init__(
        self, config: ConnectionConfig | ConnectionConfigSync, endpoint: SandboxEndpoint
    ) -> None:
        self.base_url = httpx.URL(f"{config.protocol}://{endpoint.endpoint}")
        self._headers = endpoint.build_request_headers(config)
        self.options: dict[str, Any] = {
            "base_url": self.base_url,
            "headers": self._headers,
            "timeout": config.request_timeout.total_seconds(),
            "follow_redirects": config.follow_redirects,
        }

    def log(self, response: httpx.Response) -> None:
        """Log that a request was answered: without its query, which may name the user's files."""
        request = response.request
        _log.debug("%s %s: HTTP %d", request.method, request.url.path, response.status_code)

    def guard(self, request: httpx.Request) -> None:
        """Take our headers off a request that a redirect sends to another origin."""
        here, there = self.base_url, request.url
        if there.netloc != here.netloc or there.scheme != here.scheme:
            for name in self._headers:
                if name.lower() != "user-agent":
                    request.headers.pop(name, None)


def lift_read_limit(response: httpx.Response) -> None:
    """Let the body of a streamed answer be silent for as long as it likes.

    httpcore looks the limit up when it begins to read the body, so the headers can have another.
    """
    timeout: dict[str, float | None] = response.request.extensions["timeout"]
    timeout["read"] = None


def warn_unclosed(url: httpx.URL) -> None:
    """Warn of an interpreter that its program has left open."""
    warnings.warn(
        f"unclosed code interpreter of {url}: close it, or use a `with` block",
        ResourceWarning,
        stacklevel=2,
    )


def at_most(configured: httpx.Timeout, seconds: float | None) -> httpx.Timeout:
    """Return the configured request timeout, or less."""
    if seconds is None or (configured.read is not None and seconds > configured.read):
        return configured
    return httpx.Timeout(seconds)
