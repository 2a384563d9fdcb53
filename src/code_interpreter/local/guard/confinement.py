"""Put a process under limits that are not control groups: what a guard does to its execd.

The limits come as arguments of the guard, ready to be applied: what they should be was decided by
the server.

    data=BYTES         RLIMIT_DATA of the process and of all that it starts
    cpus=NUMBER,...    the processors that it and all that it starts may run on

Light on purpose: a guard loads this file by its path, without the package around it.
"""

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable  # execd waits for this file


def confine(pid: int, limits: "Iterable[str]") -> None:
    """Apply limits to a process that has no children yet.

    Raises:
        OSError: One cannot be applied.
        ValueError: One is malformed.
    """
    for limit in limits:
        kind, _, value = limit.partition("=")
        if kind == "data" and sys.platform == "linux":
            _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
            size = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
        elif kind == "cpus" and sys.platform == "linux":
            os.sched_setaffinity(pid, map(int, value.split(",")))
        else:
            raise ValueError(f"not a limit that this system has: {limit}")
