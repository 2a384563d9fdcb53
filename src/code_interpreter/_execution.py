"""How events become an `Execution`: the model that users hold, and the builder that fills it.

No I/O and no clock. The builder takes events in their order of arrival, which is any order:
`execution_complete` can come before output, results and even an error. So nothing is judged
before `finish`, which the caller calls at the clean end of the stream's body and only there.

Output is kept as the events that it came in, which cost a tenth of pydantic's models and which the
garbage collector passes over; with models, building and collecting them took two thirds of the
time of a run that prints much. The models are made when somebody looks.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, get_args

from opensandbox.models import execd as shared
from opensandbox.models.execd import (
    ExecutionComplete,
    ExecutionError,
    ExecutionHandlers,
    ExecutionInit,
    OutputMessage,
)
from opensandbox.models.execd_sync import ExecutionHandlersSync
from pydantic import Field, PrivateAttr
from typing_extensions import Self

from code_interpreter import _events
from code_interpreter._errors import (
    CodeError,
    CodeInterpreterError,
    CodeInterruptedError,
    InvalidArgumentError,
    KernelDiedError,
    OutputLostWarning,
    StreamTruncatedError,
)
from code_interpreter._models import blank_maker, maker
from code_interpreter._results import Result, from_bundle
from code_interpreter._text import rendered
from code_interpreter._window import Window

_H = TypeVar("_H")

KERNEL_DIED: Final = "KernelDied"
"""The name of the error with which our own server ends a run whose kernel died."""
_KEYBOARD_INTERRUPT: Final = "KeyboardInterrupt"
# How Jupyter's notices begin (jupyter_server, services/kernels/connection/channels.py).
_LOSS_NOTICES: Final = ("IOPub data rate exceeded", "IOPub message rate exceeded")


class Outcome(str, Enum):
    """What became of a run.

    Attributes:
        OK: The code ran to its end.
        ERROR: The code failed; `Execution.error` tells how.
        INTERRUPTED: The code was stopped by an interrupt.
        TIMED_OUT: The run took longer than its `timeout` and was stopped.
        KERNEL_DIED: The kernel died under the code; the context's state is gone.
        STREAM_LOST: The end of the run was not seen; output may be missing.
        BUSY: The code did not run: somebody else's runs in the context.
    """

    OK = "ok"
    ERROR = "error"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed_out"
    KERNEL_DIED = "kernel_died"
    STREAM_LOST = "stream_lost"
    BUSY = "busy"

    def __str__(self) -> str:
        return self.value


_FAILURES: Final[dict[Outcome | None, type[CodeError]]] = {
    Outcome.INTERRUPTED: CodeInterruptedError,
    Outcome.KERNEL_DIED: KernelDiedError,
}


class Execution(shared.Execution):
    """One run: its output, results and error, as far as they have arrived.

    Attributes:
        id: What `interrupt` takes; None until the server has named the run.
        logs: `stdout` and `stderr`, each a list of messages in order of arrival.
        result: What the code showed, displays and the last expression's value, in order of arrival.
        outputs: stdout, stderr and results in the one order in which they arrived.
        error: The failure of the user's code, or None.
        outcome: What became of the run; None until that is known.
        execution_count: The cell's number within its context, when the server said it.
        complete: When the kernel reported the end, and how long the code ran.
        output_lost: Whether the server said that it dropped output.
        truncated: Whether output was left out because of `max_output`.
        omitted_bytes: How many bytes of output were left out because of `max_output`.
    """

    result: list[Result] = Field(default_factory=list)  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # the parent's list, of a narrower type
    outputs: list[OutputMessage | Result] = Field(default_factory=list[OutputMessage | Result])
    outcome: Outcome | None = None
    output_lost: bool = False
    truncated: bool = False
    omitted_bytes: int = 0

    _omitted_before: int = PrivateAttr(default=0)  # the index in `outputs` behind what was left out
    _arrived: list["_Output"] = PrivateAttr(default_factory=list["_Output"])  # no models made yet

    def __getattribute__(self, name: str) -> Any:
        if name in _MADE_OF_OUTPUT:
            _make_models(self)
        return super().__getattribute__(name)

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end without an error."""
        return self.outcome is Outcome.OK

    @property
    def main_result(self) -> Result | None:
        """The value of the last expression; None when there is none."""
        return next((result for result in reversed(self.result) if result.is_main_result), None)

    def raise_for_error(self) -> Self:
        """Return the execution itself if the code ran to its end.

        Raises:
            CodeError: The code failed.
            CodeInterruptedError: The code was interrupted.
            KernelDiedError: The kernel died.
            CodeInterpreterError: The run is not over, or its end was not seen.
        """
        if self.outcome is Outcome.OK:
            return self
        error = self.error
        if error is None:
            failure = CodeInterpreterError(f"the end of the run was not seen ({self.outcome})")
        else:
            kind = _FAILURES.get(self.outcome, CodeError)
            failure = kind(error.name, error.value, error.traceback)
        failure.execution = self
        raise failure

    @property
    def text(self) -> str:
        """What a terminal would show: stdout and the results' plain text, in order of arrival.

        Chunks are joined as they came and carriage returns followed, so that a progress bar is its
        last state. A result begins on a line of its own. Newlines at the end are left out.
        """
        parts: list[str] = []
        at_line_start = True
        for index, output in enumerate(self.outputs):
            if self.truncated and index == self._omitted_before:
                parts.append(self._omission(at_line_start=at_line_start))
                at_line_start = True
            text = output.text
            if not text or (isinstance(output, OutputMessage) and output.is_error):
                continue
            if isinstance(output, Result):
                parts.append(f"{text}\n" if at_line_start else f"\n{text}\n")
                at_line_start = True
            else:
                parts.append(text)
                at_line_start = text.endswith("\n")
        if self.truncated and len(self.outputs) == self._omitted_before:
            parts.append(self._omission(at_line_start=at_line_start))
        return rendered(parts)

    def _omission(self, *, at_line_start: bool) -> str:
        line = f"[... {self.omitted_bytes} bytes of output left out ...]\n"
        return line if at_line_start else f"\n{line}"

    def __str__(self) -> str:
        parts = [self.text] if self.logs.stdout or self.result or self.truncated else []
        if self.logs.stderr:
            parts.append(f"[stderr]\n{rendered(message.text for message in self.logs.stderr)}")
        if self.error:
            parts.append(f"[error] {self.error.name}: {self.error.value}")
        return "\n".join(parts)


_Output: TypeAlias = _events.Stdout | _events.Stderr | Result

# All that shows the models of output; `__dict__` is how pydantic, copy and pickle look at them.
_MADE_OF_OUTPUT: Final = frozenset({"__dict__", "logs", "outputs"})


def _make_models(execution: Execution) -> None:
    private: dict[str, Any] | None = getattr(execution, "__pydantic_private__", None)
    arrived: list[_Output] = private.get("_arrived", []) if private else []
    if not arrived:
        return
    fields: dict[str, Any] = object.__getattribute__(execution, "__dict__")
    logs: shared.ExecutionLogs = fields["logs"]
    outputs: list[OutputMessage | Result] = fields["outputs"]
    for item in arrived:
        if isinstance(item, Result):
            outputs.append(item)
            continue
        message = _message(item)
        outputs.append(message)
        (logs.stderr if message.is_error else logs.stdout).append(message)
    arrived.clear()


def _message(event: _events.Stdout | _events.Stderr) -> OutputMessage:
    is_error = type(event) is _events.Stderr
    return _messages.one(
        {"text": event.text or "", "timestamp": event.timestamp or 0, "is_error": is_error}
    )


class RunId(str):
    """The id of a run, which knows the run: servers give one id to many runs.

    A copy, also a pickled one, is a plain string.
    """

    __slots__ = ("owner",)
    owner: object

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


HandlerName: TypeAlias = Literal[
    "on_init", "on_stdout", "on_stderr", "on_result", "on_error", "on_execution_complete"
]
Notice: TypeAlias = (
    tuple[Literal["on_init"], ExecutionInit]
    | tuple[Literal["on_result"], Result]
    | tuple[Literal["on_error"], ExecutionError]
    | tuple[Literal["on_execution_complete"], ExecutionComplete]
)
"""Which handler is to be called, and with what, for all but output."""

_HANDLER_NAMES: Final[tuple[HandlerName, ...]] = get_args(HandlerName)
_ONLY_STDOUT: Final = {_events.Stdout}

_messages: Final = maker(OutputMessage, {"text": "", "timestamp": 0, "is_error": True})
_inits: Final = maker(ExecutionInit, {"id": "", "timestamp": 0})
_completes: Final = maker(ExecutionComplete, {"timestamp": 0, "execution_time_in_millis": 0})
_make_logs: Final = blank_maker(shared.ExecutionLogs, lambda: {"stdout": [], "stderr": []})
_make_execution: Final = blank_maker(
    Execution,
    lambda: {
        "id": None,
        "execution_count": None,
        "result": [],
        "error": None,
        "complete": None,
        "exit_code": None,
        "logs": _make_logs(),
        "outputs": [],
        "outcome": None,
        "output_lost": False,
        "truncated": False,
        "omitted_bytes": 0,
    },
    lambda: {"_omitted_before": 0, "_arrived": []},
)


class ExecutionBuilder:
    """Folds events into an Execution.

    Args:
        execution: The one to fill; a new one by default.
        keep_output: False leaves output and results to the handlers (`skip_accumulation`).
        max_output: How many bytes of output and results to keep at most; None for all.
        owner: The run, which its id shall know.
    """

    def __init__(
        self,
        execution: Execution | None = None,
        *,
        keep_output: bool = True,
        max_output: int | None = None,
        owner: object = None,
    ) -> None:
        self.execution = _make_execution() if execution is None else execution
        # Past the way to them that would have the models made first.
        self._fields: dict[str, Any] = object.__getattribute__(self.execution, "__dict__")
        self._fields_set = self.execution.__pydantic_fields_set__
        private: dict[str, Any] = object.__getattribute__(self.execution, "__pydantic_private__")
        self._arrived: list[_Output] = private["_arrived"]
        self._owner = owner
        self.interrupted = False  # whether we have asked the server to stop this run
        self._keep_output = keep_output
        self._window = None if max_output is None else Window(max_output)

    def tell(
        self, events: Sequence[_events.Event], handlers: Mapping[str, _H]
    ) -> Iterator[tuple[_H, Sequence[Any]]]:
        """Take events in; yields handlers, each with the values to call it with one by one.

        Args:
            events: In order of arrival.
            handlers: By name; see `listeners`.
        """
        on_stdout, on_stderr = handlers.get("on_stdout"), handlers.get("on_stderr")
        # Nearly all events are output. Where many come at once, to take them in one by one takes a
        # fifth longer; where they come alone, a call for each, and a search for its handler, took
        # a third longer.
        if on_stdout is not None and len(events) > 1 and set(map(type, events)) == _ONLY_STDOUT:
            output = cast("Sequence[_events.Stdout]", events)
            yield on_stdout, self._take_stdout(output)
            return
        whole = self._keep_output and self._window is None
        make, stdout = _messages.one, _events.Stdout
        for event in events:
            if on_stdout is not None and type(event) is stdout:
                message = make(
                    {"text": event.text or "", "timestamp": event.timestamp or 0, "is_error": False}
                )
                if whole:
                    self._arrived.append(event)
                elif self._keep_output:
                    self._keep(message)
                yield on_stdout, (message,)
            elif type(event) is _events.Stderr:
                message = _message(event)
                self._take_output(event, message)
                if on_stderr is not None:
                    yield on_stderr, (message,)
            elif type(event) is stdout:
                self._take_output(event)
            else:
                notice = self._apply_other(event)
                if notice is not None and (handler := handlers.get(notice[0])) is not None:
                    yield handler, notice[1:]

    def apply_all(self, events: Iterable[_events.Event]) -> None:
        """Take events in of which nobody is to be told."""
        arrived = self._arrived if self._keep_output and self._window is None else None
        for event in events:
            if arrived is not None and type(event) is _events.Stdout:
                arrived.append(event)
            elif isinstance(event, (_events.Stdout, _events.Stderr)):
                self._take_output(event)
            else:
                self._apply_other(event)

    def _take_stdout(self, events: Sequence[_events.Stdout]) -> list[OutputMessage]:
        """Take nothing but standard output in; the messages for it."""
        messages = _messages.many(
            [
                {"text": event.text or "", "timestamp": event.timestamp or 0, "is_error": False}
                for event in events
            ]
        )
        if self._keep_output and self._window is None:
            self._arrived.extend(events)
        elif self._keep_output:
            for message in messages:
                self._keep(message)
        return messages

    def _take_output(
        self, event: _events.Stdout | _events.Stderr, message: OutputMessage | None = None
    ) -> None:
        if type(event) is _events.Stderr and (event.text or "").startswith(_LOSS_NOTICES):
            self._set("output_lost", True)
        if not self._keep_output:
            return
        if self._window is None:
            self._arrived.append(event)
        else:
            self._keep(message or _message(event))

    def _apply_other(self, event: _events.Event) -> Notice | None:
        match event:
            case _events.MimeBundle():
                result = from_bundle(
                    event.results or {},
                    event.timestamp or 0,
                    is_main_result=not event.display,
                    display_id=event.display_id,
                )
                if self._keep_output and not (event.update and self._replace(result)):
                    self._keep(result)
                return "on_result", result
            case _events.Error():
                error = _error(event)
                self._set("error", error)
                return "on_error", error
            case _events.Complete():
                fields = {
                    "timestamp": event.timestamp or 0,
                    "execution_time_in_millis": event.execution_time or 0,
                }
                complete = _completes.one(fields)
                self._set("complete", complete)
                return "on_execution_complete", complete
            case _events.Init():
                run_id = RunId(event.id or "")
                run_id.owner = self._owner
                self._set("id", run_id)
                return "on_init", _inits.one({"id": run_id, "timestamp": event.timestamp or 0})
            case _events.ExecutionCount():
                self._set("execution_count", event.count)
            case _:
                pass
        return None

    def _keep(self, output: OutputMessage | Result) -> None:
        head = output if self._window is None else self._window.add(output)
        if head is not None:
            self._append(head)

    def _append(self, output: OutputMessage | Result) -> None:
        execution = self.execution
        execution.outputs.append(output)
        if isinstance(output, Result):
            execution.result.append(output)
        elif output.is_error:
            execution.logs.stderr.append(output)
        else:
            execution.logs.stdout.append(output)

    def _replace(self, result: Result) -> bool:
        """Put an updated display in the place of its earlier states; whether there were any."""
        found = self._window is not None and self._window.replace(result)
        for kept in (self.execution.result, self.execution.outputs):
            for index, earlier in enumerate(kept):
                if isinstance(earlier, Result) and earlier.display_id == result.display_id:
                    kept[index] = result
                    found = True
        return found

    def _set(self, name: str, value: object) -> None:
        self._fields[name] = value
        self._fields_set.add(name)

    def settle(self, outcome: Outcome) -> None:
        """Close the Execution: nothing more comes, whatever the reason."""
        self._set("outcome", outcome)
        # The run holds its Execution: without the cycle both are freed as soon as they can be.
        self._owner = None
        run_id = self._fields["id"]
        if isinstance(run_id, RunId):
            run_id.owner = None
        if self._fields["output_lost"]:
            warnings.warn("the server dropped output of a run", OutputLostWarning, stacklevel=2)
        if self._window is None:
            return
        execution, window, self._window = self.execution, self._window, None
        execution._omitted_before = len(execution.outputs)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own builder
        for output in window.tail():
            self._append(output)
        execution.omitted_bytes = window.omitted_bytes
        execution.truncated = window.omitted_bytes > 0

    def finish(self) -> Execution:
        """The Execution, now that the body has ended cleanly.

        Raises:
            StreamTruncatedError: No `execution_complete` and no `error` ever came.
        """
        error: ExecutionError | None = self._fields["error"]
        if error is None and self._fields["complete"] is None:
            raise StreamTruncatedError(
                "the event stream ended before the run did; output may be missing"
            )
        self.settle(self._verdict(error))
        return self.execution

    def _verdict(self, error: ExecutionError | None) -> Outcome:
        if error is None:
            return Outcome.OK
        if error.name == KERNEL_DIED:
            return Outcome.KERNEL_DIED
        if self.interrupted or error.name == _KEYBOARD_INTERRUPT:
            return Outcome.INTERRUPTED
        return Outcome.ERROR


def _error(event: _events.Error) -> ExecutionError:
    details = event.error or _events.ErrorDetails()
    traceback = details.traceback or []
    return ExecutionError(
        name=details.ename or "",
        value=details.evalue or "",
        timestamp=event.timestamp or 0,
        traceback=[traceback] if isinstance(traceback, str) else traceback,
    )


def listeners(
    handlers: ExecutionHandlers | ExecutionHandlersSync | None,
) -> dict[str, Callable[[Any], Any]]:
    """The handlers that are there, by name."""
    if handlers is None:
        return {}
    named = ((name, getattr(handlers, name)) for name in _HANDLER_NAMES)
    return {name: handler for name, handler in named if handler is not None}


def refuse_async(handlers: dict[str, Callable[[Any], Any]]) -> None:
    """Raise InvalidArgumentError for a handler that the blocking client could not await."""
    for name, handler in handlers.items():
        if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004  # an object's async __call__
        ):
            raise _async_handler(name)


def refuse_awaitable(
    handlers: dict[str, Callable[[Any], Any]], handler: Callable[[Any], Any], outcome: object
) -> None:
    """Raise InvalidArgumentError when a handler that looked plain returned something to await."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise _async_handler(next(name for name in handlers if handlers[name] is handler))


def _async_handler(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{name} is async: CodeInterpreterSync takes plain functions, CodeInterpreter takes both"
    )
