"""Event streams: requests whose answers are read frame by frame.

`EventStream` and `AsyncEventStream` read frames until the body ends; `frames` has the decoder, and
`bodies` the request and its connection. Only the clean end of the body ends a stream, never an
event: real servers send `execution_complete` before the last output. The two differ in nothing but
`await`.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import httpx
from execd_client.bodies import AsyncBodyStream, BodyStream, network_stream
from execd_client.frames import FrameDecoder, decode_frame, parse_event, parse_events

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncEventStream", "EventStream", "FrameDecoder", "decode_frame", "parse_events"]

T = TypeVar("T")


# httpx's stream holds the response that holds it: once it is let go of, all is freed at once.
_NOTHING: Final = httpx.ByteStream(b"")


class _Body(httpx.SyncByteStream):
    """A response's body that can take its connection with it when it is closed.

    The connection is closed before the pool hears of the end of the body, so that no other request
    can be given it in between. A body that ends in the middle of a line takes it along unasked: an
    ErrorResponse without its newline looks like that, and is known for one only afterwards.
    """

    def __init__(self, response: httpx.Response, decoder: FrameDecoder) -> None:
        self.discard = False
        self._decoder = decoder
        self._stream: httpx.SyncByteStream = cast("httpx.SyncByteStream", response.stream)
        self._network = network_stream(response)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        try:
            if self._network is not None and (self.discard or self._decoder.unfinished):
                self._network.close()
        finally:
            stream, self._stream = self._stream, _NOTHING
            stream.close()


class _AsyncBody(httpx.AsyncByteStream):
    """See `_Body`."""

    def __init__(self, response: httpx.Response, decoder: FrameDecoder) -> None:
        self.discard = False
        self._decoder = decoder
        self._stream: httpx.AsyncByteStream = cast("httpx.AsyncByteStream", response.stream)
        self._network = network_stream(response)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        try:
            if self._network is not None and (self.discard or self._decoder.unfinished):
                await self._network.aclose()
        finally:
            stream, self._stream = self._stream, _NOTHING
            await stream.aclose()


class EventStream(BodyStream, Generic[T]):
    """The events of one request, as they arrive.

    A context manager and an iterator. Entering it sends the request; without `with`, the first
    step does. Leaving it, the end of the body and every error release the connection.

    Args:
        client: Sends the request.
        request: Arguments of `httpx.Client.build_request`.
        from_dict: Makes an event from a JSON object.
        media_types: The content types that are event streams; anything else is refused.
        timeout: Limits of this request. The default is the client's, without a limit on reading.
        parse_other: Parses an answer, its argument `response`, that is documented for the operation
            but not a stream.

    Raises:
        UnexpectedStatus: On opening: the status is not 2xx, or the content type is none of
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
        client: httpx.Client,
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
        self._body: _Body | None = None

    def next_frames(self) -> list[bytes]:
        """Return the frames that arrive next: at least one, or none at the clean end of the body.

        For callers that parse frames themselves; see `decode_frame`. Opening, errors and the end
        are those of iteration, except that the frames are not looked into: a caller that finds an
        ErrorResponse among them calls `discard_connection`.
        """
        if self._frames:
            frames = list(self._frames)
            self._frames.clear()
            return frames
        while chunk := self._next_chunk():
            if frames := self._decoder.feed(chunk):
                return frames
        return self._decoder.finish()

    def batches(self) -> Iterator[list[bytes]]:
        """The raw frames, one list for each chunk of the body that completes any.

        The fast road, for those who parse frames themselves; see `decode_frame`. Everything said
        above of opening, errors and the end holds here too, but nothing looks into the frames: a
        caller who meets an ErrorResponse calls `discard_connection`.
        """
        while frames := self.next_frames():
            yield frames

    def blocks(self) -> Iterator[bytes | list[bytes]]:
        """What `batches` gives, but whole lines in one piece where they are most likely objects.

        The fastest road, for those who parse many lines with one call; see
        `FrameDecoder.feed_block`, whose `cut` is here too.
        """
        if self._frames:
            yield self.next_frames()
        feed = self._decoder.feed_block
        chunks = self._unread()
        try:
            for chunk in chunks:
                if chunk and (block := feed(chunk)):
                    yield block
        except GeneratorExit:  # the reader has stopped, and may go on
            raise
        except BaseException as error:
            self._break_off(error)
            raise
        self._end()
        if frames := self._decoder.finish():
            yield frames

    def cut(self, block: bytes) -> list[bytes]:
        """The frames of a block of lines; to be called before the next block is asked for."""
        return self._decoder.cut(block)

    def discard_connection(self) -> None:
        """Close the connection at the end of this stream: no other request shall use it.

        Needed after an ErrorResponse among the events, behind which servers can write bytes that
        lie past the end of the body. Reading goes on.
        """
        if self._body is not None:
            self._body.discard = True

    def __iter__(self) -> "Self":
        return self

    def __next__(self) -> T:
        if not self._frames:
            self._frames.extend(self.next_frames())
        if not self._frames:
            raise StopIteration
        try:
            return parse_event(self._frames.popleft(), self._from_dict)
        except BaseException:
            self.discard_connection()
            self.close()
            raise

    def _answered(self, response: httpx.Response) -> None:
        self._body = response.stream = _Body(response, self._decoder)


class AsyncEventStream(AsyncBodyStream, Generic[T]):
    """The events of one request, as they arrive; see `EventStream`."""

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

        See `EventStream.next_frames`.
        """
        if self._frames:
            frames = list(self._frames)
            self._frames.clear()
            return frames
        while chunk := await self._next_chunk():
            if frames := self._decoder.feed(chunk):
                return frames
        return self._decoder.finish()

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """The raw frames, one list for each chunk of the body that completes any.

        See `EventStream.batches`.
        """
        while frames := await self.next_frames():
            yield frames

    async def blocks(self) -> AsyncIterator[bytes | list[bytes]]:
        """What `batches` gives, but whole lines in one piece where they are most likely objects.

        See `EventStream.blocks`.
        """
        if self._frames:
            yield await self.next_frames()
        feed = self._decoder.feed_block
        chunks = await self._unread()
        try:
            async for chunk in chunks:
                if chunk and (block := feed(chunk)):
                    yield block
        except GeneratorExit:  # the reader has stopped, and may go on
            raise
        except BaseException as error:
            await self._break_off(error)
            raise
        await self._end()
        if frames := self._decoder.finish():
            yield frames

    def cut(self, block: bytes) -> list[bytes]:
        """The frames of a block of lines; see `EventStream.cut`."""
        return self._decoder.cut(block)

    def discard_connection(self) -> None:
        """Close the connection at the end of this stream: no other request shall use it.

        See `EventStream.discard_connection`.
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
