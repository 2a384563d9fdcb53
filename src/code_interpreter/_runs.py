"""One run between its plan and its Execution: all that both clients decide alike, without I/O.

A `Run` knows what was sent, what has arrived, how long it may take and whether it is over. The
clients read its stream, tell it what they read, and do what it says; what goes wrong on the way
leaves through `Run.failures`, as an error of this package that carries the Execution.
"""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import httpx
from execd_client import errors as wire

from code_interpreter import _watch
from code_interpreter._contexts import checked_id
from code_interpreter._errors import (
    APIError,
    CodeInterpreterError,
    ContextBusyError,
    ExecutionTimeoutError,
    ProtocolError,
    StreamIdleError,
    known_error,
    stream_error,
)
from code_interpreter._events import ErrorObject, Event, decode, decode_lines
from code_interpreter._execution import KERNEL_DIED, Execution, ExecutionBuilder, Outcome, RunId
from code_interpreter._plan import RunPlan
from code_interpreter._watch import Watch

if TYPE_CHECKING:
    import weakref

BUSY_PAUSE: Final[float] = 0.05
"""Seconds between two attempts in a context that is busy with a run that we have stopped."""


class Run:
    """One run.

    Args:
        plan: What the caller asked for.
        now: The present, in seconds of the monotonic clock that all times here are of.
        keep_output: Whether output is accumulated.
        execution: The Execution to fill; a new one by default.

    Attributes:
        over: Whether its end was seen.
        given_up: Whether its connection was broken, since it did not end.
        ended: Whether its turn is over, so that the next run may have the context.
        refusal: The error for an error object that the server wrote into its stream.
        broken: The error for something on its stream that is not an event; to be raised once what
            came before it has been handed out.
        reader: The generator that hands its events out, if there is one that the caller can drop.
    """

    def __init__(
        self,
        plan: RunPlan,
        now: float,
        *,
        keep_output: bool = True,
        execution: Execution | None = None,
    ) -> None:
        self.plan = plan
        self.builder = ExecutionBuilder(
            execution, keep_output=keep_output, max_output=plan.max_output, owner=self
        )
        deadline = None if plan.timeout is None else now + plan.timeout
        self.watch = Watch(deadline, plan.idle_timeout)
        self.over = False
        self.given_up = False
        self.ended = False
        self.refusal: APIError | None = None
        self.broken: ProtocolError | None = None
        self.reader: weakref.ref[Any] | None = None

    @property
    def execution(self) -> Execution:
        """What has arrived."""
        return self.builder.execution

    @property
    def interrupt_id(self) -> str | None:
        """What interrupts it: the id that the server gave it, or its context's before that."""
        return self.execution.id or self.plan.context_id

    @property
    def lost_context(self) -> str | None:
        """The id of the context to delete once the run was given up; None if it is not known.

        Real servers give a run the id of its context.
        """
        return self.plan.context_id or self.execution.id

    def limits(self, configured: httpx.Timeout, now: float) -> httpx.Timeout:
        """How long each step up to the beginning of the stream may take."""
        if self.watch.deadline is None:
            return httpx.Timeout(
                connect=configured.connect, write=configured.write, pool=configured.pool, read=None
            )
        left = max(self.watch.deadline - now, 0) + _watch.GRACE

        def least(seconds: float | None) -> float:
            return left if seconds is None else min(seconds, left)

        return httpx.Timeout(
            connect=least(configured.connect),
            write=least(configured.write),
            pool=least(configured.pool),
            read=left,
        )

    @property
    def is_dropped(self) -> bool:
        """Whether the caller has let go of its events: it is about to be stopped."""
        return self.reader is not None and self.reader() is None

    def take(
        self, block: bytes | list[bytes], cut: Callable[[bytes], list[bytes]], now: float
    ) -> list[Event]:
        """The events in what has just come.

        Args:
            block: Whole lines, or frames.
            cut: Makes frames of lines.
            now: The present.
        """
        self.watch.heard_at = now
        if isinstance(block, bytes):
            events = decode_lines(block)
            if events is not None:
                return events
            block = cut(block)
        return self._take_one_by_one(block)

    def _take_one_by_one(self, frames: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            try:
                event = decode(frame)
            except ProtocolError as error:
                self.broken = error
                break
            if isinstance(event, ErrorObject):
                self.refusal = stream_error(event.code, event.message)
            events.append(event)
        return events

    def stop(self, now: float) -> None:
        """Nobody waits for the run any longer: it is to be interrupted."""
        self.watch.stop(now)
        self.builder.interrupted = True

    def conclude(self) -> Execution:
        """The Execution, now that the body has ended cleanly.

        Raises:
            ExecutionTimeoutError: The run was stopped because its time was up.
            APIError: The server wrote an error object into the stream; ContextBusyError and
                ContextNotFoundError among them.
            StreamTruncatedError: No `execution_complete` and no `error` ever came.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.watch.interrupting and (error := self.execution.error) is not None:
            raise ExecutionTimeoutError(
                f"the run was stopped after {self.plan.timeout:g} s",
                context_usable=error.name != KERNEL_DIED,
            )
        return self.builder.finish()

    def is_meant_by(self, target: str | Execution) -> bool:
        """Whether an id, or an Execution, is this run's."""
        if isinstance(target, Execution):
            return target is self.execution
        if isinstance(target, RunId):
            return target.owner is self
        return target in {self.execution.id, self.plan.context_id}

    def failures(self) -> "_Failures":
        """A block around the run's I/O: only this package's errors leave it, with the Execution."""
        return _Failures(self)

    def explain(self, error: BaseException) -> CodeInterpreterError | None:
        """What `error` means for this run; None when it is nobody's business here."""
        if isinstance(error, (wire.StreamTruncated, httpx.TimeoutException)):
            if self.watch.idle:
                return StreamIdleError(f"nothing came for {self.plan.idle_timeout:g} s")
            if self.watch.interrupting:
                return ExecutionTimeoutError(
                    f"the run did not stop when its {self.plan.timeout:g} s were over, and was"
                    " given up: the state of its context is gone",
                    context_usable=False,
                )
        return known_error(error)


def is_over(target: str | Execution) -> bool:
    """Whether what is to be interrupted is known to have ended: nothing is to be sent then.

    Real servers give all runs of a context one id, so the id of a run that has ended would hit
    the next one. Ids that come from a run know which one that was.
    """
    if isinstance(target, RunId):
        run = target.owner
        return not isinstance(run, Run) or run.ended
    return isinstance(target, Execution) and target.outcome is not None


def aimed_at(target: str | Execution) -> str:
    """The id to send for a run that is not of this interpreter.

    Raises:
        InvalidArgumentError: There is none.
    """
    return checked_id("execution", target.id or "" if isinstance(target, Execution) else target)


class _Failures:
    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        known = self._run.explain(error)
        self._run.builder.settle(_outcome(known))
        if known is None:
            return
        known.execution = self._run.execution
        if known is not error:
            raise known from error


def _outcome(error: CodeInterpreterError | None) -> Outcome:
    match error:
        case None:  # the caller's own: cancelled, left early, a handler that raised
            return Outcome.INTERRUPTED
        case ContextBusyError():
            return Outcome.BUSY
        case ExecutionTimeoutError():
            return Outcome.TIMED_OUT
        case _:
            return Outcome.STREAM_LOST
