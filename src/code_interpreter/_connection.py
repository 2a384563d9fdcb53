"""How an interpreter reaches its execd: base URL, headers, and who owns the transports.

Everything follows the sandbox's `ConnectionConfig`. Two clients, for two kinds of calls: short
ones, which the configured retry policy may repeat, and event streams, which nothing may repeat
(code would run twice), which may be silent for long, and of which any number is open at once.

A transport that the user brought serves both and is never closed. The API key never travels to
execd except in server-proxy mode: `SandboxEndpoint.build_request_headers` sees to that, and
`_Target.guard` keeps what it built from following a redirect to another origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import execd_client
import httpx
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxEndpoint
from opensandbox.transport import unwrap_retry_transport

from code_interpreter._errors import InterpreterClosedError, InvalidArgumentError

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
        """Check what `connect` was given, and take the URL apart.

        Raises:
            InvalidArgumentError: It is not an http or https URL with a host and, at most, a path;
                or the timeout is not positive.
        """
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


@dataclass(frozen=True, slots=True)
class _Target:
    base_url: httpx.URL
    headers: dict[str, str]

    @classmethod
    def of(
        cls, config: ConnectionConfig | ConnectionConfigSync, endpoint: SandboxEndpoint
    ) -> "_Target":
        return cls(
            httpx.URL(f"{config.protocol}://{endpoint.endpoint}"),
            endpoint.build_request_headers(config),
        )

    def options(self, config: ConnectionConfig | ConnectionConfigSync) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": self.headers,
            "timeout": config.request_timeout.total_seconds(),
            "follow_redirects": config.follow_redirects,
        }

    def guard(self, request: httpx.Request) -> None:
        """Take our headers off a request that a redirect sends to another origin."""
        here, there = self.base_url, request.url
        if there.netloc != here.netloc or there.scheme != here.scheme:
            for name in self.headers:
                if name.lower() != "user-agent":
                    request.headers.pop(name, None)


def lift_read_limit(response: httpx.Response) -> None:
    """Let the body of a streamed answer be silent for as long as it likes.

    httpcore looks the limit up when it begins to read the body, so that the headers can have one
    of their own.
    """
    timeout: dict[str, float | None] = response.request.extensions["timeout"]
    timeout["read"] = None


class _Clients:
    """The generated clients of one execd, until they are closed."""

    def __init__(
        self, *, rest: execd_client.Client, streams: execd_client.Client, timeout: httpx.Timeout
    ) -> None:
        self._rest = rest
        self._streams = streams
        self._closed = False
        self._timeout = timeout

    @property
    def rest(self) -> execd_client.Client:
        """For calls with one answer.

        Raises:
            InterpreterClosedError: After closing.
        """
        self.check_open()
        return self._rest

    @property
    def streams(self) -> execd_client.Client:
        """For event streams.

        Raises:
            InterpreterClosedError: After closing.
        """
        self.check_open()
        return self._streams

    @property
    def timeout(self) -> httpx.Timeout:
        """The configured request timeout."""
        return self._timeout

    def limits(self, seconds: float | None) -> httpx.Timeout:
        """The configured request timeout, or less; for streams, which go without it otherwise."""
        configured = self._timeout.read
        if seconds is None or (configured is not None and seconds > configured):
            return self._timeout
        return httpx.Timeout(seconds)

    def check_open(self) -> None:
        """Raise InterpreterClosedError after closing."""
        if self._closed:
            raise InterpreterClosedError("the interpreter is closed")


class AsyncConnection(_Clients):
    """The async clients of one execd.

    Args:
        config: Timeouts, headers, redirects, hooks, transport.
        endpoint: Where execd is, and which headers it wants.
    """

    def __init__(self, config: ConnectionConfig, endpoint: SandboxEndpoint) -> None:
        target = _Target.of(config, endpoint)

        async def guard(request: httpx.Request) -> None:
            target.guard(request)

        hooks = {**config.event_hooks, "request": [*config.event_hooks.get("request", []), guard]}

        def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                **target.options(config), event_hooks=hooks, transport=transport
            )

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


class SyncConnection(_Clients):
    """The sync clients of one execd; see `AsyncConnection`."""

    def __init__(self, config: ConnectionConfigSync, endpoint: SandboxEndpoint) -> None:
        target = _Target.of(config, endpoint)
        hooks = {
            **config.event_hooks,
            "request": [*config.event_hooks.get("request", []), target.guard],
        }

        def client(transport: httpx.BaseTransport) -> httpx.Client:
            return httpx.Client(**target.options(config), event_hooks=hooks, transport=transport)

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
