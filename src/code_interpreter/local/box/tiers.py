"""Which isolation a server's sandboxes have: what was asked for, or an error that says why not."""

import os
from typing import Literal, cast, get_args

from code_interpreter.kernels.providers import providers
from code_interpreter.local.box.box import Box, IsolationUnavailableError
from code_interpreter.local.box.bubblewrap import bubblewrap_boxes
from code_interpreter.local.box.landlock import landlock_boxes

Isolation = Literal["auto", "namespaces", "landlock", "none"]
VARIABLE = "CODE_INTERPRETER_ISOLATION"
CURES = (
    "On Ubuntu 23.10 or newer, bubblewrap needs an AppArmor profile that lets it make user "
    "namespaces (or kernel.apparmor_restrict_unprivileged_userns=0); in a Docker container, "
    "`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`. "
    "isolation='none' runs code without a box, which may do anything that you may"
)


def chosen(isolation: str | None) -> Isolation:
    """What was asked for: by an argument, else by the environment, else "auto".

    Raises:
        ValueError: It is no isolation that there is.
    """
    name = isolation if isolation is not None else os.environ.get(VARIABLE) or "auto"
    if name not in get_args(Isolation):
        raise ValueError(f"isolation must be one of {', '.join(get_args(Isolation))}, not {name!r}")
    return cast("Isolation", name)


def box_for(isolation: Isolation) -> Box | None:
    """How the boxes of a server are made; None for no box. Blocks for some milliseconds.

    Args:
        isolation: "auto" takes the first tier that a trial shows to work here; it never means none.

    Raises:
        IsolationUnavailableError: This system cannot make them.
    """
    if isolation == "none":
        return None
    problems: list[str] = []
    if isolation in {"auto", "namespaces"}:
        try:
            return bubblewrap_boxes(_programs)
        except IsolationUnavailableError as error:
            problems.append(str(error))
    if isolation in {"auto", "landlock"}:
        try:
            return landlock_boxes(_programs())
        except IsolationUnavailableError as error:
            problems.append(str(error))
    raise IsolationUnavailableError(f"{'; '.join(problems)}. {CURES}")


def _programs() -> list[str]:
    """The programs that run kernels."""
    return [program for one in providers() for program in one.candidates(os.environ)]
