"""Control groups of both versions: all that this project knows and does about them.

What must stay true: a group that is made for a sandbox is removed with it, and whatever is still
alive in it dies first. No group is made where a sandbox would escape a limit of this process.

Light on purpose: a guard loads this file by its path, without the package around it, and execd
waits for that. So it imports next to nothing, and paths are strings, since pathlib takes longer to
import than a guard needs for all of this.
"""

# ruff: noqa: PTH102, PTH106, PTH110, PTH112, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MEMBERSHIP = "/proc/self/cgroup"
MOUNTED = "/sys/fs/cgroup"

_FILES = {  # that a group has when it can limit something, in either version
    "memory": {"memory.max", "memory.limit_in_bytes"},
    "cpu": {"cpu.max", "cpu.cfs_quota_us"},
    "cpuacct": {"cpuacct.usage"},
    "pids": {"pids.max"},
}
_LIMITS = ("memory.max", "memory.high", "cpu.max", "pids.max")
_NO_LIMIT = 2**60  # version 1 writes "none" as a number of this size
_PERIOD = 100_000  # microseconds: what a quota of processor time is a part of
_LEAST_QUOTA = 1_000
_PAUSE = 0.005


# Which groups there are.


def groups(controller: str, membership: str, mounted: str) -> Iterator[str]:
    """Yield the folders of the groups that a process is in, from the innermost outwards.

    Args:
        controller: What they control, like "memory".
        membership: The file that names the groups of the process.
        mounted: Where groups are mounted.
    """
    try:
        with open(membership) as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root = mounted  # version 2: one tree for all
        elif controller in controllers.split(","):
            root = f"{mounted}/{controller}"
        else:
            continue
        group = os.path.join(root, path.strip("/")).rstrip("/")
        while group != root:
            yield group
            group = os.path.dirname(group)
        yield root


def parents(controller: str, membership: str, mounted: str) -> Iterator[str]:
    """Yield where a group for a sandbox may be made, the best first."""
    own = [group for group in groups(controller, membership, mounted) if os.path.isdir(group)]
    for group in own[:2]:
        # The cgroup.procs of the parent: who may not write it may not move processes below it.
        if os.access(group, os.W_OK) and os.access(f"{group}/cgroup.procs", os.W_OK):
            yield group
        if not _is_version_2(group):
            return  # groups can be made in any
        # Groups with a limit are beside the one with the processes, not in it.
        if any((_words(f"{group}/{name}") or ["max"])[0] != "max" for name in _LIMITS):
            return


def place_for(controller: str, membership: str, mounted: str) -> tuple[str, frozenset[str]] | None:
    """Find where groups can be made that limit something, by making one.

    Returns:
        Where to make them, and the files of each; None when there is no such place.
    """
    for parent in parents(controller, membership, mounted):
        files = _files_of_new(parent)
        if files & _FILES[controller]:
            return parent, files
    return None


def place_for_accounts(parent: str, membership: str, mounted: str) -> str | None:
    """Find where version 1 keeps accounts of processors, when it has a separate tree for them.

    Args:
        parent: Where groups are made that limit processors.
        membership: The file that names the groups of the process.
        mounted: Where groups are mounted.
    """
    if os.path.exists(f"{parent}/cpuacct.usage") or _is_version_2(parent):
        return None
    place = place_for("cpuacct", membership, mounted)
    return None if place is None else place[0]


def _is_version_2(group: str) -> bool:
    return os.path.exists(f"{group}/cgroup.controllers")


def _files_of_new(parent: str) -> frozenset[str]:
    group = f"{parent}/ci-{os.urandom(6).hex()}"
    try:
        os.mkdir(group)
    except OSError:
        return frozenset()
    try:
        return frozenset(os.listdir(group))
    finally:
        os.rmdir(group)


# What a group allows, and what it has used.


def tightest_quota(membership: str, mounted: str) -> tuple[str | None, float]:
    """Return the group that limits processors most, and to how many."""
    return _tightest((group, _quota(group)) for group in groups("cpu", membership, mounted))


def tightest_memory(membership: str, mounted: str) -> tuple[str | None, float]:
    """Return the group that limits memory most, and to how many bytes."""
    own = groups("memory", membership, mounted)
    return _tightest((group, _memory_limit(group)) for group in own)


def accounts_of(group: str, membership: str, mounted: str) -> str | None:
    """Return the folder with the accounts of a group that limits processors."""
    # Version 1 can keep them in a separate tree.
    places = [group, *groups("cpuacct", membership, mounted)]
    return next((place for place in places if _has_accounts(place)), None)


def processor_time(accounts: str) -> float:
    """Return the seconds that the processors have worked for a group."""
    if words := _words(f"{accounts}/cpuacct.usage"):
        return int(words[0]) / 1e9
    return _stat(f"{accounts}/cpu.stat", "usage_usec") / 1e6


def memory_used(group: str) -> int:
    """Return the bytes that a group uses, less the files that the kernel could drop."""
    if words := _words(f"{group}/memory.usage_in_bytes"):
        used, kept = int(words[0]), _stat(f"{group}/memory.stat", "total_inactive_file")
    else:
        used = int(_words(f"{group}/memory.current")[0])
        kept = _stat(f"{group}/memory.stat", "inactive_file")
    return max(used - kept, 0)


def _tightest(limits: Iterator[tuple[str, float | None]]) -> tuple[str | None, float]:
    known = [(limit, group) for group, limit in limits if limit is not None]
    limit, group = min(known, default=(float("inf"), None))
    return group, limit


def _quota(group: str) -> float | None:
    words = _words(f"{group}/cpu.max") or [
        *_words(f"{group}/cpu.cfs_quota_us"),
        *_words(f"{group}/cpu.cfs_period_us"),
    ]
    if len(words) != 2 or words[0] in {"max", "-1"}:  # noqa: PLR2004 - a quota and its period
        return None
    return int(words[0]) / int(words[1])


def _memory_limit(group: str) -> int | None:
    words = _words(f"{group}/memory.max") or _words(f"{group}/memory.limit_in_bytes")
    limit = int(words[0]) if words and words[0] != "max" else _NO_LIMIT
    return limit if limit < _NO_LIMIT else None


def _has_accounts(group: str) -> bool:
    return bool(_words(f"{group}/cpuacct.usage")) or "usage_usec" in _words(f"{group}/cpu.stat")


def _stat(file: str, name: str) -> int:
    words = _words(file)
    return int(words[words.index(name) + 1])


def _words(file: str) -> list[str]:
    """Return what a file says; empty when it is missing."""
    try:
        with open(file) as opened:
            return opened.read().split()
    except OSError:
        return []


# What a guard does: a group is made, filled and removed. The limits come as its arguments:
#
#     group=PATH         a group to make; the process enters it
#     set=PATH=VALUE     a file of such a group to write


def memory_limit(group: str, files: frozenset[str], size: int) -> tuple[str, ...]:
    """Return the arguments that limit the memory of a group which has these files."""
    if "memory.max" in files:
        return _limit(group, files, {"memory.max": size, "memory.swap.max": 0})
    # The first before the second, which may not be less.
    settings = {"memory.limit_in_bytes": size, "memory.memsw.limit_in_bytes": size}
    return _limit(group, files, settings)


def processor_limit(group: str, files: frozenset[str], processors: float) -> tuple[str, ...]:
    """Return the arguments that limit the processors of a group which has these files."""
    quota = max(int(processors * _PERIOD), _LEAST_QUOTA)
    if "cpu.max" in files:
        return _limit(group, files, {"cpu.max": f"{quota} {_PERIOD}"})
    return _limit(group, files, {"cpu.cfs_period_us": _PERIOD, "cpu.cfs_quota_us": quota})


def process_limit(group: str, files: frozenset[str], count: int) -> tuple[str, ...]:
    """Return the arguments that limit the processes and threads of a group with these files."""
    return _limit(group, files, {"pids.max": count})


def is_argument(limit: str) -> bool:
    """Whether an argument of a guard is about a control group."""
    return limit.startswith(("group=", "set="))


def make(limits: Iterable[str]) -> list[str]:
    """Make groups, and set their limits.

    Returns:
        Of each the file that a process which has one thread, and no children yet, enters it by:
        it writes `0`.

    Raises:
        OSError: A group cannot be made or set.
    """
    made: list[str] = []
    for limit in limits:
        kind, _, value = limit.partition("=")
        if kind == "group":
            os.mkdir(value)
            made.append(value)
        elif kind == "set":
            _write(*value.split("=", 1))
    # Who enters by `tasks`, which version 1 has, waits for nobody.
    files = ((f"{group}/tasks", f"{group}/cgroup.procs") for group in made)
    return [tasks if os.path.exists(tasks) else processes for tasks, processes in files]


def release(limits: Iterable[str], *, patience: float = 2.0) -> None:
    """Kill what is left in the groups of limits, and remove them.

    Args:
        limits: As they were given to `make`; others are ignored.
        patience: Seconds until it gives up.

    Raises:
        OSError: One cannot be removed in that time.
    """
    deadline = time.monotonic() + patience
    for limit in limits:
        kind, _, group = limit.partition("=")
        while kind == "group" and os.path.isdir(group):
            try:
                _remove(group)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)


def _limit(group: str, files: frozenset[str], settings: Mapping[str, object]) -> tuple[str, ...]:
    known = ((file, value) for file, value in settings.items() if file in files)
    return (f"group={group}", *(f"set={group}/{file}={value}" for file, value in known))


def _remove(group: str) -> None:
    # Code in a sandbox may have made groups below its own.
    for folder, _, _ in os.walk(group, topdown=False):
        with open(f"{folder}/cgroup.procs") as processes:
            for pid in map(int, processes.read().split()):
                # 0: a process outside this one's namespace; to kill(), our own process group.
                if pid > 0:
                    _kill(pid)
        os.rmdir(folder)


def _kill(pid: int) -> None:
    import signal  # noqa: PLC0415 - see the top

    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _write(path: str, value: str) -> None:
    # Unbuffered: the system's answer is the answer to this very write.
    with open(path, "wb", buffering=0) as file:
        file.write(value.encode())
