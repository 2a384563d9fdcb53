"""What is replayed: the same bytes for all subjects, spelled as a real execd spells them.

A run's stdout repeats one block of fifty events, so that a gigabyte needs no more memory in the
server than a kilobyte does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 50
_NOW: Final = 1795423180793
_LINE: Final = "how vexingly quick daft zebras jump; " * 2


@dataclass(frozen=True)
class Case:
    """One run as the server plays it.

    Attributes:
        name: What the client sends as its code.
        title: What the table says.
        events: How many stdout events there are, a multiple of `BLOCK`.
        lines: How many lines of 80 characters each of them holds.
        per_chunk: How many events share one chunk, which is one write of the server.
        runs: How many runs are measured as one.
    """

    name: str
    title: str
    events: int
    lines: int = 1
    per_chunk: int = 1
    runs: int = 1

    @property
    def unit(self) -> str:
        """The name of what figures are divided by."""
        return "event" if self.events else "run"

    @property
    def units(self) -> int:
        """How many of them one measurement has."""
        return self.runs * (self.events or 1)

    @property
    def characters(self) -> int:
        """How long the whole stdout of a run is."""
        return self.events // BLOCK * sum(len(_text(self, n)) for n in range(BLOCK))

    def chunks(self) -> Iterator[bytes]:
        """The pieces of one run's body."""
        yield _event(type="init", text="962020e0-16db-4438-bec9-cd76b6e24df2", timestamp=_NOW)
        events = [_event(type="stdout", text=_text(self, n), timestamp=_NOW) for n in range(BLOCK)]
        size = self.per_chunk
        block = [b"".join(events[i : i + size]) for i in range(0, BLOCK, size)]
        for _ in range(self.events // BLOCK):
            yield from block
        yield _event(type="execution_complete", execution_time=50, timestamp=_NOW)


def _text(case: Case, number: int) -> str:
    return f"line {number:02} " + "\n".join([_LINE] * case.lines)


def _event(**fields: str | int) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n\n"


TIMED: Final = (
    Case("one", "one event per chunk", events=5_000),
    Case("fifty", "fifty events per chunk", events=50_000, per_chunk=50),
    Case("big", "20 kB events", events=2_000, lines=266),
    Case("empty", "an empty run", events=0, runs=200),
)
GIGABYTE: Final = Case("gigabyte", "1 GB", events=50_000, lines=266)
TENTH: Final = Case("tenth", "100 MB", events=5_000, lines=266)
CASES: Final = {case.name: case for case in (*TIMED, GIGABYTE, TENTH)}
