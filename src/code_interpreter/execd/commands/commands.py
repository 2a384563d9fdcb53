"""Commands, in the foreground and in the background: one process group each.

Lives on the event loop: pipes are read when they have something, and a thread per command waits
for its end. What must stay true: a command ends with its shell, not with what the shell left in
the background; that lives on, and its pipes are emptied for as long as it holds them. The output
is read from pipes in the background too: programs open /dev/stderr anew, which empties a file.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from anyio import to_thread

from code_interpreter.execd.clock import rfc3339
from code_interpreter.execd.code.kernel import describe_exit
from code_interpreter.execd.commands import variables
from code_interpreter.execd.commands.jobs import Job, check_variables, command_line, identity
from code_interpreter.execd.commands.outlets import NOWHERE, Log, Outlet, events
from code_interpreter.execd.refusals import ApiError, invalid_body, no_such_session
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run
from code_interpreter.execd.runs.spool import Spool

_PATIENCE = 5.0  # between the request to end and the end
_REMEMBERED = 1000  # ended commands whose status can be asked for
_READ = 256 * 1024


class Command:
    """One command, from its start.

    Args:
        run: Holds its id and text; its end is told there.
        process: Its shell, leader of a group of its own.
        outlets: Where each of its pipes goes.
        timeout: Seconds until the group is killed.
        log: Its output, for one in the background.
    """

    def __init__(
        self,
        run: Run,
        process: "subprocess.Popen[bytes]",
        outlets: Sequence[tuple[IO[bytes] | None, Outlet]],
        *,
        timeout: float | None,
        log: Log | None,
    ) -> None:
        self.run = run
        self.log = log
        self.status: int | None = None
        self._started_at = rfc3339(time.time_ns())
        self._finished_at: str | None = None
        self._began = time.monotonic()
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._outlets: dict[int, Outlet] = {}
        self._stopping = False
        self._timers: list[asyncio.TimerHandle] = []
        try:
            threading.Thread(target=self._watch, name="command watch", daemon=True).start()
        except RuntimeError as error:
            self._signal_group(signal.SIGKILL)
            with process:  # closes its pipes, and waits
                raise OSError(errno.EAGAIN, str(error)) from error
        if timeout is not None:
            self._timers.append(self._loop.call_later(timeout, self.signal, signal.SIGKILL))
        for pipe, outlet in outlets:
            if pipe is None:
                continue
            os.set_blocking(pipe.fileno(), False)
            self._outlets[pipe.fileno()] = outlet
            self._loop.add_reader(pipe.fileno(), self._readable, pipe.fileno(), pipe.close)

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
        if self.log is not None and self.log.failure is not None:
            shown["error"] = self.log.failure
        return shown

    def stop(self) -> None:
        """Ask the whole group to end; kill it when it has not done so soon."""
        self._stopping = True
        self.signal(signal.SIGTERM)
        self._timers.append(self._loop.call_later(_PATIENCE, self.signal, signal.SIGKILL))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, unless the command has ended."""
        if self.status is None:
            self._signal_group(number)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        if self._stopping:
            # Whoever of the group was deaf to the request goes with its shell.
            self._signal_group(signal.SIGKILL)
        for descriptor, outlet in self._outlets.items():
            self._empty(descriptor)
            if self.log is None:
                outlet.end()
                self._outlets[descriptor] = NOWHERE
        self.status = status
        self._finished_at = rfc3339(time.time_ns())
        for timer in self._timers:
            timer.cancel()
        if status == 0:
            self.run.end([], encode.complete(time.monotonic() - self._began))
            return
        code = str(max(status, -1))
        self.run.end([], encode.error("CommandExecError", code, [describe_exit(status)]))

    def _readable(self, descriptor: int, close: Callable[[], None]) -> None:
        if self._read(descriptor, _READ) == b"":
            self._loop.remove_reader(descriptor)
            close()
            self._outlets.pop(descriptor).end()

    def _empty(self, descriptor: int) -> None:
        """Pass on what the pipe holds now, and not what is written meanwhile."""
        (left,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
        while left > 0 and (data := self._read(descriptor, min(left, _READ))):
            left -= len(data)

    def _read(self, descriptor: int, size: int) -> bytes | None:
        """Pass on what can be read now; None when nothing can, empty at the end."""
        try:
            data = os.read(descriptor, size)
        except BlockingIOError:
            return None
        self._outlets[descriptor].feed(data)
        return data


class Commands:
    """The commands of one sandbox.

    Args:
        workdir: Where they run unless told otherwise.
        env: Their environment.
        find_programs: Waits until what their PATH leads to is there.
        logs: A folder for the output of those in the background.
    """

    def __init__(
        self,
        workdir: Path,
        env: Mapping[str, str],
        find_programs: Callable[[], Awaitable[None]],
        *,
        logs: Path,
    ) -> None:
        self._workdir = workdir
        self._env = env
        self._find_programs = find_programs
        self._logs = logs
        self._commands: OrderedDict[str, Command] = OrderedDict()
        self._reserved: dict[str, Job] = {}
        self._shell = shutil.which("bash", path=env.get("PATH")) or "/bin/sh"

    async def reserve(
        self,
        text: str | None,
        *,
        argv: Sequence[str] | None = None,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the command's, not this call's
        background: bool = False,
        uid: int | None = None,
        gid: int | None = None,
    ) -> Run:
        """A run of a command, which waits for `begin`.

        Args:
            text: A command for the shell.
            argv: In place of it, a program and its arguments.
            cwd: Where; relative to the working directory.
            envs: Variables on top of the sandbox's.
            timeout: Seconds until its whole group is killed.
            background: Whether the run ends as soon as the command has started.
            uid: Number of the user to run as.
            gid: Number of the group; by default the first of that user.

        Raises:
            ApiError: The directory does not exist, there is nothing to run, or this server cannot
                run it as that user.
        """
        text, argv = command_line(text, argv, shell=self._shell)
        check_variables(envs or {})
        folder = await self.folder(cwd)
        user = await to_thread.run_sync(identity, uid, gid)
        env = await self.environment()
        if user is not None:
            env = {**env, **user.env}
            env.pop("TMPDIR", None)  # that is the server's user's own
        env = {**env, "PWD": str(folder), **(envs or {})}
        return self.reserve_job(Job(text, argv, folder, env, timeout, background, user))

    def reserve_job(self, job: Job, on_end: Callable[[Run], None] = lambda _: None) -> Run:
        """A run of a job, which waits for `begin`."""
        run = Run(uuid4().hex, job.text, spool=Spool(), on_end=on_end)
        self._reserved[run.run_id] = job
        return run

    async def folder(self, cwd: str | None) -> Path:
        """The directory that a request names.

        Raises:
            ApiError: There is none.
        """
        folder = self._workdir / (cwd or "")
        if not await to_thread.run_sync(os.path.isdir, folder):
            raise invalid_body(f"working directory does not exist: {folder}")
        return folder

    async def environment(self) -> dict[str, str]:
        """The variables of the sandbox, with those that were set for future commands."""
        await self._find_programs()
        return {**self._env, **(await to_thread.run_sync(variables.read, self._env))}

    def begin(self, run: Run) -> None:
        """Start a reserved run, unless it was abandoned."""
        job = self._reserved.pop(run.run_id, None)
        if job is not None:
            self._start(run, job)

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

    def log(self, command_id: str) -> tuple[Path, bool]:
        """Where the output of a background command is, and whether it still runs.

        Raises:
            ApiError: There is none with this id.
        """
        command = self._commands.get(command_id)
        if command is None:
            raise invalid_body(f"command not found: {command_id}")
        if command.log is None:
            raise invalid_body(f"command does not run in the background: {command_id}")
        return command.log.path, command.status is None

    def interrupt(self, command_id: str) -> None:
        """Ask a running command to end.

        Raises:
            ApiError: None with this id is running.
        """
        command = self._commands.get(command_id)
        if command is None or command.status is not None:
            raise no_such_session()
        command.stop()

    def kill(self, run: Run) -> None:
        """End a command at once, or see that it does not start."""
        if self._reserved.pop(run.run_id, None) is not None:
            text = describe_exit(-signal.SIGKILL)
            run.end([], encode.error("CommandExecError", "-1", [text]))
        elif run.run_id in self._commands:
            self._commands[run.run_id].signal(signal.SIGKILL)

    def abandon(self, run: Run) -> None:
        """The client of a run has gone: end what is not in the background, let go of its output."""
        run.spool.discard()
        command = self._commands.get(run.run_id)
        if command is None or command.log is None:
            self.kill(run)

    def _start(self, run: Run, job: Job) -> None:
        began = time.monotonic()
        try:
            command = self._background(run, job) if job.background else _foreground(run, job)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            # Too long for an argument, no such program, no process to be had.
            run.end([], encode.error("CommandExecError", _start_status(error), [str(error)]))
            return
        self._commands[run.run_id] = command
        if job.background:
            run.end([], encode.complete(time.monotonic() - began))
        for old in list(self._commands)[: max(0, len(self._commands) - _REMEMBERED)]:
            if self._commands[old].status is not None:
                forgotten = self._commands.pop(old)
                if forgotten.log is not None:
                    forgotten.log.remove()

    def _background(self, run: Run, job: Job) -> Command:
        log = Log(
            self._logs / f"{run.run_id}.log",
            on_failure=lambda: self._commands[run.run_id].signal(signal.SIGKILL),
        )
        try:
            process = _spawn(job, stderr=subprocess.STDOUT)
            outlets = [(process.stdout, log.outlet())]
            return Command(run, process, outlets, timeout=job.timeout, log=log)
        except BaseException:
            log.remove()
            raise


def _foreground(run: Run, job: Job) -> Command:
    process = _spawn(job, stderr=subprocess.PIPE)
    outlets = [(process.stdout, events(run, "stdout")), (process.stderr, events(run, "stderr"))]
    return Command(run, process, outlets, timeout=job.timeout, log=None)


def _start_status(error: Exception) -> str:
    """What shells say of a program that is not there, or is none."""
    if isinstance(error, FileNotFoundError):
        return "127"
    return "126" if isinstance(error, PermissionError) else "-1"


def _spawn(job: Job, *, stderr: int) -> "subprocess.Popen[bytes]":
    user = job.identity
    return subprocess.Popen(  # noqa: S603 - running what it is given is the purpose
        job.argv,
        cwd=job.folder,
        env=job.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else user.groups,
    )
