"""What can happen in a run, one frozen type for each: what `codes.stream` hands out."""

from code_interpreter._events import (
    Complete,
    Error,
    ErrorDetails,
    ErrorObject,
    Event,
    ExecutionCount,
    Init,
    MimeBundle,
    Ping,
    Status,
    Stderr,
    Stdout,
    Unknown,
)

__all__ = [
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
