"""One run between its plan and its Execution: all decisions about it, without I/O and clock.

The client reads the stream, tells the run what came, and does what it says. Only the run writes
its state. The verbs that a timer or an interrupt calls, which may be on another thread, take its
lock.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

import httpx
from execd_client import errors as wire

from code_interpreter import _errors as errors
from code_interpreter._call.code_context import checked_id
from code_interpreter._call.plan import RunPlan
from code_interpreter._output.builder import KERNEL_DIED, ExecutionBuilder
from code_interpreter._output.execution import Execution, Outcome, RunId
from code_interpreter._run.watch import GRACE, Action, Watch
from code_interpreter._wire.decode import UNUSUAL, decode, decode_known
from code_interpreter._wire.failures import known_error, mapped_errors, stream_error
from code_interpreter.events import ErrorObject, Event

BUSY_PAUSE: Final[float] = 0.05
"""Seconds between two attempts in a context that is busy with a run that we have stopped."""


class Run:
    """One run, which fills `execution`, by default a new one.

    All times are seconds of one monotonic clock. Only the run itself writes its attributes.
    """

    def __init__(
        self,
        plan: RunPlan,
        now: float,
        *,
        keep_output: bool = True,
        execution: Execution | None = None,
        grace: float = GRACE,
    ) -> None:
        self.plan = plan
        self.builder = ExecutionBuilder(
            execution, keep_output=keep_output, max_output=plan.max_output, owner=self
        )
        deadline = None if plan.timeout is None else now + plan.timeout
        self.watch = Watch(deadline, plan.idle_timeout, grace)
        self._lock = threading.Lock()
        self.seen_end = False  # the clean end of its body
        self.turn_is_over = False  # the next run may have the context
        self.is_dropped = False  # by its caller: it is about to be stopped
        self.refusal: errors.APIError | None = None  # that the server wrote into its stream
        self._given_up = False
        self._broken: errors.ProtocolError | None = None

    @property
    def execution(self) -> Execution:
        """What has arrived."""
        return self.builder.execution

    @property
    def lost_context(self) -> str | None:
        """The id of the context to delete since the run was given up; None if it was not.

        Real servers give a run the id of its context.
        """
        return (self.plan.context_id or self.execution.id) if self._given_up else None

    def limits(self, configured: httpx.Timeout, now: float) -> httpx.Timeout:
        """Return how long each step up to the beginning of the stream may take."""
        steps = {**configured.as_dict(), "read": None}
        if (left := self.watch.left(now)) is not None:
            most = left + self.watch.grace
            steps = {
                step: most if limit is None else min(limit, most) for step, limit in steps.items()
            }
        return httpx.Timeout(**steps)

    def too_late(self) -> errors.ExecutionTimeoutError:
        """Return the error for a run whose turn did not come in time."""
        return errors.ExecutionTimeoutError(
            f"its turn in the context did not come within {self.plan.timeout:g} s; nothing was sent"
        )

    def take(self, frames: Sequence[bytes], now: float) -> list[Event]:
        """Return the events in frames that have come; `check` tells of one that is not valid."""
        self.watch.heard_at = now
        try:
            return [decode_known(frame) for frame in frames]
        except UNUSUAL:
            return self._take_unusual(frames)

    def _take_unusual(self, frames: Sequence[bytes]) -> list[Event]:
        events: list[Event] = []
        try:
            events.extend(map(decode, frames))  # and keep those before one that fails
        except errors.ProtocolError as error:
            self._broken = error
        for event in events:
            if isinstance(event, ErrorObject):
                self.refusal = stream_error(event.code, event.message)
        return events

    def check(self) -> None:
        """Raise the ProtocolError of a frame that was not an event, if there was one."""
        if self._broken is not None:
            raise self._broken

    def saw_end(self) -> None:
        """Note that the body has ended cleanly."""
        self.seen_end = True

    def try_again(self) -> None:
        """Forget that the context was busy."""
        self.refusal = None

    def drop(self) -> None:
        """Note that the caller has dropped the stream of its events."""
        self.is_dropped = True

    def stop(self, now: float) -> None:
        """Have the run interrupted: its caller has left it."""
        with self._lock:
            self.watch.stop(now)
            self.builder.interrupted = True

    def due(self) -> float | None:
        """Return when to look next; None for never."""
        return None if self.turn_is_over else self.watch.due()

    def look(self, now: float) -> Action:
        """Decide what is to be done."""
        with self._lock:
            action = Action.NOTHING if self.turn_is_over else self.watch.look(now)
            if action is Action.GIVE_UP:
                self._given_up = True
            return action

    def interrupt(self) -> str | None:
        """Return the id to interrupt it with; None if its turn is over or the id is not known."""
        with self._lock:
            target = self.execution.id or self.plan.context_id
            if self.turn_is_over or target is None:
                return None
            self.builder.interrupted = True
            return target

    def end_turn(self) -> None:
        """Note that the next run may have the context: this one is not interrupted any more."""
        with self._lock:
            self.turn_is_over = True

    def conclude(self) -> Execution:
        """Return the Execution, or raise its error, now that the body has ended cleanly."""
        if self.refusal is not None:
            raise self.refusal
        if self.watch.interrupting and (error := self.execution.error) is not None:
            raise errors.ExecutionTimeoutError(
                f"the run was stopped after {self.plan.timeout:g} s",
                context_usable=error.name != KERNEL_DIED,
            )
        return self.builder.finish()

    def is_meant_by(self, target: str | Execution) -> bool:
        """Return whether an id, or an Execution, is this run's."""
        if isinstance(target, Execution):
            return target is self.execution
        if isinstance(target, RunId):
            return target.owner is self
        return target in {self.execution.id, self.plan.context_id}

    def failures(self) -> AbstractContextManager[None]:
        """Return a block around its I/O: known errors leave it as ours, with the Execution."""
        return mapped_errors(self.fail)

    def fail(self, error: BaseException) -> errors.CodeInterpreterError | None:
        """Settle the Execution; return what `error` means, None if it is the caller's own."""
        known = self._explain(error)
        self.builder.settle(_outcome(known))
        if known is not None:
            known.execution = self.execution
        return known

    def _explain(self, error: BaseException) -> errors.CodeInterpreterError | None:
        if isinstance(error, (wire.StreamTruncated, httpx.TimeoutException)):
            if self.watch.idle:
                return errors.StreamIdleError(f"nothing came for {self.plan.idle_timeout:g} s")
            if self.watch.interrupting:
                return errors.ExecutionTimeoutError(
                    f"the run did not stop when its {self.plan.timeout:g} s were over, and was"
                    " given up: the state of its context is gone",
                    context_usable=False,
                )
        return known_error(error)


def is_over(target: str | Execution) -> bool:
    """Return whether what is to be interrupted is known to have ended: then nothing is sent.

    Real servers give all runs of a context one id, so the id of a run that has ended would hit
    the next one. Ids that come from a run know which one that was.
    """
    if isinstance(target, RunId):
        run = target.owner
        return not isinstance(run, Run) or run.turn_is_over
    return isinstance(target, Execution) and target.outcome is not None


def aimed_at(target: str | Execution) -> str:
    """Return the id to send for a run that does not belong to this interpreter."""
    return checked_id("execution", target.id or "" if isinstance(target, Execution) else target)


def _outcome(error: errors.CodeInterpreterError | None) -> Outcome:
    match error:
        case None:  # the caller's own: cancelled, left early, a handler that raised
            return Outcome.INTERRUPTED
        case errors.ContextBusyError():
            return Outcome.BUSY
        case errors.ExecutionTimeoutError():
            return Outcome.TIMED_OUT
        case _:
            return Outcome.STREAM_LOST
