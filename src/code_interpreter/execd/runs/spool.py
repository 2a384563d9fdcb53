"""What a run has said and its client has not yet read: whole, in order, bounded in memory.

A thread puts, one coroutine takes. A kernel can print faster than a client reads, and neither
losing output nor slowing the kernel down is an answer (its own queue drops when full). So what
does not fit in memory waits in a temporary file.

What must stay true: first in, first out, every byte once; a piece is never torn, so a ping fits
between any two; the last event leaves in the same piece that says it is the last; what a flood took
beyond the limit is the system's again when the run has ended.
"""

import asyncio
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from code_interpreter.execd.runs.memory import give_back

MEMORY_LIMIT = 64 * 1024 * 1024
PIECE = 256 * 1024

_LENGTH = 8


class Piece(NamedTuple):
    """Whole frames to send; `last` when no more will follow."""

    data: bytes
    last: bool


class Spool:
    """A queue of frames from any thread to one coroutine of the loop it is made in.

    Args:
        limit: Bytes that may wait in memory; more wait in a file.
        directory: Where that file goes.
    """

    def __init__(self, *, limit: int = MEMORY_LIMIT, directory: str | None = None) -> None:
        self._limit = limit
        self._directory = directory
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._memory: deque[bytes] = deque()
        self._memory_size = 0
        self._file: IO[bytes] | None = None
        self._read_at = 0
        self._write_at = 0
        self._ending: bytes | None = None
        self._discarded = False
        self._waiter: asyncio.Future[None] | None = None
        self._hold_until = 0.0

    @property
    def finished(self) -> bool:
        """Whether the last event has been put."""
        return self._ending is not None

    @property
    def spilled(self) -> int:
        """Bytes that wait in the file."""
        return self._write_at - self._read_at

    def put(self, frames: Iterable[bytes], *, ending: bytes | None = None) -> None:
        """Append frames.

        Args:
            frames: Events, in order; may be none.
            ending: The last event. Whatever is put after it is passed over: the run has ended.

        Raises:
            OSError: They do not fit in memory, and the file cannot take them. The first of them
                may have been kept; an `ending` alone always fits.
        """
        with self._lock:
            if self._ending is not None:
                return
            if not self._discarded:
                for group in _groups(frames):
                    self._store(group)
            self._ending = ending
            waiter = self._waiter if self._ripe() else None
            spilled = self._file is not None
        if waiter is not None:
            # A loop that is closed has no reader left.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_wake, waiter)
        if ending is not None and spilled:
            give_back()

    async def take(self, deadline: float, *, hold_until: float = 0.0) -> Piece | None:
        """The next piece, as soon as there is one.

        Args:
            deadline: Loop time at which to give up.
            hold_until: Loop time until which small pieces wait for company, so that a flood of
                them does not cost a write each. The end and a full piece do not wait.

        Returns:
            None when nothing came until the deadline.
        """
        while True:
            with self._lock:
                self._hold_until = hold_until
                piece = self._next() if self._ripe() else None
                if piece is not None:
                    return piece
                now = self._loop.time()
                if now >= deadline:
                    return None
                self._waiter = waiter = self._loop.create_future()
            wake_at = min(deadline, hold_until) if now < hold_until else deadline
            timer = self._loop.call_at(wake_at, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None

    def discard(self) -> None:
        """Let go of everything: the reader has gone."""
        with self._lock:
            self._discarded = True
            self._memory.clear()
            self._memory_size = 0
            self._close_file()

    def _ripe(self) -> bool:
        return (
            self._ending is not None
            or self._memory_size >= PIECE
            or self._loop.time() >= self._hold_until
        )

    def _next(self) -> Piece | None:
        data = self._fetch()
        last = self._ending is not None and not self._memory and self._file is None
        if last and self._ending is not None:
            data += self._ending
        return Piece(data, last) if data or last else None

    def _store(self, data: bytes) -> None:
        if self._file is None and self._memory_size + len(data) <= self._limit:
            self._memory.append(data)
            self._memory_size += len(data)
            return
        if self._file is None:
            # Unbuffered, so that a full disk shows here and not at some later flush.
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115
        self._file.seek(self._write_at)
        for part in (len(data).to_bytes(_LENGTH, "big"), data):
            left = memoryview(part)
            while left:
                left = left[self._file.write(left) :]
        self._write_at += _LENGTH + len(data)

    def _fetch(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while self._memory and (not pieces or size + len(self._memory[0]) <= PIECE):
            pieces.append(self._memory.popleft())
            size += len(pieces[-1])
        self._memory_size -= size
        if pieces:
            return b"".join(pieces)
        if self._file is None:
            return b""
        self._file.seek(self._read_at)
        length = int.from_bytes(self._read(_LENGTH), "big")
        data = self._read(length)
        self._read_at += _LENGTH + length
        if self._read_at == self._write_at:
            self._close_file()
        return data

    def _read(self, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - for the type checkers
        data = b""
        while len(data) < size:
            part = self._file.read(size - len(data))
            if not part:
                raise OSError("the file of waiting output is shorter than what was written")
            data = data + part if data else part
        return data

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            give_back()
        self._file = None
        self._read_at = self._write_at = 0


def _groups(frames: Iterable[bytes]) -> Iterator[bytes]:
    """The frames, joined to groups of a piece at most: the fewer, the cheaper."""
    group: list[bytes] = []
    size = 0
    for frame in frames:
        if size + len(frame) > PIECE and group:
            yield b"".join(group)
            group, size = [], 0
        group.append(frame)
        size += len(frame)
    if group:
        yield b"".join(group)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
