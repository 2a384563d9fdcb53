"""The sandbox API on this machine: the same as that of an OpenSandbox cluster.

Each of its sandboxes is in a box, unless it is asked for without one.

Every sandbox is a process that imports this package. LocalServer takes a second to import, so it is
imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from code_interpreter.kernels.extras import require

if TYPE_CHECKING:
    from code_interpreter.local.box.box import IsolationUnavailableError
    from code_interpreter.local.mounts import Mount
    from code_interpreter.local.server import LocalServer

__all__ = ["IsolationUnavailableError", "LocalServer", "Mount"]

require("local")

_HOMES = {"IsolationUnavailableError": "box.box", "LocalServer": "server", "Mount": "mounts"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
