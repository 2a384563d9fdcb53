"""What can happen in a run: one small frozen type for each kind of event, made from one JSON frame.

Nothing here knows sockets or frames' boundaries; `execd_client.streaming` does. What must stay
true: any field may be missing or null, unknown fields and unknown types of events do no harm, and
a frame that is not an event is a ProtocolError and never passed over.

Times are Unix milliseconds of the server's clock, 0 when the server did not say.
"""

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import msgspec

from code_interpreter._errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

_EXCERPT = 120


class _Event(msgspec.Struct, frozen=True, tag_field="type", gc=False):
    timestamp: int | None = None


class Init(_Event, frozen=True, tag="init"):
    """The run has begun; `id` is what interrupts it."""

    id: str | None = msgspec.field(name="text", default=None)


class Stdout(_Event, frozen=True, tag="stdout"):
    """Text on standard output, with the newlines that the code printed."""

    text: str | None = None


class Stderr(_Event, frozen=True, tag="stderr"):
    """Text on standard error, with the newlines that the code printed."""

    text: str | None = None


class MimeBundle(_Event, frozen=True, tag="result"):
    """A value of the last expression, or something that the code displayed, by MIME type.

    Attributes:
        results: MIME type → value; real servers write ``text`` for ``text/plain``. Binary types
            are base64 strings, JSON types can be objects.
        display: Whether the code displayed it, and it is not the last expression's value.
        display_id: The name under which the code can update it.
        update: Whether it takes the place of what was shown before under its `display_id`.
    """

    results: dict[str, Any] | None = None
    display: bool | None = None
    display_id: str | None = None
    update: bool | None = None


class ExecutionCount(_Event, frozen=True, tag="execution_count"):
    """The number of the cell within its context, from 1."""

    count: int | None = msgspec.field(name="execution_count", default=None)


class ErrorDetails(msgspec.Struct, frozen=True, gc=False):
    """What the kernel said of a failure: the exception's name, its text, lines of a traceback."""

    ename: str | None = None
    evalue: str | None = None
    traceback: list[str] | str | None = None


class Error(_Event, frozen=True, tag="error"):
    """The user's code failed."""

    error: ErrorDetails | None = None


class Complete(_Event, frozen=True, tag="execution_complete"):
    """The kernel was idle once. Not the end: real servers send this before the last output."""

    execution_time: int | None = None


class Status(_Event, frozen=True, tag="status"):
    """The kernel's reply, as real servers add it: ``ok`` or ``error``."""

    text: str | None = None


class Ping(_Event, frozen=True, tag="ping"):
    """The server is alive."""


class ErrorObject(msgspec.Struct, frozen=True, gc=False):
    """An ErrorResponse that the server wrote into the stream: the run failed outside the code."""

    code: str
    message: str


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """An event of a type that came after this package."""

    type: str


Event: TypeAlias = (
    Init | Stdout | Stderr | MimeBundle | ExecutionCount | Error | Complete | Status | Ping
    | ErrorObject | Unknown
)  # fmt: skip
_Tagged: TypeAlias = (
    Init | Stdout | Stderr | MimeBundle | ExecutionCount | Error | Complete | Status | Ping
)

_decoder: Final[msgspec.json.Decoder[_Tagged]] = msgspec.json.Decoder(_Tagged)
_decode_all: Final = cast("Callable[[bytes], list[Event]]", _decoder.decode_lines)
_KNOWN_TYPES: Final = frozenset(
    str(event.__struct_config__.tag)
    for event in (Init, Stdout, Stderr, MimeBundle, ExecutionCount, Error, Complete, Status, Ping)
)


def decode_lines(lines: bytes) -> list[Event] | None:
    """The events in whole lines, in order; None if their frames must be decoded one by one.

    One call of the JSON decoder for many lines takes half the time of one call for each of them.
    """
    try:
        # To find one newline is much faster than to split, for events of many kilobytes.
        if lines.find(b"\n") >= len(lines) - 2:
            return [_decoder.decode(lines)]
        events = _decode_all(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # The decoder also takes an object that goes over several lines, and several on one line.
    between = lines.split(b"\n")
    if len(between) == 2 * len(events) + 1 and not any(between[1::2]):
        return events  # with a blank line behind each, as execd writes them
    return events if len(between) == len(events) + 1 else None


def decode(frame: bytes) -> Event:
    """The event in one frame.

    Raises:
        ProtocolError: The frame is not a JSON object, or not one that execd sends.
    """
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_unusual(frame)


def _decode_unusual(frame: bytes) -> Event:
    """Error objects, unknown events, and JSON that msgspec refuses, such as a lone surrogate."""
    try:
        parsed: object = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"an event is not JSON: {_excerpt(frame)}", cause=error) from error
    if isinstance(parsed, dict):
        fields = cast("dict[str, object]", parsed)
        kind, code, message = fields.get("type"), fields.get("code"), fields.get("message")
        if isinstance(kind, str):
            if kind not in _KNOWN_TYPES:
                return Unknown(kind)
            try:
                return msgspec.convert(fields, cast("type[_Tagged]", _Tagged))
            except msgspec.ValidationError as error:
                raise ProtocolError(
                    f"a malformed {kind!r} event ({error}): {_excerpt(frame)}", cause=error
                ) from error
        if isinstance(code, str) and isinstance(message, str):
            return ErrorObject(code, message)
    raise ProtocolError(f"not an event: {_excerpt(frame)}")


def _excerpt(frame: bytes) -> str:
    text = repr(frame[:_EXCERPT])
    return text if len(frame) <= _EXCERPT else f"{text}… ({len(frame)} bytes)"
