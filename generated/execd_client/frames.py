"""Frames of an event stream: bytes in, one frame per event out, and what a frame holds.

What execd calls an event stream comes in three spellings, which can be mixed on one stream:

- a bare JSON object and a blank line, as execd itself writes;
- one JSON object per line, as its metrics come;
- true server-sent events, as gateways and newer servers write: the object is in `data:` fields,
  among fields and comments that mean nothing here.

No header tells which, so `FrameDecoder` reads each line by what it begins with. It holds state and
no socket: it takes chunks cut anywhere, and returns frames, each normally the bytes of one JSON
object. What must stay true in it:

- Lines are split on bytes, at LF, CR LF and CR only. Text splitters also break at U+0085, U+2028
  and several controls, which are legal inside JSON strings.
- Nothing that might be content is dropped. A line that is neither JSON nor a field becomes a frame
  as it is, so that the parser of frames reports it; the decoder itself never fails.
- Time and memory are linear in the bytes fed, for any size of chunk and event.
"""

import json
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final, TypeVar, cast

from execd_client.errors import MalformedFrame, StreamErrorObject

__all__ = ["FrameDecoder", "decode_frame", "parse_event", "parse_events"]

T = TypeVar("T")

_BOM: Final = b"\xef\xbb\xbf"
# The fields of SSE, each with a colon or alone, and comments, which begin with the colon. SSE
# ignores other names too, but "error: upstream timed out" is what a gateway may say.
_FIELD: Final = re.compile(rb"(?:data|event|id|retry)(?::|\Z)|:")
_GLUED: Final = re.compile(rb"\}\{")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
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

    __slots__ = ("_after_cr", "_at_start", "_data", "_line")

    def __init__(self) -> None:
        # Not lists of pieces: a piece of one byte takes a hundred bytes in one.
        self._line = BytesIO()  # the line that has not ended yet
        self._data: BytesIO | None = None  # the `data:` lines of the SSE frame that has not ended
        self._after_cr = False  # the last chunk ended with CR, which an LF may still belong to
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the body.

        Args:
            data: Any number of bytes, cut anywhere.

        Returns:
            The frames that these bytes complete, in order; often an empty list.
        """
        if self._after_cr or _CR in data:
            data = self._with_lf(data)
        end = data.rfind(b"\n") + 1
        if not end:
            self._line.write(data)
            return []
        rest = data[end:]
        if rest:
            data = data[:end]
        if self._line.tell():
            self._line.write(data)
            data = self._line.getvalue()
            self._line = BytesIO()
        if rest:
            self._line.write(rest)
        if self._at_start:
            self._at_start = False
            data = data.removeprefix(_BOM)
        return self._cut(data)

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
        return self._data is not None or self._line.tell() > 0

    def _with_lf(self, data: bytes) -> bytes:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _cut(self, block: bytes) -> list[bytes]:
        """Return the frames that a block of whole lines completes."""
        bare = block[0] == _BRACE and self._data is None
        if bare and block.find(b"\n") >= len(block) - 2:
            # An object and its blank line, as execd writes them. To split, which looks at each
            # byte in turn, would be most of the cost of a long event.
            frame = block.rstrip(b"\n")
            if not _glued(frame):
                return [frame]
        lines = block.splitlines()  # at LF alone: there is no CR any more
        if bare and not _glued(block):
            frames = list(filter(None, lines))
            # Faster than to look at each: all begin with it if the least and the greatest do.
            if min(frames)[0] == max(frames)[0] == _BRACE:
                return frames
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[bytes]:
        """Return the frames that lines of any spelling complete."""
        frames: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._add_data(line[5:].removeprefix(b" "))
            elif not _FIELD.match(line):
                if self._data is not None:
                    _add(self._data.getvalue(), frames)
                    self._data = None
                _add(line, frames)
            elif line == b"data":
                self._add_data(b"")
        return frames

    def _add_data(self, line: bytes) -> None:
        if self._data is None:
            self._data = BytesIO()
        else:
            self._data.write(b"\n")
        self._data.write(line)


def _add(frame: bytes, frames: list[bytes]) -> None:
    if _glued(frame) or b"\n" in frame:  # several `data:` lines can be one object or many
        frames.extend(_unglue(frame))
    elif frame and not frame.isspace():
        frames.append(frame)


def _glued(data: bytes) -> bool:
    """Return whether a closing brace stands right before an opening one."""
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
    """Return the JSON object in a frame.

    Raises:
        MalformedFrame: The frame is not the UTF-8 text of one JSON object, or a key or a value in
            it has half of a surrogate pair, which UTF-8 cannot hold.
    """
    try:
        value: object = json.loads(frame.decode("utf-8"))
        if _SURROGATE.search(frame):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(frame) from error
    if not isinstance(value, dict):
        raise MalformedFrame(frame)
    return cast("dict[str, Any]", value)


def _error_object(value: Mapping[str, Any]) -> StreamErrorObject | None:
    """Return the error for an ErrorResponse that stands among the events, None for other values."""
    code, message = value.get("code"), value.get("message")
    if value.get("type") is None and isinstance(code, str) and isinstance(message, str):
        return StreamErrorObject(code, message)
    return None


def parse_event(frame: bytes, from_dict: Callable[[dict[str, Any]], T]) -> T:
    """Return the event in a frame.

    Raises:
        MalformedFrame: The frame is not an event.
        StreamErrorObject: The frame is an ErrorResponse.
    """
    value = decode_frame(frame)
    if error := _error_object(value):
        raise error
    try:
        return from_dict(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedFrame(frame) from error


def parse_events(body: bytes, from_dict: Callable[[dict[str, Any]], T]) -> list[T]:
    """Return all events of a body that was read to its end.

    Raises:
        MalformedFrame: Something on the stream is not an event.
        StreamErrorObject: The server wrote an ErrorResponse among the events.
    """
    decoder = FrameDecoder()
    return [parse_event(frame, from_dict) for frame in decoder.feed(body) + decoder.finish()]
