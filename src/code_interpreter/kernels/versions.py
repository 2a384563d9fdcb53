"""Which of the installed versions a sandbox asks for. Pure.

What must stay true: `20` asks for any 20, `20.20` for any 20.20, and nothing for the newest; who
asks for what is not here is told what is.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from code_interpreter.kernels.launch import KernelMissingError

Version = tuple[int, ...]
T = TypeVar("T")

_WANTED = re.compile(r"[0-9]+(\.[0-9]+){0,3}")
_FOUND = re.compile(r"[0-9]+(\.[0-9]+)*")


def parse(text: str) -> Version:
    """The first version in a text such as `v20.20.2` or `go1.26.1`; empty when there is none."""
    found = _FOUND.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


def asked(variable: str, wanted: str, example: str = "20 or 20.20.2") -> Version:
    """The version that a variable asks for; empty when its value is.

    Raises:
        KernelMissingError: Its value is no version.
    """
    if wanted and not _WANTED.fullmatch(wanted):
        raise KernelMissingError(f"{variable}={wanted!r} is no version such as {example}")
    return parse(wanted)


def pick(
    candidates: Sequence[T],
    version: Callable[[T], Version],
    *,
    variable: str,
    wanted: str,
    what: str,
    remedy: str,
) -> T:
    """The candidate that a sandbox asks for; of several, the newest, and of equals the first.

    Args:
        candidates: What is installed; should have a text that tells a version and a place.
        version: The version of one.
        variable: The variable that asks for it, such as `NODE_VERSION`.
        wanted: Its value; empty asks for the newest.
        what: What the candidates are, such as `Node`.
        remedy: What to do when there is none at all, as a sentence.

    Raises:
        KernelMissingError: There is none of that version, or none at all.
    """
    wanted = wanted.strip()
    prefix = asked(variable, wanted)
    fitting = [one for one in candidates if version(one)[: len(prefix)] == prefix]
    if fitting:
        return max(fitting, key=version)
    if not candidates:
        raise KernelMissingError(f"no {what} is installed. {remedy}")
    newest_first = sorted(candidates, key=version, reverse=True)
    raise KernelMissingError(
        f"{what} {wanted} is not installed. Installed: {', '.join(map(str, newest_first))}."
    )
