"""The variables of a Python context: the cell that asks for them, and what its answer means."""

from dataclasses import dataclass
from typing import Final

import msgspec

from code_interpreter._call.code_context import CodeContext, SupportedLanguage, checked_language
from code_interpreter._call.program import python_cell
from code_interpreter._errors import InvalidArgumentError, ProtocolError

MIME: Final = "application/vnd.code-interpreter.variables+json"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a Python context.

    Attributes:
        name: Its name.
        type: The name of its type, with the module unless that is builtins: ``int``,
            ``numpy.ndarray``, ``__main__.Point``.
        shape: Of arrays and data frames, their shape; of text, bytes and collections, their length;
            else None.
        size: Bytes that the value takes, without those that it refers to; None if not known.
        text: What it is, in 200 characters at most. Of an object whose class is not one of Python's
            own or of a well-known library, the type: its ``__repr__`` is not called.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None
    size: int | None
    text: str


class _Answer(msgspec.Struct):
    variables: list[Variable]


def variables_cell(context: CodeContext | None, limit: int) -> str:
    """Return the cell that shows the variables, and leaves the context as it was."""
    if context is not None and checked_language(context.language) != SupportedLanguage.PYTHON:
        raise InvalidArgumentError(f"variables are known of Python alone, not {context.language}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"limit must be a number of variables; got {limit!r}")
    call = f"import IPython\npublish(IPython.get_ipython(), {limit}, {MIME!r})"
    return python_cell("namespace.py", call)


def read_variables(answer: object) -> list[Variable]:
    """Return the variables that the cell has shown."""
    try:
        return msgspec.convert(answer, _Answer).variables
    except msgspec.ValidationError as error:
        raise ProtocolError(f"these are no variables: {error}") from error
