"""A server of one's own: the same API as an OpenSandbox cluster, on this machine.

Whatever runs in its sandboxes runs as the current user, without isolation.

Every sandbox is a process that imports this package, so that LocalServer, which needs a second to
import, waits until somebody asks for it.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from code_interpreter.local.server import LocalServer

__all__ = ["LocalServer"]

_EXTRA = ("httptools", "ipykernel", "jupyter_client", "psutil", "starlette", "uvicorn", "zmq")
_missing = [name for name in _EXTRA if find_spec(name) is None]
if _missing:
    raise ImportError(
        f"the local runtime needs {', '.join(_missing)}: "
        "pip install 'opensandbox-code-interpreter[local]'",
        name=_missing[0],
    )


def __getattr__(name: str) -> object:
    if name != "LocalServer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from code_interpreter.local.server import LocalServer  # noqa: PLC0415 - see above

    return LocalServer
