"""Which handler wants which event."""

from collections.abc import Callable
from typing import Any, Final

from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter.events import Complete, Error, Init, MimeBundle, Stderr, Stdout

HANDLER_NAMES: Final[dict[type, str]] = {
    Init: "on_init",
    Stdout: "on_stdout",
    Stderr: "on_stderr",
    MimeBundle: "on_result",
    Error: "on_error",
    Complete: "on_execution_complete",
}


def listeners(
    handlers: ExecutionHandlers | ExecutionHandlersSync | None,
) -> dict[type, Callable[[Any], Any]]:
    """Return the handlers that are set, by the type of their events."""
    if handlers is None:
        return {}
    every = {kind: getattr(handlers, name) for kind, name in HANDLER_NAMES.items()}
    return {kind: handler for kind, handler in every.items() if handler is not None}
