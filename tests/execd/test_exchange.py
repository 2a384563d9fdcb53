"""What is asked of a kernel and what its answers mean, fed by hand."""

import itertools
import json
import math
from typing import Any, cast
from unittest import TestCase

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from code_interpreter.execd.code.exchange import (
    Answer,
    Effect,
    End,
    Exchange,
    Kill,
    Patience,
    Put,
    Ready,
    Send,
    Signal,
)
from code_interpreter.execd.code.translate import Cell
from code_interpreter.execd.code.wire import Message

P = Patience(start=60, ask_again=0.5, idle=2, reply=0.3, settle=0.05, stop=5, take_up=60)
DIED = "the kernel died (signal: killed)"


class Kernel:
    """An exchange, what it was told by a kernel, and its time."""

    def __init__(self, *, by_signal: bool = True, output: bool = False, ready: bool = True) -> None:
        ids = itertools.count(1)
        self.now = 100.0
        self.exchange = Exchange(
            lambda: str(next(ids)),
            cell=Cell,
            by_signal=by_signal,
            streams_are_output=output,
            patience=P,
            now=self.now,
        )
        if ready:
            self.exchange.connect(self.now)
            first = [Message("kernel_info_reply", "1", {})]
            assert self.exchange.receive(self.now, broadcasts=first, replies=first) == [Ready()]

    def begin(self, run_id: str = "run") -> str:
        """Begin a run; the id of its request."""
        effects = self.exchange.begin(run_id, "code", self.now)
        assert isinstance(effects[-1], Send)
        return effects[-1].msg_id

    def starts(self, cell: str) -> list[Effect]:
        """The kernel says that it begins, and settles."""
        self.broadcast("execute_input", cell)
        return self.after(P.settle)

    def broadcast(self, kind: str, parent: str, **content: Any) -> list[Effect]:
        return self.exchange.receive(self.now, broadcasts=[Message(kind, parent, content)])

    def idle(self, parent: str) -> list[Effect]:
        return self.broadcast("status", parent, execution_state="idle")

    def reply(self, parent: str, **content: Any) -> list[Effect]:
        message = Message("execute_reply", parent, {"status": "ok", **content})
        return self.exchange.receive(self.now, replies=[message])

    def answer(self, parent: str) -> list[Effect]:
        return self.exchange.receive(self.now, answers=[Message("interrupt_reply", parent, {})])

    def interrupt(self, run_id: str = "run") -> list[Effect]:
        return self.exchange.interrupt(run_id, self.now)

    def after(self, seconds: float) -> list[Effect]:
        self.now += seconds
        return self.exchange.receive(self.now)


def ending(effects: list[Effect]) -> dict[str, Any]:
    """The only effect, the end of a run: its last event."""
    (end,) = effects
    assert isinstance(end, End)
    event: dict[str, Any] = json.loads(end.ending)
    return event


def error(effects: list[Effect]) -> str:
    name: str = ending(effects)["error"]["ename"]
    return name


def texts(frames: list[bytes]) -> list[str]:
    return [json.loads(frame)["text"] for frame in frames]


def test_a_run_ends_when_reply_and_idle_are_in() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    assert kernel.reply(cell) == []
    assert kernel.exchange.next_at() == kernel.now + P.idle
    assert ending(kernel.idle(cell))["type"] == "execution_complete"
    assert kernel.exchange.next_at() is None


def test_a_run_without_its_idle_ends_after_a_grace_of_silence() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.reply(cell)
    assert kernel.after(P.idle - 0.1) == []
    assert isinstance(kernel.broadcast("stream", cell, text="more")[0], Put)
    assert kernel.after(P.idle - 0.1) == []
    assert ending(kernel.after(0.1))["type"] == "execution_complete"


def test_a_run_without_its_reply_ends_after_a_shorter_grace() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.starts(cell)
    assert kernel.interrupt() == [Signal()]
    assert kernel.idle(cell) == []
    assert error(kernel.after(P.reply)) == "KeyboardInterrupt"


def test_the_answers_to_another_request_do_not_end_a_run() -> None:
    kernel = Kernel()
    old = kernel.begin("old")
    kernel.reply(old)
    kernel.idle(old)
    kernel.begin()
    assert [*kernel.reply(old), *kernel.idle(old), *kernel.after(60)] == []


def test_an_interrupt_waits_until_the_run_has_begun_and_settled() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    assert kernel.interrupt() == []
    assert kernel.after(1) == []
    assert kernel.broadcast("execute_input", cell) == []
    assert kernel.exchange.next_at() == kernel.now + P.settle
    assert kernel.after(P.settle) == [Signal()]


def test_each_interrupt_of_a_run_is_sent() -> None:
    kernel = Kernel()
    kernel.starts(kernel.begin())
    assert [kernel.interrupt(), kernel.interrupt()] == [[Signal()], [Signal()]]


def test_an_interrupt_that_comes_late_strikes_no_other_run() -> None:
    kernel = Kernel()
    old = kernel.begin("old")
    kernel.starts(old)
    kernel.reply(old)
    assert kernel.interrupt("old") == []  # it is about to end by itself
    kernel.idle(old)
    assert kernel.interrupt("old") == []
    kernel.starts(kernel.begin())
    assert kernel.interrupt("old") == []
    assert kernel.after(60) == []


def test_an_interrupt_that_is_due_is_dropped_when_the_kernel_replies() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.broadcast("execute_input", cell)
    assert kernel.interrupt() == []
    assert kernel.reply(cell) == []
    assert kernel.after(P.settle) == []
    assert ending(kernel.idle(cell))["type"] == "execution_complete"


def test_a_run_that_is_interrupted_by_message_ends_when_that_is_answered() -> None:
    kernel = Kernel(by_signal=False)
    cell = kernel.begin()
    kernel.starts(cell)
    (request,) = kernel.interrupt()
    assert isinstance(request, Send)
    assert (request.channel, request.kind) == ("control", "interrupt_request")
    assert [*kernel.reply(cell), *kernel.idle(cell), *kernel.after(P.idle)] == []
    assert ending(kernel.answer(request.msg_id))["type"] == "execution_complete"


def test_a_kernel_that_ignores_an_interrupt_is_killed_and_the_run_says_so() -> None:
    kernel = Kernel()
    kernel.starts(kernel.begin())
    kernel.interrupt()
    assert kernel.after(P.stop - 0.1) == []
    kernel.interrupt()  # does not put it off
    assert kernel.exchange.next_at() == pytest.approx(kernel.now + 0.1)
    assert kernel.after(0.2) == [Kill()]
    assert kernel.after(60) == []
    kernel.exchange.end(DIED)
    assert "did not stop within 5 s" in json.loads(kernel.exchange.ending)["error"]["evalue"]


def test_a_kernel_that_never_begins_a_run_is_killed_too() -> None:
    kernel = Kernel()
    kernel.begin()
    kernel.interrupt()
    assert kernel.after(P.stop) == [Kill()]


def test_a_kernel_that_does_not_answer_an_interrupt_is_killed_though_it_has_replied() -> None:
    kernel = Kernel(by_signal=False)
    cell = kernel.begin()
    kernel.starts(cell)
    kernel.interrupt()
    kernel.reply(cell)
    kernel.idle(cell)
    assert kernel.after(P.stop) == [Kill()]


def test_a_kernel_that_has_stopped_is_kept_however_late_its_output_comes() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.starts(cell)
    kernel.interrupt()
    kernel.reply(cell, status="error", ename="KeyboardInterrupt")
    for _ in range(10):
        kernel.now += 1
        (effect,) = kernel.broadcast("stream", cell, text="late")
        assert isinstance(effect, Put)
    assert error(kernel.idle(cell)) == "KeyboardInterrupt"


def test_a_run_whose_output_is_lost_is_stopped_once() -> None:
    kernel = Kernel()
    kernel.starts(kernel.begin())
    assert kernel.exchange.output_lost("run", kernel.now) == [Signal()]
    assert kernel.exchange.output_lost("run", kernel.now) == []
    assert kernel.after(P.stop) == [Kill()]


def test_output_between_runs_waits_for_the_next_up_to_a_limit() -> None:
    kernel = Kernel()
    for _ in range(30):
        assert kernel.broadcast("stream", "other", text="x" * 100_000) == []
    put, _ = kernel.exchange.begin("run", "code", kernel.now)
    assert isinstance(put, Put)
    *kept, notice = texts(put.frames)
    assert len(kept) == 10
    assert notice.endswith("bytes of output between the runs were dropped]\n")


def test_what_a_process_says_before_it_is_ready_explains_a_failed_start() -> None:
    kernel = Kernel(output=True, ready=False)
    kernel.exchange.receive(kernel.now, said=[("stderr", "no module\n")])
    kernel.exchange.end("it ended (exit status 1)")
    assert kernel.exchange.start_failure == "it ended (exit status 1): no module"


def test_what_a_process_says_later_is_output_where_its_streams_are() -> None:
    kernel = Kernel(output=True)
    cell = kernel.begin()
    said = kernel.exchange.receive(kernel.now, said=[("stderr", "child")])
    assert isinstance(said[0], Put)
    assert texts(said[0].frames) == ["child"]
    kernel.reply(cell)
    idle = Message("status", cell, {"execution_state": "idle"})
    # Of the same moment as the end: it comes before it.
    (end,) = kernel.exchange.receive(kernel.now, broadcasts=[idle], said=[("stdout", "last")])
    assert isinstance(end, End)
    assert texts(end.frames) == ["last"]


def test_a_new_kernel_is_asked_until_both_sockets_have_answered() -> None:
    kernel = Kernel(ready=False)
    assert kernel.exchange.next_at() == kernel.now + P.start
    (first,) = kernel.exchange.connect(kernel.now)
    assert isinstance(first, Send)
    assert kernel.exchange.next_at() == kernel.now + P.ask_again
    assert (
        kernel.exchange.receive(
            kernel.now, replies=[Message("kernel_info_reply", first.msg_id, {})]
        )
        == []
    )
    (second,) = kernel.after(P.ask_again)
    assert isinstance(second, Send)
    assert kernel.idle("not asked by us") == []
    assert kernel.idle(second.msg_id) == [Ready()]


def test_a_kernel_that_does_not_answer_in_time_has_failed() -> None:
    kernel = Kernel(ready=False)
    kernel.exchange.connect(kernel.now)
    kernel.after(P.start)
    assert kernel.exchange.over
    assert kernel.exchange.start_failure == "it does not answer"


def test_what_a_dead_kernel_had_sent_can_still_end_its_run_but_nothing_is_asked_of_it() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.starts(cell)
    kernel.exchange.end(DIED)
    assert kernel.interrupt() == []
    assert kernel.after(P.stop) == []
    kernel.reply(cell)
    assert ending(kernel.idle(cell))["type"] == "execution_complete"
    assert DIED in json.loads(kernel.exchange.ending)["error"]["evalue"]


def test_a_kernel_that_does_not_take_up_a_run_is_killed() -> None:
    kernel = Kernel()
    kernel.begin()
    assert kernel.exchange.next_at() == kernel.now + P.take_up
    assert kernel.after(P.take_up) == []  # it may have been paused together with us
    assert kernel.exchange.next_at() == kernel.now + P.stop
    assert kernel.after(P.stop) == [Kill()]
    assert "was not taken up within 60 s" in kernel.exchange.ending.decode()


def test_a_kernel_that_has_said_anything_of_a_run_may_take_its_time() -> None:
    kernel = Kernel()
    kernel.broadcast("status", kernel.begin(), execution_state="busy")
    assert kernel.exchange.next_at() is None
    assert [*kernel.after(P.take_up), *kernel.after(P.stop), *kernel.after(P.take_up)] == []


def test_a_given_reason_ends_the_run_of_a_killed_kernel() -> None:
    kernel = Kernel()
    kernel.begin()
    kernel.exchange.end_with(b"reason")
    kernel.exchange.end(DIED)
    assert kernel.exchange.ending == b"reason"


def test_a_run_that_makes_its_kernel_exit_says_that_the_kernel_is_gone() -> None:
    kernel = Kernel()
    cell = kernel.begin()
    kernel.reply(cell, payload=[{"source": "ask_exit"}])
    (end,) = kernel.idle(cell)
    assert isinstance(end, End)
    assert end.kernel_gone


def test_a_question_is_answered_by_its_reply() -> None:
    kernel = Kernel()
    requests = [request for name in ("a", "b") for request in kernel.exchange.ask(name, "code")]
    ids = [request.msg_id for request in requests if isinstance(request, Send)]
    kernel.begin()
    assert kernel.reply(ids[0]) == [Answer("a", ok=True)]
    assert kernel.reply(ids[1], status="error") == [Answer("b", ok=False)]


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens, in whatever order: a run ends once, and only it is interrupted."""

    cells: Bundle[str] = Bundle("cells")

    @initialize(by_signal=st.booleans())
    def start(self, *, by_signal: bool) -> None:
        self.kernel = Kernel(by_signal=by_signal)
        self.current = ""  # the last run, by the id of its request
        self.run_ids: dict[str, str] = {}
        self.running = False
        self.first_asked: dict[str, float] = {}
        self.begun: set[str] = set()
        self.replied: set[str] = set()
        self.heard: set[str] = set()  # of which the kernel has said anything
        self.begun_at = 0.0
        self.interrupts: list[str] = []

    @precondition(lambda self: not self.running)
    @rule(target=cells)
    def begin(self) -> str:
        run_id = f"run {len(self.run_ids)}"
        request = self.kernel.exchange.begin(run_id, "code", self.kernel.now)[-1]
        assert isinstance(request, Send)
        self.current, self.running = request.msg_id, True
        self.begun_at = self.kernel.now
        self.run_ids[request.msg_id] = run_id
        return request.msg_id

    @rule(cell=cells, lost=st.booleans())
    def interrupt(self, *, cell: str, lost: bool) -> None:
        if self.running and cell == self.current:
            self.first_asked.setdefault(cell, self.kernel.now)
        exchange = self.kernel.exchange
        act = exchange.output_lost if lost else exchange.interrupt
        self.look(act(self.run_ids[cell], self.kernel.now))

    @rule(cell=cells)
    def execute_input(self, cell: str) -> None:
        self.heard.add(cell)
        self.begun.add(cell)
        self.look(self.kernel.broadcast("execute_input", cell))

    @rule(cell=cells)
    def reply(self, cell: str) -> None:
        self.heard.add(cell)
        self.replied.add(cell)
        self.look(self.kernel.reply(cell))

    @rule(cell=cells)
    def idle(self, cell: str) -> None:
        self.heard.add(cell)
        self.look(self.kernel.idle(cell))

    @rule(cell=cells)
    def print(self, cell: str) -> None:
        self.heard.add(cell)
        self.look(self.kernel.broadcast("stream", cell, text="x"))

    @precondition(lambda self: self.interrupts)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.look(self.kernel.answer(data.draw(st.sampled_from(self.interrupts))))

    @rule(seconds=st.floats(0.01, 3))
    def wait(self, seconds: float) -> None:
        self.look(self.kernel.after(seconds))

    @invariant()
    def nothing_is_overdue(self) -> None:
        due = self.kernel.exchange.next_at()
        assert due is None or due > self.kernel.now

    def look(self, effects: list[Effect]) -> None:
        for effect in effects:
            assert self.running  # nothing follows the end
            if isinstance(effect, Put | End):
                assert effect.run_id == self.run_ids[self.current]
                self.running = isinstance(effect, Put)
            elif isinstance(effect, Kill):
                stop_by = self.first_asked.get(self.current, math.inf) + P.stop
                deaf = self.current not in self.heard
                take_up_by = self.begun_at + P.take_up + P.stop if deaf else math.inf
                assert self.kernel.now >= min(stop_by, take_up_by)
            else:
                assert self.current in self.first_asked
                assert self.current in self.begun
                assert self.current not in self.replied
                if isinstance(effect, Send):
                    self.interrupts.append(effect.msg_id)


# Hypothesis leaves this attribute without a type on Python 3.10.
TestAnyOrder: type[TestCase] = cast("Any", AnyOrder).TestCase
