"""Requests whose answers are read as they arrive: event streams and downloads.

A stream sends its request when it is entered or first advanced, checks status and content type
before it hands out anything of the body, and releases the connection whatever happens. Only the
clean end of the body is an end, never an event: real servers send `execution_complete` before the
last output. A body that is cut is `StreamTruncated`.

`_sync_streams` is made from `_async_streams` by scripts/unasync.py.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Generic, TypeVar, cast

import httpx
from execd_client import _opening
from execd_client._primitives import AsyncLock, abreak_connection
from execd_client.frames import FrameDecoder, parse_event
from execd_client.responses import is_file, media_type

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

T = TypeVar("T")

# A body holds its response, which holds the body: replacing it frees all of them at once.
_NOTHING: Final = httpx.ByteStream(b"")


class AsyncBodyStream:
    """One request and the body of its answer, as it arrives: the base of the streams.

    Args:
        client: Sends the request.
        request: Arguments of `httpx.AsyncClient.build_request`.
        media_types: The content types of the answers that are streamed; others are refused.
        timeout: Limits of this request. The default is the client's, without a limit on reading.
        parse_other: Parses an answer, its argument `response`, that is documented for the operation
            but not streamed.
    """

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
        self._closing = AsyncLock()

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
        with self._closing:
            self._closed = True
            if self._response is not None:
                await self._response.aclose()

    async def abort(self) -> None:
        """Break the connection, from any task: the reader of the body gets StreamTruncated."""
        with self._closing:  # once it is closed, another request may have the connection
            if self._response is None or self._closed:
                return
            network = _opening.network_stream(self._response)
            if network is not None:
                await abreak_connection(network)

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
        request = _opening.build_request(self._client, self._request, self._timeout)
        response = await self._client.send(request, stream=True)
        self._response = response
        self._answered(response)
        # httpx's decoding of a body that is not encoded is a tenth of the cost of a small chunk.
        encoded = "content-encoding" in response.headers
        body = cast("httpx.AsyncByteStream", response.stream)
        self._chunks = response.aiter_bytes() if encoded else aiter(body)
        if not (response.is_success and self._is_streamed(response)):
            _opening.limit_reading(response, self._client.timeout)
            raise _opening.refusal(response, await self._rest(), self._parse_other)

    def _answered(self, response: httpx.Response) -> None:
        """Called before anything of the body is read."""

    def _is_streamed(self, response: httpx.Response) -> bool:
        return media_type(response) in self._media_types

    async def _rest(self) -> bytes:
        """Read the body of an answer that is not streamed, as far as it comes."""
        content = bytearray()
        try:
            async for chunk in self._chunks:
                content += chunk
                if len(content) >= _opening.MAX_REFUSAL:
                    break
        except httpx.TransportError:
            pass  # the status says more than that its explanation was cut
        finally:
            await self.aclose()
        return bytes(content)

    async def _next_chunk(self) -> bytes:
        """Return the next bytes of the body, b"" at its clean end."""
        if self._ended:
            return b""
        if self._response is None:
            await self._open()
        if self._closed:
            raise httpx.StreamClosed
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        except BaseException as error:
            await self.aclose()
            _opening.explain(error, self.response.request)
            raise
        self._ended = True
        await self.aclose()
        return b""


class AsyncByteStream(AsyncBodyStream):
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

    async def save(self, target: "str | os.PathLike[str] | BinaryIO") -> int:
        """Write the rest of the body to a file, one chunk at a time, in the calling thread.

        Args:
            target: A path, which is created or overwritten once the server has answered well; or
                a file that is open for writing bytes, which stays open.

        Returns:
            How many bytes were written. After an exception the file holds what had arrived.
        """
        size = 0
        async with self:
            with _opening.open_to_write(target) as file:
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


class _AsyncBody(httpx.AsyncByteStream):
    """A response's body that can take its connection with it when it is closed.

    The connection is closed before the pool hears of the end of the body, so that no other request
    can be given it in between. A body that ends in the middle of a line takes it along unasked: an
    ErrorResponse without its newline looks like that, and is known for one only afterwards.
    """

    def __init__(self, response: httpx.Response, decoder: FrameDecoder) -> None:
        self.discard = False
        self._decoder = decoder
        self._stream: httpx.AsyncByteStream = cast("httpx.AsyncByteStream", response.stream)
        self._network = _opening.network_stream(response)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        try:
            if self._network is not None and (self.discard or self._decoder.unfinished):
                await self._network.aclose()
        finally:
            stream, self._stream = self._stream, _NOTHING
            await stream.aclose()


class AsyncEventStream(AsyncBodyStream, Generic[T]):
    """The events of one request, as they arrive.

    A context manager and an iterator. Entering it sends the request; without `with`, the first
    step does. Leaving it, the end of the body and every error release the connection.

    Args:
        client: Sends the request.
        request: Arguments of `httpx.AsyncClient.build_request`.
        from_dict: Makes an event from a JSON object.
        media_types: The content types that are event streams; anything else is refused.
        timeout: Limits of this request. The default is the client's, without a limit on reading.
        parse_other: Parses an answer, its argument `response`, that is documented for the operation
            but not a stream.

    Raises:
        UnexpectedStatus: On opening: the status is not 2xx, or the content type is not one of
            `media_types`.
        NotStreamed: On opening: the answer is documented, but it is not a stream.
        StreamTruncated: While reading: the connection was cut before the clean end of the body.
        MalformedFrame: While iterating: something on the stream is not an event.
        StreamErrorObject: While iterating: the server wrote an ErrorResponse among the events.
        httpx.TimeoutException: A limit of `timeout` passed.
        httpx.TransportError: No connection, or it was cut before there was an answer.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        request: Mapping[str, Any],
        from_dict: Callable[[dict[str, Any]], T],
        *,
        media_types: Collection[str] = ("text/event-stream",),
        timeout: httpx.Timeout | None = None,
        parse_other: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(
            client, request, media_types=media_types, timeout=timeout, parse_other=parse_other
        )
        self._from_dict = from_dict
        self._decoder = FrameDecoder()
        self._frames: deque[bytes] = deque()
        self._body: _AsyncBody | None = None

    async def next_frames(self) -> list[bytes]:
        """Return the frames that arrive next: at least one, or none at the clean end of the body.

        For callers that parse frames themselves; see `decode_frame`. Opening, errors and the end
        are those of iteration, except that the frames are not looked into: a caller that finds an
        ErrorResponse among them calls `discard_connection`.
        """
        if self._frames:
            frames = list(self._frames)
            self._frames.clear()
            return frames
        while chunk := await self._next_chunk():
            if frames := self._decoder.feed(chunk):
                return frames
        return self._decoder.finish()

    def discard_connection(self) -> None:
        """Close the connection at the end of this stream: no other request may use it.

        Needed after an ErrorResponse among the events, behind which servers can write bytes that
        lie past the end of the body. Reading goes on.
        """
        if self._body is not None:
            self._body.discard = True

    def __aiter__(self) -> "Self":
        return self

    async def __anext__(self) -> T:
        if not self._frames:
            self._frames.extend(await self.next_frames())
        if not self._frames:
            raise StopAsyncIteration
        try:
            return parse_event(self._frames.popleft(), self._from_dict)
        except BaseException:
            self.discard_connection()
            await self.aclose()
            raise

    def _answered(self, response: httpx.Response) -> None:
        self._body = response.stream = _AsyncBody(response, self._decoder)
