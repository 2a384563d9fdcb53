"""Limits that are not control groups: how a guard starts its execd under them.

The limits come as arguments of the guard, ready to be applied: what they should be was decided by
the server.

    data=BYTES         RLIMIT_DATA of the process and of all that it starts
    cpus=NUMBER,...    the processors that it and all that it starts may run on

Light on purpose: a guard loads this file by its path, without the package around it, and execd
waits for it.
"""

import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_UNIT = 1024  # bytes: what a shell counts in


def read(limits: "Iterable[str]") -> tuple[str, set[int]]:
    """Return words of a shell that end in `&&`, and the processors; both empty for no limit.

    Raises:
        ValueError: One is malformed, or this system does not have it.
    """
    words = ""
    processors: set[int] = set()
    for limit in limits:
        kind, _, value = limit.partition("=")
        if kind == "data" and sys.platform == "linux":
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            size = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            words += f"ulimit -d {size // _UNIT} && "
        elif kind == "cpus" and sys.platform == "linux":
            processors.update(map(int, value.split(",")))
        else:
            raise ValueError(f"not a limit that this system has: {limit}")
    return words, processors
