"""Who is next: in one interpreter, one run at a time has a context, in order of arrival.

Servers refuse a second run in a busy context, so the runs of one interpreter wait for each other
here. A run that would wait for itself, since its own handler runs code in the same context, is
refused. A run that was stopped without its end being seen may still be alive on the server for a
moment: until then, the next run is patient with "busy".
"""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass

from code_interpreter._errors import ContextBusyError, ExecutionTimeoutError
from code_interpreter._run.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A run's place in the queue of its context.

    Attributes:
        run: The run.
        owner: The task or thread that it belongs to.
        came: Set once it is the first.
    """

    run: Run
    owner: object
    came: asyncio.Event | threading.Event


class Slots:
    """The queues of one interpreter, for tasks and threads alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Turn]] = {}
        self._unsettled: dict[str, float] = {}  # until when a stopped run may still be alive

    def ask(self, turn: Turn) -> None:
        """Join the queue, or raise ContextBusyError; `came` is set at once if nothing is ahead."""
        plan = turn.run.plan
        with self._lock:
            queue = self._queues.setdefault(plan.slot, deque())
            if queue:
                first = queue[0]
                if first.owner is turn.owner and not first.run.is_dropped:
                    raise _busy("the code whose handler or loop wants to run more in it")
                if not plan.waits:
                    raise _busy("another run of this interpreter")
            else:
                turn.came.set()
            queue.append(turn)

    def leave(self, turn: Turn) -> None:
        """Leave the queue: the next one is first."""
        slot = turn.run.plan.slot
        with self._lock:
            queue = self._queues[slot]
            was_first = queue[0] is turn
            queue.remove(turn)
            if not queue:
                del self._queues[slot]
            elif was_first:
                queue[0].came.set()

    def unsettle(self, turn: Turn, now: float) -> None:
        """Note that a run was stopped, and that its end was not seen."""
        with self._lock:
            self._unsettled = {slot: end for slot, end in self._unsettled.items() if end > now}
            self._unsettled[turn.run.plan.slot] = now + turn.run.watch.grace

    def is_patient(self, turn: Turn, error: object, now: float) -> bool:
        """Return whether an error only says that a run that was stopped is still alive."""
        return (
            isinstance(error, ContextBusyError)
            and self._unsettled.get(turn.run.plan.slot, now) > now
        )


def _busy(why: str) -> ContextBusyError:
    return ContextBusyError(f"the context is busy with {why}")


def too_late(run: Run) -> ExecutionTimeoutError:
    """Return the error for a run whose turn did not come in time."""
    return ExecutionTimeoutError(
        f"its turn in the context did not come within {run.plan.timeout:g} s; nothing was sent"
    )
