"""Which handler wants which event."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter._errors import InvalidArgumentError
from code_interpreter.events import Complete, Error, Init, MimeBundle, Stderr, Stdout

_NAMES: Final[dict[type, str]] = {
    Init: "on_init",
    Stdout: "on_stdout",
    Stderr: "on_stderr",
    MimeBundle: "on_result",
    Error: "on_error",
    Complete: "on_execution_complete",
}


def listeners(
    handlers: ExecutionHandlers | ExecutionHandlersSync | None, *, awaits: bool
) -> dict[type, Callable[[Any], Any]]:
    """Return the handlers that are set, by the type of their events.

    Raises:
        InvalidArgumentError: One of them is async, and the client `awaits` none.
    """
    every = {kind: getattr(handlers, name, None) for kind, name in _NAMES.items()}
    told = {kind: handler for kind, handler in every.items() if handler is not None}
    for kind, handler in told.items():
        # An object's __call__ may be async too.
        functions = handler, getattr(handler, "__call__", None)  # noqa: B004
        if not awaits and any(map(inspect.iscoroutinefunction, functions)):
            raise is_async(kind)
    return told


def is_async(kind: type) -> InvalidArgumentError:
    """Return the error for an async handler of a blocking client."""
    return InvalidArgumentError(
        f"{_NAMES[kind]} is async: CodeInterpreterSync takes plain functions,"
        " CodeInterpreter takes both"
    )
