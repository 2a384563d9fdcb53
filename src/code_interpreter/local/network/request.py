"""What a program asks of the proxy, and what is sent on: HTTP's beginnings. Pure.

What must stay true: what is judged is what is reached. The host is read once, from the target; what
else names one (`Host`) is written anew, and what is malformed goes nowhere.

A relay loads this file by its path, without the package around it: standard library alone.
"""

import re
from dataclasses import dataclass

LONGEST_HEAD = 64 * 1024

_END = b"\r\n\r\n"
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,31}")
_VERSION = re.compile(rb"HTTP/1\.[01]")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*)")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@]+))(?::([0-9]{0,5}))?")
_PATH = re.compile(rb"[/?][\x21\x22\x24-\x7e]*")  # what is visible, and no fragment
_HTTP_PORT = 80
# Between two neighbours alone.
_OF_ONE_STEP = {
    *(b"connection", b"keep-alive", b"upgrade", b"host"),
}


class BadRequestError(Exception):
    """It cannot be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        host: As it was written, without brackets.
        port: Where there.
        head: What the origin is sent first; None where a tunnel is asked for.
    """

    host: str
    port: int
    head: bytes | None


def cut(data: bytes) -> tuple[bytes, bytes] | None:
    """The head of a request, and what follows it; None while it is incomplete.

    Raises:
        BadRequestError: It is too long.
    """
    end = data.find(_END, 0, LONGEST_HEAD)
    if end >= 0:
        return data[: end + len(_END)], data[end + len(_END) :]
    if len(data) >= LONGEST_HEAD:
        raise BadRequestError("the head of the request is too long")
    return None


def read(head: bytes) -> Request:
    """Understand the head of a request.

    Raises:
        BadRequestError: It is malformed, or not for a proxy.
    """
    first, *lines = head.removesuffix(_END).split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or not _METHOD.fullmatch(parts[0]) or not _VERSION.fullmatch(parts[2]):  # noqa: PLR2004
        raise BadRequestError("not a request of HTTP/1")
    method, target, version = parts
    fields = [*map(_field, lines)]
    if method == b"CONNECT":
        host, port = _place(target)
        if port is None:
            raise BadRequestError("CONNECT needs a port")
        return Request(host, port, None)
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() != b"http":
        raise BadRequestError("this is a proxy: it takes http://host/path, and CONNECT for https")
    end = min((at for at in map(rest.find, (b"/", b"?", b"#")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:] or b"/"
    if not _PATH.fullmatch(path):
        raise BadRequestError("the path has what no path may have")
    if path.startswith(b"?"):
        path = b"/" + path
    host, port = _place(authority)
    head = _origin_head((method, path, version), authority, fields)
    return Request(host, _HTTP_PORT if port is None else port, head)


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise BadRequestError("a header is malformed")
    return match[1], match[2]


def _place(authority: bytes) -> tuple[str, int | None]:
    try:
        match = _AUTHORITY.fullmatch(authority.decode("ascii"))
    except UnicodeDecodeError:
        match = None
    if match is None:
        raise BadRequestError("not a host and a port")
    v6, name, port = match.groups()
    if v6 is not None and ":" not in v6:
        raise BadRequestError("brackets are for IPv6")
    if port and not 0 < int(port) < 65536:  # noqa: PLR2004 - the ports that there are
        raise BadRequestError("not a port")
    return v6 or name, int(port) if port else None


def _origin_head(
    first: tuple[bytes, bytes, bytes], authority: bytes, fields: list[tuple[bytes, bytes]]
) -> bytes:
    dropped = set(_OF_ONE_STEP)
    upgrades = False
    for name, value in fields:
        if name.lower() == b"connection":
            dropped.update(word.strip().lower() for word in value.split(b","))
        upgrades |= name.lower() == b"upgrade" and value.strip().lower() == b"websocket"
    # One request for each connection: else a second one could name another host.
    last = [(b"Connection", b"close")]
    if upgrades:
        last = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    kept = [
        (name, value)
        for name, value in fields
        if name.lower() not in dropped and not name.lower().startswith(b"proxy-")
    ]
    sent = [(b"Host", authority), *kept, *last]
    return b"\r\n".join([b" ".join(first), *(b"%s: %s" % field for field in sent)]) + _END
