r"""The events of a stream as bytes: one JSON object and a blank line each.

Pure but for the clock. What must stay true: a frame is bare JSON (no `data:`) that ends in
`\n\n`, carries the time in Unix milliseconds, and whatever text a kernel or a command comes up
with, it is valid UTF-8.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def frame(kind: str, /, **fields: Any) -> bytes:
    """One event of type `kind` with the given fields."""
    return _encode({"type": kind, **fields, "timestamp": time.time_ns() // 1_000_000}) + b"\n\n"


def init(run_id: str) -> bytes:
    """The first event of a stream; names the run, for interrupting it."""
    return frame("init", text=run_id)


def ping() -> bytes:
    """A sign of life."""
    return frame("ping", text="pong")


def complete(started: float) -> bytes:
    """The last event of a good run that started at `time.monotonic()` `started`."""
    return frame("execution_complete", execution_time=int((time.monotonic() - started) * 1000))


def error(ename: str, evalue: str, traceback: Sequence[str] = ()) -> bytes:
    """The last event of a failed run."""
    return frame("error", error={"ename": ename, "evalue": evalue, "traceback": list(traceback)})


def result(data: Mapping[str, Any], **flags: Any) -> bytes:
    """A MIME bundle, its plain text under the wire's name for it: `text`."""
    results = {"text" if kind == "text/plain" else kind: value for kind, value in data.items()}
    return frame("result", results=results, **flags)
