"""Put a process under limits, and take the limits away: what a guard does to its execd.

What must stay true: a control group made here is removed here, and whatever is still alive in it
dies first, however it hid. The limits come as arguments of the guard, ready to be applied: what
they should be was decided by the server.

    group=PATH         a control group to make; the process moves into it
    set=PATH=VALUE     a file of such a group to write
    data=BYTES         RLIMIT_DATA of the process and of all that it starts
    cpus=NUMBER,...    the processors that it and all that it starts may run on

Light on purpose: a guard loads this file by its path, without the package around it.
"""

# Paths are strings: pathlib takes longer to import than all of this takes to run.
# ruff: noqa: PTH102, PTH106, PTH112, PTH123

import os
import resource
import signal
import sys
import time
from collections.abc import Iterable

_PATIENCE = 2.0
_PAUSE = 0.005


def confine(pid: int, limits: Iterable[str]) -> None:
    """Apply limits to a process that has no children yet.

    Raises:
        OSError: One cannot be applied.
        ValueError: One is not written as it should be.
    """
    groups: list[str] = []
    for limit in limits:
        kind, _, value = limit.partition("=")
        if kind == "group":
            os.mkdir(value)
            groups.append(value)
        elif kind == "set":
            _write(*value.split("=", 1))
        elif kind == "data" and sys.platform == "linux":
            _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
            size = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
        elif kind == "cpus" and sys.platform == "linux":
            os.sched_setaffinity(pid, map(int, value.split(",")))
        else:
            raise ValueError(f"no limit that this system has: {limit}")
    # Last, when all of a group's limits are set.
    for group in groups:
        _write(f"{group}/cgroup.procs", str(pid))


def release(limits: Iterable[str]) -> None:
    """Kill what is left in the control groups of limits, and remove them.

    Raises:
        OSError: One cannot be removed within two seconds.
    """
    deadline = time.monotonic() + _PATIENCE
    for limit in limits:
        kind, _, group = limit.partition("=")
        while kind == "group" and os.path.isdir(group):
            try:
                _remove(group)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)


def _remove(group: str) -> None:
    # Code in a sandbox may have made groups below its own.
    for folder, _, _ in os.walk(group, topdown=False):
        with open(f"{folder}/cgroup.procs") as processes:
            for pid in map(int, processes.read().split()):
                # 0: somebody whom this process's namespace does not know; to kill(), our group.
                if pid > 0:
                    _kill(pid)
        os.rmdir(folder)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _write(path: str, value: str) -> None:
    # Unbuffered: the system's answer is the answer to this very write.
    with open(path, "wb", buffering=0) as file:
        file.write(value.encode())
