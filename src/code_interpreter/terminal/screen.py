"""A run on a terminal, or for a program that reads it: output as it comes, then the exit status."""

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Final, TextIO

from opensandbox.models.execd import ExecutionError as SharedError
from opensandbox.models.execd import ExecutionHandlers, ExecutionResult, OutputMessage

from code_interpreter._output.execution import Execution, ExecutionError, Outcome
from code_interpreter._output.result import Result, readable
from code_interpreter.terminal import pictures

FAILED: Final = 1
TIMED_OUT: Final = 124  # as of `timeout` in coreutils
INTERRUPTED: Final = 130  # as a shell has it for a program that SIGINT ended
# How kernels say that code ended itself with a status.
_STATUS: Final = re.compile(r"(?:exit status )?(\d{1,3})")
_ENDS_ITSELF: Final = frozenset({"SystemExit", "ExitStatus", "ExitError"})


class Screen:
    """Shows a run as it goes.

    Args:
        save: The folder that pictures go into.
        shows_value: Whether the value of the last expression is shown.
    """

    def __init__(self, save: Path | None, *, shows_value: bool) -> None:
        self._save = save
        self._shows_value = shows_value
        self._pictures = 0
        self._how: pictures.Protocol | None = None
        if sys.stdout.isatty():
            self._how = pictures.protocol(os.environ)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what it cannot write is no error
                stream.reconfigure(errors="backslashreplace")

    def handlers(self, **others: Any) -> ExecutionHandlers:
        """Return the handlers of a run that show it; nothing of it is kept."""
        return ExecutionHandlers(
            on_stdout=self._stdout,
            on_stderr=self._stderr,
            on_result=self._result,
            on_error=self._error,
            skip_accumulation=True,
            **others,
        )

    async def _stdout(self, message: OutputMessage) -> None:
        _write(sys.stdout, message.text)

    async def _stderr(self, message: OutputMessage) -> None:
        _write(sys.stderr, message.text)

    async def _result(self, result: ExecutionResult) -> None:
        if not isinstance(result, Result):
            return
        if pictures.kinds(result):
            self._picture(result)
        elif self._shows_value or not result.is_main_result:
            _write(sys.stdout, f"{readable(result) or _name(result)}\n")

    def _picture(self, result: Result) -> None:
        drawn = pictures.shown(result, self._how) if self._how else None
        if drawn is not None:
            _write(sys.stdout, drawn)
        if not self.save(result) and drawn is None:
            of = ", ".join(pictures.kinds(result))
            _write(sys.stderr, f"picture: {of} (--save DIR writes it to a file)\n")

    def save(self, result: ExecutionResult) -> bool:
        """Write a result's pictures to files, if they are to be; return whether there were any."""
        if self._save is None or not isinstance(result, Result) or not pictures.kinds(result):
            return False
        self._pictures += 1
        for path in pictures.save(result, self._save, self._pictures):
            _write(sys.stderr, f"picture: {path}\n")
        return True

    async def _error(self, error: SharedError) -> None:
        if ends_itself(error) is not None:
            return
        ours = error if isinstance(error, ExecutionError) else None
        lines = "\n".join(error.traceback)
        if ours is not None and (not sys.stderr.isatty() or "NO_COLOR" in os.environ):
            lines = ours.plain_traceback
        _write(sys.stderr, f"{(lines or f'{error.name}: {error.value}').rstrip()}\n")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _name(result: Result) -> str:
    return f"[{', '.join(result.mime)}]"


def ends_itself(error: SharedError) -> int | None:
    """Return the status that code ended itself with; None if it failed otherwise."""
    if error.name not in _ENDS_ITSELF:
        return None
    status = _STATUS.fullmatch(error.value.strip() or "0")
    return int(status[1]) & 0xFF if status else None


def exit_status(execution: Execution) -> int:
    """Return the exit status of a run: that of the code, where it ended itself with one."""
    if execution.outcome is Outcome.INTERRUPTED:
        return INTERRUPTED
    if execution.error is None:
        return 0
    status = ends_itself(execution.error)
    return FAILED if status is None else status


def as_json(execution: Execution, language: str, seconds: float) -> str:
    """Return a run as JSON, for programs.

    The object has `language`, `outcome`, `seconds`, `outputs` in their order (`{"type": "stdout",
    "text"}`, `{"type": "stderr", "text"}`, `{"type": "result", "mime", "is_main_result"}`) and
    `error` (`name`, `value`, `traceback`, or null).
    """
    outputs: list[dict[str, Any]] = []
    for output in execution.outputs:
        if isinstance(output, Result):
            told = {"mime": dict(output.mime), "is_main_result": output.is_main_result}
            outputs.append({"type": "result", **told})
        else:
            kind = "stderr" if output.is_error else "stdout"
            outputs.append({"type": kind, "text": output.text})
    error = execution.error
    told_error = error and {
        "name": error.name,
        "value": error.value,
        "traceback": error.plain_traceback,
    }
    outcome = execution.outcome.value if execution.outcome else None
    whole = {"language": language, "outcome": outcome, "seconds": round(seconds, 3)}
    return json.dumps({**whole, "outputs": outputs, "error": told_error}, ensure_ascii=False)
