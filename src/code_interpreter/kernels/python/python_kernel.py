"""The Python kernel's program: ipykernel, with the output of child processes whole and in time.

ipykernel reads what child processes (and C code) write through a pipe, in a thread, in small
pieces. It decodes each piece for itself, which destroys the characters that a piece's end cuts in
two, and may read the last piece only when the cell has ended. Here the pipe is read in one
decoding, and is empty before the reply to a cell leaves. And ipykernel packs all that a busy cell
prints into one message, of hundreds of megabytes if need be, which takes several times as much in
every process on its way; here a message is sent when it is large. Nor are messages dropped when
a thousand wait to be sent, as they are when the machine is busy, or when their text has no UTF-8.
And where the code crashes the interpreter, it says where.

Started by its path, in whichever interpreter the sandbox asked for: it needs ipykernel 6 or newer
and nothing of this package. What it overrides in ipykernel is private there; should a later
ipykernel not call it any more, the kernel behaves as ipykernel does.
"""

import codecs
import faulthandler
import json
import os
import select
import site
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

# A script's folder comes first in the path, and user code has no business with what is in ours.
if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    del sys.path[0]


def _sites() -> list[int]:
    """When something was last added to each folder of packages, or removed; 0 for none."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return [Path(f).stat().st_mtime_ns if Path(f).is_dir() else 0 for f in folders]


# Before the imports, which take ten times as long as the start of the interpreter itself.
_sites_at_start = _sites()

import zmq  # noqa: E402 - see above
from ipykernel import iostream, ipkernel, kernelapp  # noqa: E402
from jupyter_client import jsonutil  # noqa: E402

# ipykernel has no types: what is called on these is unchecked.
_UntypedStream: Any = iostream.OutStream
_UntypedKernel: Any = ipkernel.IPythonKernel
_UntypedApp: Any = kernelapp.IPKernelApp

_USUAL_LIMIT = 1000  # of ZeroMQ, in messages
_LARGE = 4 * 1024 * 1024
_READ = 64 * 1024
_AT_MOST = 1024 * 1024  # more than a pipe holds: a child that never stops must not hold the cell


class OutStream(iostream.OutStream):
    """Standard output or error of the kernel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unsent = 0
        self._taking = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        _UntypedStream.__init__(self, *args, **kwargs)

    def write(self, string: str) -> int:
        """Keep a text for the next message."""
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
                    self.write(text)
        return self._should_watch

    def _watch_pipe_fd(self) -> None:
        while self._should_watch:
            select.select([cast("int", self._fid)], [], [])
            if not self.settle():
                break


class Kernel(ipkernel.IPythonKernel):
    """Replies to a cell when the output of its children is in."""

    async def do_execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell."""
        reply = await _UntypedKernel.do_execute(self, *args, **kwargs)
        for stream in _streams:
            stream.settle()
        return reply


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

    def init_io(self) -> None:
        """Replace the standard streams, and remember them: user code may do so too."""
        # The process's own stderr, since what is in the kernel's pipe dies with it.
        faulthandler.enable(file=os.dup(2), all_threads=False)
        _UntypedApp.init_io(self)
        _streams.extend(s for s in (sys.stdout, sys.stderr) if isinstance(s, OutStream))


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
