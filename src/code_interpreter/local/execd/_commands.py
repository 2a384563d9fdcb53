"""Shell commands in the foreground: one process group each, one event per line.

Lives on the event loop: pipes are read when they have something, and a thread per command waits
for its end. What must stay true: a command ends with its shell, not with what the shell left in
the background; that lives on, and its pipes are emptied for as long as it holds them.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from code_interpreter.local.execd import _frames
from code_interpreter.local.execd._errors import ApiError, invalid_body, no_such_session
from code_interpreter.local.execd._kernel import describe_exit
from code_interpreter.local.execd._runs import Run
from code_interpreter.local.execd._spool import Spool

_PATIENCE = 5.0  # between the request to end and the end
_REMEMBERED = 1000  # ended commands whose status can be asked for
_READ = 256 * 1024


class Lines:
    """Bytes in, events out: one for each line, without its newline. Pure.

    Args:
        kind: `stdout` or `stderr`.
    """

    def __init__(self, kind: Literal["stdout", "stderr"]) -> None:
        self._kind = kind
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The events for the lines that `data` completes."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._parts.append(data)
            return []
        lines = (b"".join(self._parts) + head).split(b"\n")
        self._parts = [tail] if tail else []
        return [self._event(line) for line in lines]

    def end(self) -> list[bytes]:
        """The event for a last line without a newline."""
        rest = b"".join(self._parts)
        self._parts = []
        return [self._event(rest)] if rest else []

    def _event(self, line: bytes) -> bytes:
        return _frames.frame(self._kind, text=line.decode(errors="replace"))


class Command:
    """One command, from its start.

    Args:
        run: Where its events go; holds its id and text.
        process: Its shell, leader of a group of its own.
        timeout: Seconds until the group is killed.
    """

    def __init__(
        self, run: Run, process: "subprocess.Popen[bytes]", *, timeout: float | None
    ) -> None:
        self.run = run
        self.status: int | None = None
        self._started_at = _now()
        self._finished_at: str | None = None
        self._began = time.monotonic()
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._lines: dict[int, Lines] = {}
        self._timers: list[asyncio.TimerHandle] = []
        if timeout is not None:
            self._timers.append(self._loop.call_later(timeout, self.signal, signal.SIGKILL))
        for pipe, lines in (
            (process.stdout, Lines("stdout")),
            (process.stderr, Lines("stderr")),
        ):
            if pipe is None:
                continue
            os.set_blocking(pipe.fileno(), False)
            self._lines[pipe.fileno()] = lines
            self._loop.add_reader(pipe.fileno(), self._readable, pipe.fileno(), pipe.close)
        threading.Thread(target=self._watch, name="command watch", daemon=True).start()

    def describe(self) -> dict[str, Any]:
        """Its status as the API shows it."""
        shown: dict[str, Any] = {
            "id": self.run.run_id,
            "content": self.run.code,
            "running": self.status is None,
            "started_at": self._started_at,
        }
        if self.status is not None:
            shown["exit_code"] = max(self.status, -1)
            shown["finished_at"] = self._finished_at
            if self.status != 0:
                shown["error"] = describe_exit(self.status)
        return shown

    def stop(self) -> None:
        """Ask the whole group to end; kill it when it has not done so soon."""
        self.signal(signal.SIGTERM)
        self._timers.append(self._loop.call_later(_PATIENCE, self.signal, signal.SIGKILL))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, unless the command has ended."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        self.status = status
        self._finished_at = _now()
        for timer in self._timers:
            timer.cancel()
        for descriptor in list(self._lines):
            while self._read(descriptor):
                pass
        frames = [frame for lines in self._lines.values() for frame in lines.end()]
        if status == 0:
            self.run.end(frames, _frames.complete(self._began))
            return
        code = str(max(status, -1))
        self.run.end(frames, _frames.error("CommandExecError", code, [describe_exit(status)]))

    def _readable(self, descriptor: int, close: Callable[[], None]) -> None:
        if self._read(descriptor) == b"":
            self._loop.remove_reader(descriptor)
            close()
            if self.status is None:
                self.run.put(self._lines[descriptor].end())
            del self._lines[descriptor]

    def _read(self, descriptor: int) -> bytes | None:
        """Pass on what can be read now; None when nothing can, empty at the end."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return None
        self.run.put(self._lines[descriptor].feed(data))
        return data


class Commands:
    """The commands of one sandbox.

    Args:
        workdir: Where they run unless told otherwise.
        env: Their environment.
    """

    def __init__(self, workdir: Path, env: Mapping[str, str]) -> None:
        self._workdir = workdir
        self._env = env
        self._commands: OrderedDict[str, Command] = OrderedDict()
        self._reserved: dict[str, Callable[[], None]] = {}
        shell = shutil.which("bash", path=env.get("PATH")) or "/bin/sh"
        self._shell = shell

    def reserve(
        self,
        text: str,
        *,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Run:
        """A run of `text` in a shell, which waits for `begin`.

        Args:
            text: The command.
            cwd: Where; relative to the working directory.
            envs: Variables on top of the sandbox's.
            timeout: Seconds until its whole group is killed.

        Raises:
            ApiError: The directory does not exist.
        """
        folder = self._workdir / (cwd or "")
        if not folder.is_dir():
            raise invalid_body(f"working directory does not exist: {folder}")
        run = Run(uuid4().hex, text, spool=Spool(), on_end=lambda _: None)
        self._reserved[run.run_id] = lambda: self._start(run, folder, envs or {}, timeout)
        return run

    def begin(self, run: Run) -> None:
        """Start a reserved run."""
        self._reserved.pop(run.run_id)()

    def get(self, command_id: str) -> Command:
        """The command with this id, running or lately ended.

        Raises:
            ApiError: There is none.
        """
        try:
            return self._commands[command_id]
        except KeyError:
            message = f"command not found: {command_id}"
            raise ApiError(404, "INVALID_REQUEST_BODY", message) from None

    def interrupt(self, command_id: str) -> None:
        """Ask a running command to end.

        Raises:
            ApiError: None with this id is running.
        """
        command = self._commands.get(command_id)
        if command is None or command.status is not None:
            raise no_such_session()
        command.stop()

    def abandon(self, run: Run) -> None:
        """The client of a run has gone: kill its group, and let go of its output."""
        run.spool.discard()
        self._reserved.pop(run.run_id, None)
        if run.run_id in self._commands:
            self._commands[run.run_id].signal(signal.SIGKILL)

    def _start(
        self, run: Run, folder: Path, envs: Mapping[str, str], timeout: float | None
    ) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - running what it is given is the purpose
                [self._shell, "-c", run.code],
                cwd=folder,
                env={**self._env, "PWD": str(folder), **envs},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            # Too long for an argument, a NUL in it, no process to be had.
            run.end([], _frames.error("CommandExecError", "-1", [str(error)]))
            return
        self._commands[run.run_id] = Command(run, process, timeout=timeout)
        for old in list(self._commands)[: max(0, len(self._commands) - _REMEMBERED)]:
            if self._commands[old].status is not None:
                del self._commands[old]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
