"""The content of a file as an answer: whole, a range of its bytes, some of its lines; and of logs.

What must stay true: a chunk is in memory at a time, read in a thread; the first is read before the
answer begins, so that a file that cannot be read is an error and not a broken answer; a file that
became shorter breaks the connection instead of passing for whole; and the files of /proc, whose
size is 0 whatever they hold, come whole too.
"""

import asyncio
import itertools
import os
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from code_interpreter.execd.commands.outlets import end_of_text
from code_interpreter.execd.files import rules
from code_interpreter.execd.files.files import CHUNK, Files, chunks
from code_interpreter.execd.http.event_stream import gone
from code_interpreter.execd.http.gate import Receive, Scope, Send


class Download:
    """An ASGI answer; made by the functions below.

    Args:
        file: The file; closed when the answer has been sent.
        pieces: What to send of it.
        status: 200 or 206.
        headers: All but the length.
        length: Bytes that `pieces` hold; None when that shows at their end.
    """

    def __init__(
        self,
        file: BinaryIO,
        pieces: Iterator[bytes],
        *,
        status: int = 200,
        headers: dict[str, str],
        length: int | None = None,
    ) -> None:
        self._file = file
        self._pieces = pieces
        self._status = status
        try:
            self._next = next(pieces, b"")
        except BaseException:
            file.close()
            raise
        if length is not None or not self._next:
            headers = {**headers, "content-length": str(length or 0)}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request (ASGI)."""
        del scope
        client = asyncio.get_running_loop().create_task(gone(receive))
        start = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        try:
            await send(start)
            while self._next and not client.done():
                await send({"type": "http.response.body", "body": self._next, "more_body": True})
                self._next = await to_thread.run_sync(next, self._pieces, b"")
            await send({"type": "http.response.body", "body": b""})
        finally:
            client.cancel()
            self._file.close()


def whole_or_range(files: Files, path: str, wanted: str | None) -> Download:
    """All of a file, or the bytes that a `Range` asks for. Blocking.

    Raises:
        ApiError: It is no file, or has none of these bytes.
        OSError: It does not exist or cannot be read.
    """
    file = files.open(path)
    try:
        status = os.fstat(file.fileno())
        size = status.st_size
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": rules.attachment(os.path.basename(files.resolve(path))),  # noqa: PTH119
            "last-modified": formatdate(status.st_mtime, usegmt=True),
        }
        part = rules.read_range(wanted, size) if wanted and size else None
        if part is not None:
            headers["content-range"] = f"bytes {part.start}-{part.start + part.length - 1}/{size}"
            file.seek(part.start)
            pieces = _exactly(file, part.length)
            return Download(file, pieces, status=206, headers=headers, length=part.length)
        first = file.read(CHUNK)
        if first and len(first) >= min(size, CHUNK) and size:
            headers["accept-ranges"] = "bytes"
            pieces = itertools.chain([first], _exactly(file, size - len(first)))
            return Download(file, pieces, headers=headers, length=size)
        if wanted and not first:
            rules.read_range(wanted, 0)
        return Download(file, itertools.chain([first], chunks(file)), headers=headers)
    except BaseException:
        file.close()
        raise


def lines(files: Files, path: str, *, first: int, count: int | None) -> Download:
    """Some lines of a file. Blocking.

    Args:
        files: Where the path leads.
        path: The file.
        first: The first line, counted from 1.
        count: How many at most; None for all that follow.

    Raises:
        ApiError: It is no file.
        OSError: It does not exist or cannot be read.
    """
    file = files.open(path)
    pieces = rules.line_pieces(chunks(file), first=first, count=count)
    return Download(file, pieces, headers={"content-type": "text/plain"})


def log(path: Path, *, cursor: int, growing: bool) -> Download:
    """The output of a command, from a byte on to where it is now. Blocking.

    Args:
        path: Where it is.
        cursor: The first byte.
        growing: Whether more may come; then a character that is not whole yet waits for the rest.

    Raises:
        OSError: It cannot be read.
    """
    file = path.open("rb", buffering=0)
    try:
        end = os.fstat(file.fileno()).st_size
        cursor = min(cursor, end)
        if growing:
            end = end_of_text(file.fileno(), start=cursor, size=end)
        file.seek(cursor)
        headers = {
            "content-type": "text/plain; charset=utf-8",
            "execd-commands-tail-cursor": str(end),
        }
        pieces = _exactly(file, end - cursor)
        return Download(file, pieces, headers=headers, length=end - cursor)
    except BaseException:
        file.close()
        raise


def _exactly(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        data = file.read(min(CHUNK, length))
        if not data:
            raise OSError("the file became shorter while it was sent")
        length -= len(data)
        yield data
