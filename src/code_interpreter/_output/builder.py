"""Folds events into an `Execution`, in their order of arrival, which is any order.

`execution_complete` can come before output, results and even an error. So nothing is judged before
`finish`, which is called at the clean end of the stream's body and only there.
"""

import warnings
from typing import Any, Final

from opensandbox.models.execd import ExecutionComplete, ExecutionInit, OutputMessage

from code_interpreter import events
from code_interpreter._errors import OutputLostWarning, StreamTruncatedError
from code_interpreter._output.execution import Execution, ExecutionError, Outcome, RunId
from code_interpreter._output.message import make_message
from code_interpreter._output.result import Result, from_bundle
from code_interpreter._output.window import Window
from code_interpreter.events import Stderr, Stdout

KERNEL_DIED: Final = "KernelDied"
"""The name of the error with which our own server ends a run whose kernel died."""
_KEYBOARD_INTERRUPT: Final = "KeyboardInterrupt"
# How Jupyter's notices begin (jupyter_server, services/kernels/connection/channels.py).
_LOSS_NOTICES: Final = ("IOPub data rate exceeded", "IOPub message rate exceeded")


class ExecutionBuilder:
    """Folds events into an Execution, by default a new one, whose id knows the `owner`, a run.

    Without `keep_output`, output and results are left to the handlers.
    """

    def __init__(
        self,
        execution: Execution | None = None,
        *,
        keep_output: bool = True,
        max_output: int | None = None,
        owner: object = None,
    ) -> None:
        self.execution = Execution() if execution is None else execution
        self.interrupted = False  # whether we have asked the server to stop this run
        self._owner = owner
        self._keep_output = keep_output
        self._window = None if max_output is None else Window(max_output)
        self._outputs = self.execution.outputs
        self._stdout = self.execution.logs.stdout
        self._stderr = self.execution.logs.stderr
        self._max_output = max_output
        self._keeps_all = keep_output and max_output is None
        self._clears_next = False  # with the next output

    def take(self, event: events.Event) -> Any:
        """Take an event in; return what its handler is called with, or None."""
        # isinstance takes as long as all else here where a class has a metaclass, as structs have.
        if type(event) is Stdout:
            text, kept, is_error = event.text or "", self._stdout, False
        elif type(event) is Stderr:
            text, kept, is_error = event.text or "", self._stderr, True
            if text.startswith(_LOSS_NOTICES):
                self.execution.output_lost = True
        else:
            return self._take_other(event)
        message = make_message(
            {"text": text, "timestamp": event.timestamp or 0, "is_error": is_error}
        )
        if self._keeps_all:
            self._outputs.append(message)
            kept.append(message)
        elif self._keep_output:
            self._keep(message)
        return message

    def _take_other(self, event: events.Event) -> Any:
        execution = self.execution
        match event:
            case events.MimeBundle():
                result = from_bundle(
                    event.results or {},
                    event.timestamp or 0,
                    is_main_result=not event.display,
                    display_id=event.display_id,
                )
                if self._window is not None:
                    result = self._window.fitted(result)
                if self._keep_output and not (event.update and self._replace(result)):
                    self._keep(result)
                return result
            case events.ClearOutput():
                self._clears_next = True
                self._keeps_all = False
                if not event.wait:
                    self._clear()
            case events.Error():
                execution.error = self._error(event)
                return execution.error
            case events.Complete():
                execution.complete = ExecutionComplete(
                    timestamp=event.timestamp or 0,
                    execution_time_in_millis=event.execution_time or 0,
                )
                return execution.complete
            case events.Init():
                run_id = RunId(event.id or "")
                run_id.owner = self._owner
                execution.id = run_id
                init = ExecutionInit(id=run_id, timestamp=event.timestamp or 0)
                init.id = run_id  # validation makes a plain string of it
                return init
            case events.ExecutionCount():
                execution.execution_count = event.count
            case _:
                pass
        return None

    def _error(self, event: events.Error) -> ExecutionError:
        details = event.error or events.ErrorDetails()
        value, traceback = details.evalue or "", details.traceback or []
        lines = [traceback] if isinstance(traceback, str) else traceback
        if self._window is not None:
            value = self._window.shortened(value)
            text = "\n".join(lines)
            if (short := self._window.shortened(text)) != text:
                lines = short.split("\n")
        return ExecutionError(
            name=details.ename or "", value=value, timestamp=event.timestamp or 0, traceback=lines
        )

    def _clear(self) -> None:
        """Forget what was shown so far: the code replaces it, as in the output of a notebook."""
        execution = self.execution
        for kept in (self._outputs, self._stdout, self._stderr, execution.result):
            kept.clear()
        if self._max_output is not None:
            self._window = Window(self._max_output)
        self._clears_next = False
        self._keeps_all = self._keep_output and self._window is None

    def _keep(self, output: OutputMessage | Result) -> None:
        if self._clears_next:
            self._clear()
        if self._window is not None:
            head = self._window.add(output)
            if head is None:
                return
            output = head
        self._outputs.append(output)
        if isinstance(output, Result):
            self.execution.result.append(output)
        else:
            (self._stderr if output.is_error else self._stdout).append(output)

    def _replace(self, result: Result) -> bool:
        """Replace the earlier states of an updated display; return whether there were any."""
        found = self._window is not None and self._window.replace(result)
        for kept in (self.execution.result, self._outputs):
            for index, earlier in enumerate(kept):
                if isinstance(earlier, Result) and earlier.display_id == result.display_id:
                    kept[index] = result
                    found = True
        return found

    def settle(self, outcome: Outcome) -> None:
        """Close the Execution: nothing more comes, whatever the reason."""
        execution = self.execution
        execution.outcome = outcome
        # The run holds its Execution: without the cycle both are freed as soon as they can be.
        self._owner = None
        if isinstance(execution.id, RunId):
            execution.id.owner = None
        if execution.output_lost:
            warnings.warn("the server dropped output of a run", OutputLostWarning, stacklevel=2)
        if self._window is None:
            return
        window, self._window, self._clears_next = self._window, None, False
        before = len(self._outputs)
        for output in window.tail():
            self._keep(output)
        execution._omitted = before, window.omitted_bytes  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own builder
        execution.omitted_bytes = window.omitted_bytes + window.omitted_otherwise
        execution.truncated = execution.omitted_bytes > 0

    def finish(self) -> Execution:
        """Return the Execution, now that the body has ended cleanly.

        Raises StreamTruncatedError if no `execution_complete` and no `error` ever came.
        """
        error = self.execution.error
        if error is None and self.execution.complete is None:
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
