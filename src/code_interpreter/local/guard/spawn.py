"""Start an execd under a guard, and hold the line that keeps both alive.

What must stay true: this process alone holds its end of the line. Descriptors of Python are not
inherited through exec; for a plain fork, a hook closes the child's copies. Ending a sandbox does
not depend on that: it shuts the line down, whichever processes hold it.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil

from code_interpreter.execd.host import cgroups
from code_interpreter.execd.host.processes import MARKER_VARIABLE, kill_tree, stop_tree
from code_interpreter.execd.host.removal import remove_tree
from code_interpreter.execd.http.gate import API_KEY_VARIABLE, TOKEN_VARIABLE
from code_interpreter.local.box.box import Box
from code_interpreter.local.box.view import absolute_path
from code_interpreter.local.box.volumes import Volume
from code_interpreter.local.guard import guard

# Not handed on to a sandbox: the server's own secrets, the marker of a sandbox around it, and its
# temporary directory, since a sandbox has its own.
_WITHHELD = {API_KEY_VARIABLE, TOKEN_VARIABLE, MARKER_VARIABLE, "TMPDIR", "TEMP", "TMP"}
# The path of a Unix socket below it may have no more than about a hundred bytes.
_LONGEST_TEMPORARY_DIRECTORY = 49
_LIBRARIES = str(Path(psutil.__file__).parent.parent)

_unforkable: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()


def close_in_forks(held: socket.socket) -> None:
    """Close the copy of a socket in every child that a fork without exec makes."""
    _unforkable.add(held)


def _close_copies() -> None:
    for held in _unforkable:
        held.close()


os.register_at_fork(after_in_child=_close_copies)


@dataclass(frozen=True, slots=True, eq=False)
class Guarded:
    """A running guard.

    Attributes:
        sandbox_id: Marks the processes of the sandbox.
        token: The secret that execd wants.
        process: The guard; its standard output carries execd's output and errors.
        line: End-of-file on it means that the guard is gone.
        scratch: The sandbox's directory, which the guard makes and removes.
        limits: What the guard puts execd under, and takes away.
        held: What the sandbox has of this process, until it is over.
    """

    sandbox_id: str
    token: str
    process: "subprocess.Popen[bytes]"
    line: socket.socket
    scratch: str
    limits: tuple[str, ...] = ()
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def hang_up(self) -> None:
        """Have the guard end the sandbox; returns at once."""
        # It may have been stopped, by code in the sandbox for one.
        self.process.send_signal(signal.SIGCONT)
        try:
            self.line.shutdown(socket.SHUT_WR)
        except OSError:
            # The guard is gone already, which is what was asked for.
            return

    def pause(self) -> list[psutil.Process]:
        """Stop all that is below the guard, until `continue_tree`. Blocks for milliseconds.

        Raises:
            TimeoutError: Some of it cannot be stopped; all runs on.
        """
        return stop_tree(marker=self.sandbox_id, root=self.process.pid)

    def finish(self) -> int:
        """Wait for the guard, and do what it could not.

        Returns:
            The guard's exit status: execd's own, or negative when a signal killed the guard.

        Raises:
            OSError: The directory or a control group cannot be removed.
        """
        code = self.process.wait()
        self.line.close()
        self.held.close()
        cgroups.release(self.limits)
        # The directory goes last, so a guard that has removed it has done everything.
        if os.path.lexists(self.scratch):
            kill_tree(marker=self.sandbox_id, root=None)
            remove_tree(self.scratch)
        return code


def launch(
    *,
    sandbox_id: str,
    env: Mapping[str, str],
    host: str,
    port: int = 0,
    workdir: str | None = None,
    token: str | None = None,
    limits: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    box: Box | None = None,
    volumes: Sequence[Volume] = (),
) -> Guarded:
    """Start a guard and, below it, an execd; its port comes on the guard's standard output.

    Args:
        sandbox_id: Marks the processes of the sandbox; no other program may know or guess it.
        env: Goes on top of this process's environment, less its secrets.
        host: The address that execd listens on.
        port: 0 lets the system choose.
        workdir: Where the sandbox works; it stays. By default a folder that goes with it. A box
            has it only if it is the path of a volume.
        token: The secret that execd wants; by default a new one.
        limits: What execd and all below it are put under, as `cgroups` and `confinement` have it.
        arguments: More arguments of execd.
        box: What is around them; None for nothing.
        volumes: Folders that it shows, resolved.
    """
    token = token or secrets.token_urlsafe(24)
    scratch = f"{_short_temporary_directory()}/ci-{secrets.token_hex(6)}"
    execd = [sys.executable, "-m", "code_interpreter.execd", "--host", host]
    execd += ["--exit-on-stdin-eof", *arguments]
    ours, theirs = socket.socketpair()
    close_in_forks(ours)
    held = contextlib.ExitStack()
    with theirs, contextlib.ExitStack() as inherited:
        descriptors: Sequence[int] = ()
        try:
            if box is None:
                command = [*execd, "--port", str(port), "--workdir", workdir or f"{scratch}/work"]
                # Its own files too, wherever the sandbox's variables have it put temporary ones:
                # they go with the scratch directory, even when execd is killed.
                command += ["--scratch", scratch]
                around: Mapping[str, str] = _inherited()
                words = limits
            else:
                start = box.start(scratch, execd, inherited, volumes=volumes, workdir=workdir)
                command, around, held = [*start.command], start.env, start.held
                descriptors = start.descriptors
                ports = "{}-{}".format(*start.ports) if start.ports else ""
                words = (*limits, f"box={box.uid or ''}:{port}:{start.proxy or ''}:{ports}:{host}")
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(_LIBRARIES, f"{MARKER_VARIABLE}={sandbox_id}", scratch),
                    *(*words, "--", *command),
                ],
                env={**around, **env, TOKEN_VARIABLE: token},
                pass_fds=descriptors,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except BaseException:
            ours.close()
            held.close()
            raise
    return Guarded(sandbox_id, token, process, ours, scratch, limits, held)


def _inherited() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _WITHHELD}
    if "PYTHONPATH" in inherited:
        # Relative entries are relative to here, and execd starts elsewhere.
        inherited["PYTHONPATH"] = absolute_path(inherited["PYTHONPATH"])
    return inherited


def _short_temporary_directory() -> str:
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST_TEMPORARY_DIRECTORY else "/tmp"  # noqa: S108


def ready_port(line: bytes) -> int | None:
    """Return the port in execd's line that says it is listening; None for any other line."""
    return _number(line, "port")


def storage_used(output: bytes) -> int | None:
    """Return the bytes in the guard's last line, if it says that they are too many."""
    return _number(output.strip().rpartition(b"\n")[2], "used")


def _number(line: bytes, name: str) -> int | None:
    try:
        message: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(message, dict):
        return None
    number = cast("dict[str, Any]", message).get(name)
    return number if isinstance(number, int) else None
