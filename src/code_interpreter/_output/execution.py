"""The `Execution`: one run's output, results, error and outcome, as its user holds them."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Final

from opensandbox.models import execd as shared
from opensandbox.models.execd import OutputMessage
from pydantic import BeforeValidator, Field, PrivateAttr
from typing_extensions import Self

from code_interpreter._errors import (
    CodeError,
    CodeInterpreterError,
    CodeInterruptedError,
    KernelDiedError,
)
from code_interpreter._output.parts import Part
from code_interpreter._output.result import Result, readable
from code_interpreter._output.terminal import plain, rendered


class Outcome(str, Enum):
    """How a run ended.

    Attributes:
        OK: The code ran to its end.
        ERROR: The code failed; `Execution.error` tells how.
        INTERRUPTED: The code was stopped by an interrupt.
        TIMED_OUT: The run took longer than its `timeout` and was stopped.
        KERNEL_DIED: The kernel died under the code; the context's state is gone.
        STREAM_LOST: The end of the run was not seen; output may be missing.
        BUSY: The code did not run: the context was busy with other code.
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


class ExecutionError(shared.ExecutionError):
    """How the user's code failed.

    Attributes:
        name: The name of the exception or, in other languages, of the kind of error.
        value: Its text.
        timestamp: Unix milliseconds.
        traceback: Lines of the traceback as the kernel wrote them, often with terminal colours.
    """

    @property
    def plain_traceback(self) -> str:
        """The traceback as text without terminal codes; the name and the value if there is none."""
        return plain("\n".join(self.traceback)).strip("\n") or f"{self.name}: {self.value}"


def _with_text(error: object) -> object:
    """Make an error of opensandbox's own one of ours."""
    is_shared = isinstance(error, shared.ExecutionError) and not isinstance(error, ExecutionError)
    return ExecutionError(**vars(error)) if is_shared else error


class Execution(shared.Execution):
    """One run: its output, results and error, as far as they have arrived.

    Attributes:
        id: What `interrupt` takes; None until the server has sent it.
        logs: `stdout` and `stderr`, each a list of messages in order of arrival.
        result: What the code showed, displays and the last expression's value, in order of arrival.
        outputs: stdout, stderr and results in the one order in which they arrived.
        error: The failure of the user's code, or None.
        outcome: How the run ended; None until that is known.
        execution_count: The cell's number within its context; None if the server does not say.
        complete: When the kernel reported the end, and how long the code ran.
        output_lost: Whether the server said that it dropped output.
        truncated: Whether output was left out because of `max_output`.
        omitted_bytes: How many bytes of output were left out because of `max_output`.
    """

    result: list[Result] = Field(default_factory=list)  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # the parent's list, of a narrower type
    outputs: list[OutputMessage | Result] = Field(default_factory=list[OutputMessage | Result])
    error: Annotated[ExecutionError | None, BeforeValidator(_with_text)] = None  # pyright: ignore[reportIncompatibleVariableOverride]  # a narrower type
    outcome: Outcome | None = None
    output_lost: bool = False
    truncated: bool = False
    omitted_bytes: int = 0

    # The index in `outputs` at which text was left out, and how many bytes.
    _omitted: tuple[int, int] = PrivateAttr(default=(0, 0))

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end without an error."""
        return self.outcome is Outcome.OK

    @property
    def main_result(self) -> Result | None:
        """The value of the last expression, or None."""
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
        last state. A result begins on a new line. Newlines at the end are left out.
        """
        parts: list[str] = []
        built: list[OutputMessage | Result] = [*self.logs.stdout, *self.result]
        # An Execution that was built by hand may have logs and results alone.
        outputs = self.outputs or built
        index, omitted = self._omitted
        for output in outputs[:index]:
            _show(output, parts)
        if omitted:
            _begin_line(parts)
            parts.append(f"[... {omitted} bytes of output left out ...]\n")
        for output in outputs[index:]:
            _show(output, parts)
        return rendered(parts)

    def render(
        self,
        *,
        max_chars: int = 20_000,
        max_images: int = 4,
        image_pixels: int = 1568,
        prefer: Sequence[str] = (),
    ) -> list[Part]:
        """Return what a model should read of this run, in order of arrival; never nothing.

        Text is what a terminal would show, without its codes. Tables are Markdown, and of a
        traceback the user's frames are kept. What is left out is said in words.

        Args:
            max_chars: Characters of all text at most, from 200 on. The beginning and the end are
                kept.
            max_images: How many pictures are kept, those of the beginning and those of the end.
            image_pixels: Pixels of a picture's longer side at most. Larger ones are scaled down
                with Pillow (the extra `[images]`), and left out where that is not installed.
            prefer: MIME types of results, to be chosen before others, the best first. Plain text
                that only names a picture is never chosen.

        Raises:
            InvalidArgumentError: An argument is not valid.
        """
        from code_interpreter._render.compose import compose  # noqa: PLC0415  # few programs need it

        return compose(self, max_chars, max_images, image_pixels, prefer)

    def _ipython_display_(self) -> None:
        """Show all of it in a notebook's cell, for IPython's display machinery (its protocol)."""
        from code_interpreter._output.cell import show  # noqa: PLC0415  # notebooks alone need it

        show(self, self._omitted)

    def __str__(self) -> str:
        parts = [self.text] if self.logs.stdout or self.result or self.truncated else []
        if self.logs.stderr:
            parts.append(f"[stderr]\n{rendered(message.text for message in self.logs.stderr)}")
        if self.error:
            parts.append(f"[error] {self.error.plain_traceback}")
        return "\n".join(parts)


def _show(output: OutputMessage | Result, parts: list[str]) -> None:
    if isinstance(output, OutputMessage):
        if output.text and not output.is_error:
            parts.append(output.text)
    elif text := readable(output):
        _begin_line(parts)
        parts.append(f"{text}\n")


def _begin_line(parts: list[str]) -> None:
    if parts and not parts[-1].endswith("\n"):
        parts.append("\n")


class RunId(str):
    """The id of a run, which knows the run: servers give one id to many runs.

    A copy, also a pickled one, is a plain string.
    """

    __slots__ = ("owner",)
    owner: object

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)
