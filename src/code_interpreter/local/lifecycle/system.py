"""By which means this system can limit a sandbox: looks, and decides nothing else.

What must stay true: a means that is found has been tried, by making a control group and removing
it again. And no control group is made where a sandbox would escape a limit that this process is
under.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from code_interpreter._host.cgroups import MEMBERSHIP, MOUNTED, groups, read_words
from code_interpreter.local.lifecycle.limits import System, Tree

_LIMITS = ("memory.max", "memory.high", "cpu.max")


def look(*, membership: Path = MEMBERSHIP, mounted: Path = MOUNTED) -> System:
    """What there is to limit a sandbox with.

    Args:
        membership: The file that names the control groups of this process.
        mounted: Where control groups are mounted.
    """
    linux = sys.platform == "linux"
    memory = _tree(membership, mounted, "memory", {"memory.max", "memory.limit_in_bytes"})
    cpu = _tree(membership, mounted, "cpu", {"cpu.max", "cpu.cfs_quota_us"})
    if memory and cpu and "memory.max" in memory.files and memory.parent != cpu.parent:
        cpu = None  # a process is in one group of version 2 only
    return System(_processors(), cpu, memory, affinity=linux, data_limit=linux)


def _tree(membership: Path, mounted: Path, controller: str, needed: set[str]) -> Tree | None:
    for parent in parents(membership, mounted, controller):
        files = _try(parent)
        if files & needed:
            accounts = _accounts(membership, mounted, parent) if controller == "cpu" else None
            return Tree(str(parent), files, accounts)
    return None


def parents(membership: Path, mounted: Path, controller: str) -> Iterator[Path]:
    """Where a group for a sandbox may be made, the best first."""
    own = [group for group in groups(membership, mounted, controller) if group.is_dir()]
    for group in own[:2]:
        # The cgroup.procs of the parent: who may not write it may not move processes below it.
        if os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK):
            yield group
        if not (group / "cgroup.controllers").exists():
            return  # version 1: groups can be made in any
        # Version 2: groups with a limit are beside the one with the processes, not in it.
        if any((read_words(group / name) or ["max"])[0] != "max" for name in _LIMITS):
            return


def _try(parent: Path) -> frozenset[str]:
    """The files of a group that is made in another; none when none can be made."""
    group = parent / f"ci-{secrets.token_hex(6)}"
    try:
        group.mkdir()
    except OSError:
        return frozenset()
    try:
        return frozenset(entry.name for entry in group.iterdir())
    finally:
        group.rmdir()


def _accounts(membership: Path, mounted: Path, parent: Path) -> str | None:
    """Where version 1 keeps accounts of processors, when it has a tree of its own for them."""
    if (parent / "cpuacct.usage").exists() or (parent / "cgroup.controllers").exists():
        return None
    for group in parents(membership, mounted, "cpuacct"):
        if "cpuacct.usage" in _try(group):
            return str(group)
    return None


def _processors() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))
