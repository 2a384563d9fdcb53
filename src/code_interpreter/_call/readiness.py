"""When an interpreter is ready, and how long to wait for that; no I/O and no clock."""

from datetime import timedelta
from typing import Final

from code_interpreter import _errors as errors

TIMEOUT: Final = timedelta(seconds=30)
POLLING_INTERVAL: Final = timedelta(milliseconds=200)

LOCAL_IMAGE: Final = "opensandbox/code-interpreter:local"
"""The image to ask the embedded server for; it runs what is installed, whatever the image."""

KERNELS_SERVED: Final = "bash -c ': < /dev/tcp/127.0.0.1/${JUPYTER_PORT:-44771}'"
"""A command that succeeds, in a sandbox, once the Jupyter server behind execd takes connections."""

VERSION_HEADER: Final = "X-CODE-INTERPRETER-VERSION"
"""The header of an answer to a ping in which our own execd says its version."""


class ReadyWait:
    """One wait for readiness: how long to pause between two checks, and when to give up."""

    def __init__(self, timeout: timedelta, polling_interval: timedelta, *, now: float) -> None:
        for name, duration in (("timeout", timeout), ("polling interval", polling_interval)):
            if duration < timedelta(0):
                raise errors.InvalidArgumentError(
                    f"the {name} must not be negative; got {duration}"
                )
        self._timeout = timeout
        self._interval = polling_interval.total_seconds()
        self._deadline = now + timeout.total_seconds()

    def remaining(self, now: float) -> float:
        """Return the seconds left, at least the millisecond that one check needs."""
        return max(self._deadline - now, 0.001)

    def pause(self, error: Exception, *, now: float) -> float:
        """Return the seconds to pause after a failed check, or raise what ends the wait."""
        if isinstance(error, (errors.AuthenticationError, errors.InterpreterClosedError)):
            raise error
        if now >= self._deadline:
            raise errors.NotReadyError(
                f"code cannot run after {self._timeout.total_seconds():g} s of waiting: "
                f"{str(error) or 'no answer'}",
                cause=error,
            )
        return min(self._interval, self._deadline - now)
