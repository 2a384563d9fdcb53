"""One JSON frame becomes one typed event.

Any field may be missing or null, unknown fields and types of events are ignored, and a frame that
is not an event is a ProtocolError.
"""

import json
from typing import Final, TypeAlias, cast

import msgspec

from code_interpreter._errors import ProtocolError
from code_interpreter.events import (
    Complete,
    Error,
    ErrorObject,
    Event,
    ExecutionCount,
    Init,
    MimeBundle,
    Ping,
    Status,
    Stderr,
    Stdout,
    Unknown,
)

_EXCERPT: Final = 120  # bytes

_Tagged: TypeAlias = (
    Init | Stdout | Stderr | MimeBundle | ExecutionCount | Error | Complete | Status | Ping
)

_decoder: Final[msgspec.json.Decoder[_Tagged]] = msgspec.json.Decoder(_Tagged)
_KNOWN_TYPES: Final = frozenset(
    str(event.__struct_config__.tag)
    for event in (Init, Stdout, Stderr, MimeBundle, ExecutionCount, Error, Complete, Status, Ping)
)


def decode(frame: bytes) -> Event:
    """Return the event in one frame.

    Raises:
        ProtocolError: The frame is not a JSON object that execd sends.
    """
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_unusual(frame)


def _decode_unusual(frame: bytes) -> Event:
    """Decode error objects, unknown events, and JSON that msgspec refuses (lone surrogates)."""
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
            except (msgspec.ValidationError, UnicodeEncodeError) as error:  # a lone surrogate
                raise ProtocolError(
                    f"a malformed {kind!r} event ({error}): {_excerpt(frame)}", cause=error
                ) from error
        if isinstance(code, str) and isinstance(message, str):
            return ErrorObject(code, message)
    raise ProtocolError(f"not an event: {_excerpt(frame)}")


def _excerpt(frame: bytes) -> str:
    text = repr(frame[:_EXCERPT])
    return text if len(frame) <= _EXCERPT else f"{text}… ({len(frame)} bytes)"
