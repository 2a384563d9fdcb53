"""An Execution as the output of a notebook's cell: what arrived, in its order."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from opensandbox.models.execd import OutputMessage

if TYPE_CHECKING:
    from code_interpreter._output.execution import Execution


def show(execution: "Execution", omitted: tuple[int, int]) -> None:
    """Show an Execution by IPython, whose display machinery calls this.

    Args:
        execution: What is shown.
        omitted: The index in `outputs` where text was left out, and how many bytes of it.
    """
    machinery: Any = importlib.import_module("IPython.display")  # it is there: it calls
    outputs = execution.outputs or [*execution.logs.stdout, *execution.result]
    for index, output in enumerate(outputs):
        if omitted[1] and index == omitted[0]:
            _tell_of_omission(omitted[1])
        if not isinstance(output, OutputMessage):
            sys.stdout.flush()
            machinery.display(output)
        else:
            stream = sys.stderr if output.is_error else sys.stdout
            stream.write(output.text)
    if omitted[1] and omitted[0] >= len(outputs):
        _tell_of_omission(omitted[1])
    if execution.error is not None:
        sys.stdout.flush()
        traceback = "\n".join(execution.error.traceback)
        error = execution.error
        sys.stderr.write(f"{(traceback or f'{error.name}: {error.value}').rstrip()}\n")


def _tell_of_omission(count: int) -> None:
    sys.stdout.write(f"[... {count} bytes of output left out ...]\n")
