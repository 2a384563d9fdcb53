"""Runs over their connection, for asyncio: I/O only; `_running_sync` is its twin.

Closing a connection does not stop code, so a run that is left before its end, whatever the reason,
is interrupted, and read on until it ends or its grace is over.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final

import httpx
from execd_client import errors as wire
from execd_client.api.code_interpreting import delete_context, interrupt_code, run_code
from execd_client.models import ServerStreamEvent
from execd_client.streaming import AsyncEventStream
from execd_client.types import Response

from code_interpreter import _watch
from code_interpreter._connection import AsyncConnection, lift_read_limit
from code_interpreter._errors import (
    CodeInterpreterError,
    ContextBusyError,
    RequestTimeoutError,
    ensure_ok,
    known_error,
    mapped_errors,
)
from code_interpreter._events import Event
from code_interpreter._execution import Execution
from code_interpreter._runs import BUSY_PAUSE, Run, aimed_at, is_over
from code_interpreter._turns import AsyncTurns, Slot
from code_interpreter._watch import Action

_log: Final = logging.getLogger("code_interpreter")


class Runner:
    """Runs code on one execd, one run at a time in each context."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._turns = AsyncTurns()
        self._live: dict[Run, _Live] = {}

    async def batches(self, run: Run) -> AsyncGenerator[list[Event], None]:
        """The events of a run up to the clean end of its body, as many at a time as there are."""
        loop = asyncio.get_running_loop()
        with run.failures():
            slot = await self._turns.take(run)
            try:
                live = self._live[run] = _Live(self._connection, run, slot)
                try:
                    while not run.over:
                        live.watch()
                        stream = run_code.astream(
                            client=self._connection.streams,
                            body=run.plan.body,
                            timeout=run.limits(self._connection.timeout, loop.time()),
                        )
                        try:
                            async with stream:
                                live.begin(stream)
                                try:
                                    async for block in stream.blocks():
                                        events = run.take(block, stream.cut, loop.time())
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
                                    await live.abandon()
                                    raise
                        except (wire.UnexpectedStatus, ContextBusyError) as error:
                            if not slot.is_patient_with(known_error(error)):
                                raise
                            run.refusal = None
                            await asyncio.sleep(BUSY_PAUSE)
                finally:
                    del self._live[run]
                    await live.end()
            finally:
                self._turns.pass_on(slot)

    async def interrupt(self, target: str | Execution) -> None:
        """Stop a run of ours, if it is still alive, or whatever else an id names."""
        if is_over(target):
            return
        live = next((self._live[run] for run in self._live if run.is_meant_by(target)), None)
        if live is not None:
            with mapped_errors():
                await live.interrupt()
            return
        with mapped_errors():
            ensure_ok(
                await interrupt_code.asyncio_detailed(
                    client=self._connection.rest, id=aimed_at(target)
                )
            )


class _Live:
    """A run that has its turn."""

    def __init__(
        self, connection: AsyncConnection, run: Run, slot: Slot["asyncio.Future[None]"]
    ) -> None:
        self._connection = connection
        self._run = run
        self._slot = slot
        self._stream: AsyncEventStream[ServerStreamEvent] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Lock()  # held while an interrupt is on its way

    def begin(self, stream: AsyncEventStream[ServerStreamEvent]) -> None:
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
        if due is not None:
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        action = self._run.watch.look(self._loop.time())
        if action is Action.INTERRUPT or self._run.watch.idle:
            self._spawn(self._interrupt_quietly())
        if action is not Action.GIVE_UP:
            self.watch()
            return
        # A server that has gone silent may come back, and its contexts with it.
        self._run.given_up = not self._run.watch.idle
        if self._stream is not None:
            self._spawn(self._stream.abort())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def interrupt(self) -> None:
        """Ask the server to stop the run, unless it has ended."""
        async with self._gate:
            run_id = self._run.interrupt_id
            if self._run.ended or run_id is None:
                return
            self._run.builder.interrupted = True
            await _soon(interrupt_code.asyncio_detailed(client=self._connection.rest, id=run_id))

    async def _interrupt_quietly(self) -> None:
        try:
            with mapped_errors():
                await self.interrupt()
        except CodeInterpreterError as error:
            _log.warning("a run could not be interrupted: %s", error)

    async def abandon(self) -> None:
        """Stop the run, which nobody reads any longer, and see to its end if it can be seen."""
        self._run.stop(self._loop.time())
        if self._timer is not None:
            self._timer.cancel()
        self._look()
        try:
            if self._stream is not None:
                async for _ in self._stream.batches():
                    pass
                self._run.over = True
        except (wire.StreamError, httpx.HTTPError, httpx.StreamError):
            pass  # it was cut by us, by a cancelled read, or by the network: there is no end to see
        finally:
            if not self._run.over:
                self._slot.unsettle()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_watch.GRACE)

    async def end(self) -> None:
        """The turn is over. What was given up loses its context."""
        if self._timer is not None:
            self._timer.cancel()
        async with self._gate:  # an interrupt on its way must not meet the next run
            self._run.ended = True
        if self._run.given_up and (context_id := self._run.lost_context):
            try:
                with mapped_errors():
                    await _soon(
                        delete_context.asyncio_detailed(context_id, client=self._connection.rest)
                    )
            except CodeInterpreterError as error:
                _log.warning("the context of a lost run could not be deleted: %s", error)


async def _soon(call: Coroutine[Any, Any, Response[Any]]) -> None:
    """Make a call that nobody waits for longer than a grace."""
    try:
        ensure_ok(await asyncio.wait_for(call, _watch.GRACE))
    except asyncio.TimeoutError:
        raise RequestTimeoutError(f"no answer within {_watch.GRACE:g} s") from None
