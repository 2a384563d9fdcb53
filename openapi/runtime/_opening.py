"""What the two colours of streams decide alike: requests, refused answers, broken bodies."""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from weakref import WeakKeyDictionary

import httpx
from execd_client.errors import NotStreamed, StreamTruncated, UnexpectedStatus

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# How much of a refused answer's body is kept: enough for any error page, too little to hurt.
MAX_REFUSAL: Final = 1024 * 1024

# By client, the latest: its base URL, a path, and the two as one.
_urls: "WeakKeyDictionary[httpx.Client | httpx.AsyncClient, tuple[httpx.URL, str, httpx.URL]]" = (
    WeakKeyDictionary()
)


def build_request(
    client: "httpx.Client | httpx.AsyncClient",
    request: Mapping[str, Any],
    timeout: httpx.Timeout | None,
) -> httpx.Request:
    """Build the request of a stream.

    The timeout is the client's without a limit on reading, unless one is given: a body may be
    silent for as long as its run. Joined URLs are remembered, since `client.build_request` joins
    them for each request, which is most of its cost.
    """
    limits = timeout or httpx.Timeout(
        connect=client.timeout.connect,
        read=None,
        write=client.timeout.write,
        pool=client.timeout.pool,
    )
    base, path = client.base_url, request["url"]
    known = _urls.get(client)
    if known is not None and known[0] is base and known[1] == path:
        return client.build_request(**{**request, "url": known[2]}, timeout=limits)
    built = client.build_request(**request, timeout=limits)
    if "params" not in request:
        _urls[client] = base, path, built.url
    return built


def limit_reading(response: httpx.Response, client: httpx.Timeout) -> None:
    """Give the body of a refused answer the client's read timeout: it is not a stream."""
    timeout = response.request.extensions.get("timeout")
    if isinstance(timeout, dict):
        cast("dict[str, float | None]", timeout)["read"] = client.read


def refusal(
    response: httpx.Response, content: bytes, parse_other: Callable[..., Any] | None
) -> Exception:
    """Return what to raise for an answer that is not streamed."""
    if parse_other is not None and response.is_success:
        kind = {"content-type": response.headers.get("content-type", "")}
        whole = httpx.Response(response.status_code, headers=kind, content=content)
        if parsed := parse_other(response=whole):
            return NotStreamed(response.status_code, response.headers, parsed)
    return UnexpectedStatus(response.status_code, content, response.headers)


def explain(error: BaseException, request: httpx.Request) -> None:
    """Give an error of reading a body its request.

    Raises:
        StreamTruncated: The body was cut.
    """
    if isinstance(error, httpx.RequestError):
        error.request = request
        if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError)):
            raise StreamTruncated("the body was cut before its end") from error


def network_stream(response: httpx.Response) -> Any:
    """Return what to close so that a connection is not used again; None if there is nothing."""
    if response.http_version == "HTTP/2":  # one connection, many streams; they cannot mix up
        return None
    return response.extensions.get("network_stream")


def open_to_write(
    target: "str | os.PathLike[str] | BinaryIO",
) -> "AbstractContextManager[BinaryIO]":
    """Open a path for writing; a file that is open stays open."""
    if isinstance(target, (str, os.PathLike)):
        return Path(target).open("wb")
    return nullcontext(target)
