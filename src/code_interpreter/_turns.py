"""Whose turn it is: in one interpreter, one run at a time has a context, in order of arrival.

Servers refuse a second run in a busy context, so the runs of one interpreter wait for each other
here. A run that waited for itself, since a handler of it runs code in the same context, would wait
for ever: that is refused. A run that was stopped without its end being seen may still be there on
the server for a moment; its slot remembers that, so that the next run is patient with "busy".
"""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from code_interpreter import _watch
from code_interpreter._errors import ContextBusyError, ExecutionTimeoutError
from code_interpreter._runs import Run

W = TypeVar("W")

_MANY: Final = 1000  # slots, before those that nobody uses are looked for


@dataclass(slots=True)
class Slot(Generic[W]):
    """A context, as far as turns are concerned.

    Attributes:
        holder: The task or thread whose turn it is.
        run: Its run.
        waiting: Those who come next, in order.
        unsettled_until: Until when a run that we have stopped may still be alive in it.
    """

    holder: object = None
    run: Run | None = None
    waiting: deque[W] = field(default_factory=deque[W])
    unsettled_until: float = 0.0

    def unsettle(self) -> None:
        """A run was stopped, and its end was not seen."""
        self.unsettled_until = time.monotonic() + _watch.GRACE

    def is_patient_with(self, error: object) -> bool:
        """Whether an error only says that a run that we have stopped is still there."""
        return isinstance(error, ContextBusyError) and self.is_unsettled()

    def is_unsettled(self) -> bool:
        """Whether a run that we have stopped may still be alive."""
        return time.monotonic() < self.unsettled_until


class _Slots(Generic[W]):
    def __init__(self) -> None:
        self._slots: dict[str, Slot[W]] = {}

    def _slot(self, name: str) -> Slot[W]:
        slot = self._slots.get(name)
        if slot is None:
            if len(self._slots) >= _MANY:
                self._slots = {
                    name: slot
                    for name, slot in self._slots.items()
                    if slot.holder is not None or slot.waiting or slot.is_unsettled()
                }
            slot = self._slots[name] = Slot[W]()
        return slot

    def _refuse_or_wait(self, slot: Slot[W], run: Run, me: object) -> None:
        if slot.holder is me and not (slot.run and slot.run.is_dropped):
            raise _busy("the code whose handler or loop wants to run more in it")
        if not run.plan.waits:
            raise _busy("another run of this interpreter")


def _busy(why: str) -> ContextBusyError:
    return ContextBusyError(f"the context is busy with {why}", status=0)


def _too_late(run: Run) -> ExecutionTimeoutError:
    return ExecutionTimeoutError(
        f"its turn in the context did not come within {run.plan.timeout:g} s; nothing was sent",
        context_usable=True,
    )


class AsyncTurns(_Slots["asyncio.Future[None]"]):
    """Turns for the tasks of one event loop."""

    async def take(self, run: Run) -> Slot["asyncio.Future[None]"]:
        """Wait for a turn; `pass_on` ends it.

        Raises:
            ContextBusyError: It is somebody else's turn, and the run does not wait; or it would
                wait for itself.
            ExecutionTimeoutError: The turn did not come in time.
        """
        slot = self._slot(run.plan.slot)
        me = asyncio.current_task()
        if slot.holder is not None:
            self._refuse_or_wait(slot, run, me)
            await self._wait(slot, run)
        slot.holder, slot.run = me, run
        return slot

    async def _wait(self, slot: Slot["asyncio.Future[None]"], run: Run) -> None:
        loop = asyncio.get_running_loop()
        deadline = run.watch.deadline
        turn: asyncio.Future[None] = loop.create_future()
        slot.waiting.append(turn)
        try:
            await asyncio.wait({turn}, timeout=deadline and deadline - loop.time())
        except BaseException:
            self._leave(slot, turn)
            raise
        if not turn.done():
            self._leave(slot, turn)
            raise _too_late(run)

    def _leave(self, slot: Slot["asyncio.Future[None]"], turn: "asyncio.Future[None]") -> None:
        if turn in slot.waiting:
            slot.waiting.remove(turn)
        else:  # the turn came at the very moment at which we gave up
            self.pass_on(slot)

    def pass_on(self, slot: Slot["asyncio.Future[None]"]) -> None:
        """It is the next one's turn."""
        slot.holder = slot.run = None
        if slot.waiting:
            slot.holder = slot.waiting[0]  # nobody may slip in before it wakes up
            slot.waiting.popleft().set_result(None)


class SyncTurns(_Slots["threading.Lock"]):
    """Turns for threads; see `AsyncTurns`."""

    def __init__(self) -> None:
        super().__init__()
        self._mutex = threading.Lock()

    def take(self, run: Run) -> Slot["threading.Lock"]:
        """Wait for a turn; see `AsyncTurns.take`."""
        me = threading.current_thread()
        turn = None
        with self._mutex:
            slot = self._slot(run.plan.slot)
            if slot.holder is not None:
                self._refuse_or_wait(slot, run, me)
                turn = threading.Lock()
                turn.acquire()
                slot.waiting.append(turn)
            else:
                slot.holder, slot.run = me, run
        if turn is not None:
            self._wait(slot, turn, run)
            slot.holder, slot.run = me, run
        return slot

    def _wait(self, slot: Slot["threading.Lock"], turn: "threading.Lock", run: Run) -> None:
        deadline = run.watch.deadline
        left = -1 if deadline is None else max(deadline - time.monotonic(), 0)
        try:
            came = turn.acquire(timeout=left)
        except BaseException:
            self._leave(slot, turn)
            raise
        if not came:
            self._leave(slot, turn)
            raise _too_late(run)

    def _leave(self, slot: Slot["threading.Lock"], turn: "threading.Lock") -> None:
        with self._mutex:
            if turn in slot.waiting:
                slot.waiting.remove(turn)
                return
        self.pass_on(slot)  # the turn came at the very moment at which we gave up

    def pass_on(self, slot: Slot["threading.Lock"]) -> None:
        """It is the next one's turn."""
        with self._mutex:
            slot.holder = slot.run = None
            if slot.waiting:
                slot.holder = slot.waiting[0]
                slot.waiting.popleft().release()
