"""Answers whose body is read as it arrives: what event streams and downloads share, and downloads.

`BodyStream` and `AsyncBodyStream` send a request when they are entered or first advanced, look at
its status and content type before they hand out anything of its body, and release the connection
whatever happens. Only the clean end of the body is an end: a body that is cut is `StreamTruncated`.
The two differ in nothing but `await`.
"""

import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from weakref import WeakKeyDictionary

import httpx
from execd_client.errors import NotStreamed, StreamTruncated, UnexpectedStatus
from execd_client.responses import is_file, media_type

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from typing_extensions import Self

__all__ = ["AsyncBodyStream", "AsyncByteStream", "BodyStream", "ByteStream", "network_stream"]

# How much of a refused answer's body is kept: enough for any error page, too little to hurt.
_MAX_REFUSAL: Final = 1024 * 1024


# By client, the latest: its base URL, a path, and the two as one.
_urls: "WeakKeyDictionary[httpx.Client | httpx.AsyncClient, tuple[httpx.URL, str, httpx.URL]]" = (
    WeakKeyDictionary()
)


def _limits(client: httpx.Timeout, given: httpx.Timeout | None) -> httpx.Timeout:
    """The client's limits, but none on reading: a body may be silent for as long as its run."""
    if given is not None:
        return given
    return httpx.Timeout(connect=client.connect, read=None, write=client.write, pool=client.pool)


def _build_request(
    client: "httpx.Client | httpx.AsyncClient", request: Mapping[str, Any], limits: httpx.Timeout
) -> httpx.Request:
    """`client.build_request`, which joins URLs again and again: most of what it costs."""
    base, path = client.base_url, request["url"]
    known = _urls.get(client)
    if known is not None and known[0] is base and known[1] == path:
        return client.build_request(**{**request, "url": known[2]}, timeout=limits)
    built = client.build_request(**request, timeout=limits)
    if "params" not in request:
        _urls[client] = base, path, built.url
    return built


def _limit_reading(response: httpx.Response, client: httpx.Timeout) -> None:
    """Give the body of a refused answer the client's read timeout: it is not a stream."""
    timeout = response.request.extensions.get("timeout")
    if isinstance(timeout, dict):
        cast("dict[str, float | None]", timeout)["read"] = client.read


def _refusal(
    response: httpx.Response, content: bytes, parse_other: Callable[..., Any] | None
) -> Exception:
    """What to raise for an answer that is not streamed."""
    if parse_other is not None and response.is_success:
        kind = {"content-type": response.headers.get("content-type", "")}
        whole = httpx.Response(response.status_code, headers=kind, content=content)
        if parsed := parse_other(response=whole):
            return NotStreamed(response.status_code, response.headers, parsed)
    return UnexpectedStatus(response.status_code, content, response.headers)


def network_stream(response: httpx.Response) -> Any:
    """What to close so that a connection cannot be used again; None where there is nothing."""
    if response.http_version == "HTTP/2":  # one connection, many streams; they cannot mix up
        return None
    return response.extensions.get("network_stream")


def _open_to_write(
    target: "str | os.PathLike[str] | BinaryIO",
) -> "AbstractContextManager[BinaryIO]":
    if isinstance(target, (str, os.PathLike)):
        return Path(target).open("wb")
    return nullcontext(target)


class BodyStream:
    """One request and the body of its answer, as it arrives: the base of the streams.

    Args:
        client: Sends the request.
        request: Arguments of `httpx.Client.build_request`.
        media_types: The content types of the answers that are streamed; others are refused.
        timeout: Limits of this request. The default is the client's, without a limit on reading.
        parse_other: Parses an answer, its argument `response`, that is documented for the operation
            but not streamed.
    """

    def __init__(
        self,
        client: httpx.Client,
        request: Mapping[str, Any],
        *,
        media_types: Collection[str],
        timeout: httpx.Timeout | None = None,
        parse_other: Callable[..., Any] | None = None,
    ) -> None:
        self._client = client
        self._request = request
        self._media_types = media_types
        self._timeout = timeout
        self._parse_other = parse_other
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes]  # once there is a response
        self._ended = False
        self._closed = False
        self._closing = threading.Lock()

    @property
    def response(self) -> httpx.Response:
        """The answer, once the stream is open: status, headers, extensions.

        Raises:
            RuntimeError: The stream was not opened.
        """
        if self._response is None:
            raise RuntimeError("the stream was not opened")
        return self._response

    def close(self) -> None:
        """Release the connection. What was not read is lost; a second call does nothing."""
        with self._closing:
            self._closed = True
            if self._response is not None:
                self._response.close()

    def abort(self) -> None:
        """Break the connection, from any thread: whoever reads the body gets StreamTruncated."""
        with self._closing:  # once it is closed, somebody else may have the connection
            if self._response is None or self._closed:
                return
            network = network_stream(self._response)
            connection = None if network is None else network.get_extra_info("socket")
            if connection is not None:
                with suppress(OSError):  # it is broken already
                    # Closing it would not wake a reader; TLS's own method would unwrap it first.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> "Self":
        self._open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> None:
        if self._response is not None:
            return
        if self._closed:
            raise httpx.StreamClosed
        limits = _limits(self._client.timeout, self._timeout)
        request = _build_request(self._client, self._request, limits)
        response = self._client.send(request, stream=True)
        self._response = response
        self._answered(response)
        # httpx's decoding of a body that is not encoded is a tenth of the cost of a small chunk.
        encoded = "content-encoding" in response.headers
        body = cast("httpx.SyncByteStream", response.stream)
        self._chunks = response.iter_bytes() if encoded else iter(body)
        if not (response.is_success and self._is_streamed(response)):
            _limit_reading(response, self._client.timeout)
            raise _refusal(response, self._rest(), self._parse_other)

    def _answered(self, response: httpx.Response) -> None:
        """Called before anything of the body is read."""

    def _is_streamed(self, response: httpx.Response) -> bool:
        return media_type(response) in self._media_types

    def _rest(self) -> bytes:
        """What there is of the body of an answer that is not streamed."""
        content = bytearray()
        try:
            for chunk in self._chunks:
                content += chunk
                if len(content) >= _MAX_REFUSAL:
                    break
        except httpx.TransportError:
            pass  # the status says more than that its explanation was cut
        finally:
            self.close()
        return bytes(content)

    def _next_chunk(self) -> bytes:
        """The next bytes of the body; none at its clean end."""
        chunks = self._unread()
        try:
            for chunk in chunks:
                if chunk:
                    return chunk
        except BaseException as error:
            self._break_off(error)
            raise
        self._end()
        return b""

    def _unread(self) -> Iterator[bytes]:
        """The chunks of the body that are still to come, opened if need be."""
        if self._ended:
            return iter(())
        if self._response is None:
            self._open()
        if self._closed:
            raise httpx.StreamClosed
        return self._chunks

    def _end(self) -> None:
        """The body has ended cleanly."""
        self._ended = True
        self.close()

    def _break_off(self, error: BaseException) -> None:
        """Reading has failed.

        Raises:
            StreamTruncated: The body was cut.
        """
        self.close()
        if isinstance(error, httpx.RequestError):
            error.request = self.response.request
            if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError)):
                raise StreamTruncated("the body was cut before its end") from error


class ByteStream(BodyStream):
    """The bytes of a file, as they arrive: never the whole file in memory.

    A context manager and an iterator of chunks, of any size but never empty. Leaving it, the end
    of the body and every error release the connection. `response.status_code` tells whether a
    range was honoured (206) or the whole file comes (200).

    Raises:
        UnexpectedStatus: On opening: the status is not 2xx, or the answer is not a file. It has
            the server's `code` and `message`.
        StreamTruncated: The connection was cut before the clean end of the body.
        httpx.TimeoutException: A limit of the timeout passed.
        httpx.TransportError: No connection, or it was cut before there was an answer.
    """

    def save(self, target: "str | os.PathLike[str] | BinaryIO") -> int:
        """Write what is still to come to a file.

        Args:
            target: A path, which is created or overwritten once the server has answered well; or
                a file that is open for writing bytes, which stays open.

        Returns:
            How many bytes were written. After an exception the file holds what had arrived.
        """
        size = 0
        with self, _open_to_write(target) as file:
            for chunk in self:
                file.write(chunk)
                size += len(chunk)
        return size

    def __iter__(self) -> "Self":
        return self

    def __next__(self) -> bytes:
        if chunk := self._next_chunk():
            return chunk
        raise StopIteration

    def _is_streamed(self, response: httpx.Response) -> bool:
        return is_file(response, self._media_types)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


class AsyncBodyStream:
    """One request and the body of its answer, as it arrives; see `BodyStream`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        request: Mapping[str, Any],
        *,
        media_types: Collection[str],
        timeout: httpx.Timeout | None = None,
        parse_other: Callable[..., Any] | None = None,
    ) -> None:
        self._client = client
        self._request = request
        self._media_types = media_types
        self._timeout = timeout
        self._parse_other = parse_other
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes]  # once there is a response
        self._ended = False
        self._closed = False

    @property
    def response(self) -> httpx.Response:
        """The answer, once the stream is open: status, headers, extensions.

        Raises:
            RuntimeError: The stream was not opened.
        """
        if self._response is None:
            raise RuntimeError("the stream was not opened")
        return self._response

    async def aclose(self) -> None:
        """Release the connection. What was not read is lost; a second call does nothing."""
        self._closed = True
        if self._response is not None:
            await self._response.aclose()

    async def abort(self) -> None:
        """Break the connection, from any task: whoever reads the body gets StreamTruncated."""
        if self._response is None or self._closed:
            return
        network = network_stream(self._response)
        if network is not None:
            await network.aclose()

    async def __aenter__(self) -> "Self":
        await self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _open(self) -> None:
        if self._response is not None:
            return
        if self._closed:
            raise httpx.StreamClosed
        limits = _limits(self._client.timeout, self._timeout)
        request = _build_request(self._client, self._request, limits)
        response = await self._client.send(request, stream=True)
        self._response = response
        self._answered(response)
        # httpx's decoding of a body that is not encoded is a tenth of the cost of a small chunk.
        encoded = "content-encoding" in response.headers
        body = cast("httpx.AsyncByteStream", response.stream)
        self._chunks = response.aiter_bytes() if encoded else aiter(body)
        if not (response.is_success and self._is_streamed(response)):
            _limit_reading(response, self._client.timeout)
            raise _refusal(response, await self._rest(), self._parse_other)

    def _answered(self, response: httpx.Response) -> None:
        """Called before anything of the body is read."""

    def _is_streamed(self, response: httpx.Response) -> bool:
        return media_type(response) in self._media_types

    async def _rest(self) -> bytes:
        """What there is of the body of an answer that is not streamed."""
        content = bytearray()
        try:
            async for chunk in self._chunks:
                content += chunk
                if len(content) >= _MAX_REFUSAL:
                    break
        except httpx.TransportError:
            pass  # the status says more than that its explanation was cut
        finally:
            await self.aclose()
        return bytes(content)

    async def _next_chunk(self) -> bytes:
        """The next bytes of the body; none at its clean end."""
        chunks = await self._unread()
        try:
            async for chunk in chunks:
                if chunk:
                    return chunk
        except BaseException as error:
            await self._break_off(error)
            raise
        await self._end()
        return b""

    async def _unread(self) -> AsyncIterator[bytes]:
        """The chunks of the body that are still to come, opened if need be."""
        if self._ended:
            return _nothing()
        if self._response is None:
            await self._open()
        if self._closed:
            raise httpx.StreamClosed
        return self._chunks

    async def _end(self) -> None:
        """The body has ended cleanly."""
        self._ended = True
        await self.aclose()

    async def _break_off(self, error: BaseException) -> None:
        """Reading has failed.

        Raises:
            StreamTruncated: The body was cut.
        """
        await self.aclose()
        if isinstance(error, httpx.RequestError):
            error.request = self.response.request
            if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError)):
                raise StreamTruncated("the body was cut before its end") from error


class AsyncByteStream(AsyncBodyStream):
    """The bytes of a file, as they arrive; see `ByteStream`."""

    async def save(self, target: "str | os.PathLike[str] | BinaryIO") -> int:
        """Write what is still to come to a file; see `ByteStream.save`.

        The file is written in the event loop's own thread, a chunk at a time.
        """
        size = 0
        async with self:
            with _open_to_write(target) as file:
                async for chunk in self:
                    file.write(chunk)
                    size += len(chunk)
        return size

    def __aiter__(self) -> "Self":
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self._next_chunk():
            return chunk
        raise StopAsyncIteration

    def _is_streamed(self, response: httpx.Response) -> bool:
        return is_file(response, self._media_types)
