"""Who is next: in one interpreter, one run at a time has a context, in order of arrival.

Servers refuse a second run in a busy context, so the runs of one interpreter wait for each other
here. A run that would wait for itself, since its own handler runs code in the same context, is
refused. A run that was stopped without its end being seen may still be alive on the server for a
moment: until then, the next run is patient with "busy".
"""

import asyncio
import threading
from collections import defaultdict
from typing import NamedTuple

from code_interpreter._errors import ContextBusyError
from code_interpreter._run.run import Run


class _Turn(NamedTuple):
    run: Run
    owner: object
    came: asyncio.Event | threading.Event


class Slots:
    """The queues of one interpreter, for tasks and threads alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues = defaultdict[str, list[_Turn]](list)
        self._unsettled: dict[str, float] = {}  # until when a stopped run may still be alive

    def ask(self, run: Run, owner: object, came: asyncio.Event | threading.Event) -> None:
        """Join the queue of the run's context, or raise ContextBusyError.

        Args:
            run: The run.
            owner: The task or thread that it belongs to.
            came: Set once it is first, now if nothing is ahead.
        """
        with self._lock:
            queue = self._queues[run.plan.slot]
            if not queue:
                came.set()
            elif queue[0].owner is owner and not queue[0].run.is_dropped:
                raise _busy("the code whose handler or loop wants to run more in it")
            elif not run.plan.waits:
                raise _busy("another run of this interpreter")
            queue.append(_Turn(run, owner, came))

    def leave(self, run: Run) -> None:
        """Leave the queue: the next one is first."""
        slot = run.plan.slot
        with self._lock:
            waiting = [turn for turn in self._queues.pop(slot) if turn.run is not run]
            if waiting:
                self._queues[slot] = waiting
                waiting[0].came.set()

    def unsettle(self, run: Run, now: float) -> None:
        """Note that a run was stopped, and that its end was not seen."""
        with self._lock:
            self._unsettled = {slot: end for slot, end in self._unsettled.items() if end > now}
            self._unsettled[run.plan.slot] = now + run.watch.grace

    def is_patient(self, run: Run, error: object, now: float) -> bool:
        """Return whether an error only says that a run that was stopped is still alive."""
        alive = self._unsettled.get(run.plan.slot, now) > now
        return alive and isinstance(error, ContextBusyError)


def _busy(why: str) -> ContextBusyError:
    return ContextBusyError(f"the context is busy with {why}")
