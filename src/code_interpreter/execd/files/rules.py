"""What requests about files mean, and how answers are written: decisions only, no file is touched.

What must stay true: a mode on the wire is octal digits read as a decimal number (755 is
`rwxr-xr-x`); ranges follow RFC 9110, where a `Range` that is not understood is passed over; text
is replaced as bytes, so a file in any encoding keeps what was not asked for.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from code_interpreter.execd.refusals import ApiError, invalid_body

_LARGEST_MODE = 7777  # as it is written
_ONE_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII | re.IGNORECASE)
_LONGEST_NUMBER = 18  # digits; more than any file has bytes, and few enough for int()
_PLAIN_NAME = re.compile(r'[^\x20-\x7e]|["\\%]')


def resolve(path: str, *, base: str, home: str) -> str:
    """The absolute form of a path of a request.

    Args:
        path: Absolute, relative to `base`, or `~` and what is below it.
        base: Where the sandbox works.
        home: What `~` stands for.

    Raises:
        ApiError: No file can have such a path.
    """
    if not path:
        raise invalid_body("a path must not be empty")
    if "\0" in path:
        raise invalid_body("a path must not hold a NUL byte")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise invalid_body(f"a path must be valid Unicode, not {path!r}") from None
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    return os.path.normpath(os.path.join(base, path))  # noqa: PTH118 - `Path` has no normpath


def shown(path: str) -> str:
    """A path as it can stand in JSON: bytes that are not UTF-8 become replacement characters."""
    return os.fsencode(path).decode(errors="replace")


def read_mode(mode: int) -> int:
    """The permission bits of a mode on the wire.

    Raises:
        ApiError: It is not made of up to four octal digits.
    """
    # The comparison first: some numbers are too long to be written out.
    if 0 <= mode <= _LARGEST_MODE and re.fullmatch("[0-7]+", str(mode)):
        return int(str(mode), 8)
    raise invalid_body("`mode` is up to four octal digits, written as a number, like 755")


def show_mode(bits: int) -> int:
    """A mode as the wire has it, from permission bits."""
    return int(f"{bits & 0o777:o}")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Some bytes of a file: `length` of them from `start` on, at least one."""

    start: int
    length: int


def read_range(header: str, size: int) -> ByteRange | None:
    """What a `Range` asks for.

    Args:
        header: The value of the header.
        size: Bytes of the file.

    Returns:
        None when the header has to be passed over and the whole file is the answer: another unit,
        several ranges, a range that ends before it starts, or something that is no range.

    Raises:
        ApiError: The file ends before the range starts.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last = match.groups()
    if max(len(first), len(last)) > _LONGEST_NUMBER or not (first or last):
        return None
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        text = f"the range lies outside of the file, which has {size} bytes"
        raise ApiError(416, "INVALID_RANGE", text, {"content-range": f"bytes */{size}"})
    return ByteRange(start, end - start)


def attachment(name: str) -> str:
    """A Content-Disposition that names a file, whatever its name."""
    plain = _PLAIN_NAME.sub("_", name)
    if plain == name:
        return f'attachment; filename="{name}"'
    # RFC 6266: the plain form for old readers, the exact one for all others.
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown(name), safe='')}"


def file_type(mode: int) -> Literal["file", "directory", "symlink", "other"]:
    """What is at a path, from the `st_mode` of the path itself."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "other"


class Replacing:
    """Replaces bytes in a stream of bytes, as if it were one piece.

    Args:
        old: What to find; not empty.
        new: What takes its place.

    Attributes:
        count: How many were replaced so far.
    """

    def __init__(self, old: bytes, new: bytes) -> None:
        self._old = old
        self._new = new
        self.count = 0

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The changed stream."""
        rest = b""
        for chunk in chunks:
            *found, tail = (rest + chunk).split(self._old)
            self.count += len(found)
            # As much as could be the beginning of one that the next chunk completes.
            safe = max(len(tail) - len(self._old) + 1, 0)
            rest = tail[safe:]
            yield self._new.join([*found, tail[:safe]])
        yield rest


def line_pieces(chunks: Iterable[bytes], *, first: int, count: int | None) -> Iterator[bytes]:
    """Some lines of a stream of bytes, byte for byte as they are.

    Args:
        chunks: The stream.
        first: The first line to return, counted from 1.
        count: How many at most; None for all that follow.
    """
    skip = first - 1
    for whole in chunks:
        newlines = whole.count(b"\n")
        if skip > newlines:
            skip -= newlines
            continue
        data = whole.split(b"\n", skip)[-1] if skip else whole
        skip = 0
        if count is not None:
            *lines, tail = data.split(b"\n", count)
            count -= len(lines)
            if count == 0:
                yield b"".join(line + b"\n" for line in lines)
                return
            data = b"\n".join([*lines, tail])
        if data:
            yield data
