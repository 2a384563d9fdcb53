r"""The events of a stream as bytes: one JSON object and a blank line each.

Pure but for the time stamp. What must stay true: a frame is bare JSON (no `data:`) that ends in
`\n\n`, carries the time in Unix milliseconds, and is valid UTF-8 whatever text a kernel or a
command sends.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def frame(kind: str, /, **fields: Any) -> bytes:
    """Return one event of type `kind` with the given fields."""
    return _encode({"type": kind, **fields, "timestamp": time.time_ns() // 1_000_000}) + b"\n\n"


def init(run_id: str) -> bytes:
    """Return the first event of a stream; it names the run, so that it can be interrupted."""
    return frame("init", text=run_id)


def ping() -> bytes:
    """Return a sign of life."""
    return frame("ping", text="pong")


def complete(seconds: float) -> bytes:
    """Return the last event of a good run that took this long."""
    return frame("execution_complete", execution_time=int(seconds * 1000))


def error(ename: str, evalue: str, traceback: Sequence[str] = ()) -> bytes:
    """Return the last event of a failed run."""
    return frame("error", error={"ename": ename, "evalue": evalue, "traceback": list(traceback)})


def result(data: Mapping[str, Any], **flags: Any) -> bytes:
    """Return the event for a MIME bundle; the wire calls its plain text `text`."""
    results = {"text" if kind == "text/plain" else kind: value for kind, value in data.items()}
    return frame("result", results=results, **flags)
