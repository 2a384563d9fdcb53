"""The sockets of one kernel, and the thread that owns them.

A separate thread, because reading broadcasts on an event loop is four times slower and a slow
reader lets ZeroMQ's queues grow without bound. Nothing else touches the sockets: the loop posts
what it wants done, and the thread puts events into the run's spool. What to do is decided by the
`exchange`, which only this thread touches.

What must stay true:

- A run that was handed over ends exactly once: as the exchange says, by the kernel's death, or by
  a failure in here.
- A kernel's final output is read before its death is told.
"""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any
from uuid import uuid4

import zmq

from code_interpreter.execd.code.addresses import Connection
from code_interpreter.execd.code.exchange import (
    Answer,
    Effect,
    End,
    Exchange,
    Kill,
    Patience,
    Put,
    Ready,
    Said,
    Send,
    Signal,
)
from code_interpreter.execd.code.pipes import Pipes
from code_interpreter.execd.code.translate import Cell
from code_interpreter.execd.code.wire import BadMessageError, Message, Wire
from code_interpreter.execd.runs.running import Run
from code_interpreter.execd.runs.spool import PIECE

_FILES_MS = 5  # between two looks for the socket files of a kernel that starts
_RECONNECT_MS = 10
_SILENCE_MS = 100  # that ends a kernel's final output when another process holds its sockets

_log = logging.getLogger(__name__)


class KernelStartError(Exception):
    """A kernel did not come to life."""


class Channels(threading.Thread):
    """Talks to one kernel, from its start to its death.

    Args:
        connection: Where the kernel will listen.
        context: The process's ZeroMQ context.
        pipes: What the kernel's process writes to its own standard streams; closed in the end.
        streams_are_output: Whether that is output, once the kernel is ready.
        signal: Interrupts the kernel; None when it wants to be asked by a message.
        kill: Kills the kernel.
        cell: Makes what follows one run, from the id of its request and the time.
        patience: How long to wait for what.

    Attributes:
        ready: Done when the kernel answers; fails with a KernelStartError.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        context: "zmq.Context[zmq.Socket[bytes]]",
        pipes: Pipes,
        streams_are_output: bool,
        signal: Callable[[], None] | None,
        kill: Callable[[], None],
        cell: Callable[[str, float], Cell] = Cell,
        patience: Patience,
    ) -> None:
        super().__init__(name="kernel channels", daemon=True)
        self.ready: Future[None] = Future()
        # The caller that waits for it may be cancelled; this thread still sets it.
        self.ready.set_running_or_notify_cancel()
        self._connection = connection
        self._context = context
        self._pipes = pipes
        self._signal = signal
        self._kill = kill
        self._wire = Wire(connection.key.encode())
        self._exchange = Exchange(
            lambda: uuid4().hex,
            cell=cell,
            by_signal=signal is not None,
            streams_are_output=streams_are_output,
            patience=patience,
            now=time.monotonic(),
        )
        self._runs: dict[str, Run] = {}  # handed over and not ended
        self._questions: dict[str, Future[bool]] = {}  # not answered
        self._lock = threading.Lock()
        self._closed = False
        self._posted: deque[Callable[[], None]] = deque()
        # Whatever cannot be had: what was made before it is closed again.
        with contextlib.ExitStack() as made:
            made.callback(pipes.close)
            self._wake_read, self._wake_write = os.pipe()
            made.callback(os.close, self._wake_read)
            made.callback(os.close, self._wake_write)
            os.set_blocking(self._wake_write, False)
            self._shell = self._socket(zmq.DEALER, made)
            self._control = self._socket(zmq.DEALER, made)
            self._iopub = self._socket(zmq.SUB, made)
            self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
            self._monitor = self._iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            made.callback(self._monitor.close)
            made.callback(self._iopub.disable_monitor)
            self._made = made.pop_all()
        # One name for both, as the protocol wants it: gonb answers on shell whatever it was asked.
        name = uuid4().hex.encode()
        self._shell.setsockopt(zmq.IDENTITY, name)
        self._control.setsockopt(zmq.IDENTITY, name)
        self._poller = zmq.Poller()
        self._poller.register(self._wake_read, zmq.POLLIN)
        for source in (*self._pipes, self._shell, self._control, self._iopub):
            self._poller.register(source, zmq.POLLIN)

    def _socket(self, kind: int, made: contextlib.ExitStack) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        made.callback(socket.close)
        socket.setsockopt(zmq.LINGER, 0)
        # A limit counts messages and drops what exceeds it; memory is bounded in the spool.
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        if (password := self._connection.password) is not None:
            socket.setsockopt(zmq.PLAIN_USERNAME, b"execd")
            socket.setsockopt(zmq.PLAIN_PASSWORD, password)
        return socket

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
            self._runs[run.run_id] = run
        self._post(lambda: self._exchange.begin(run.run_id, run.code, time.monotonic()))
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
        question = uuid4().hex
        with self._lock:
            if self._closed:
                asked.set_result(False)
                return asked
            self._questions[question] = asked
        self._post(lambda: self._exchange.ask(question, code))
        return asked

    def interrupt(self, run: Run) -> None:
        """Interrupt this run if it is the one that runs."""
        self._post(lambda: self._exchange.interrupt(run.run_id, time.monotonic()))

    def process_exited(self, how: str) -> None:
        """Take in that the kernel's process is gone.

        Args:
            how: `exit status 1`, `signal: killed`.
        """
        self._post(partial(self._die, how))

    def death(self) -> tuple[str, list[bytes]]:
        """Why the kernel is dead, once it is `closed`, and the output that no run has had."""
        return self._exchange.death()

    def close(self, problem: str) -> None:
        """End it, whose process could not be started or watched."""
        self._post(partial(self._exchange.end, problem))
        if self.is_alive():
            self.join()
        else:
            self._close()

    def end_with(self, ending: bytes) -> None:
        """Name the event that ends the run when the process is gone, ahead of killing it."""
        self._post(lambda: self._exchange.end_with(ending))

    def _post(self, job: Callable[[], Iterable[Effect] | None]) -> None:
        with self._lock:
            if self._closed:
                return
            self._posted.append(lambda: self._do(job() or ()))
            # A full pipe wakes the thread as well as one more byte would.
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"\0")

    # What runs in the thread.

    def run(self) -> None:
        """Serve until the process is gone."""
        problem = "the runtime's connection to the kernel was closed"
        try:
            self._connect()
            while not self._exchange.over:
                self._turn(self._exchange.next_at())
            if self.ready.done():
                self._read_final_output()
            self._receive({*self._pipes})
        except Exception as error:
            problem = f"the runtime failed: {error!r}"
            raise
        finally:
            self._exchange.end(problem)
            self._close()

    def _connect(self) -> None:
        if self._connection.transport == "ipc":
            # Connecting to a file that is not there yet costs ZeroMQ's pause between attempts.
            files = [self._connection.socket_file(name) for name in ("shell", "iopub", "control")]
            while not self._exchange.over and not all(file.exists() for file in files):
                self._turn(time.monotonic() + _FILES_MS / 1000)
        self._shell.connect(self._connection.url("shell"))
        self._control.connect(self._connection.url("control"))
        self._iopub.connect(self._connection.url("iopub"))
        self._do(self._exchange.connect(time.monotonic()))

    def _turn(self, until: float | None) -> None:
        """Wait until something arrives, at most until a time, and do what there is to do."""
        left = None if until is None else max(0, int((until - time.monotonic()) * 1000) + 1)
        ready = {source for source, _ in self._poller.poll(left)}
        if self._wake_read in ready:
            os.read(self._wake_read, PIECE)
            while self._posted:
                self._posted.popleft()()
        self._receive(ready)

    def _receive(self, ready: set[Any]) -> None:
        """Take in what has arrived from these sockets and pipes."""
        said = self._read_pipes(ready)
        broadcasts = self._messages(self._iopub) if self._iopub in ready else []
        replies = self._messages(self._shell) if self._shell in ready else []
        answers = self._messages(self._control) if self._control in ready else []
        if said:
            self._do(self._exchange.receive(time.monotonic(), said=said))
        # Once more: what the cell's children wrote before its end belongs to it.
        said = self._read_pipes({*self._pipes}) if broadcasts or replies else []
        effects = self._exchange.receive(
            time.monotonic(), broadcasts=broadcasts, replies=replies, answers=answers, said=said
        )
        self._do(effects)

    def _messages(self, source: "zmq.Socket[bytes]") -> list[Message]:
        """Read what has arrived, up to about a piece of it."""
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

    def _read_pipes(self, ready: set[Any]) -> list[Said]:
        said, ended = self._pipes.read(ready)
        for pipe in ended:
            self._poller.unregister(pipe)
        return said

    def _read_final_output(self) -> None:
        """Read what the dead kernel had sent.

        Its sockets' end comes behind everything it sent, but does not come at all while a child
        of it holds them: then silence has to do.
        """
        poller = zmq.Poller()
        for source in (self._iopub, self._shell, self._monitor):
            poller.register(source, zmq.POLLIN)
        while ready := dict(poller.poll(_SILENCE_MS)):
            self._receive({*ready})
            if self._monitor in ready:
                while {self._iopub, self._shell} & (ready := dict(poller.poll(0))).keys():
                    self._receive({*ready})
                return

    def _die(self, how: str) -> None:
        answering = self.ready.done()
        self._exchange.end(f"the kernel died ({how})" if answering else f"it ended ({how})")

    def _do(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Put(run_id, frames):
                    self._put(self._runs[run_id], frames)
                case End(run_id, frames, ending, kernel_gone):
                    self._runs.pop(run_id).end(frames, ending, kernel_gone=kernel_gone)
                case Send(channel, kind, msg_id, content):
                    socket = self._control if channel == "control" else self._shell
                    socket.send_multipart(self._wire.request(kind, msg_id, content))
                case Answer(question, ok):
                    self._questions.pop(question).set_result(ok)
                case Signal() if self._signal is not None:
                    self._signal()
                case Kill():
                    self._kill()
                case Ready():
                    self.ready.set_result(None)
                case _:
                    raise AssertionError(effect)

    def _put(self, run: Run, frames: list[bytes]) -> None:
        run.put(frames)
        if run.broken:
            self._do(self._exchange.output_lost(run.run_id, time.monotonic()))

    def _close(self) -> None:
        with self._lock:
            self._closed = True
        if not self.ready.done():
            self.ready.set_exception(KernelStartError(self._exchange.start_failure))
        for run in self._runs.values():
            run.end([], self._exchange.ending, kernel_gone=True)
        for asked in self._questions.values():
            asked.set_result(False)
        self._made.close()
