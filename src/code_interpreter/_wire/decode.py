"""One JSON frame becomes one typed event.

Any field may be missing or null, unknown fields and types of events are ignored, and a frame that
is not an event is a ProtocolError.
"""

import json
from collections.abc import Callable
from typing import Final, cast, get_args

import msgspec

from code_interpreter import events
from code_interpreter._errors import ProtocolError

_EXCERPT: Final = 120  # bytes

_KNOWN_TYPES: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(events.Tagged))

UNUSUAL: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What `decode_known` raises for a frame that is a case for `decode`."""
_decoder: Final[msgspec.json.Decoder[events.Tagged]] = msgspec.json.Decoder(events.Tagged)
decode_known: Final[Callable[[bytes], events.Tagged]] = _decoder.decode


def decode(frame: bytes) -> events.Event:
    """Return the event in one frame; raise ProtocolError if execd never sends such a one."""
    try:
        return decode_known(frame)
    except UNUSUAL:
        return _decode_unusual(frame)


def _decode_unusual(frame: bytes) -> events.Event:
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
                return events.Unknown(kind)
            try:
                return msgspec.convert(fields, cast("type[events.Tagged]", events.Tagged))
            except (msgspec.ValidationError, UnicodeEncodeError) as error:  # a lone surrogate
                raise ProtocolError(
                    f"a malformed {kind!r} event ({error}): {_excerpt(frame)}", cause=error
                ) from error
        if isinstance(code, str) and isinstance(message, str):
            return events.ErrorObject(code, message)
    raise ProtocolError(f"not an event: {_excerpt(frame)}")


def _excerpt(frame: bytes) -> str:
    text = repr(frame[:_EXCERPT])
    return text if len(frame) <= _EXCERPT else f"{text}… ({len(frame)} bytes)"
