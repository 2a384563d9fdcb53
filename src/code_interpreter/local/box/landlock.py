"""Boxes where no namespaces are to be had: Landlock and a filter of system calls.

What must stay true: what Landlock cannot judge (UDP, the files of Unix sockets, the machine's IPC)
is refused to all alike by the filter. What neither can is told, in `gaps`.

A box shares the machine's loopback. So each has a block of ports of its own, for its kernels and
its servers: it can listen at no other, and of the machine's services it can reach only the last of
the block, where the way out is.
"""

import functools
import json
import os
import random
import socket
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, Any

from code_interpreter.execd.host import enclosure
from code_interpreter.local.box import seccomp
from code_interpreter.local.box.box import (
    FOLDERS,
    SANDBOX_UID,
    IsolationUnavailableError,
    Start,
    Tier,
    attempt,
)
from code_interpreter.local.box.view import OF_USR, SYSTEM, environment, look
from code_interpreter.local.box.volumes import Volume, opened, resolve

_OLDEST = 4  # judges TCP; Linux 6.7
_SIGNALS_SINCE = 6  # Linux 6.12
# Below the ports that systems choose by themselves.
_FIRST, _LAST, _BLOCK = 10_240, 32_640, 128
_DEVICES = ("null", "zero", "full", "random", "urandom")
_GAPS = (
    "code sees which processes run, and names, sizes and modes of files that it cannot read",
    "it can change the mode of a file that belongs to whom it runs as",
    "other users of the machine can reach what listens in it",
)
_SIGNALS = "this kernel lets code signal processes of whom it runs as"


@dataclass(frozen=True, slots=True)
class LandlockBox:
    """A box of rules and a filter; see `Box`."""

    read: tuple[str, ...]
    uid: int | None
    gaps: tuple[str, ...]

    @property
    def tier(self) -> Tier:
        """What it is made of."""
        return "landlock"

    @property
    def own_users(self) -> bool:
        """Whether each has a namespace of users."""
        return False

    def resolve(
        self, volumes: Sequence[Volume], folders: Sequence[str], *, beside: Sequence[Volume] = ()
    ) -> tuple[Volume, ...]:
        """Check folders that one is to show; see `Box`."""
        return resolve(volumes, folders, beside=beside, taken=(), moves=False)

    def start(
        self,
        scratch: str,
        execd: Sequence[str],
        inherited: ExitStack,
        *,
        volumes: Sequence[Volume] = (),
        workdir: str | None = None,
    ) -> Start:
        """How an execd is started in a new one; see `Box`."""
        shown = {volume: opened(volume, inherited) for volume in volumes}
        with ExitStack() as held:
            first = _free_block(held)
            last = first + _BLOCK - 2
            asked = _asked(self.read, scratch, ports=(first, last), connect=(last + 1,))
            for volume, descriptor in shown.items():
                asked["write" if volume.writable else "read"].append(descriptor)
            file = inherited.enter_context(_written(asked))
            become = [] if self.uid is None else ["--become", str(self.uid)]
            command = [
                *(*execd, "--port", str(first), "--socket", "{socket}", *become),
                *("--workdir", workdir or f"{scratch}/work", "--scratch", f"{scratch}/run"),
                *("--enclosure", str(file.fileno()), "--ports", f"{first + 1}-{last}"),
            ]
            env = environment(
                os.environ,
                home=f"{scratch}/home",
                tmp=f"{scratch}/tmp",  # noqa: S108 - of the sandbox
                proxy=last + 1,
            )
            descriptors = [file.fileno(), *shown.values()]
            ports = (first + 1, last)
            return Start(command, env, descriptors, held.pop_all(), proxy=last + 1, ports=ports)


def landlock_boxes(places: Iterable[str]) -> LandlockBox:
    """How boxes of Landlock are made here.

    Args:
        places: The programs that run kernels.

    Raises:
        IsolationUnavailableError: They cannot be.
    """
    check()
    gaps = _GAPS if enclosure.version() >= _SIGNALS_SINCE else (*_GAPS, _SIGNALS)
    uid = SANDBOX_UID if os.geteuid() == 0 else None
    return LandlockBox((*_system(), *look(places).programs), uid, gaps)


@functools.cache
def check() -> str:
    """Enclose a process for a trial, which does nothing.

    Returns:
        What there is, in words.

    Raises:
        IsolationUnavailableError: It cannot be enclosed.
    """
    problem = _problem()
    if problem is not None:
        raise IsolationUnavailableError(f"no box of Landlock can be made here: {problem}")
    return f"Landlock {enclosure.version()}"


def _problem() -> str | None:
    if sys.platform != "linux":
        return "there is one on Linux only"
    if seccomp.program(os.uname().machine, shared=True) is None:
        return f"no filter of system calls is known for {os.uname().machine}"
    if (version := enclosure.version()) < _OLDEST:
        return f"the kernel has version {version} of it, and {_OLDEST} is needed (Linux 6.7)"
    return _trial(SANDBOX_UID if os.geteuid() == 0 else None)


def _trial(uid: int | None) -> str | None:
    """Enclose our own Python, with all that encloses a sandbox; why that fails."""
    read = (*_system(), *look(()).programs)
    with TemporaryDirectory(prefix="box-") as scratch:
        for name in FOLDERS:
            Path(scratch, name).mkdir()
        work = Path(scratch, "work")
        if uid is not None:
            Path(scratch).chmod(0o711)  # as a guard does
            os.chown(work, uid, uid)
        writes = f"open({str(work / 'x')!r}, 'w').close()"
        with _written(_asked(read, scratch, ports=(_FIRST, _FIRST), connect=())) as file:
            enclosed = [sys.executable, "-I", "-S", enclosure.__file__, str(file.fileno())]
            enclosed += [str(uid or ""), sys.executable, "-S", "-c", writes]
            problem = attempt(enclosed, file.fileno())
    if problem is None:
        return None
    said = problem.rpartition("\n")[2]  # of a traceback
    if uid is None or "Permission" not in said:
        return said
    return (
        f"as root's sandboxes run as user {uid}, who must get at {sys.executable} and at"
        f" {gettempdir()} ({said})"
    )


def _system() -> Iterator[str]:
    """What of the machine is read, beside programs."""
    for path in (*SYSTEM, *(f"/{name}" for name in OF_USR), "/proc"):
        if os.path.exists(path):  # noqa: PTH110
            yield path


def _asked(
    read: Iterable[str], scratch: str, *, ports: tuple[int, int], connect: tuple[int, ...]
) -> dict[str, Any]:
    filtered = seccomp.program(os.uname().machine, shared=True)
    assert filtered is not None  # noqa: S101 - checked
    return {
        "read": [*read],
        "write": [f"{scratch}/{name}" for name in FOLDERS],
        "devices": [f"/dev/{name}" for name in _DEVICES],
        "ports": ports,
        "connect": connect,
        "filter": b64encode(filtered).decode(),
    }


def _written(asked: Mapping[str, Any]) -> IO[bytes]:
    file = os.fdopen(os.memfd_create("enclosure"), "w+b")
    file.write(json.dumps(asked).encode())
    file.seek(0)
    return file


def _free_block(held: ExitStack) -> int:
    """The first port of a block that no other box has, and at which nothing listens.

    Raises:
        OSError: There is none.
    """
    starts = range(_FIRST, _LAST - _BLOCK, _BLOCK)
    for first in random.sample(starts, len(starts)):
        # The name is ours while we hold it, and goes with this process whatever becomes of it.
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0code-interpreter-ports-{first}")
            if _all_free(range(first, first + _BLOCK)):
                held.enter_context(name)
                return first
        except OSError:
            pass
        name.close()
    raise OSError("every block of ports is taken by another sandbox, or by another program")


def _all_free(ports: Iterable[int]) -> bool:
    for port in ports:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
