"""Where the output of a command goes: into events, a line each, or into a file.

What must stay true: every byte is kept, in order; a command whose file cannot take what it says is
ended and its status says so, since a log with a hole looks whole.
"""

import codecs
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run


class Lines:
    """Bytes in, events out: one for each line, without its newline. Pure.

    Args:
        kind: `stdout` or `stderr`.
    """

    def __init__(self, kind: Literal["stdout", "stderr"]) -> None:
        self._kind = kind
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The events for the lines that `data` completes."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._parts.append(data)
            return []
        lines = (b"".join(self._parts) + head).split(b"\n")
        self._parts = [tail] if tail else []
        return [self._event(line) for line in lines]

    def end(self) -> list[bytes]:
        """The event for a last line without a newline."""
        rest = b"".join(self._parts)
        self._parts = []
        return [self._event(rest)] if rest else []

    def _event(self, line: bytes) -> bytes:
        return encode.frame(self._kind, text=line.decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Outlet:
    """Takes what a command says: `feed` as it comes, `end` when no more will."""

    feed: Callable[[bytes], None]
    end: Callable[[], None]


NOWHERE = Outlet(lambda _: None, lambda: None)


def events(run: Run, kind: Literal["stdout", "stderr"]) -> Outlet:
    """An outlet into the events of a run."""
    lines = Lines(kind)
    return Outlet(lambda data: run.put(lines.feed(data)), lambda: run.put(lines.end()))


class Log:
    """The output of a background command, on disk.

    Args:
        path: A file that is made.
        on_failure: Called once, when the file can take no more.

    Attributes:
        failure: Why it can take no more.
    """

    def __init__(self, path: Path, *, on_failure: Callable[[], None]) -> None:
        self.path = path
        self.failure: str | None = None
        self._on_failure = on_failure
        # Unbuffered: what was fed can be read at once.
        self._file = path.open("xb", buffering=0)

    def outlet(self) -> Outlet:
        """An outlet into the file."""
        return Outlet(self._feed, self._file.close)

    def remove(self) -> None:
        """Let go of it."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _feed(self, data: bytes) -> None:
        if self.failure is not None or self._file.closed:
            return
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.failure = f"its output does not fit on the disk: {error.strerror}"
            self._on_failure()


def end_of_text(descriptor: int, *, start: int, size: int) -> int:
    """Where the last whole character of a file ends, from `start` on, while it is being written."""
    tail_start = max(start, size - 4)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(os.pread(descriptor, size - tail_start, tail_start))
    return size - len(decoder.getstate()[0])
