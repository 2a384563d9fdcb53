"""The process of one kernel.

What must stay true: nothing of it outlives `kill`, its children included; it inherits neither our
stdin nor our stdout; a thread that waits for its death notices it at once.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import zmq

from code_interpreter.execd.code.addresses import Connection, Ports, new_connection
from code_interpreter.execd.code.channels import Channels, KernelStartError
from code_interpreter.execd.code.dialects import CELLS
from code_interpreter.execd.code.exchange import Patience, StreamKind
from code_interpreter.execd.code.pipes import Pipes
from code_interpreter.execd.host.programs import Programs
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run
from code_interpreter.kernels.launch import Launch

_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class Kernels:
    """Starts kernels.

    Args:
        directory: A short private directory for sockets and connection files; ours alone.
        env: The environment of every kernel.
        programs: What comes first on their PATH.
        context: The process's ZeroMQ context; a new one by default.
        patience: How long to wait for what.
        ports: Where they listen, if they may not on sockets of the file system.
    """

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str],
        programs: Programs,
        *,
        ports: Sequence[int] | None = None,
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
        patience: Patience | None = None,
    ) -> None:
        self._directory = directory
        self._env = env
        self._programs = programs
        self._ports = Ports(ports) if ports is not None else None
        self._patience = patience or Patience()
        self._context: zmq.Context[zmq.Socket[bytes]] = context or zmq.Context()
        self._count = 0

    async def start(self, launch: Launch, *, language: str, cwd: Path) -> "Kernel":
        """Start a kernel, and wait until it answers.

        Raises:
            KernelStartError: It did not, in several attempts.
        """
        attempt = 1
        while True:
            kernel = self._launch(launch, language=language, cwd=cwd)
            try:
                await kernel.ready()
            except KernelStartError as error:
                silent = kernel.running  # another would be so too, and that for as long
                kernel.kill()
                if silent or attempt == _ATTEMPTS:
                    raise KernelStartError(
                        f"the {language} kernel did not start: {error}"
                    ) from error
                attempt += 1
            except BaseException:
                kernel.kill()
                raise
            else:
                return kernel

    def _launch(self, launch: Launch, *, language: str, cwd: Path) -> "Kernel":
        self._count += 1
        directory = self._directory / str(self._count)
        try:
            return self._start(launch, language=language, cwd=cwd, directory=directory)
        # Space, descriptors, processes, ports, threads: whatever the system refuses.
        except (OSError, RuntimeError, MemoryError, zmq.ZMQError, psutil.Error) as error:
            shutil.rmtree(directory, ignore_errors=True)
            raise KernelStartError(f"the {language} kernel did not start: {error}") from error

    def _start(self, launch: Launch, *, language: str, cwd: Path, directory: Path) -> "Kernel":
        directory.mkdir(mode=0o700)
        connection = new_connection(launch.transport, directory, self._ports)
        file = directory / "kernel.json"
        file.touch(mode=0o600)
        file.write_text(connection.file(language))
        own = {k: v.replace("{directory}", str(directory)) for k, v in launch.env.items()}
        env = self._programs.ahead_of({**self._env, **own, "PWD": str(cwd)})
        if os.getpid() != 1:  # to a kernel, a parent number 1 means an orphan
            env["JPY_PARENT_PID"] = str(os.getpid())
        cwd.mkdir(parents=True, exist_ok=True)
        return Kernel(
            [part.replace("{connection_file}", str(file)) for part in launch.argv],
            cwd=cwd,
            env=env,
            launch=launch,
            connection=connection,
            directory=directory,
            context=self._context,
            patience=self._patience,
        )


class Kernel:
    """A kernel's process with the thread that talks to it; made by `Kernels`."""

    def __init__(
        self,
        argv: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        launch: Launch,
        connection: Connection,
        directory: Path,
        context: "zmq.Context[zmq.Socket[bytes]]",
        patience: Patience,
    ) -> None:
        self._directory = directory
        kinds: tuple[StreamKind, ...] = ("stderr",)
        if launch.streams_are_output:
            kinds = ("stdout", "stderr")
        with contextlib.ExitStack() as undo, contextlib.ExitStack() as started:
            ours: dict[int, StreamKind] = {}
            theirs: dict[StreamKind, int] = {}
            closed_unread = undo.enter_context(contextlib.ExitStack())
            for kind in kinds:
                read, write = os.pipe()
                ours[read], theirs[kind] = kind, write
                closed_unread.callback(os.close, read)
                started.callback(os.close, write)
            closed_unread.pop_all()
            self._channels = Channels(
                connection,
                context=context,
                pipes=Pipes(ours),
                streams_are_output=launch.streams_are_output,
                signal=self._signal_interrupt if launch.interrupt == "signal" else None,
                kill=self._kill,
                cell=CELLS[launch.dialect],
                patience=patience,
            )
            undo.callback(self._channels.close, "it could not be started")
            self._process = subprocess.Popen(  # noqa: S603 - the kernel that was asked for
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=theirs.get("stdout", subprocess.DEVNULL),
                stderr=theirs["stderr"],
                start_new_session=True,
            )
            undo.callback(self._end_unwatched)
            # Remembers when the process was started: its number may be reused one day.
            self._tree = psutil.Process(self._process.pid)
            self._channels.start()
            threading.Thread(target=self._watch, name="kernel watch", daemon=True).start()
            undo.pop_all()

    @property
    def alive(self) -> bool:
        """Whether it can take a run."""
        return not self._channels.closed

    def death(self) -> tuple[str, list[bytes]]:
        """Why it is dead, once it is not `alive`, and the output that no run has had."""
        return self._channels.death()

    @property
    def running(self) -> bool:
        """Whether its process is there, whatever it does."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait for its first answer.

        Raises:
            KernelStartError: There will be no answer.
        """
        await asyncio.wrap_future(self._channels.ready)

    def execute(self, run: Run) -> bool:
        """Hand it a run; False when it is dead."""
        return self._channels.execute(run)

    async def ask(self, code: str) -> bool:
        """Have it run code that is no cell: not counted, without output; whether it has."""
        return await asyncio.wrap_future(self._channels.ask(code))

    def interrupt(self, run: Run) -> None:
        """Interrupt this run, and no other."""
        self._channels.interrupt(run)

    def kill(self, ename: str = "KernelDied", evalue: str = "the kernel was killed") -> None:
        """End its process and all below it, at once; its run ends with the given error."""
        self.tell_end(ename, evalue)
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is not None:
            return
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = self._tree.children(recursive=True)
        # The kernel first: it would answer, with an end that its child has come to.
        self._process.kill()
        self._kill_group()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                child.kill()

    def tell_end(self, ename: str, evalue: str) -> None:
        """Name the error that ends the run once the process is gone, instead of the plain one."""
        self._channels.end_with(encode.error(ename, evalue))

    def _end_unwatched(self) -> None:
        self._kill_group()
        self._process.wait()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _signal_interrupt(self) -> None:
        # To the group, as a terminal does: what the cell has started stops with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGINT)

    def _watch(self) -> None:
        status = self._process.wait()
        self._kill_group()
        self._channels.process_exited(describe_exit(status))
        self._channels.join()
        shutil.rmtree(self._directory, ignore_errors=True)


def describe_exit(status: int) -> str:
    """Return `exit status 3` or `signal: killed`, as the reference daemon words it."""
    if status >= 0:
        return f"exit status {status}"
    return f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
