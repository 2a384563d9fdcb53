"""What can happen in a run, one frozen type for each: what `codes.stream` yields.

Every field may be missing or null on the wire. Times are Unix milliseconds of the server's clock;
None when the server did not say.
"""

from typing import Any, TypeAlias

import msgspec

__all__ = [
    "ClearOutput",
    "Complete",
    "Error",
    "ErrorDetails",
    "ErrorObject",
    "Event",
    "ExecutionCount",
    "Init",
    "MimeBundle",
    "Ping",
    "Status",
    "Stderr",
    "Stdout",
    "Unknown",
]


class _Event(msgspec.Struct, frozen=True, tag_field="type", gc=False):
    timestamp: int | None = None


class Init(_Event, frozen=True, tag="init"):
    """The run has begun; `id` is what interrupts it."""

    id: str | None = msgspec.field(name="text", default=None)


class Stdout(_Event, frozen=True, tag="stdout"):
    """Text on standard output, with the newlines that the code printed."""

    text: str | None = None


class Stderr(_Event, frozen=True, tag="stderr"):
    """Text on standard error, with the newlines that the code printed."""

    text: str | None = None


class MimeBundle(_Event, frozen=True, tag="result"):
    """The value of the last expression, or something that the code displayed, by MIME type.

    Attributes:
        results: MIME type → value; real servers write ``text`` for ``text/plain``. Binary types
            are base64 strings, JSON types can be objects.
        display: Whether the code displayed it; if not, it is the last expression's value.
        display_id: The name under which the code can update it.
        update: Whether it replaces what was shown before under its `display_id`.
    """

    results: dict[str, Any] | None = None
    display: bool | None = None
    display_id: str | None = None
    update: bool | None = None


class ExecutionCount(_Event, frozen=True, tag="execution_count"):
    """The number of the cell within its context, from 1."""

    count: int | None = msgspec.field(name="execution_count", default=None)


class ErrorDetails(msgspec.Struct, frozen=True, gc=False):
    """How the code failed: the exception's name, its text, the lines of its traceback."""

    ename: str | None = None
    evalue: str | None = None
    traceback: list[str] | str | None = None


class ClearOutput(_Event, frozen=True, tag="clear_output"):
    """What was shown so far is to be replaced, as `IPython.display.clear_output` does."""

    wait: bool | None = None  # for the next output


class Error(_Event, frozen=True, tag="error"):
    """The user's code failed."""

    error: ErrorDetails | None = None


class Complete(_Event, frozen=True, tag="execution_complete"):
    """The kernel was idle once. Not the end: real servers send this before the last output."""

    execution_time: int | None = None


class Status(_Event, frozen=True, tag="status"):
    """The kernel's reply, as real servers add it: ``ok`` or ``error``."""

    text: str | None = None


class Ping(_Event, frozen=True, tag="ping"):
    """The server is alive."""


class ErrorObject(msgspec.Struct, frozen=True, gc=False):
    """An ErrorResponse that the server wrote into the stream: the run failed outside the code."""

    code: str
    message: str


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """An event of a type that is newer than this package."""

    type: str


Tagged: TypeAlias = (
    Init
    | Stdout
    | Stderr
    | MimeBundle
    | ClearOutput
    | ExecutionCount
    | Error
    | Complete
    | Status
    | Ping
)
Event: TypeAlias = Tagged | ErrorObject | Unknown
