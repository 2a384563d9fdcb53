"""A run leaves nothing to the garbage collector: its output is freed when the caller lets go of it.

Cycles would keep the output of many runs in memory at once, until a collection happens to come.
"""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

import code_interpreter as ci
from tests.faults import DONE, INIT, OUT, fault_server, plays


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
def test_a_run_of_the_blocking_client_is_freed_at_once() -> None:
    with (
        fault_server(plays(INIT, OUT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        execution = interpreter.codes.run("1")
        message, gone = weakref.ref(execution.logs.stdout[0]), weakref.ref(execution)
        del execution
        assert (message(), gone()) == (None, None)


@pytest.mark.usefixtures("no_collections")
def test_a_run_of_the_async_client_is_freed_at_once() -> None:
    async def main(url: str) -> None:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            execution = await interpreter.codes.run("1")
            message, gone = weakref.ref(execution.logs.stdout[0]), weakref.ref(execution)
            del execution
            assert (message(), gone()) == (None, None)

    with fault_server(plays(INIT, OUT, DONE)) as faults:
        asyncio.run(main(faults.url))


@pytest.mark.usefixtures("no_collections")
def test_events_that_were_read_one_by_one_are_freed_at_once() -> None:
    with (
        fault_server(plays(INIT, OUT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        stream = interpreter.codes.stream("1")
        gone = weakref.ref(stream.execution)
        assert len(list(stream)) == 3
        del stream
        assert gone() is None
