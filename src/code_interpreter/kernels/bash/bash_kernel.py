r"""The Bash kernel's program: one long-lived, interactive `bash`, fed one cell after another.

Interactive, because only such a shell goes on, with all of its state, after an interrupt, an unset
variable under `set -u` or a failed `${x:?}`. It reads two lines for each cell:

    \builtin source CODE </dev/null >&OUT 2>&ERR OUT>&- ERR>&- ...
    \builtin printf "NUMBER $? " >&CONTROL; \builtin jobs -pr >&CONTROL; ...

What must stay true:

- The shell's own streams lead nowhere, and a cell's are laid over them: prompts, `set -x`, `set -v`
  and DEBUG traps tell of the user's commands and never of ours. A cell reads an end of file, sees
  none of our descriptors, and what it does to its own by `exec` ends with it.
- A cell is sourced, not evaluated: bash is not interactive meanwhile, and says as little of
  `exit`, of jobs and of its terminal as when it runs a script.
- The code waits in a file, and what bash reads from its standard input is short: an
  interrupt makes it drop the line that it reads, and the rest of that line must not be run. The
  report may be dropped as well, so it is asked for once more after each interrupt.
- A program that bash is just starting takes an interrupt with bash's handler, and forgets it. It is
  interrupted once more.
- What the cell has written before its report is sent before its reply. Background processes write
  on, and hold no cell: what they write is sent as it comes, also when the shell has ended.
- The end of the shell (`exit`, `set -e`, `exec`) ends the cell. The next cell gets a new shell, and
  is told so.

Runs in the interpreter that runs execd; other Jupyter programs start it by a kernelspec.
"""

import codecs
import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, NamedTuple, cast

import psutil
from ipykernel import kernelbase

# A script's folder comes first in the path. The package that this one is in does instead, which
# need not be installed: it may have come to a sandbox as an archive.
sys.path[0] = str(Path(__file__).parents[3])

from code_interpreter._version import __version__  # noqa: E402 - see above
from code_interpreter.kernels.python.python_kernel import LosslessApp  # noqa: E402

# ipykernel has no types: what is called on it is unchecked.
_UntypedKernel: Any = kernelbase.Kernel

_READ = 64 * 1024
_LARGE = 1024 * 1024
_AT_MOST = 1024 * 1024  # more than a pipe holds: a background process must not hold the cell
_GATHER_MS = 5  # what a busy cell writes within this time makes one message
_CANNOT_RUN, _NOT_FOUND, _SIGNALLED = 126, 127, 128  # a signal's number is added to the last
_STARTING = 1.0  # seconds: a program as young may have missed an interrupt
_AGAIN = 0.2  # seconds: what has not missed it has ended by then
_END, _DONE = b"end", b"\n.\n"
_TAIL_LINES, _TAIL_CHARACTERS = 10, 2000  # of stderr, in a traceback
_NEW_SHELL = "[a new shell: the last one has ended, and its state is gone]\n"
# Of Jupyter's making, or in the way of a shell that nobody types at.
_NOT_INHERITED = {"JPY_PARENT_PID", "PROMPT_COMMAND", "PYDEVD_USE_FRAME_EVAL", "TMOUT"}


class Ending(NamedTuple):
    """How a cell ended.

    Attributes:
        status: Of its last command, or of the shell; above 128 when a signal ended it.
        shell_ended: Whether the shell went with it.
    """

    status: int
    shell_ended: bool


class Stream:
    """What comes out of one of the shell's two pipes.

    Args:
        descriptor: The pipe's end to read from, which this owns.
        emit: Takes text.
    """

    def __init__(self, descriptor: int, emit: Callable[[str], None]) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.open = True
        self.held = 0  # characters that were read and not emitted
        self._texts: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._emit = emit

    def read(self) -> int:
        """Read what is there, up to a piece of it; returns its size."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return 0
        if not data:
            os.close(self.descriptor)
            self.open = False
        self._hold(self._decoder.decode(data, final=not data))
        return len(data)

    def flush(self) -> None:
        """Emit what was read."""
        if self.held:
            self._emit("".join(self._texts))
            self._texts.clear()
            self.held = 0

    def finish(self, *, alone: bool) -> None:
        """Emit all that is in the pipe, but what is written meanwhile only up to a limit.

        Args:
            alone: Nobody writes any more, so that half a character will never be whole.
        """
        taken = 0
        while self.open and taken < _AT_MOST and (size := self.read()):
            taken += size
            if self.held >= _LARGE:
                self.flush()
        if alone:
            self._hold(self._decoder.decode(b"", final=True))
        self.flush()

    def _hold(self, text: str) -> None:
        if text:
            self._texts.append(text)
            self.held += len(text)


class Shell:
    """A bash, and the threads that listen to it.

    Args:
        emit: Takes output, from a thread: the name of the stream, and text.
        directory: Where the code of its cells waits; the system's for such files by default.

    Attributes:
        ended: Whether it is gone.
    """

    def __init__(self, emit: Callable[[str, str], None], *, directory: str | None = None) -> None:
        self.ended = False
        self._number = 0  # of the cell
        self._endings: SimpleQueue[tuple[int | None, Ending]] = SimpleQueue()
        # Goes with the shell.
        self._code = tempfile.NamedTemporaryFile(  # noqa: SIM115
            buffering=0, dir=directory, prefix="cell-", suffix=".sh"
        )
        self._control, self._control_of_shell = os.pipe()
        self._reported = b""
        out, out_of_shell = os.pipe()
        err, err_of_shell = os.pipe()
        self._streams = {
            out: Stream(out, lambda text: emit("stdout", text)),
            err: Stream(err, lambda text: emit("stderr", text)),
        }
        passed = (out_of_shell, err_of_shell, self._control_of_shell)
        self._eval = (
            f"\\builtin source {shlex.quote(self._code.name)} </dev/null >&{out_of_shell}"
            f" 2>&{err_of_shell} {' '.join(f'{number}>&-' for number in passed)}\n"
        )
        inherited = {name: os.environ[name] for name in os.environ.keys() - _NOT_INHERITED}
        try:
            self._process = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "-i"],  # noqa: S607 - the sandbox's own
                bufsize=0,
                env={**inherited, "HISTFILE": "/dev/null"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
            )
        except OSError:
            for descriptor in (self._control, self._control_of_shell, out, err):
                os.close(descriptor)
            raise
        finally:
            os.close(out_of_shell)
            os.close(err_of_shell)
        self._write("set +o history +H; history -c; unset HISTFILE\n")
        threading.Thread(target=self._wait, name="end of the shell", daemon=True).start()
        threading.Thread(target=self._listen, name="output of the shell", daemon=True).start()

    def run(self, code: str) -> Ending:
        """Run a cell; returns when all that it wrote was emitted."""
        self._number += 1
        self._code.seek(0)
        self._code.truncate()
        self._code.write(code.replace("\0", "").encode(errors="replace"))
        self._write(self._eval)
        self.ask()
        while True:
            number, ending = self._endings.get()
            if number in {self._number, None}:
                return ending

    def ask(self) -> None:
        """Have the shell report how the cell ended, when it has."""
        # No redirection around all three: what a DEBUG trap says would go there as well.
        parts = (f'printf "{self._number} $? "', "jobs -pr", 'printf "\\n.\\n"')
        to_us = f">&{self._control_of_shell}"
        self._write("; ".join(f"\\builtin {part} {to_us}" for part in parts) + "\n")

    def interrupt_again(self) -> None:
        """Interrupt what was starting when the group was interrupted, and has missed it."""
        young = [process for process in self._programs() if is_starting(process.pid)]
        number = self._number

        def again() -> None:
            for process in young:
                if number == self._number and would_end(process.pid):
                    with contextlib.suppress(psutil.Error):
                        process.send_signal(signal.SIGINT)

        if young:
            timer = threading.Timer(_AGAIN, again)
            timer.daemon = True
            timer.start()

    def _programs(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def _write(self, line: str) -> None:
        # Of a shell that is gone, _wait reports the end.
        with contextlib.suppress(BrokenPipeError):
            cast("IO[bytes]", self._process.stdin).write(line.encode())

    def _wait(self) -> None:
        status = self._process.wait()
        if status < 0:
            status = _SIGNALLED - status
        os.write(self._control_of_shell, b"%s %d%s" % (_END, status, _DONE))

    def _listen(self) -> None:
        everything, reports = select.poll(), select.poll()
        for descriptor in (self._control, *self._streams):
            everything.register(descriptor, select.POLLIN)
        reports.register(self._control, select.POLLIN)
        while self._streams or not self.ended:
            held = max((stream.held for stream in self._streams.values()), default=0)
            read = 0
            for descriptor, _ in everything.poll(_GATHER_MS if held else None):
                if stream := self._streams.get(descriptor):
                    read += stream.read()
            much = read > _READ // 2
            if reports.poll(0 if much else _GATHER_MS):
                self._settle()
            elif not much or held > _LARGE:
                self._flush()
            for stream in [stream for stream in self._streams.values() if not stream.open]:
                stream.flush()
                everything.unregister(stream.descriptor)
                del self._streams[stream.descriptor]
        os.close(self._control)
        os.close(self._control_of_shell)

    def _flush(self) -> None:
        for stream in self._streams.values():
            stream.flush()

    def _settle(self) -> None:
        """Take in reports, each when all that was written before it is emitted."""
        self._reported += os.read(self._control, _READ)
        *reports, self._reported = self._reported.split(_DONE)
        for report in reports:
            number, status, *background = report.split()
            self.ended = number == _END
            for stream in self._streams.values():
                stream.finish(alone=not background and not self.ended)
            ending = Ending(int(status), self.ended)
            self._endings.put((None if self.ended else int(number), ending))


class BashKernel(kernelbase.Kernel):
    """Runs cells in a shell."""

    implementation = "code-interpreter-bash"
    implementation_version = __version__
    banner = "Bash"
    language_info = {  # noqa: RUF012 - as in ipykernel
        "name": "bash",
        "mimetype": "text/x-sh",
        "codemirror_mode": "shell",
        "file_extension": ".sh",
    }

    def __init__(self, **kwargs: Any) -> None:
        _UntypedKernel.__init__(self, **kwargs)
        self._shell: Shell | None = None
        self._request: Any = None  # whose output it is
        self._silent = False
        self._tail = ""  # of the cell's stderr

    async def do_execute(
        self,
        code: str,
        silent: bool,  # noqa: FBT001 - as ipykernel calls it
        *args: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run a cell."""
        del args, kwargs
        kernel: Any = self
        self._request, self._silent = kernel.get_parent(), silent
        try:
            error = self._run(code)
        except OSError as problem:  # no process or no room on the disk to be had
            said = f"{type(problem).__name__}: {problem}"
            error = {"ename": type(problem).__name__, "evalue": str(problem), "traceback": [said]}
        reply = {"execution_count": kernel.execution_count}
        if error is None:
            return {**reply, "status": "ok", "payload": [], "user_expressions": {}}
        if not silent:
            kernel.send_response(kernel.iopub_socket, "error", error)
        return {**reply, "status": "error", **error}

    def _run(self, code: str) -> dict[str, Any] | None:
        """Run a cell; returns its error."""
        shell = self._living_shell()
        self._tail = ""
        interrupted = False

        def interrupt(number: int, frame: object) -> None:
            del number, frame
            nonlocal interrupted
            interrupted = True
            shell.ask()
            shell.interrupt_again()

        previous = signal.signal(signal.SIGINT, interrupt)
        try:
            ending = shell.run(code)
        finally:
            signal.signal(signal.SIGINT, previous)
        if not ending.status:
            return None
        return describe(ending, interrupted=interrupted, stderr=self._tail)

    def _living_shell(self) -> Shell:
        if self._shell is None:
            self._shell = Shell(self._emit, directory=self._directory())
        elif self._shell.ended:
            self._shell = Shell(self._emit, directory=self._directory())
            self._emit("stderr", _NEW_SHELL)
        return self._shell

    def _directory(self) -> str | None:
        """Where the connection file is: it is the kernel's alone, and goes with it."""
        kernel: Any = self
        return os.path.dirname(kernel.parent.abs_connection_file) or None  # noqa: PTH120 - a text

    def _emit(self, name: str, text: str) -> None:
        kernel: Any = self
        if name == "stderr":
            self._tail = (self._tail + text)[-_TAIL_CHARACTERS:]
        if not self._silent:
            # Not send_response, whose request is that of the thread.
            content = {"name": name, "text": text}
            kernel.session.send(kernel.iopub_socket, "stream", content, parent=self._request)


def is_starting(pid: int) -> bool:
    """Whether a process of our group is younger than `_STARTING`; False where there is no /proc."""
    try:
        if os.getpgid(pid) != os.getpgrp():
            return False
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    begun = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun < _STARTING


def would_end(pid: int) -> bool:
    """Whether an interrupt ends a process, which neither catches nor ignores it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        handled = int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)
    except (OSError, KeyError):  # gone, or a system that does not tell
        return False
    return not handled >> (signal.SIGINT - 1) & 1


def describe(ending: Ending, *, interrupted: bool, stderr: str) -> dict[str, Any]:
    """The error of a cell that ended with another status than 0, as Jupyter wants it.

    Args:
        ending: How it ended.
        interrupted: Whether it was interrupted before.
        stderr: The end of what it wrote there.
    """
    status = ending.status
    said = f"exit status {status}"
    if status == _CANNOT_RUN:
        said += ": not a program that can be run"
    elif status == _NOT_FOUND:
        said += ": command not found"
    elif status - _SIGNALLED in signal.valid_signals():
        said += f": {signal.strsignal(status - _SIGNALLED)}"
    if ending.shell_ended:
        said += "; the shell has ended, and its state is gone"
    name, value = ("KeyboardInterrupt", "") if interrupted else ("ExitStatus", str(status))
    lines = stderr.splitlines()[-_TAIL_LINES:]
    return {"ename": name, "evalue": value, "traceback": [*lines, f"{name}: {said}"]}


class App(LosslessApp):
    """The application with the kernel above."""

    kernel_class = BashKernel


if __name__ == "__main__":
    App.launch_instance()
