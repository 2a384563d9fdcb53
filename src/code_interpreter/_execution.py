"""How events become an `Execution`: the models that users hold, and the builder that fills them.

No I/O and no clock. The builder takes events in their order of arrival, which is any order:
`execution_complete` can come before output, results and even an error. So nothing is judged
before `finish`, which the caller calls at the clean end of the stream's body and only there.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

from opensandbox.models import execd as shared
from opensandbox.models.execd import (
    ExecutionComplete,
    ExecutionError,
    ExecutionInit,
    OutputMessage,
)
from opensandbox.models.execd_sync import ExecutionHandlersSync
from pydantic import Field

from code_interpreter import _events
from code_interpreter._errors import InvalidArgumentError, StreamTruncatedError, stream_error


class Result(shared.ExecutionResult):
    """Something that the code showed: the last expression's value, or a display.

    Attributes:
        text: Its plain text; empty when it has none.
        mime: The whole MIME bundle, MIME type → value. Binary types are base64 strings, as
            Jupyter sends them; JSON types can be objects.
        extra_properties: The bundle without the plain text, each value as text.
        timestamp: Unix milliseconds.
    """

    mime: dict[str, Any] = Field(default_factory=dict)


class Execution(shared.Execution):
    """One run: its output, results and error, as far as they have arrived.

    Attributes:
        id: What `interrupt` takes; None until the server has named the run.
        logs: `stdout` and `stderr`, each a list of messages in order of arrival.
        result: What the code showed, in order of arrival.
        outputs: stdout, stderr and results in the one order in which they arrived.
        error: The failure of the user's code, or None.
        execution_count: The cell's number within its context, when the server said it.
        complete: When the kernel reported the end, and how long the code ran.
    """

    result: list[Result] = Field(default_factory=list)  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # the parent's list, of a narrower type
    outputs: list[OutputMessage | Result] = Field(default_factory=list[OutputMessage | Result])


HandlerName: TypeAlias = Literal[
    "on_init", "on_stdout", "on_stderr", "on_result", "on_error", "on_execution_complete"
]
Notice: TypeAlias = (
    tuple[Literal["on_init"], ExecutionInit]
    | tuple[Literal["on_stdout", "on_stderr"], OutputMessage]
    | tuple[Literal["on_result"], Result]
    | tuple[Literal["on_error"], ExecutionError]
    | tuple[Literal["on_execution_complete"], ExecutionComplete]
)
"""Which handler is to be called, and with what."""

_TEXT: Final = "text/plain"
_HANDLER_NAMES: Final[tuple[HandlerName, ...]] = get_args(HandlerName)


class ExecutionBuilder:
    """Folds events into an Execution.

    Args:
        keep_output: False leaves stdout and stderr to the handlers (`skip_accumulation`).
    """

    def __init__(self, *, keep_output: bool = True) -> None:
        self.execution = Execution()
        self._keep_output = keep_output
        self._error_object: _events.ErrorObject | None = None

    def apply(self, event: _events.Event) -> Notice | None:  # noqa: C901, PLR0911  # a table
        """Take one event in; say whom to tell."""
        execution = self.execution
        match event:
            case _events.Stdout():
                message = OutputMessage(text=event.text or "", timestamp=event.timestamp or 0)
                if self._keep_output:
                    execution.logs.stdout.append(message)
                    execution.outputs.append(message)
                return "on_stdout", message
            case _events.Stderr():
                message = OutputMessage(
                    text=event.text or "", timestamp=event.timestamp or 0, is_error=True
                )
                if self._keep_output:
                    execution.logs.stderr.append(message)
                    execution.outputs.append(message)
                return "on_stderr", message
            case _events.MimeBundle():
                result = _result(event.results or {}, event.timestamp or 0)
                execution.result.append(result)
                execution.outputs.append(result)
                return "on_result", result
            case _events.Error():
                error = _error(event)
                execution.error = error
                return "on_error", error
            case _events.Complete():
                complete = ExecutionComplete(
                    timestamp=event.timestamp or 0,
                    execution_time_in_millis=event.execution_time or 0,
                )
                execution.complete = complete
                return "on_execution_complete", complete
            case _events.Init():
                init = ExecutionInit(id=event.id or "", timestamp=event.timestamp or 0)
                execution.id = init.id
                return "on_init", init
            case _events.ExecutionCount():
                execution.execution_count = event.count
            case _events.ErrorObject():
                self._error_object = event
            case _events.Status() | _events.Ping() | _events.Unknown():
                pass
        return None

    def finish(self) -> Execution:
        """The Execution, now that the body has ended cleanly.

        Raises:
            APIError: The server wrote an error object into the stream; ContextBusyError and
                ContextNotFoundError among them.
            StreamTruncatedError: No `execution_complete` and no `error` ever came.
        """
        if self._error_object is not None:
            raise stream_error(self._error_object.code, self._error_object.message)
        if self.execution.complete is None and self.execution.error is None:
            raise StreamTruncatedError(
                "the event stream ended before the run did; output may be missing"
            )
        return self.execution


def _result(bundle: Mapping[str, Any], timestamp: int) -> Result:
    mime = {_TEXT if kind == "text" else kind: value for kind, value in bundle.items()}
    text = mime.get(_TEXT)
    return Result(
        text="" if text is None else _as_text(text),
        timestamp=timestamp,
        mime=mime,
        extra_properties={kind: _as_text(v) for kind, v in mime.items() if kind != _TEXT},
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _error(event: _events.Error) -> ExecutionError:
    details = event.error or _events.ErrorDetails()
    traceback = details.traceback or []
    return ExecutionError(
        name=details.ename or "",
        value=details.evalue or "",
        timestamp=event.timestamp or 0,
        traceback=[traceback] if isinstance(traceback, str) else traceback,
    )


def refuse_async_handlers(handlers: ExecutionHandlersSync | None) -> None:
    """Raise InvalidArgumentError for a handler that the blocking client could not await."""
    for name in _HANDLER_NAMES if handlers is not None else ():
        handler = getattr(handlers, name)
        if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004  # an object's async __call__
        ):
            raise _async_handler(name)


def refuse_awaitable(name: str, outcome: object) -> None:
    """Raise InvalidArgumentError when a handler that looked plain returned something to await."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise _async_handler(name)


def _async_handler(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{name} is async: CodeInterpreterSync takes plain functions, CodeInterpreter takes both"
    )
