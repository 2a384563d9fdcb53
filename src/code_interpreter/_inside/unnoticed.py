"""What comes first in a cell that its context is not to notice."""

import inspect
from typing import Any

import IPython

_untyped: Any = IPython  # before IPython 9


def go_unnoticed() -> None:
    """Have the next cell get the number of this one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "run_cell_async":
        frame = frame.f_back
    number = frame.f_locals.get("execution_count") if frame is not None else None
    if type(number) is int:
        _untyped.get_ipython().execution_count = number
