"""The habits of kernels that depart from Jupyter's, each in a Cell of its own. Pure."""

from collections.abc import Callable, Mapping

from code_interpreter.execd.code.dialects.gonb import GonbCell
from code_interpreter.execd.code.dialects.jjava import JJavaCell
from code_interpreter.execd.code.translate import Cell
from code_interpreter.kernels.launch import Dialect

# Makes a cell of the id of its request and the time.
CELLS: Mapping[Dialect, Callable[[str, float], Cell]] = {
    "jupyter": Cell,
    "jjava": JJavaCell,
    "gonb": GonbCell,
}
