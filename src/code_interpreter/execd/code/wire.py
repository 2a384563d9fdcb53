"""The Jupyter wire protocol: messages to signed frames and back. Pure.

Kernels answer on sockets that any process of the same user could connect to, so a message counts
only with a signature made with the kernel's own key. What must stay true: `parse` never trusts
unsigned bytes, and always returns text that can be encoded again (no lone surrogates).
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

_DELIMITER = b"<IDS|MSG>"
_PARTS = 5  # signature, header, parent header, metadata, content
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadMessageError(Exception):
    """Bytes that are not a message of this kernel."""


class Message(NamedTuple):
    """What the runtime wants to know of a message.

    Attributes:
        kind: The message type, such as `stream`.
        parent: Id of the request that it belongs to; empty when it belongs to none.
        content: What it says.
    """

    kind: str
    parent: str
    content: dict[str, Any]


class _Header(msgspec.Struct):
    msg_type: str


class _ParentHeader(msgspec.Struct):
    msg_id: str = ""


_header = msgspec.json.Decoder(_Header)
_parent_header = msgspec.json.Decoder(_ParentHeader)
_content = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class Wire:
    """Signs requests to one kernel, checks and reads its messages.

    Args:
        key: The secret that the connection file gave the kernel.
    """

    def __init__(self, key: bytes) -> None:
        self._base = hmac.new(key, digestmod=hashlib.sha256)
        self._session = uuid4().hex

    def request(self, kind: str, msg_id: str, content: Mapping[str, Any]) -> list[bytes]:
        """Return the frames of a request."""
        header = {
            "msg_id": msg_id,
            "session": self._session,
            "username": "execd",
            "date": datetime.now(timezone.utc).isoformat(),
            "msg_type": kind,
            "version": "5.3",
        }
        parts = [_encode(header), b"{}", b"{}", _encode(content)]
        return [_DELIMITER, self._sign(parts), *parts]

    def parse(self, frames: Sequence[bytes]) -> Message:
        """Return the message in `frames`.

        Raises:
            BadMessageError: They are not a message, or not signed with the kernel's key.
        """
        try:
            start = frames.index(_DELIMITER) + 1
        except ValueError:
            raise BadMessageError("no delimiter") from None
        parts = frames[start : start + _PARTS]
        if len(parts) < _PARTS:
            raise BadMessageError("too few parts")
        if not hmac.compare_digest(parts[0], self._sign(parts[1:])):
            raise BadMessageError("wrong signature")
        try:
            return Message(
                kind=_header.decode(parts[1]).msg_type,
                parent=_parent_header.decode(parts[2]).msg_id,
                content=_decode(parts[4]),
            )
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadMessageError(f"not JSON of a message: {error}") from error

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        digest = self._base.copy()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()


def _decode(content: bytes) -> dict[str, Any]:
    try:
        return _content.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Python's own JSON lets pass what kernels may send and the strict decoder refuses: halves
        # of surrogate pairs, NaN, broken UTF-8. They become U+FFFD and null.
        loose = json.loads(content.decode(errors="replace"), parse_constant=lambda _: None)
        clean = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(loose, ensure_ascii=False))
        return _content.decode(clean)
