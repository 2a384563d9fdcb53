"""However a run is left, its code stops on the server, and its context runs the next cell."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

import code_interpreter as ci
from code_interpreter.events import Stdout
from tests.execd.server import TOKEN, Server

pytestmark = pytest.mark.kernels

HEADERS = {"X-EXECD-ACCESS-TOKEN": TOKEN}
SLEEP = "print('going', flush=True)\nimport time\ntime.sleep(60)\nprint('never')"


class Mine(Exception):  # noqa: N818  # whatever a user may raise
    pass


def fail(_: object) -> Any:
    raise Mine


@pytest.fixture(scope="module")
def execd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("stopping"))
    yield server
    server.close()


@pytest.fixture
def interpreter(execd: Server) -> Iterator[ci.CodeInterpreterSync]:
    with ci.CodeInterpreterSync.connect(execd.url, headers=HEADERS) as interpreter:
        interpreter.codes.run("kept = 42")
        began = time.monotonic()
        yield interpreter
        execution = interpreter.codes.run("kept")
        assert (execution.text, execution.outcome) == ("42", ci.Outcome.OK)
        assert time.monotonic() - began < 30, "the sleep was waited for"


@asynccontextmanager
async def in_asyncio(execd: Server) -> AsyncGenerator[ci.CodeInterpreter, None]:
    async with await ci.CodeInterpreter.connect(execd.url, headers=HEADERS) as interpreter:
        await interpreter.codes.run("kept = 42")
        began = time.monotonic()
        yield interpreter
        execution = await interpreter.codes.run("kept")
        assert (execution.text, execution.outcome) == ("42", ci.Outcome.OK)
        assert time.monotonic() - began < 30, "the sleep was waited for"


def test_by_timeout(interpreter: ci.CodeInterpreterSync) -> None:
    with pytest.raises(ci.ExecutionTimeoutError) as caught:
        interpreter.codes.run(SLEEP, timeout=1)
    assert caught.value.context_usable
    assert caught.value.execution is not None
    assert caught.value.execution.text == "going"
    assert caught.value.execution.outcome is ci.Outcome.TIMED_OUT


def test_by_timeout_in_asyncio(execd: Server) -> None:
    async def main() -> None:
        async with in_asyncio(execd) as interpreter:
            with pytest.raises(ci.ExecutionTimeoutError) as caught:
                await interpreter.codes.run(SLEEP, timeout=1)
            assert caught.value.context_usable

    asyncio.run(main())


def test_by_a_handler_that_raises(interpreter: ci.CodeInterpreterSync) -> None:
    with pytest.raises(Mine):
        interpreter.codes.run(SLEEP, handlers=ExecutionHandlersSync(on_stdout=fail))


def test_by_a_handler_that_raises_in_asyncio(execd: Server) -> None:
    async def main() -> None:
        async with in_asyncio(execd) as interpreter:
            with pytest.raises(Mine):
                await interpreter.codes.run(SLEEP, handlers=ExecutionHandlers(on_stdout=fail))

    asyncio.run(main())


def test_by_leaving_the_loop(interpreter: ci.CodeInterpreterSync) -> None:
    with pytest.warns(ResourceWarning, match="unclosed stream"):  # noqa: PT031  # a loop
        for event in interpreter.codes.stream(SLEEP):
            if isinstance(event, Stdout):
                break


def test_by_leaving_the_loop_in_asyncio(execd: Server) -> None:
    async def main() -> None:
        async with in_asyncio(execd) as interpreter:
            with pytest.warns(ResourceWarning, match="unclosed stream"):  # noqa: PT031  # a loop
                async for event in interpreter.codes.stream(SLEEP):
                    if isinstance(event, Stdout):
                        break

    asyncio.run(main())


def test_by_leaving_the_block(interpreter: ci.CodeInterpreterSync) -> None:
    with contextlib.suppress(Mine), interpreter.codes.stream(SLEEP) as events:
        for event in events:
            if isinstance(event, Stdout):
                raise Mine
    assert events.execution.text == "going"
    assert events.execution.outcome is ci.Outcome.INTERRUPTED


def test_by_cancelling_the_task(execd: Server) -> None:
    async def main() -> None:
        async with in_asyncio(execd) as interpreter:
            going = asyncio.Event()

            def on_stdout(_: object) -> Any:
                going.set()

            handlers = ExecutionHandlers(on_stdout=on_stdout)
            task = asyncio.create_task(interpreter.codes.run(SLEEP, handlers=handlers))
            await going.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_by_interrupt(interpreter: ci.CodeInterpreterSync) -> None:
    stream = interpreter.codes.stream(SLEEP)
    with stream as events:
        for event in events:
            if isinstance(event, Stdout):
                interpreter.codes.interrupt(stream.execution)
    assert stream.execution.outcome is ci.Outcome.INTERRUPTED
    assert stream.execution.error is not None
    assert stream.execution.error.name == "KeyboardInterrupt"


# A shell that starts a job in the background has it ignore SIGINT, and so would all that it starts.
CTRL_C = f"""
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import code_interpreter as ci
from code_interpreter.events import Stdout
from opensandbox.models.execd_sync import ExecutionHandlersSync

with ci.CodeInterpreterSync.connect(sys.argv[1], headers={HEADERS!r}) as interpreter:
    interpreter.codes.run("kept = 42")
    try:
        for event in interpreter.codes.stream({SLEEP!r}):
            if isinstance(event, Stdout):
                print("going", flush=True)
    except KeyboardInterrupt:
        print("caught", interpreter.codes.run("kept").text, flush=True)
    try:
        interpreter.codes.run({SLEEP!r}, handlers=ExecutionHandlersSync(
            on_stdout=lambda _: print("going", flush=True)))
    except KeyboardInterrupt:
        print("caught", interpreter.codes.run("kept").text, flush=True)
"""


def test_by_ctrl_c(execd: Server) -> None:
    command = [sys.executable, "-W", "error", "-c", CTRL_C, execd.url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for _ in range(2):
                assert process.stdout.readline() == "going\n"
                time.sleep(0.3)  # so that it blocks in its next read
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "caught 42\n"
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_kernel_that_is_deaf_to_interrupts_is_replaced_and_that_is_said(execd: Server) -> None:
    deaf = "import signal, time\nsignal.signal(2, signal.SIG_IGN)\nprint('going', flush=True)\n"
    with ci.CodeInterpreterSync.connect(execd.url, headers=HEADERS) as interpreter:
        context = interpreter.codes.create_context("python")
        with pytest.raises(ci.ExecutionTimeoutError) as caught:
            interpreter.codes.run(deaf + "while True: time.sleep(1)", context=context, timeout=2)
        assert not caught.value.context_usable
        assert interpreter.codes.run("1 + 1", context=context).text == "2"
