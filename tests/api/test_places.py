"""An interpreter works in its event loop and its process; elsewhere it says so."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import code_interpreter as ci
from tests.faults import DONE, INIT, OUT, fault_server, plays


async def _read(interpreter: ci.CodeInterpreter) -> None:
    async for _ in interpreter.codes.stream("1"):
        pass


CALLS: list[Callable[[ci.CodeInterpreter], Awaitable[Any]]] = [
    lambda interpreter: interpreter.codes.run("1"),
    _read,
    lambda interpreter: interpreter.codes.create_context("python"),
    lambda interpreter: interpreter.codes.interrupt("an id"),
    lambda interpreter: interpreter.ping(),
    lambda interpreter: interpreter.is_healthy(),
    lambda interpreter: interpreter.aclose(),
]


@pytest.mark.parametrize("call", CALLS)
def test_another_event_loop_is_refused_before_any_io(
    call: Callable[[ci.CodeInterpreter], Awaitable[Any]],
) -> None:
    async def elsewhere() -> None:
        with pytest.raises(ci.WrongLoopError, match="make another"):
            await call(interpreter)

    home = asyncio.new_event_loop()
    with fault_server(plays(INIT, DONE)) as faults:
        interpreter = home.run_until_complete(ci.CodeInterpreter.connect(faults.url))
        asyncio.run(elsewhere())
        assert not faults.runs
        assert home.run_until_complete(interpreter.codes.run("1")).ok  # its context is not busy
        home.run_until_complete(interpreter.aclose())
    home.close()


def test_a_second_asyncio_run_has_connections_of_its_own() -> None:
    async def first(url: str) -> ci.CodeInterpreter:
        made = await ci.CodeInterpreter.connect(url)
        assert (await made.codes.run("1")).ok
        return made

    with fault_server(plays(INIT, DONE), plays(INIT, OUT, DONE), plays(INIT, DONE)) as faults:
        interpreter = asyncio.run(first(faults.url))
        assert asyncio.run(interpreter.codes.run("2")).text
        assert asyncio.run(interpreter.codes.run("3")).ok
        asyncio.run(interpreter.aclose())
        with pytest.raises(ci.InterpreterClosedError):
            asyncio.run(interpreter.codes.run("4"))
        gc.collect()  # while the filters of this test hold


def test_a_stream_is_not_read_in_another_event_loop() -> None:
    home = asyncio.new_event_loop()
    with fault_server(plays(INIT, OUT, DONE)) as faults:
        interpreter = home.run_until_complete(ci.CodeInterpreter.connect(faults.url))
        events = interpreter.codes.stream("1")
        home.run_until_complete(events.__anext__())

        async def elsewhere() -> None:
            while True:
                await events.__anext__()

        with pytest.raises(ci.WrongLoopError):
            asyncio.run(elsewhere())
        home.run_until_complete(interpreter.aclose())
    home.close()


FORKS = """
import os, sys
import code_interpreter as ci

def in_child(use):
    pid = os.fork()
    if pid == 0:
        try:
            use()
        except ci.ForkedError as error:
            assert "make another" in str(error)
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0

with ci.CodeInterpreterSync.connect(sys.argv[1]) as interpreter:
    codes = interpreter.codes
    for use in (lambda: codes.run("1"), lambda: list(codes.stream("1")), interpreter.ping):
        in_child(use)
    seen = []
    with codes.stream("1") as events:
        for event in events:
            seen.append(type(event).__name__)
            in_child(lambda: next(events))
            if os.fork() == 0:
                sys.exit(0)  # leaves the blocks on its way
            assert os.wait()[1] == 0
    print(seen, events.execution.outcome)
    print(codes.run("1").outcome)
"""


def test_a_child_process_is_refused_and_leaves_its_parents_runs_alone() -> None:
    with fault_server(plays(INIT, OUT, DONE), plays(INIT, DONE)) as faults:
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, faults.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("['Init', 'Stdout', 'Complete'] ok\nok\n", "")
        assert not faults.interrupted.is_set()
        assert len(faults.runs) == 2
