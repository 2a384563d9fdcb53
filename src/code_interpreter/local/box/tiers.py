"""Which isolation a server's sandboxes have: what was asked for, or an error that says why not."""

import os
from typing import Literal, cast, get_args

from code_interpreter.kernels.providers import providers
from code_interpreter.local.box.bubblewrap import Box, boxes

Isolation = Literal["namespaces", "none"]
VARIABLE = "CODE_INTERPRETER_ISOLATION"


def chosen(isolation: str | None) -> Isolation:
    """What was asked for: by an argument, else by the environment, else none.

    Raises:
        ValueError: It is no isolation that there is.
    """
    name = isolation if isolation is not None else os.environ.get(VARIABLE) or "none"
    if name not in get_args(Isolation):
        raise ValueError(f"isolation must be one of {', '.join(get_args(Isolation))}, not {name!r}")
    return cast("Isolation", name)


def box_for(isolation: Isolation) -> Box | None:
    """How the boxes of a server are made; None for no box. Blocks for some milliseconds.

    Raises:
        IsolationUnavailableError: This system cannot make them.
    """
    if isolation == "none":
        return None
    return boxes(program for one in providers() for program in one.candidates(os.environ))
