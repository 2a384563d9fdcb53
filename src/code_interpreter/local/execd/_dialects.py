"""The habits of kernels that depart from Jupyter's, each in a Cell of its own. Pure."""

from collections.abc import Callable, Mapping

from code_interpreter.local.execd._gonb import GonbCell
from code_interpreter.local.execd._jjava import JJavaCell
from code_interpreter.local.execd._translate import Cell
from code_interpreter.local.execd._tslab import TslabCell
from code_interpreter.local.kernels._launch import Dialect

# A cell from the id of its request.
CELLS: Mapping[Dialect, Callable[[str], Cell]] = {
    "jupyter": Cell,
    "tslab": TslabCell,
    "jjava": JJavaCell,
    "gonb": GonbCell,
}
