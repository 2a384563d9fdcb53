"""What a sandbox may use: what was asked for, and by which means it is enforced here. Pure.

What must stay true: a limit that was asked for is enforced, or the sandbox says in words that it
is not. The best means comes first: a control group limits a sandbox as a whole, as a cluster
does. Without one, memory is limited a process at a time (RLIMIT_DATA, which every kernel bears
from a gigabyte on, unlike RLIMIT_AS), and processors are limited to some of the machine's, whole
ones (affinity). What is written is measured, by the guard, and a sandbox that exceeds it ends, as a
pod of Kubernetes is evicted.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from code_interpreter.execd.host import cgroups

# Decimal digits, then a decimal or binary suffix or an exponent: a quantity of Kubernetes.
_QUANTITY = re.compile(
    r"\+?(?P<number>\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d{1,2}))?",
    re.ASCII,
)
_SUFFIXES = {
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("num", start=-3)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_STORAGE_NAME = "ephemeral-storage"  # as Kubernetes calls it
LEAST = {
    "cpu": Decimal("0.1"),
    "memory": Decimal(128 * 2**20),
    "pids": Decimal(64),
    _STORAGE_NAME: Decimal(16 * 2**20),
}
# Of a box that was asked for none.
_PROCESSES = 2048
_STORAGE = 10 * 2**30
_OF_ALL_MEMORY = 0.8
_MOST_BYTES = 2**62


@dataclass(frozen=True, slots=True)
class Limits:
    """What was asked for.

    Attributes:
        cpu: Processors, or a part of one; None for all.
        memory: Bytes; None for all.
        others: Names of limits that no local sandbox has.
        pids: Processes and threads; None for any number.
        storage: Bytes that its folders may take; None for all.
    """

    cpu: float | None = None
    memory: int | None = None
    others: tuple[str, ...] = ()
    pids: int | None = None
    storage: int | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A place where control groups can be made that limit something.

    Attributes:
        parent: The folder to make them in.
        files: What each has to be set by.
        accounts: Another folder, where a group has to be made to keep its accounts.
    """

    parent: str
    files: frozenset[str]
    accounts: str | None = None


@dataclass(frozen=True, slots=True)
class System:
    """The means of a system.

    Attributes:
        cpu: Where control groups limit processors.
        memory: Where they limit memory.
        pids: Where they limit processes.
        processors: Numbers of those that this server may use.
        affinity: Whether a process can be limited to some of them.
        data_limit: Whether RLIMIT_DATA holds.
        total_memory: Bytes that this server may use.
    """

    processors: tuple[int, ...]
    cpu: Tree | None = None
    memory: Tree | None = None
    affinity: bool = False
    data_limit: bool = False
    pids: Tree | None = None
    total_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Confinement:
    """How the limits of a sandbox are enforced.

    Attributes:
        arguments: For its guard.
        own_arguments: For its execd.
        cpus: The processors that it is limited to; empty for all.
        notes: In words, a line for each limit that was asked for.
        unmet: Those of the notes that say that a limit does not hold.
    """

    arguments: tuple[str, ...] = ()
    own_arguments: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()


def read_limits(given: Mapping[str, str]) -> Limits:
    """Understand `resourceLimits`.

    Raises:
        ValueError: A quantity is not valid, or too small for a sandbox to start.
    """
    read = {name: read_quantity(name, given[name]) for name in LEAST if name in given}
    for name, value in read.items():
        if value < LEAST[name]:
            shown = f"{LEAST[name]}"
            if name in {"memory", _STORAGE_NAME}:
                shown = f"{int(LEAST[name]) // 2**20}Mi"
            raise ValueError(f"{name}: {given[name]} is too little to start with; at least {shown}")
    whole = {name: int(min(value, Decimal(_MOST_BYTES))) for name, value in read.items()}
    return Limits(
        cpu=float(read["cpu"]) if "cpu" in read else None,
        memory=whole.get("memory"),
        pids=whole.get("pids"),
        storage=whole.get(_STORAGE_NAME),
        others=tuple(name for name in given if name not in LEAST),
    )


def in_a_box(limits: Limits, total_memory: int | None) -> Limits:
    """Limits for what code nobody has read could use up, where none were asked for.

    Args:
        limits: What was asked for.
        total_memory: Bytes that this server may use; None if nobody knows.
    """
    memory = limits.memory
    if memory is None and total_memory is not None:
        memory = int(total_memory * _OF_ALL_MEMORY)
    return replace(
        limits,
        memory=memory,
        pids=limits.pids or _PROCESSES,
        storage=limits.storage or _STORAGE,
    )


def read_quantity(name: str, text: str) -> Decimal:
    """Return a quantity as Kubernetes has it.

    Raises:
        ValueError: It is not valid, or not above zero; says so of `name`.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{name}: not a quantity like 500m, 2 or 2Gi: {text[:40]!r}")
    value = Decimal(match["number"]) * _SUFFIXES.get(match["suffix"], Decimal(1))
    value = value.scaleb(int(match["exponent"] or 0))
    if value <= 0:
        raise ValueError(f"{name} must be above zero, not {text!r}")
    return value


def confinement(
    limits: Limits,
    system: System,
    *,
    name: str,
    taken: Mapping[int, int],
    boxed: bool = False,
    counts_its_own: bool = False,
) -> Confinement:
    """Decide how limits are enforced.

    Args:
        limits: What was asked for.
        system: What there is to do it with.
        name: For control groups; no other sandbox has it.
        taken: How many sandboxes are limited to each processor already.
        boxed: Whether the sandbox is in a box, which has limits that nobody asked for.
        counts_its_own: Whether it has a namespace of users, where only its own processes
            count against RLIMIT_NPROC.
    """
    if boxed:
        limits = in_a_box(limits, system.total_memory)
    chosen = [
        *_memory(limits.memory, system, name),
        *_cpu(limits.cpu, system, name, taken),
        *_pids(limits.pids, system, name, counts_its_own=counts_its_own),
        *_storage(limits.storage),
        *(
            _Choice(f"{other} is not limited: no local sandbox has a limit of it", met=False)
            for other in limits.others
        ),
    ]
    return Confinement(
        # Each once: version 2 of control groups has one group for all limits.
        arguments=tuple(dict.fromkeys(part for choice in chosen for part in choice.arguments)),
        own_arguments=tuple(part for choice in chosen for part in choice.own_arguments),
        cpus=next((choice.cpus for choice in chosen if choice.cpus), ()),
        notes=tuple(choice.note for choice in chosen),
        unmet=tuple(choice.note for choice in chosen if not choice.met),
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    note: str
    arguments: tuple[str, ...] = ()
    own_arguments: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    met: bool = True


def _memory(size: int | None, system: System, name: str) -> Iterator[_Choice]:
    if size is None:
        return
    note = f"memory is limited to {_shown(size)}"
    if system.memory is not None:
        group = f"{system.memory.parent}/{name}"
        yield _Choice(note, cgroups.memory_limit(group, system.memory.files, size))
    elif system.data_limit:
        why = f"{note} for each process by itself: no control group can be made here"
        yield _Choice(why, (f"data={size}",))
    else:
        yield _Choice("memory is not limited: this system cannot", met=False)


def _cpu(
    cpu: float | None, system: System, name: str, taken: Mapping[int, int]
) -> Iterator[_Choice]:
    if cpu is None:
        return
    note = f"cpu is limited to {cpu:g}"
    if cpu >= len(system.processors):
        yield _Choice(f"cpu is limited to the {len(system.processors)} that there are")
    elif system.cpu is not None:
        group = f"{system.cpu.parent}/{name}"
        arguments = cgroups.processor_limit(group, system.cpu.files, cpu)
        if system.cpu.accounts is not None:
            arguments += (f"group={system.cpu.accounts}/{name}",)
        yield _Choice(note, arguments)
    elif system.affinity:
        cpus = _least_taken(system.processors, taken, math.ceil(cpu))
        why = f"{note}, rounded up to whole processors: no control group can be made here"
        yield _Choice(why, (f"cpus={','.join(map(str, cpus))}",), cpus=cpus)
    else:
        yield _Choice("cpu is not limited: this system cannot", met=False)


def _pids(
    count: int | None, system: System, name: str, *, counts_its_own: bool
) -> Iterator[_Choice]:
    if count is None:
        return
    note = f"processes are limited to {count}"
    if system.pids is not None:
        group = f"{system.pids.parent}/{name}"
        yield _Choice(note, cgroups.process_limit(group, system.pids.files, count))
    elif counts_its_own:
        yield _Choice(note, own_arguments=("--processes", str(count)))
    else:
        yield _Choice(
            "the number of processes is not limited: no control group can be made here", met=False
        )


def _storage(size: int | None) -> Iterator[_Choice]:
    if size is not None:
        note = f"its files are limited to {_shown(size)}, and with more it ends"
        yield _Choice(note, (f"storage={size}",))


def _least_taken(
    processors: Sequence[int], taken: Mapping[int, int], count: int
) -> tuple[int, ...]:
    return tuple(sorted(sorted(processors, key=lambda number: taken.get(number, 0))[:count]))


def _shown(size: int) -> str:
    return f"{size / 2**20:g} MiB"
