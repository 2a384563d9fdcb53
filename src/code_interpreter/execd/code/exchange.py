"""What is asked of one kernel and what its answers mean: every decision of `channels`. Pure.

An `Exchange` is told what has arrived, what is wanted and what time it is; it answers with effects
that its owner carries out. It has one owner, and so needs no lock. Times are seconds of one
monotonic clock.

What must stay true:

- A run that has begun ends exactly once: by the verdict of its cell, or with its kernel. No event
  follows.
- An interrupt is sent only for the run that it was meant for, only once that run has begun, and
  not after the kernel's reply: before, the kernel would ignore it; after, it could strike the next
  run. A run whose kernel was asked to interrupt it ends when the kernel has answered.
- A kernel that is still at work on a run some seconds after the first interrupt is killed. One
  that has done its work is not, however late its output comes.
- Output that belongs to no run waits for the next one, up to a limit.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from code_interpreter.execd.code.translate import Cell, output
from code_interpreter.execd.code.wire import Message
from code_interpreter.execd.runs import encode

StreamKind = Literal["stdout", "stderr"]
Said = tuple[StreamKind, str]

_UNMATCHED_LIMIT = 1024 * 1024
_SAID_TAIL = 4096


class Patience(NamedTuple):
    """How long an exchange waits, in seconds.

    Attributes:
        start: For the first answer of a new kernel.
        ask_again: Between two first questions; a subscription can come too late for an answer.
        idle: For a cell's `idle`, in silence, when its reply is in. Output can delay it for long.
        reply: For a cell's reply, in silence, when its `idle` is in. A reply is sent first, and
            is missing only when an interrupt struck the kernel.
        settle: From the begin of a cell to an interrupt. A kernel says that a cell begins while
            it still prepares it: an interrupt within that time strikes the kernel's own code,
            and one in a hundred is lost there.
        stop: From the first interrupt of a run to the end of a kernel that ignores it.
        take_up: For a kernel to say that it has taken up a run, which it does at once, unless
            what an earlier one left behind keeps it busy, or it cannot hear us any more.
    """

    start: float = 60.0
    ask_again: float = 0.5
    idle: float = 2.0
    reply: float = 0.3
    settle: float = 0.05
    stop: float = 5.0
    take_up: float = 60.0


class Send(NamedTuple):
    """Send the kernel a request."""

    channel: Literal["shell", "control"]
    kind: str
    msg_id: str
    content: dict[str, Any]


class Ready(NamedTuple):
    """Tell that the kernel answers."""


class Put(NamedTuple):
    """Pass on events of a run."""

    run_id: str
    frames: list[bytes]


class End(NamedTuple):
    """Pass on the last events of a run; `kernel_gone` when the kernel will take no other."""

    run_id: str
    frames: list[bytes]
    ending: bytes
    kernel_gone: bool


class Answer(NamedTuple):
    """Tell the asker whether the kernel has run what it was asked to."""

    question: str
    ok: bool


class Signal(NamedTuple):
    """Interrupt the kernel by a signal."""


class Kill(NamedTuple):
    """Kill the kernel."""


Effect = Send | Ready | Put | End | Answer | Signal | Kill


class _Current:
    """The run that the kernel works on, and how far its interrupt has come."""

    def __init__(self, run_id: str, cell: Cell, *, take_up_by: float) -> None:
        self.run_id = run_id
        self.cell = cell
        self.take_up_by = take_up_by
        self.overdue = False  # once: the whole sandbox may just have been paused
        self.interrupted = False  # by a client, or by us
        self.due = False  # an interrupt is to be sent, as soon as it may
        self.unanswered: str | None = None  # id of the interrupt that the kernel has to answer
        self.kill_at: float | None = None

    @property
    def answered(self) -> bool:
        """Whether the kernel has done its work; what is still to come is on its way."""
        return self.cell.replied and self.unanswered is None


class Exchange:
    """All that is said between execd and one kernel, from its start to its death.

    Args:
        new_id: Makes ids of requests, no two alike.
        cell: Makes what follows one run, from the id of its request and the time.
        by_signal: Whether an interrupt is a signal, and not a message.
        streams_are_output: Whether what the kernel's process writes to its own standard streams
            is output, once it is ready.
        patience: How long to wait for what.
        now: The time.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        *,
        cell: Callable[[str, float], Cell],
        by_signal: bool,
        streams_are_output: bool,
        patience: Patience,
        now: float,
    ) -> None:
        self._new_id = new_id
        self._make_cell = cell
        self._by_signal = by_signal
        self._streams_are_output = streams_are_output
        self._patience = patience
        self._start_by = now + patience.start
        self._ask_at: float | None = None  # of the first question, once connected
        self._first_questions: set[str] = set()
        self._shell_answers = False
        self._iopub_answers = False
        self._ready = False
        self._heard_at = now  # when a broadcast last arrived
        self._said = ""  # by the process, before that was output
        self._questions: dict[str, str] = {}  # by the id of the request
        self._current: _Current | None = None
        self._unmatched: list[bytes] = []
        self._unmatched_size = 0
        self._unmatched_lost = 0
        self._problem: str | None = None  # why it is over
        self._reason: bytes | None = None  # what ends the run instead of that

    @property
    def over(self) -> bool:
        """Whether the kernel is dead, or did not come to life."""
        return self._problem is not None

    @property
    def start_failure(self) -> str:
        """Why the kernel did not come to life, with what its process said."""
        said = self._said.strip()
        return f"{self._problem}{': ' if said else ''}{said}"

    @property
    def ending(self) -> bytes:
        """What ends a run together with its kernel."""
        return self._reason or encode.error(
            "KernelDied",
            f"{self._problem}; the state of this context is lost, and so may be its last output",
        )

    def death(self) -> tuple[str, list[bytes]]:
        """Why it is over, and the output that no run has had."""
        return self._problem or "", self._take_unmatched()

    # What is wanted.

    def connect(self, now: float) -> list[Effect]:
        """Ask a kernel whose sockets are connected for its first answer."""
        self._ask_at = now
        return self._look(now)

    def begin(self, run_id: str, code: str, now: float) -> list[Effect]:
        """Have the kernel run a cell; it has none."""
        request = self._execute(code, silent=False)
        cell = self._make_cell(request.msg_id, now)
        self._current = _Current(run_id, cell, take_up_by=now + self._patience.take_up)
        frames = self._take_unmatched()
        return [Put(run_id, frames), request] if frames else [request]

    def ask(self, question: str, code: str) -> list[Effect]:
        """Have the kernel run code that is no cell, ahead of the next one."""
        request = self._execute(code, silent=True)
        self._questions[request.msg_id] = question
        return [request]

    def interrupt(self, run_id: str, now: float) -> list[Effect]:
        """Interrupt a run; too late is nothing."""
        current = self._current
        if current is None or current.run_id != run_id:
            return []
        current.due = True
        if not current.interrupted:
            current.interrupted = True
            current.kill_at = now + self._patience.stop
        return self._look(now)

    def output_lost(self, run_id: str, now: float) -> list[Effect]:
        """Stop a run whose output is lost, and with it the point of going on."""
        current = self._current
        if current is None or current.interrupted:
            return []
        return self.interrupt(run_id, now)

    def end_with(self, reason: bytes) -> None:
        """Name what ends the run when the process is gone, ahead of killing it."""
        self._reason = reason

    def end(self, problem: str) -> None:
        """Take in that the kernel is gone, or cannot be reached any more."""
        if self._problem is None:
            self._problem = problem

    # What has arrived.

    def receive(
        self,
        now: float,
        *,
        broadcasts: Sequence[Message] = (),
        replies: Sequence[Message] = (),
        answers: Sequence[Message] = (),
        said: Sequence[Said] = (),
    ) -> list[Effect]:
        """Take in what has arrived, if anything, and see what the time has come for.

        Args:
            now: The time.
            broadcasts: Of iopub.
            replies: Of shell.
            answers: Of control.
            said: Of the process's own standard streams.
        """
        if not self._ready:
            self._hear_first(broadcasts, replies, said)
            return self._look(now)
        if broadcasts:
            self._heard_at = now
        effects: list[Effect] = []
        for message in (*replies, *answers):
            effects += self._answered(message)
        frames = self._events(broadcasts, replies, now)
        frames += self._spoken(said)
        current = self._current
        if current is None:
            self._keep(frames)
            return effects
        end_at = self._end_at(current)
        if end_at is not None and end_at <= now:
            self._current = None
            cell = current.cell
            verdict = cell.verdict(now, interrupted=current.interrupted)
            return [*effects, End(current.run_id, frames, verdict, kernel_gone=cell.exits)]
        if frames:
            effects.append(Put(current.run_id, frames))
        return effects + self._look(now)

    def next_at(self) -> float | None:
        """When to call `receive` even if nothing arrives; None for never."""
        if self._problem is not None:
            return None
        if not self._ready:
            return min(self._start_by, self._ask_at or self._start_by)
        if (current := self._current) is None:
            return None
        take_up_by = None if current.cell.heard else current.take_up_by
        times = (self._end_at(current), self._send_at(current), current.kill_at, take_up_by)
        return min((time for time in times if time is not None), default=None)

    def _look(self, now: float) -> list[Effect]:
        """See what the time has come for."""
        if self._problem is not None:
            return []
        if not self._ready:
            return self._look_at_start(now)
        current = self._current
        if current is None:
            return []
        effects: list[Effect] = []
        send_at = self._send_at(current)
        if send_at is not None and send_at <= now:
            effects.append(self._send_interrupt(current))
        if current.kill_at is not None and current.kill_at <= now:
            current.kill_at = None
            if not current.answered:
                waited = f"{self._patience.stop:g} s"
                why = f"the code did not stop within {waited} of being interrupted"
                effects.append(self._kill(why))
        elif not current.cell.heard and current.take_up_by <= now:
            current.take_up_by = now + self._patience.stop
            if current.overdue:
                waited = f"{self._patience.take_up:g} s"
                effects.append(self._kill(f"the code was not taken up within {waited}"))
            current.overdue = True
        return effects

    def _kill(self, why: str) -> Kill:
        lost = "so its kernel was killed; the state of this context is lost"
        self._reason = encode.error("KernelDied", f"{why}, {lost}")
        return Kill()

    def _look_at_start(self, now: float) -> list[Effect]:
        if self._shell_answers and self._iopub_answers:
            self._ready = True
            return [Ready()]
        if now >= self._start_by:
            self._problem = "it does not answer"
        elif self._ask_at is not None and now >= self._ask_at:
            self._ask_at = now + self._patience.ask_again
            question = Send("shell", "kernel_info_request", self._new_id(), {})
            self._first_questions.add(question.msg_id)
            return [question]
        return []

    def _hear_first(
        self, broadcasts: Sequence[Message], replies: Sequence[Message], said: Sequence[Said]
    ) -> None:
        questions = self._first_questions
        self._shell_answers |= any(message.parent in questions for message in replies)
        self._iopub_answers |= any(message.parent in questions for message in broadcasts)
        self._spoken(said)

    def _send_at(self, current: _Current) -> float | None:
        """When the interrupt that is due may be sent; None when that is not known, or never."""
        cell = current.cell
        if not current.due or cell.started is None or cell.replied:
            return None
        return cell.started + self._patience.settle

    def _send_interrupt(self, current: _Current) -> Effect:
        current.due = False
        if self._by_signal:
            return Signal()
        current.unanswered = self._new_id()
        return Send("control", "interrupt_request", current.unanswered, {})

    def _end_at(self, current: _Current) -> float | None:
        """When the run may be ended; None when that is not known."""
        cell = current.cell
        if cell.half_ended is None or current.unanswered is not None:
            return None
        if cell.ended:
            return cell.half_ended
        grace = self._patience.idle if cell.replied else self._patience.reply
        return max(cell.half_ended, self._heard_at) + grace

    def _answered(self, message: Message) -> list[Effect]:
        if self._current is not None and message.parent == self._current.unanswered:
            self._current.unanswered = None
        if (question := self._questions.pop(message.parent, None)) is None:
            return []
        return [Answer(question, message.content.get("status") == "ok")]

    def _events(
        self, broadcasts: Sequence[Message], replies: Sequence[Message], now: float
    ) -> list[bytes]:
        if self._current is None:
            return [frame for message in broadcasts for frame in output(message)]
        cell = self._current.cell
        frames = [frame for message in broadcasts for frame in cell.on_iopub(message, now)]
        return frames + [frame for message in replies for frame in cell.on_reply(message, now)]

    def _spoken(self, said: Sequence[Said]) -> list[bytes]:
        if self._ready and self._streams_are_output:
            return [encode.frame(kind, text=text) for kind, text in said]
        for _, text in said:
            self._said = (self._said + text)[-_SAID_TAIL:]
        return []

    def _keep(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            if self._unmatched_size + len(frame) > _UNMATCHED_LIMIT:
                self._unmatched_lost += len(frame)
            else:
                self._unmatched.append(frame)
                self._unmatched_size += len(frame)

    def _take_unmatched(self) -> list[bytes]:
        frames, self._unmatched = self._unmatched, []
        if self._unmatched_lost:
            notice = f"[{self._unmatched_lost} bytes of output between the runs were dropped]\n"
            frames.append(encode.frame("stderr", text=notice))
        self._unmatched_size = self._unmatched_lost = 0
        return frames

    def _execute(self, code: str, *, silent: bool) -> Send:
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
        return Send("shell", "execute_request", self._new_id(), content)
