"""Event streams: bytes in, one frame per event out, and two thin drivers.

What execd calls an event stream comes in three spellings, which can be mixed on one stream:

- a bare JSON object and a blank line, as execd itself writes;
- one JSON object a line, as its metrics come;
- true server-sent events, as gateways and newer servers write: the object is in `data:` fields,
  among fields and comments that mean nothing here.

A spelling is never negotiated, so `FrameDecoder` reads each line by what it begins with. It holds
state and no socket: hand it chunks cut anywhere, and it hands back frames, each normally the bytes
of one JSON object. What must stay true in it:

- Lines are split on bytes, at LF, CR LF and CR only. Text splitters also break at U+0085, U+2028
  and several controls, which are legal inside JSON strings.
- Nothing that might be content is dropped. A line that is neither JSON nor a field becomes a frame
  as it is, so that whoever parses frames reports it; the decoder itself never fails.
- Time is linear in the bytes fed, however an event of many megabytes is cut.

`EventStream` and `AsyncEventStream` read frames until the body ends; `bodies` has their request and
their connection. Only the clean end of the body ends a stream, never an event: real servers send
`execution_complete` before the last output. The two differ in nothing but `await`.
"""

import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import httpx
from execd_client.bodies import AsyncBodyStream, BodyStream, network_stream
from execd_client.errors import MalformedFrame, StreamErrorObject

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncEventStream", "EventStream", "FrameDecoder", "decode_frame", "parse_events"]

T = TypeVar("T")

_BOM: Final = b"\xef\xbb\xbf"
# The fields of SSE, each with a colon or alone, and comments, which begin with the colon. SSE
# would pass over other names too, but "error: upstream timed out" is what a gateway may say.
_FIELD: Final = re.compile(rb"(?:data|event|id|retry)(?::|\Z)|:")
_GLUED: Final = re.compile(rb"\}\{")
# To look for a number in bytes takes a tenth of the time that it takes to look for one byte.
_CR: Final = ord("\r")
_BRACE: Final = ord("{")
_JSON_SPACE: Final = " \t\r\n"
_raw_decode: Final = json.JSONDecoder().raw_decode


class FrameDecoder:
    r"""Cuts the bytes of an event stream into frames.

    Example:
        >>> decoder = FrameDecoder()
        >>> decoder.feed(b'{"type":"init"}\n\n{"type":')
        [b'{"type":"init"}']
        >>> decoder.feed(b'"ping"}'), decoder.finish()
        ([], [b'{"type":"ping"}'])
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the line that has not ended yet
        self._data: list[bytes] = []  # `data:` lines of the SSE frame that has not ended yet
        self._after_cr = False  # the last chunk ended with CR, which an LF may still belong to
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the body.

        Args:
            data: Any number of bytes, cut anywhere.

        Returns:
            The frames that these bytes complete, in order; often none.
        """
        block = self.feed_block(data)
        return self.cut(block) if isinstance(block, bytes) else block

    def feed_block(self, data: bytes) -> bytes | list[bytes]:
        """Take the next bytes of the body, for those who can parse many lines at once.

        Args:
            data: Any number of bytes, cut anywhere.

        Returns:
            Whole lines as they came, LF-ended, where the first begins with a brace and no frame is
            open; they are most likely bare objects. `cut` is to be called for them before anything
            else, unless each of them turns out to be one object or blank. Otherwise frames.
        """
        if (
            data[-1:] == b"\n"
            and data[0] == _BRACE
            and not (self._parts or self._data or self._after_cr or self._at_start or _CR in data)
        ):
            return data  # as nearly all are; what follows would come to the same
        if self._after_cr or _CR in data:
            data = self._with_lf(data)
        end = data.rfind(b"\n") + 1
        if not end:
            if data:
                self._parts.append(data)
            return []
        rest = data[end:]
        if rest:
            data = data[:end]
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts.clear()
        if rest:
            self._parts.append(rest)
        if self._at_start:
            self._at_start = False
            data = data.removeprefix(_BOM)
        return data if data[0] == _BRACE and not self._data else self.cut(data)

    def finish(self) -> list[bytes]:
        """Take the clean end of the body.

        Returns:
            What was still open: a last line without its newline, an SSE frame without its blank
            line.
        """
        return self.feed(b"\n\n") if self.unfinished else []

    @property
    def unfinished(self) -> bool:
        """Whether something is open that `finish` would return: the last event has no end yet."""
        return bool(self._parts or self._data)

    def _with_lf(self, data: bytes) -> bytes:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def cut(self, block: bytes) -> list[bytes]:
        """The frames that a block of whole lines completes."""
        bare = block[0] == _BRACE and not self._data
        if bare and block.find(b"\n") >= len(block) - 2:
            # An object and its blank line, as execd writes them. To split, which looks at each
            # byte in turn, would be most of the cost of a long event.
            frame = block.rstrip(b"\n")
            if not _glued(frame):
                return [frame]
        lines = block.split(b"\n")
        lines.pop()
        if bare and not _glued(block):
            frames = [line for line in lines if line]
            for frame in frames:
                if frame[0] != _BRACE:
                    break
            else:
                return frames
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[bytes]:
        """`cut`, with nothing taken for granted."""
        frames: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not _FIELD.match(line):
                if self._data:
                    self._end_sse_frame(frames)
                _add(line, frames)
            elif line == b"data":
                self._data.append(b"")
        return frames

    def _end_sse_frame(self, frames: list[bytes]) -> None:
        lines, self._data = self._data, []
        if len(lines) > 1:
            frames.extend(_unglue(b"\n".join(lines)))
        else:
            _add(lines[0], frames)


def _add(frame: bytes, frames: list[bytes]) -> None:
    if _glued(frame):
        frames.extend(_unglue(frame))
    elif frame and not frame.isspace():
        frames.append(frame)


def _glued(data: bytes) -> bool:
    """Whether a closing brace stands right before an opening one."""
    # To look for two bytes takes many times as long as to look for one, and the first closing
    # brace of most events is their last byte.
    first = data.find(b"}")
    return 0 <= first < len(data) - 1 and _GLUED.search(data, first) is not None


def _unglue(frame: bytes) -> list[bytes]:
    """Split JSON values that stand side by side; what does not parse stays in one piece."""
    text = frame.decode("utf-8", "surrogateescape")  # and back: the same bytes, valid UTF-8 or not
    pieces: list[bytes] = []
    start, end = 0, len(text)
    while start < end:
        if text[start] in _JSON_SPACE:
            start += 1
            continue
        try:
            _, stop = _raw_decode(text, start)
        except (ValueError, RecursionError):
            stop = end
        pieces.append(text[start:stop].encode("utf-8", "surrogateescape"))
        start = stop
    return pieces


def decode_frame(frame: bytes) -> dict[str, Any]:
    """The JSON object in a frame.

    Raises:
        MalformedFrame: The frame is not the UTF-8 text of one JSON object.
    """
    try:
        value: object = json.loads(frame.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(frame) from error
    if not isinstance(value, dict):
        raise MalformedFrame(frame)
    return cast("dict[str, Any]", value)


def _error_object(value: Mapping[str, Any]) -> StreamErrorObject | None:
    """The error for an ErrorResponse that stands among the events, None for anything else."""
    code, message = value.get("code"), value.get("message")
    if value.get("type") is None and isinstance(code, str) and isinstance(message, str):
        return StreamErrorObject(code, message)
    return None


def _parse(frame: bytes, from_dict: Callable[[dict[str, Any]], T]) -> T:
    value = decode_frame(frame)
    if error := _error_object(value):
        raise error
    try:
        return from_dict(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedFrame(frame) from error


def parse_events(body: bytes, from_dict: Callable[[dict[str, Any]], T]) -> list[T]:
    """All events of a body that was read to its end.

    Raises:
        MalformedFrame: Something on the stream is not an event.
        StreamErrorObject: The server wrote an ErrorResponse among the events.
    """
    decoder = FrameDecoder()
    return [_parse(frame, from_dict) for frame in decoder.feed(body) + decoder.finish()]


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
            return _parse(self._frames.popleft(), self._from_dict)
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
            return _parse(self._frames.popleft(), self._from_dict)
        except BaseException:
            self.discard_connection()
            await self.aclose()
            raise

    def _answered(self, response: httpx.Response) -> None:
        self._body = response.stream = _AsyncBody(response, self._decoder)
