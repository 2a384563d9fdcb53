"""Find, stop and end every process of a sandbox, wherever it went.

Generated code forks, daemonizes and clears its environment, so one way of looking is not enough:
a process belongs to a sandbox when it descends from a known process, or when its environment
names the sandbox. A daemon loses its ancestry, unless an ancestor is a subreaper; a program
started with a cleared environment loses its name. Only one that does both, below no subreaper,
gets away.

Light on purpose: a guard loads this file by its path, without the package around it.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator

import psutil

MARKER_VARIABLE = "OPENSANDBOX_SANDBOX_ID"

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 5.0
_AT_REST = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE}
_PAUSE = 0.005


def kill_tree(*, marker: str, root: int | None, variable: str = MARKER_VARIABLE) -> None:
    """Kill every process of a sandbox, again and again until none is found.

    Returns without having killed all only when some cannot be killed within five seconds: they
    sit in the kernel, or another user owns them.

    Args:
        marker: Value of the variable in the environment of the sandbox's processes.
        root: All descendants of this process die; itself and the caller live. None when there
            is no such process any more: its number may belong to a stranger by now.
        variable: Name of the variable; another than the sandbox's marks a part of it.
    """
    spared = {os.getpid(), root}
    leaders: set[int] = set()
    deadline = time.monotonic() + _PATIENCE
    while _kill_once((variable, marker), root, spared, leaders) and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _kill_once(
    marker: tuple[str, str], root: int | None, spared: set[int | None], leaders: set[int]
) -> bool:
    """One pass; whether it met anything alive. Adds to the groups whose leaders were met."""
    groups: dict[psutil.Process, int] = {}
    for process in _members(marker, root):
        # A dead process that its parent has yet to wait for is nobody's concern.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
            if process.pid not in spared and process.status() != psutil.STATUS_ZOMBIE:
                groups[process] = os.getpgid(process.pid)
    leaders.update(process.pid for process, group in groups.items() if process.pid == group)
    # The kernel kills a whole group at one blow, which no loop that forks outruns. Only groups of
    # the sandbox's own making: any other may hold strangers.
    for group in leaders.intersection(groups.values()) - {os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for process in groups:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
    return bool(groups)


def stop_tree(*, marker: str, root: int | None, patience: float = 5.0) -> list[psutil.Process]:
    """Stop every process of a sandbox (SIGSTOP), again and again until none runs.

    Ancestors first, so that none sees a child of its own stop.

    Args:
        marker: As in `kill_tree`.
        root: All descendants of this process are stopped; itself and the caller run on. None where
            there is no such process.
        patience: Seconds until it gives up.

    Returns:
        Those that it has stopped, for `continue_tree`; others may have been stopped before.

    Raises:
        TimeoutError: Some cannot be stopped: they sit in the kernel. All run on.
    """
    spared = {os.getpid(), root}
    stopped: dict[psutil.Process, None] = {}
    deadline = time.monotonic() + patience
    while True:
        running = False
        for process in _members((MARKER_VARIABLE, marker), root):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.pid in spared or process.status() in _AT_REST:
                    continue
                if process in stopped and _waits_for_a_stopped_child(process):
                    continue
                running = True
                process.send_signal(signal.SIGSTOP)
                stopped[process] = None
        if not running:
            return [*stopped]
        if time.monotonic() > deadline:
            continue_tree([*stopped])
            raise TimeoutError(f"some of its processes did not stop within {patience:g} s")
        time.sleep(_PAUSE)


def _waits_for_a_stopped_child(process: psutil.Process) -> bool:
    """Whether a process sits in vfork(), from which a child that is stopped does not let it go.

    It stops when it comes out, unless it is continued before.
    """
    return process.status() == psutil.STATUS_DISK_SLEEP and any(
        child.status() == psutil.STATUS_STOPPED for child in process.children()
    )


def continue_tree(stopped: Iterable[psutil.Process]) -> None:
    """Let processes go on that `stop_tree` has stopped, descendants first."""
    for process in reversed([*stopped]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.send_signal(signal.SIGCONT)


def _members(marker: tuple[str, str], root: int | None) -> Iterator[psutil.Process]:
    if root is not None:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            yield from psutil.Process(root).children(recursive=True)
    variable, value = marker
    if not value:
        return
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            if process.environ().get(variable) == value:
                yield process
        # OSError and SystemError: what macOS answers for a process that is just going.
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError, SystemError):
            continue


def become_subreaper() -> None:
    """Make orphans below this process its children instead of init's. Only Linux can."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
