"""Programs of `_inside`, as cells."""

from functools import cache
from importlib.resources import files


@cache
def program(name: str) -> str:
    """Return the text of a program."""
    return (files("code_interpreter._inside") / name).read_text(encoding="utf-8")


def python_cell(name: str, call: str) -> str:
    """Return a cell that makes a call in a program, and that its context does not notice.

    It has no names of its own there, and the next cell gets its number. IPython takes a cell with
    its own code for pasting in it for a command, and keeps it out of the history.
    """
    text = f"{program('unnoticed.py')}\n\ngo_unnoticed()\n{program(name)}\n\n{call}\n"
    return (
        "# get_ipython().run_line_magic('paste')\n"
        f'__import__("builtins").exec({text!r}, {{"__name__": "code_interpreter"}})\n'
        "pass\n"
    )
