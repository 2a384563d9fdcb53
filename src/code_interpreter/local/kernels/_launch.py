"""How a kernel is started and spoken to: what the finders find, and execd runs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["jupyter", "tslab", "jjava", "gonb"]


class KernelMissingError(Exception):
    """A language, or the version of it that was asked for, has no kernel here.

    The message says what there is, and which command installs what is missing.
    """


@dataclass(frozen=True, slots=True)
class Launch:
    """How a kernel is started and spoken to.

    Attributes:
        argv: The command; `{connection_file}` in it stands for that file's path.
        env: Variables on top of the sandbox's.
        transport: `ipc` for kernels built on ipykernel: no ports, and nothing on the network.
        interrupt: How the kernel wants to be interrupted.
        dialect: Whose habits its messages have, where they depart from Jupyter's.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    transport: Literal["ipc", "tcp"] = "tcp"
    interrupt: Literal["signal", "message"] = "signal"
    dialect: Dialect = "jupyter"


Find = Callable[[Mapping[str, str]], Awaitable[Launch]]
"""Finds the launch of one language in a sandbox's environment, or raises KernelMissingError."""
