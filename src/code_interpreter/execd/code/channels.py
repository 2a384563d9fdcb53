"""The sockets of one kernel, and the thread that owns them.

A thread of its own, because reading broadcasts on an event loop is four times slower and a slow
reader lets ZeroMQ's queues grow without bound. Nobody else touches the sockets: the loop posts
what it wants done, and the thread puts events into the run's spool.

What must stay true:

- A run that was handed over ends exactly once: by its verdict, by the kernel's death, by a
  failure in here.
- A kernel's last words are read before its death is told.
- An interrupt is sent only to the run that it was meant for, and only once that run has begun:
  before, the kernel would pass over it; after, it could strike the next. A run whose kernel was
  asked to interrupt it ends when the kernel has answered that it did.
"""

import codecs
import contextlib
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import zmq

from code_interpreter.execd.code.translate import Cell, output
from code_interpreter.execd.code.wire import BadMessageError, Message, Wire
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run
from code_interpreter.execd.runs.spool import PIECE

CHANNELS: tuple[str, ...] = ("shell", "iopub", "stdin", "control", "hb")

_START_PATIENCE = 60.0
_FILES_MS = 5  # between two looks for the socket files of a kernel that starts
_ASK_AGAIN = 0.5  # a subscription can come too late for the answer to the first question
_RECONNECT_MS = 10
# Of silence on iopub, when only one of a cell's reply and its idle is in. Output can delay an
# idle for long; a reply is sent before it, and missing only when an interrupt struck the kernel.
_IDLE_GRACE = 2.0
_REPLY_GRACE = 0.3
# A kernel says that a cell begins while it still prepares it. An interrupt within that time
# strikes the kernel's own code, and one in a hundred is lost there.
_SETTLE = 0.05
_LAST_WORDS_MS = 100  # of silence, when a process that outlives the kernel holds its sockets
_STRAY_LIMIT = 1024 * 1024
_SAID_TAIL = 4096

StreamKind = Literal["stdout", "stderr"]

_log = logging.getLogger(__name__)


class KernelStartError(Exception):
    """A kernel did not come to life."""


class Connection(NamedTuple):
    """Where a kernel listens.

    Attributes:
        transport: `ipc` for kernels built on ipykernel, else `tcp`.
        address: An IP address, or the path that the socket files' names begin with.
        ports: Per channel; for ipc they are but the ends of those names.
        key: Signs every message.
    """

    transport: Literal["ipc", "tcp"]
    address: str
    ports: dict[str, int]
    key: str

    def url(self, channel: str) -> str:
        """The address of one channel in ZeroMQ's spelling."""
        separator = "-" if self.transport == "ipc" else ":"
        return f"{self.transport}://{self.address}{separator}{self.ports[channel]}"

    def socket_file(self, channel: str) -> Path:
        """The file of one channel's socket (ipc)."""
        return Path(f"{self.address}-{self.ports[channel]}")

    def file(self, kernel_name: str) -> str:
        """The text of the connection file, as kernels expect it."""
        return json.dumps(
            {
                **{f"{channel}_port": port for channel, port in self.ports.items()},
                "transport": self.transport,
                "ip": self.address,
                "key": self.key,
                "signature_scheme": "hmac-sha256",
                "kernel_name": kernel_name,
            }
        )


class Channels(threading.Thread):
    """Talks to one kernel, from its start to its death.

    Args:
        connection: Where the kernel will listen.
        context: The process's ZeroMQ context.
        streams: Read ends of pipes that hold what the kernel's process writes to its own standard
            streams, and to which of them; nonblocking, and closed in the end.
        streams_are_output: Whether that is output, once the kernel is ready.
        signal: Interrupts the kernel; None when it wants to be asked by a message.
        cell: Makes what follows one run, from the id of its request.

    Attributes:
        ready: Done when the kernel answers; fails with a KernelStartError.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        context: "zmq.Context[zmq.Socket[bytes]]",
        streams: Mapping[int, StreamKind],
        streams_are_output: bool,
        signal: Callable[[], None] | None,
        cell: Callable[[str], Cell] = Cell,
    ) -> None:
        super().__init__(name="kernel channels", daemon=True)
        self.ready: Future[None] = Future()
        # Whoever waits for it may be cancelled; this thread still has its say.
        self.ready.set_running_or_notify_cancel()
        self._connection = connection
        self._context = context
        self._streams = dict(streams)
        self._streams_are_output = streams_are_output
        self._decoders = {
            pipe: codecs.getincrementaldecoder("utf-8")(errors="replace") for pipe in streams
        }
        self._signal = signal
        self._make_cell = cell
        self._wire = Wire(connection.key.encode())
        self._said = b""
        self._stray: list[bytes] = []
        self._stray_size = 0
        self._stray_lost = 0
        self._cell: Cell | None = None
        self._run: Run | None = None
        self._runs: set[Run] = set()  # handed over and not ended
        self._waiting: set[Future[bool]] = set()  # for an answer
        self._asked: dict[str, Future[bool]] = {}  # by the question's id
        self._heard_at = 0.0  # when iopub last said something
        self._interrupt_due = False
        self._interrupting: str | None = None  # id of the request to interrupt, until its answer
        self._death: str | None = None  # how the process ended
        self._last_word: bytes | None = None  # what ends the run instead of "the kernel died"
        self._lock = threading.Lock()
        self._closed = False
        self._posted: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._shell = self._socket(zmq.DEALER)
        self._control = self._socket(zmq.DEALER)
        # One name for both, as the protocol wants it: gonb answers on shell whatever it was asked.
        name = uuid4().hex.encode()
        self._shell.setsockopt(zmq.IDENTITY, name)
        self._control.setsockopt(zmq.IDENTITY, name)
        self._iopub = self._socket(zmq.SUB)
        self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
        self._monitor = self._iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._poller = zmq.Poller()
        self._poller.register(self._wake_read, zmq.POLLIN)
        for source in (*streams, self._shell, self._control, self._iopub):
            self._poller.register(source, zmq.POLLIN)

    def _socket(self, kind: int) -> "zmq.Socket[bytes]":
        made = self._context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        # A limit counts messages and drops what exceeds it; memory is bounded in the spool.
        made.setsockopt(zmq.RCVHWM, 0)
        made.setsockopt(zmq.SNDHWM, 0)
        made.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        return made

    # What other threads may call.

    @property
    def closed(self) -> bool:
        """Whether the kernel is dead, and everything that it left behind has been read."""
        return self._closed

    def execute(self, run: Run) -> bool:
        """Hand a run to the kernel.

        Returns:
            False when the kernel is dead; the run is untouched then.
        """
        with self._lock:
            if self._closed:
                return False
            self._runs.add(run)
        self._post(partial(self._begin, run))
        return True

    def ask(self, code: str) -> "Future[bool]":
        """Have the kernel run code that is no cell, ahead of the next one.

        Args:
            code: Prints nothing.

        Returns:
            Done when it has run: false when it raised, or the kernel is dead.
        """
        asked: Future[bool] = Future()
        asked.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                asked.set_result(False)
                return asked
            self._waiting.add(asked)
        self._post(partial(self._ask, code, asked))
        return asked

    def interrupt(self, run: Run) -> None:
        """Interrupt this run if it is the one that runs."""
        self._post(partial(self._interrupt, run))

    def process_exited(self, how: str) -> None:
        """Say that the kernel's process is gone.

        Args:
            how: `exit status 1`, `signal: killed`.
        """
        self._post(partial(setattr, self, "_death", how))

    def last_word(self, ending: bytes) -> None:
        """Give the event that ends the run when the process is gone, ahead of killing it."""
        self._post(partial(setattr, self, "_last_word", ending))

    def _post(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._closed:
                return
            self._posted.append(job)
            # A full pipe wakes the thread as well as one more byte would.
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"\0")

    # What runs in the thread.

    def run(self) -> None:
        """Serve until the process is gone."""
        problem = "the runtime's connection to the kernel was closed"
        try:
            self._connect()
            self.ready.set_result(None)
            while self._death is None:
                self._turn()
            self._hear_last_words()
            self._put(self._hear(self._streams))
            problem = f"the kernel died ({self._death})"
        except KernelStartError as error:
            self.ready.set_exception(error)
        except Exception as error:
            problem = f"the runtime failed: {error!r}"
            if not self.ready.done():
                self.ready.set_exception(KernelStartError(problem))
            raise
        finally:
            self._close(problem)

    def _connect(self) -> None:
        deadline = time.monotonic() + _START_PATIENCE
        if self._connection.transport == "ipc":
            # Connecting to a file that is not there yet costs ZeroMQ's pause between attempts.
            files = [self._connection.socket_file(name) for name in ("shell", "iopub", "control")]
            while not all(file.exists() for file in files):
                self._wait(deadline, _FILES_MS)
        self._shell.connect(self._connection.url("shell"))
        self._control.connect(self._connection.url("control"))
        self._iopub.connect(self._connection.url("iopub"))
        self._shake_hands(deadline)

    def _shake_hands(self, deadline: float) -> None:
        """Wait until both shell and iopub have answered a question."""
        asked: set[str] = set()
        answered = heard = False
        ask_at = 0.0
        while not (answered and heard):
            if time.monotonic() >= ask_at:
                msg_id, frames = self._wire.request("kernel_info_request", {})
                self._shell.send_multipart(frames)
                asked.add(msg_id)
                ask_at = time.monotonic() + _ASK_AGAIN
            self._wait(deadline, max(1, int((ask_at - time.monotonic()) * 1000)))
            answered |= any(message.parent in asked for message in self._receive(self._shell))
            heard |= any(message.parent in asked for message in self._receive(self._iopub))

    def _wait(self, deadline: float, milliseconds: int) -> None:
        self._do_posted(self._poller.poll(milliseconds))
        if self._death is None and time.monotonic() < deadline:
            return
        problem = f"it ended ({self._death})" if self._death else "it does not answer"
        self._hear(self._streams)
        said = self._said.decode(errors="replace").strip()
        raise KernelStartError(f"{problem}{': ' if said else ''}{said}")

    def _turn(self) -> None:
        waits: list[float | None] = []
        if self._cell is not None:
            waits = [self._end_left(self._cell), self._interrupt_left(self._cell)]
        left = min((wait for wait in waits if wait is not None), default=None)
        ready = self._poller.poll(None if left is None else max(0, int(left * 1000) + 1))
        self._do_posted(ready)
        self._read({source for source, _ in ready})

    def _do_posted(self, ready: list[tuple[Any, int]]) -> None:
        for source, _ in ready:
            if source == self._wake_read:
                os.read(self._wake_read, PIECE)
                while self._posted:
                    self._posted.popleft()()
        self._put(self._hear({source for source, _ in ready}))

    def _hear(self, ready: Container[Any]) -> list[bytes]:
        """Read what these of the process's own streams hold now; the events for it."""
        frames: list[bytes] = []
        for pipe, kind in list(self._streams.items()):
            if pipe not in ready:
                continue
            try:
                said = os.read(pipe, PIECE)
            except BlockingIOError:
                continue
            if not said:
                self._poller.unregister(pipe)
                os.close(pipe)
                del self._streams[pipe]
            if self._streams_are_output and self.ready.done():
                if text := self._decoders[pipe].decode(said, final=not said):
                    frames.append(encode.frame(kind, text=text))
            else:
                self._said = (self._said + said)[-_SAID_TAIL:]
        return frames

    def _ask(self, code: str, asked: "Future[bool]") -> None:
        msg_id, frames = self._execute_request(code, silent=True)
        self._asked[msg_id] = asked
        self._shell.send_multipart(frames)

    def _answer(self, reply: Message) -> None:
        if reply.parent == self._interrupting:
            self._interrupting = None
        if asked := self._asked.pop(reply.parent, None):
            self._waiting.discard(asked)
            asked.set_result(reply.content.get("status") == "ok")

    def _execute_request(self, code: str, *, silent: bool) -> tuple[str, list[bytes]]:
        content: dict[str, Any] = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            # Nothing is ever queued behind a run; without this, a kernel refuses the next run
            # for a moment after an error.
            "stop_on_error": False,
        }
        return self._wire.request("execute_request", content)

    def _begin(self, run: Run) -> None:
        self._run = run
        self._interrupt_due = run.interrupted
        msg_id, frames = self._execute_request(run.code, silent=False)
        self._cell = self._make_cell(msg_id)
        run.put(self._take_stray())
        self._shell.send_multipart(frames)

    def _interrupt(self, run: Run) -> None:
        if self._run is not run:
            return
        self._interrupt_due = True
        self._send_due_interrupt()

    def _interrupt_left(self, cell: Cell) -> float | None:
        """Seconds until the interrupt that is due may be sent; None when that is not known."""
        if not self._interrupt_due or cell.started is None:
            return None
        return cell.started + _SETTLE - time.monotonic()

    def _send_due_interrupt(self) -> None:
        left = None if self._cell is None else self._interrupt_left(self._cell)
        if left is None or left > 0:
            return
        self._interrupt_due = False
        if self._signal is not None:
            self._signal()
        else:
            self._interrupting, frames = self._wire.request("interrupt_request", {})
            self._control.send_multipart(frames)

    def _receive(self, source: "zmq.Socket[bytes]") -> list[Message]:
        """What has arrived, up to about a piece of it."""
        messages: list[Message] = []
        size = 0
        while size < PIECE:
            try:
                parts = source.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            size += sum(map(len, parts))
            try:
                messages.append(self._wire.parse(parts))
            except BadMessageError as error:
                _log.warning("dropped what is no message of the kernel: %s", error)
        return messages

    def _read(self, ready: Container[Any]) -> None:
        """Take in what has arrived on these sockets, and end the run when it has ended."""
        broadcasts = self._receive(self._iopub) if self._iopub in ready else []
        if broadcasts:
            self._heard_at = time.monotonic()
        replies = self._receive(self._shell) if self._shell in ready else []
        answers = self._receive(self._control) if self._control in ready else []
        for answer in (*replies, *answers):
            self._answer(answer)
        cell, run = self._cell, self._run
        if cell is None or run is None:
            for message in broadcasts:
                self._put(output(message))
            return
        frames = [frame for message in broadcasts for frame in cell.on_iopub(message)]
        frames += [frame for message in replies for frame in cell.on_reply(message)]
        run.answered = cell.replied and self._interrupting is None
        left = self._end_left(cell)
        if left is not None and left <= 0:
            run.kernel_exits = cell.exits
            frames += self._hear(self._streams)  # of children that have ended within the cell
            self._end(run, frames, cell.verdict(interrupted=run.interrupted))
            return
        run.put(frames)
        if run.broken and not run.interrupted:
            run.interrupted = self._interrupt_due = True
        self._send_due_interrupt()

    def _end(self, run: Run, frames: list[bytes], ending: bytes) -> None:
        self._cell = self._run = None
        self._runs.discard(run)
        run.end(frames, ending)

    def _end_left(self, cell: Cell) -> float | None:
        """Seconds until the run may be ended; None when that is not known."""
        if cell.half_ended is None or self._interrupting is not None:
            return None
        if cell.ended:
            return 0.0
        grace = _IDLE_GRACE if cell.replied else _REPLY_GRACE
        return max(cell.half_ended, self._heard_at) + grace - time.monotonic()

    def _put(self, frames: Sequence[bytes]) -> None:
        """Pass on output; what comes while nothing runs waits for the next run, up to a limit."""
        if self._run is not None:
            self._run.put(frames)
            return
        for frame in frames:
            if self._stray_size + len(frame) > _STRAY_LIMIT:
                self._stray_lost += len(frame)
            else:
                self._stray.append(frame)
                self._stray_size += len(frame)

    def _take_stray(self) -> list[bytes]:
        frames, self._stray = self._stray, []
        if self._stray_lost:
            notice = f"[{self._stray_lost} bytes of output between the runs were dropped]\n"
            frames.append(encode.frame("stderr", text=notice))
        self._stray_size = self._stray_lost = 0
        return frames

    def _hear_last_words(self) -> None:
        """Read what the dead kernel had sent.

        Its sockets' end comes behind everything it sent, but does not come at all while a child
        of it holds them: then silence has to do.
        """
        poller = zmq.Poller()
        for source in (self._iopub, self._shell, self._monitor):
            poller.register(source, zmq.POLLIN)
        while ready := dict(poller.poll(_LAST_WORDS_MS)):
            self._read(ready)
            if self._monitor in ready:
                while ready := dict(poller.poll(0)):
                    if not {self._iopub, self._shell} & ready.keys():
                        break
                    self._read(ready)
                return

    def _close(self, problem: str) -> None:
        with self._lock:
            self._closed = True
        for run in self._runs:
            ending = self._last_word or encode.error(
                "KernelDied",
                f"{problem}; the state of this context is lost, and so may be its last output",
            )
            run.end([], ending)
        for asked in self._waiting:
            asked.set_result(False)
        self._iopub.disable_monitor()
        for source in (self._monitor, self._iopub, self._control, self._shell):
            source.close()
        for pipe in self._streams:
            os.close(pipe)
        os.close(self._wake_read)
        os.close(self._wake_write)
