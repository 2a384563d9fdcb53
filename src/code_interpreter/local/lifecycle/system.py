"""By which means this system can limit a sandbox.

What must stay true: a means that is found has been tried, by making a control group and removing
it again.
"""

import os
import sys

from code_interpreter.execd.host import cgroups
from code_interpreter.local.lifecycle.limits import System, Tree


def look(*, membership: str = cgroups.MEMBERSHIP, mounted: str = cgroups.MOUNTED) -> System:
    """Return what there is to limit a sandbox with.

    Args:
        membership: The file that names the control groups of this process.
        mounted: Where control groups are mounted.
    """
    linux = sys.platform == "linux"
    memory = _tree("memory", membership, mounted)
    cpu = _tree("cpu", membership, mounted)
    pids = _tree("pids", membership, mounted)
    if memory and "memory.max" in memory.files:
        # A process is in one group of version 2 only.
        cpu, pids = (
            tree if tree and tree.parent == memory.parent else None for tree in (cpu, pids)
        )
    return System(
        _processors(),
        cpu,
        memory,
        affinity=linux,
        data_limit=linux,
        pids=pids,
        total_memory=_total_memory(membership, mounted),
    )


def _total_memory(membership: str, mounted: str) -> int | None:
    try:
        there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    _, allowed = cgroups.tightest_memory(membership, mounted)
    return int(min(there_is, allowed))


def _tree(controller: str, membership: str, mounted: str) -> Tree | None:
    place = cgroups.place_for(controller, membership, mounted)
    if place is None:
        return None
    accounts = None
    if controller == "cpu":
        accounts = cgroups.place_for_accounts(place[0], membership, mounted)
    return Tree(*place, accounts)


def _processors() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))
