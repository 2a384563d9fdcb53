"""The Python kernel's program: ipykernel, with the output of child processes whole and in time.

ipykernel reads what child processes (and C code) write through a pipe, in a thread, in small
pieces. It decodes each piece for itself, which destroys the characters that a piece's end cuts in
two, and may read the last piece only when the cell has ended. Here the pipe is read in one
decoding, and is empty before the reply to a cell leaves. And ipykernel packs all that a busy cell
prints into one message, of hundreds of megabytes if need be, which takes several times as much in
every process on its way; here a message is sent when it is large. Nor are messages dropped when
a thousand wait to be sent, as they are when the machine is busy, or when their text has no UTF-8.
And where the code crashes the interpreter, it says where.

User code runs as in a script where it can: standard output has its `buffer`, `exit()` ends the cell
where it stands, a child of `os.fork()` that comes to the cell's end goes no further, and what the
kernel needs in its environment does not reach child processes. An interrupt reaches a cell that
waits in an `await`, too.

Started by its path, in whichever interpreter the sandbox asked for: it needs ipykernel 6 or newer
and nothing of this package. What it overrides in ipykernel is private there; should a later
ipykernel not call it any more, the kernel behaves as ipykernel does.
"""

import asyncio
import codecs
import contextlib
import faulthandler
import importlib
import io
import json
import os
import select
import signal
import site
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn, cast
from uuid import uuid4

# A script's folder comes first in the path, and user code has no business with what is in ours.
if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    del sys.path[0]


def _sites() -> list[int]:
    """When something was last added to each folder of packages, or removed; 0 for none."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return [Path(f).stat().st_mtime_ns if Path(f).is_dir() else 0 for f in folders]


# Before the imports, which take ten times as long as the start of the interpreter itself.
_sites_at_start = _sites()
# What came while the interpreter started, before this look, is found by imports too.
importlib.invalidate_caches()

import zmq  # noqa: E402 - see above
from ipykernel import iostream, ipkernel, kernelapp, zmqshell  # noqa: E402
from IPython.core import autocall, interactiveshell  # noqa: E402
from jupyter_client import jsonutil  # noqa: E402

# ipykernel has no types: what is called on these is unchecked.
_UntypedStream: Any = iostream.OutStream
_UntypedKernel: Any = ipkernel.IPythonKernel
_UntypedApp: Any = kernelapp.IPKernelApp
_UntypedShell: Any = zmqshell.ZMQInteractiveShell
_UntypedPublisher: Any = zmqshell.ZMQDisplayPublisher

_WIDGET = "application/vnd.jupyter.widget-view+json"
_USUAL_LIMIT = 1000  # of ZeroMQ, in messages
_LARGE = 4 * 1024 * 1024
_READ = 64 * 1024
_AT_MOST = 1024 * 1024  # more than a pipe holds: a child that never stops must not hold the cell
_ATOMIC = select.PIPE_BUF
_CANCEL_AGAIN = 0.25  # seconds that a cell has to clean up in, when it was cancelled
_LAST_MESSAGES = 0.1  # seconds for them to leave
_INLINE = "module://matplotlib_inline.backend_inline"
# What the kernel is started with, and needs no more when it is.
_FOR_THE_START = (
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "PYDEVD_DISABLE_FILE_VALIDATION",
    "PYDEVD_USE_FRAME_EVAL",
)


class Buffer(io.BufferedIOBase):
    """The bytes' side of a stream, which stays open when a wrapper around it goes.

    Args:
        stream: Where the text goes.
    """

    def __init__(self, stream: "OutStream") -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def name(self) -> str:
        """The stream's name."""
        return f"<{self._stream.name}>"

    @property
    def mode(self) -> str:
        """As of a file that is written."""
        return "wb"

    @property
    def raw(self) -> "Buffer":
        """Nothing is buffered here."""
        return self

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def fileno(self) -> int:
        """Return the stream's descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return what the stream returns."""
        return bool(cast("Any", self._stream).isatty())

    def write(self, data: Any, /) -> int:
        """Write bytes, of which the last may be a part of a character."""
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        data = bytes(data)
        if text := self._decoder.decode(data):
            self._stream.write(text)
        return len(data)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def close(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def finish(self) -> None:
        """Write what is left of a character that was not completed."""
        if text := self._decoder.decode(b"", final=True):
            self._stream.write(text)


class OutStream(iostream.OutStream):
    """Standard output or error of the kernel."""

    errors: "str | None" = "strict"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unsent = 0
        self._taking = threading.RLock()  # a handler of signals may print
        self._has_forked = self._in_line = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.line_buffering = self.write_through = False
        self._unwritten = ""  # in a child of os.fork(): the begin of a line
        self._writing = threading.Lock()  # there
        self.buffer = Buffer(self)
        _UntypedStream.__init__(self, *args, **kwargs)

    def reconfigure(
        self,
        *,
        encoding: "str | None" = None,
        errors: "str | None" = None,
        newline: "str | None" = None,
        line_buffering: "bool | None" = None,
        write_through: "bool | None" = None,
    ) -> None:
        """Take what a standard stream takes; text stays text, and is sent as such."""
        del newline
        if encoding is not None:
            codecs.lookup(encoding)
        self.errors = errors or self.errors
        if line_buffering is not None:
            self.line_buffering = line_buffering
        if write_through is not None:
            self.write_through = write_through
        self.flush()

    def detach(self) -> Any:
        """Return the buffer, for a wrapper around it."""
        return self.buffer

    def fileno(self) -> int:
        """Return the descriptor that children write to, too."""
        descriptor: int | None = getattr(self, "_original_stdstream_fd", None)
        return cast("int", _UntypedStream.fileno(self)) if descriptor is None else descriptor

    def forks(self) -> None:
        """Know that there are children which may write."""
        self._has_forked = True

    def forked(self) -> None:
        """Begin anew in a child: what is unsent is the parent's, and so are the locks."""
        self._unwritten = ""
        self._writing = threading.Lock()

    def flush(self) -> None:
        """Send what was written."""
        if not self._in_child():
            _UntypedStream.flush(self)
            return
        with self._writing:
            text, self._unwritten = self._unwritten, ""
            self._write_down(text)

    def _in_child(self) -> bool:
        return os.getpid() != self._master_pid

    def _write_in_child(self, string: str) -> int:
        with self._writing:
            text, newline, self._unwritten = (self._unwritten + string).rpartition("\n")
            self._write_down(text + newline)
        return len(string)

    def _write_down(self, text: str) -> None:
        """Write to the pipe, which takes lines of up to some size whole."""
        data = text.encode(errors="backslashreplace")
        for piece in [data] if len(data) <= _ATOMIC else data.splitlines(keepends=True):
            left = piece
            while left:
                left = left[os.write(self.fileno(), left) :]

    def write(self, string: str) -> int:
        """Keep a text for the next message; in a child, for the pipe."""
        if self._in_child():
            return self._write_in_child(string)
        if self._has_forked:  # to look takes half as long as to write
            if not self._in_line:
                self.settle()  # what children wrote before this line
            self._in_line = not string.endswith("\n")
        return self._keep(string)

    def _keep(self, string: str) -> int:
        written: int = _UntypedStream.write(self, string)
        self._unsent += len(string)
        if self._unsent >= _LARGE:
            self._unsent = 0
            _UntypedStream.flush(self)
        return written

    def settle(self) -> bool:
        """Take what the pipe holds; False when there is no pipe any more."""
        pipe = cast("int", self._fid)
        taken = 0
        with self._taking:
            while taken < _AT_MOST and self._should_watch:
                if not select.select([pipe], [], [], 0)[0]:
                    return True
                data = os.read(pipe, _READ)
                if not data:
                    return False
                taken += len(data)
                if text := self._decoder.decode(data):
                    self._keep(text)
        return self._should_watch

    def _watch_pipe_fd(self) -> None:
        while self._should_watch:
            select.select([cast("int", self._fid)], [], [])
            if not self.settle():
                break


class Exiter(autocall.ZMQExitAutocall):
    """`exit` and `quit`: as in a script, they end the code where it stands."""

    def __call__(self, code: object = None) -> None:
        """End the cell."""
        raise SystemExit(*(() if code is None else (code,)))


class DisplayPublisher(zmqshell.ZMQDisplayPublisher):
    """Shows widgets as the cell leaves them.

    A browser draws what a widget is at any moment; a client of ours has its text alone, and the
    text of a progress bar as it was displayed says that nothing has been done.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _UntypedPublisher.__init__(self, *args, **kwargs)
        self._widgets: dict[str, tuple[str, object]] = {}  # by display: the model, what was shown

    def publish(
        self,
        data: dict[str, Any],
        *args: Any,
        transient: "dict[str, Any] | None" = None,
        update: bool = False,
        **kwargs: Any,
    ) -> None:
        """Display something; a widget gets a name to be updated by."""
        view = data.get(_WIDGET)
        if view and not update:
            transient = {"display_id": uuid4().hex, **(transient or {})}
            self._widgets[transient["display_id"]] = (view["model_id"], data)
        _UntypedPublisher.publish(self, data, *args, transient=transient, update=update, **kwargs)

    def settle(self, *_: object) -> None:
        """Update the widgets that have changed since then; those that are closed are gone."""
        shown, self._widgets = self._widgets, {}
        module = sys.modules.get("ipywidgets.widgets.widget")
        living: dict[str, Any] | None = getattr(module, "_instances", None)
        if living is None:
            return  # no ipywidgets, or one before 8, which does not tell: they stay as displayed
        for display_id, (model, data) in shown.items():
            bundle = living[model]._repr_mimebundle_() if model in living else {"text/plain": ""}
            if bundle != data:
                self.publish(bundle, transient={"display_id": display_id}, update=True)


class Shell(zmqshell.ZMQInteractiveShell):
    """Runs the code of cells, and of the children that they fork.

    Attributes:
        interrupted: Whether the cell was cancelled by an interrupt.
    """

    interrupted = False
    display_pub_class = DisplayPublisher
    _pid = os.getpid()

    def init_environment(self) -> None:
        """Leave the environment to the sandbox."""

    def init_display_pub(self) -> None:
        """Make what displays, and have it look at its widgets when a cell has ended."""
        _UntypedShell.init_display_pub(self)
        cast("Any", self).events.register("post_run_cell", cast("Any", self).display_pub.settle)

    def _exiter_default(self) -> Exiter:
        return cast("Exiter", cast("Any", Exiter)(self))

    async def run_ast_nodes(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell's code; a child that comes to its end here ends, as at a script's end."""
        failed = await _UntypedShell.run_ast_nodes(self, *args, **kwargs)
        if os.getpid() != self._pid:
            _end_child(getattr(kwargs.get("result"), "error_in_exec", None))
        return failed

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        """Show the error that is handled; nothing in a child, which has no messages to send."""
        if os.getpid() != self._pid:
            return
        _, error, trace = exc_tuple or sys.exc_info()
        if self.interrupted and isinstance(error, asyncio.CancelledError):
            named = KeyboardInterrupt().with_traceback(trace)
            exc_tuple = (KeyboardInterrupt, named, trace)
        _UntypedShell.showtraceback(self, exc_tuple, *args, **kwargs)


def _end_child(error: "BaseException | None") -> NoReturn:
    status = 1
    try:
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
            if isinstance(error.code, str):
                print(error.code, file=sys.stderr)  # noqa: T201 - as Python does
        elif error is not None:
            trace = error.__traceback__ and error.__traceback__.tb_next  # without IPython's own
            traceback.print_exception(type(error), error, trace)
        else:
            status = 0
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:  # whatever happens: there is one kernel
        os._exit(status & 0xFF)


def _warn(message: Any, *args: Any, **kwargs: Any) -> None:
    """Pass on IPython's warnings, but the one that `exit` ends the kernel."""
    if not str(message).startswith("To exit:"):
        warnings.warn(message, *args, **kwargs)


def _ending_well(end: "Callable[[int], NoReturn]") -> "Callable[[int], NoReturn]":
    """An `os._exit` that lets the kernel's last messages out, which ZeroMQ sends from a thread."""
    kernel = os.getpid()

    def ended(status: int) -> NoReturn:
        if os.getpid() == kernel:
            for stream in _streams:
                stream.flush()
            time.sleep(_LAST_MESSAGES)
        end(status)

    return ended


class Kernel(ipkernel.IPythonKernel):
    """Replies to a cell when the output of its children is in."""

    shell_class = Shell

    async def do_execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell."""
        shell: Any = self.shell
        shell.interrupted = False
        reply = await _UntypedKernel.do_execute(self, *args, **kwargs)
        for stream in _streams:
            stream.buffer.finish()
            stream.settle()
        return reply

    @contextlib.contextmanager
    def _cancel_on_sigint(self, future: "asyncio.Future[Any]") -> "Generator[None, None, None]":
        """Interrupt a cell that may wait in an `await`: ipykernel does not wake the loop."""
        loop = asyncio.get_running_loop()
        kernel_task = asyncio.current_task()
        shell: Any = self.shell

        def cancel() -> None:
            if not future.done():
                future.cancel()
                loop.call_later(_CANCEL_AGAIN, cancel)

        def interrupt(number: int, frame: "FrameType | None") -> None:
            del number
            shell.interrupted = True
            if _in_cell(frame):
                raise KeyboardInterrupt
            loop.call_soon_threadsafe(cancel)
            # Another task of the user's may hold the loop.
            if asyncio.current_task(loop) not in {None, future, kernel_task}:
                raise asyncio.CancelledError

        previous = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)


def _in_cell(frame: "FrameType | None") -> bool:
    """Whether the code of a cell runs, which IPython holds the errors of."""
    while frame is not None:
        if frame.f_code is _RUN_CODE:
            return True
        frame = frame.f_back
    return False


_RUN_CODE = cast("Any", interactiveshell.InteractiveShell).run_code.__code__


class InlinePlots(MetaPathFinder):
    """Has matplotlib draw into cells, by a variable that it sees alone and children do not."""

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Find matplotlib."""
        if fullname != "matplotlib" or "MPLBACKEND" in os.environ:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        loader: Any = spec and spec.loader
        if loader is not None:
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                os.environ["MPLBACKEND"] = _INLINE
                try:
                    execute(module)
                finally:
                    os.environ.pop("MPLBACKEND", None)

            loader.exec_module = exec_module
        return spec


def _packing_all(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A `pack` of messages that also takes halves of surrogate pairs, as JSON's escapes."""

    def packed(content: Any) -> bytes:
        try:
            return pack(content)
        except UnicodeEncodeError:
            return json.dumps(content, default=jsonutil.json_default).encode()

    return packed


class LosslessApp(kernelapp.IPKernelApp):
    """ipykernel's application; it drops no message."""

    def init_sockets(self) -> None:
        """Open the sockets, and see to it that every message can be sent on them."""
        session: Any = self.session
        session.pack = _packing_all(session.pack)
        _UntypedApp.init_sockets(self)

    def init_iopub(self, context: Any) -> None:
        """Open the broadcast socket, without the limit at which it would drop messages."""
        context.setsockopt(zmq.SNDHWM, 0)
        _UntypedApp.init_iopub(self, context)
        context.setsockopt(zmq.SNDHWM, _USUAL_LIMIT)


class App(LosslessApp):
    """The application with the two classes above."""

    kernel_class = Kernel
    outstream_class = "execd_python_kernel.OutStream"

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Make the kernel, and an environment that is the sandbox's for all that it starts."""
        # Of the tests around a sandbox, in which ipykernel would not listen to child processes.
        os.environ.pop("PYTEST_CURRENT_TEST", None)
        plots = os.environ.get("MPLBACKEND")
        _UntypedApp.initialize(self, *args, **kwargs)
        for name in _FOR_THE_START:
            os.environ.pop(name, None)
        if plots is None and os.environ.pop("MPLBACKEND", None) == _INLINE:
            sys.meta_path.insert(0, InlinePlots())
        cast("Any", interactiveshell).warn = _warn
        # The threads are the kernel's, and its locks are made anew.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        cast("Any", os)._exit = _ending_well(os._exit)  # noqa: SLF001

    def init_io(self) -> None:
        """Replace the standard streams, and remember them: user code may do so too."""
        # The process's own stderr, since what is in the kernel's pipe dies with it.
        faulthandler.enable(file=os.dup(2), all_threads=False)
        _UntypedApp.init_io(self)
        _streams.extend(s for s in (sys.stdout, sys.stderr) if isinstance(s, OutStream))
        for stream in _streams:
            os.register_at_fork(before=stream.forks, after_in_child=stream.forked)


def settle_in(cwd: str) -> None:
    """Make of a kernel that has been idle what it would be, had it been started now, in `cwd`.

    Raises:
        RuntimeError: Packages have come or gone: what their `.pth` files do to a process that
            starts cannot be made good.
        OSError: The directory cannot be made or entered.
    """
    if _sites() != _sites_at_start:
        raise RuntimeError("packages were installed since this kernel was started")
    Path(cwd).mkdir(parents=True, exist_ok=True)
    os.chdir(cwd)
    os.environ["PWD"] = cwd
    shell = _UntypedApp.instance().shell
    shell.starting_dir = os.getcwd()  # noqa: PTH109 - a text
    shell.history_manager.dir_hist[:] = [Path.cwd()]


_streams: list[OutStream] = []

if __name__ == "__main__":
    # A name to be found by, since the user's module takes the place of __main__.
    sys.modules["execd_python_kernel"] = sys.modules["__main__"]
    App.launch_instance()
