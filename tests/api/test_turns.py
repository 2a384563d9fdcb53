"""Runs of one interpreter on one context take turns; an interrupt hits the run that it is for."""

import asyncio
import resource
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

import code_interpreter as ci
from code_interpreter._async.connection import Connection
from code_interpreter._sync.connection import Connection as SyncConnection
from code_interpreter._wire.target import BareTarget
from code_interpreter.events import Init
from tests.execd_client.raw_server import LAST_CHUNK, STREAM_HEAD, Peer, chunk
from tests.faults import (
    BUSY,
    DONE,
    INIT,
    OUT,
    RUN_ID,
    Faults,
    Script,
    answers,
    fault_server,
    obeys,
    plays,
)

MINE = ci.CodeContext(id="mine", language="python")


class Overlaps:
    """A script that notes how many runs are alive at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive = 0
        self.most = 0

    def __call__(self, peer: Peer, _: Faults) -> None:
        with self._lock:
            self._alive += 1
            self.most = max(self.most, self._alive)
        peer.send(STREAM_HEAD + chunk(INIT))
        time.sleep(0.02)
        with self._lock:
            self._alive -= 1
        peer.send(chunk(DONE) + LAST_CHUNK)


def codes_of(faults: Faults) -> list[str]:
    return [run["code"] for run in faults.runs]


def test_runs_on_one_context_are_in_order_for_tasks() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            await asyncio.gather(
                *(interpreter.codes.run(str(n), context=MINE) for n in range(10)),
                *(interpreter.codes.run(f"default {n}") for n in range(10)),
            )

    overlaps = Overlaps()
    with fault_server(overlaps) as faults:
        asyncio.run(main(faults.url))
    assert overlaps.most == 2
    codes = codes_of(faults)
    assert [code for code in codes if code.isdigit()] == [str(n) for n in range(10)]
    assert [code for code in codes if not code.isdigit()] == [f"default {n}" for n in range(10)]


def test_runs_on_one_context_are_in_order_for_threads() -> None:
    overlaps = Overlaps()
    with (
        fault_server(overlaps) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
        ThreadPoolExecutor(10) as threads,
    ):
        runs: list[Future[ci.Execution]] = []
        for n in range(10):
            runs.append(threads.submit(interpreter.codes.run, str(n), context=MINE))
            time.sleep(0.005)  # so that there is an order to keep
        assert all(run.result().ok for run in runs)
    assert overlaps.most == 1
    assert codes_of(faults) == [str(n) for n in range(10)]


@contextmanager
def many_files(wanted: int) -> Generator[None, None, None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"raise the limit of open files to {wanted}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Rendezvous:
    """A script that answers nobody before all are there."""

    def __init__(self, number: int) -> None:
        self.all_here = threading.Event()
        self._missing = number
        self._lock = threading.Lock()

    def __call__(self, peer: Peer, faults: Faults) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        with self._lock:
            self._missing -= 1
            if not self._missing:
                self.all_here.set()
        assert self.all_here.wait(60)
        assert faults.interrupted.wait(60)
        peer.send(chunk(DONE) + LAST_CHUNK)


@pytest.mark.slow
def test_a_thousand_runs_at_once_leave_room_for_an_interrupt() -> None:
    async def main(url: str, number: int) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            contexts = [ci.CodeContext(id=f"c{n}", language="python") for n in range(number)]
            runs = [
                asyncio.create_task(interpreter.codes.run("1", context=context))
                for context in contexts
            ]
            await asyncio.to_thread(rendezvous.all_here.wait, 60)
            await interpreter.codes.interrupt("somebody else's")
            assert all(run.ok for run in await asyncio.gather(*runs))

    rendezvous = Rendezvous(1000)
    with many_files(4096), fault_server(rendezvous) as faults:
        asyncio.run(main(faults.url, 1000))
    assert faults.interrupts == ["somebody else's"]


def test_a_hundred_threads_at_once_leave_room_for_an_interrupt() -> None:
    rendezvous = Rendezvous(100)
    with (
        many_files(1024),
        fault_server(rendezvous) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
        ThreadPoolExecutor(100) as threads,
    ):
        contexts = [ci.CodeContext(id=f"c{n}", language="python") for n in range(100)]
        runs = [threads.submit(interpreter.codes.run, "1", context=c) for c in contexts]
        assert rendezvous.all_here.wait(60)
        interpreter.codes.interrupt("somebody else's")
        assert all(run.result().ok for run in runs)


def test_no_free_connection_in_a_pool_of_the_users_own_is_named() -> None:
    limits = httpx.Limits(max_connections=1)

    async def main(url: str) -> None:
        config = ConnectionConfig(
            transport=httpx.AsyncHTTPTransport(limits=limits),
            request_timeout=timedelta(seconds=0.5),
        )
        connection = Connection(config, BareTarget.parse(url, None, None).endpoint)
        codes = ci.Codes(connection)
        first = asyncio.create_task(codes.run("1", context=MINE))
        await asyncio.sleep(0.1)
        with pytest.raises(ci.RequestTimeoutError, match="PoolTimeout") as caught:
            await codes.run("2")
        assert caught.value.execution is not None
        assert caught.value.execution.outcome is ci.Outcome.STREAM_LOST
        faults.interrupted.set()
        assert (await first).ok
        assert config.transport is not None
        await config.transport.aclose()

    with fault_server(obeys(INIT, last=DONE)) as faults:
        asyncio.run(main(faults.url))

    with fault_server(obeys(INIT, last=DONE)) as faults, ThreadPoolExecutor(1) as threads:
        transport = httpx.HTTPTransport(limits=limits)
        config = ConnectionConfigSync(transport=transport, request_timeout=timedelta(seconds=0.5))
        endpoint = BareTarget.parse(faults.url, None, None).endpoint
        codes = ci.CodesSync(SyncConnection(config, endpoint))
        first = threads.submit(codes.run, "1", context=MINE)
        while not faults.runs:
            time.sleep(0.01)
        with pytest.raises(ci.RequestTimeoutError, match="PoolTimeout"):
            codes.run("2")
        faults.interrupted.set()
        assert first.result().ok
        transport.close()


# --- a context that is taken ---


def test_a_taken_context_can_be_an_error_at_once() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            first = asyncio.create_task(interpreter.codes.run("1", context=MINE))
            await asyncio.sleep(0.1)
            with pytest.raises(ci.ContextBusyError) as caught:
                await interpreter.codes.run("2", context=MINE, on_busy="raise")
            assert (caught.value.status, caught.value.execution is not None) == (0, True)
            await interpreter.codes.interrupt("mine")
            assert (await first).ok
            assert (await interpreter.codes.run("3", context=MINE, on_busy="raise")).ok

    with fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults:
        asyncio.run(main(faults.url))
    assert codes_of(faults) == ["1", "3"]


def test_waiting_for_a_turn_counts_towards_the_timeout() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            first = asyncio.create_task(interpreter.codes.run("1", context=MINE))
            await asyncio.sleep(0.1)
            with pytest.raises(ci.ExecutionTimeoutError, match="nothing was sent") as caught:
                await interpreter.codes.run("2", context=MINE, timeout=0.1)
            assert caught.value.context_usable
            await interpreter.codes.interrupt("mine")
            await first
            assert (await interpreter.codes.run("3", context=MINE)).ok

    with fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults:
        asyncio.run(main(faults.url))
    assert codes_of(faults) == ["1", "3"]


def test_a_thread_whose_turn_does_not_come_in_time_gives_up() -> None:
    with (
        fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(interpreter.codes.run, "1", context=MINE)
        while not faults.runs:
            time.sleep(0.01)
        with pytest.raises(ci.ExecutionTimeoutError):
            interpreter.codes.run("2", context=MINE, timeout=0.1)
        interpreter.codes.interrupt("mine")
        assert first.result().ok
        assert interpreter.codes.run("3", context=MINE).ok
    assert codes_of(faults) == ["1", "3"]


def test_who_stops_waiting_lets_the_next_one_have_the_turn() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            runs = [
                asyncio.create_task(interpreter.codes.run(str(n), context=MINE)) for n in range(4)
            ]
            await asyncio.sleep(0.1)
            runs[1].cancel()
            runs[2].cancel()
            await interpreter.codes.interrupt("mine")
            assert (await runs[0]).ok
            assert (await runs[3]).ok

    with fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults:
        asyncio.run(main(faults.url))
    assert codes_of(faults) == ["0", "3"]


def test_a_run_that_would_wait_for_itself_is_refused() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:

            async def again(_: object) -> None:
                await interpreter.codes.run("2", context=MINE)

            handlers = ExecutionHandlers(on_stdout=again)
            with pytest.raises(ci.ContextBusyError, match="wants to run more in it"):
                await interpreter.codes.run("1", context=MINE, handlers=handlers)

    with fault_server(obeys(INIT, OUT, last=DONE)) as faults:
        asyncio.run(main(faults.url))
    assert codes_of(faults) == ["1"]

    with (
        fault_server(obeys(INIT, OUT, last=DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):

        def once_more(_: object) -> None:
            interpreter.codes.run("2", context=MINE)

        handlers = ExecutionHandlersSync(on_stdout=once_more)
        with pytest.raises(ci.ContextBusyError, match="wants to run more in it"):
            interpreter.codes.run("1", context=MINE, handlers=handlers)
    assert codes_of(faults) == ["1"]


@pytest.mark.parametrize(
    "busy", [plays(INIT, BUSY), answers(500, "application/json", BUSY)], ids=["stream", "answer"]
)
def test_somebody_elses_run_is_busy_at_once(busy: Script) -> None:
    with (
        fault_server(busy) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
        pytest.raises(ci.ContextBusyError),
    ):
        interpreter.codes.run("1", context=MINE)
    assert len(faults.runs) == 1
    assert faults.interrupts == []


# --- interrupts ---


def test_an_execution_that_has_ended_is_not_interrupted() -> None:
    ids: list[str] = []
    with (
        fault_server(plays(INIT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        handlers = ExecutionHandlersSync(on_init=lambda init: ids.append(init.id))
        execution = interpreter.codes.run("1", handlers=handlers)
        assert ids == [execution.id] == [RUN_ID]
        interpreter.codes.interrupt(execution)
        assert execution.id is not None
        interpreter.codes.interrupt(execution.id)
        interpreter.codes.interrupt(ids[0])
        assert faults.interrupts == []
        # A string from elsewhere can be anybody's run.
        interpreter.codes.interrupt(RUN_ID + "")
        interpreter.codes.interrupt(str(execution.model_copy(deep=True).id))
    assert faults.interrupts == [RUN_ID, RUN_ID]


def test_a_run_that_ended_before_its_interrupt_arrived_needs_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        fault_server(obeys(INIT)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        faults.knows_runs = False
        with interpreter.codes.stream("1") as events:
            for event in events:
                if isinstance(event, Init):
                    interpreter.codes.interrupt(event.id or "")
        with pytest.raises(ci.APIError, match="no such session"):
            interpreter.codes.interrupt("nobody's")
    assert faults.interrupts == [RUN_ID, "nobody's"]
    with (
        fault_server(obeys(INIT)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        faults.knows_runs = False
        with pytest.raises(ci.ExecutionTimeoutError):
            interpreter.codes.run("1", timeout=0.1)
    assert caplog.messages == []


def test_an_old_id_does_not_hit_the_next_run_although_the_server_uses_it_again() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            first = await interpreter.codes.run("1")
            second = interpreter.codes.stream("2")
            async with second as events:
                async for event in events:
                    if isinstance(event, Init):
                        await interpreter.codes.interrupt(first)
                        await interpreter.codes.interrupt(first.id or "")
                        assert faults.interrupts == []
                        assert second.execution.id == first.id
                        await interpreter.codes.interrupt(second.execution)
            assert faults.interrupts == [RUN_ID]
            assert second.execution.outcome is ci.Outcome.INTERRUPTED

    with fault_server(plays(INIT, DONE), obeys(INIT)) as faults:
        asyncio.run(main(faults.url))


def next_run_waits(
    interrupt: Callable[[], Any], faults: Faults, next_run: Callable[[], Any]
) -> None:
    """An interrupt is on its way while its run ends, and the next one wants to begin."""
    with ThreadPoolExecutor(2) as threads:
        interrupting = threads.submit(interrupt)
        assert faults.interrupted.wait(10)
        following = threads.submit(next_run)
        time.sleep(0.3)
        assert len(faults.runs) == 1
        faults.answers_interrupts.set()
        interrupting.result()
        following.result()
    assert len(faults.runs) == 2


def test_an_interrupt_on_its_way_holds_the_next_run_back() -> None:
    with (
        fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
        ThreadPoolExecutor(1) as threads,
    ):
        faults.answers_interrupts.clear()
        first = threads.submit(interpreter.codes.run, "1", context=MINE)
        while not faults.runs:
            time.sleep(0.01)
        next_run_waits(
            lambda: interpreter.codes.interrupt("mine"),
            faults,
            lambda: interpreter.codes.run("2", context=MINE),
        )
        assert first.result().ok


def test_an_interrupt_on_its_way_holds_the_next_task_back() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            first = asyncio.create_task(interpreter.codes.run("1", context=MINE))
            await asyncio.sleep(0.1)
            interrupt = asyncio.create_task(interpreter.codes.interrupt("mine"))
            await asyncio.to_thread(faults.interrupted.wait, 10)
            following = asyncio.create_task(interpreter.codes.run("2", context=MINE))
            await asyncio.sleep(0.3)
            assert len(faults.runs) == 1
            faults.answers_interrupts.set()
            await asyncio.gather(interrupt, first, following)

    with fault_server(obeys(INIT, last=DONE), plays(INIT, DONE)) as faults:
        faults.answers_interrupts.clear()
        asyncio.run(main(faults.url))
    assert len(faults.runs) == 2
