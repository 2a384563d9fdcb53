"""The sandbox API on this machine: the same as that of an OpenSandbox cluster.

Code in its sandboxes runs as the current user, without isolation unless it is asked for.

Every sandbox is a process that imports this package. LocalServer takes a second to import, so it is
imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from code_interpreter.kernels.extras import require

if TYPE_CHECKING:
    from code_interpreter.local.box.box import IsolationUnavailableError
    from code_interpreter.local.server import LocalServer

__all__ = ["IsolationUnavailableError", "LocalServer"]

require("local")


def __getattr__(name: str) -> object:
    if name == "IsolationUnavailableError":
        from code_interpreter.local.box.box import (  # noqa: PLC0415 - see above
            IsolationUnavailableError,
        )

        return IsolationUnavailableError
    if name != "LocalServer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from code_interpreter.local.server import LocalServer  # noqa: PLC0415 - see above

    return LocalServer
