"""Runs over their connection, for blocking callers: I/O only; `_running` is its twin.

Closing a connection does not stop code, so a run that is left before its end, whatever the reason,
is interrupted, and read on until it ends or its grace is over.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Final

import httpx
from execd_client import errors as wire
from execd_client.api.code_interpreting import delete_context, interrupt_code, run_code
from execd_client.models import ServerStreamEvent
from execd_client.streaming import EventStream

from code_interpreter import _watch
from code_interpreter._connection import SyncConnection, lift_read_limit
from code_interpreter._errors import (
    CodeInterpreterError,
    ContextBusyError,
    ensure_ok,
    known_error,
    mapped_errors,
)
from code_interpreter._events import Event
from code_interpreter._execution import Execution
from code_interpreter._runs import BUSY_PAUSE, Run, aimed_at, is_over
from code_interpreter._timers import Timer, timers
from code_interpreter._turns import Slot, SyncTurns
from code_interpreter._watch import Action

_log: Final = logging.getLogger("code_interpreter")


class RunnerSync:
    """Runs code on one execd, one run at a time in each context."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection
        self._turns = SyncTurns()
        self._live: dict[Run, _Live] = {}

    def batches(self, run: Run) -> Generator[list[Event], None, None]:
        """The events of a run up to the clean end of its body, as many at a time as there are."""
        with run.failures():
            slot = self._turns.take(run)
            try:
                live = self._live[run] = _Live(self._connection, run, slot)
                try:
                    while not run.over:
                        live.watch()
                        stream = run_code.stream(
                            client=self._connection.streams,
                            body=run.plan.body,
                            timeout=run.limits(self._connection.timeout, time.monotonic()),
                        )
                        try:
                            with stream:
                                live.begin(stream)
                                try:
                                    for block in stream.blocks():
                                        events = run.take(block, stream.cut, time.monotonic())
                                        live.heard()
                                        if run.refusal is not None:
                                            stream.discard_connection()
                                            if slot.is_patient_with(run.refusal):
                                                raise run.refusal  # noqa: TRY301  # caught below, beside the answers without a stream
                                        yield events
                                        if run.broken is not None:
                                            raise run.broken  # noqa: TRY301  # so that the run is stopped
                                    run.over = True
                                except (wire.StreamTruncated, ContextBusyError):
                                    raise
                                except BaseException:
                                    live.abandon()
                                    raise
                        except (wire.UnexpectedStatus, ContextBusyError) as error:
                            if not slot.is_patient_with(known_error(error)):
                                raise
                            run.refusal = None
                            time.sleep(BUSY_PAUSE)
                finally:
                    del self._live[run]
                    live.end()
            finally:
                self._turns.pass_on(slot)

    def interrupt(self, target: str | Execution) -> None:
        """Stop a run of ours, if it is still alive, or whatever else an id names."""
        if is_over(target):
            return
        live = next((self._live[run] for run in self._live if run.is_meant_by(target)), None)
        if live is not None:
            with mapped_errors():
                live.interrupt()
            return
        with mapped_errors():
            ensure_ok(
                interrupt_code.sync_detailed(client=self._connection.rest, id=aimed_at(target))
            )


class _Live:
    """A run that has its turn. The timers' thread looks after it while the caller's reads."""

    def __init__(self, connection: SyncConnection, run: Run, slot: Slot["threading.Lock"]) -> None:
        self._connection = connection
        self._run = run
        self._slot = slot
        self._stream: EventStream[ServerStreamEvent] | None = None
        self._timer: Timer | None = None
        self._looking = threading.Lock()
        self._interrupts: list[threading.Thread] = []
        self._gate = threading.Lock()  # held while an interrupt is on its way

    def begin(self, stream: EventStream[ServerStreamEvent]) -> None:
        """The answer has begun: from here on only the watch decides when it takes too long."""
        self._stream = stream
        lift_read_limit(stream.response)

    def heard(self) -> None:
        """Something came."""
        if self._timer is None:
            self.watch()

    def watch(self) -> None:
        """Look again when it is time to."""
        due = self._run.watch.due()
        if due is not None and not self._run.ended:
            self._timer = timers.call_at(due, self._look)

    def _look(self) -> None:
        with self._looking:
            self._timer = None
            if self._run.ended:
                return
            action = self._run.watch.look(time.monotonic())
            if action is Action.INTERRUPT or self._run.watch.idle:
                self._interrupts.append(_started(self._interrupt_quietly))
            if action is not Action.GIVE_UP:
                self.watch()
                return
            # A server that has gone silent may come back, and its contexts with it.
            self._run.given_up = not self._run.watch.idle
            if self._stream is not None:
                self._stream.abort()

    def interrupt(self) -> None:
        """Ask the server to stop the run, unless it has ended."""
        with self._gate:
            run_id = self._run.interrupt_id
            if self._run.ended or run_id is None:
                return
            self._run.builder.interrupted = True
            ensure_ok(interrupt_code.sync_detailed(client=self._connection.rest, id=run_id))

    def _interrupt_quietly(self) -> None:
        try:
            with mapped_errors():
                self.interrupt()
        except CodeInterpreterError as error:
            _log.warning("a run could not be interrupted: %s", error)

    def abandon(self) -> None:
        """Stop the run, which nobody reads any longer, and see to its end if it can be seen."""
        self._run.stop(time.monotonic())
        if self._timer is not None:
            self._timer.cancel()
        self._look()
        try:
            if self._stream is not None:
                for _ in self._stream.batches():
                    pass
                self._run.over = True
        except (wire.StreamError, httpx.HTTPError, httpx.StreamError):
            pass  # it was cut by us, by a read that was broken off, or by the network
        finally:
            if not self._run.over:
                self._slot.unsettle()
        for thread in self._interrupts:
            thread.join(_watch.GRACE)

    def end(self) -> None:
        """The turn is over. What was given up loses its context."""
        # An interrupt on its way must not meet the next run; nor is it waited for without end.
        waited = self._gate.acquire(timeout=_watch.GRACE)
        with self._looking:
            self._run.ended = True
            if self._timer is not None:
                self._timer.cancel()
        if waited:
            self._gate.release()
        if self._run.given_up and (context_id := self._run.lost_context):
            _started(lambda: self._delete(context_id)).join(_watch.GRACE)

    def _delete(self, context_id: str) -> None:
        try:
            with mapped_errors():
                ensure_ok(delete_context.sync_detailed(context_id, client=self._connection.rest))
        except CodeInterpreterError as error:
            _log.warning("the context of a lost run could not be deleted: %s", error)


def _started(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread
