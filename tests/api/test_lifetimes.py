"""A local interpreter without a block: it starts, ends with all that it started, and is told of."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterable

import psutil
import pytest

import code_interpreter as ci

pytestmark = pytest.mark.kernels

PREAMBLE = """
import asyncio, sys, time
import psutil
import code_interpreter as ci

def tell():
    for process in psutil.Process().children(recursive=True):
        print(process.pid, flush=True)

def wait_until_gone():
    while psutil.Process().children(recursive=True):
        time.sleep(0.02)
"""
BLOCKING = """
interpreter = ci.CodeInterpreterSync.local().start()
assert interpreter.codes.run("1").ok
tell()
"""
BLOCKING_DROPPED = """
def use():
    interpreter = ci.CodeInterpreterSync.local().start()
    interpreter.files.write_file("a", "b")
    assert interpreter.codes.run("1").ok
    tell()

use()
wait_until_gone()
"""
ONLY_CODES = """
codes = ci.CodeInterpreterSync.local().start().codes
assert codes.run("1").ok
tell()
del codes
wait_until_gone()
"""
DROPPED = """
async def use():
    interpreter = await ci.CodeInterpreter.local()
    await interpreter.files.write_file("a", "b")
    assert (await interpreter.codes.run("1")).ok
    tell()

async def main():
    await use()
    await asyncio.to_thread(wait_until_gone)

asyncio.run(main())
"""
DROPPED_WITH_ITS_LOOP = """
async def main():
    interpreter = await ci.CodeInterpreter.local()
    assert (await interpreter.codes.run("1")).ok
    tell()

asyncio.run(main())
wait_until_gone()
"""
LEFT = """
async def main():
    interpreter = await ci.CodeInterpreter.local()
    assert (await interpreter.codes.run("1")).ok
    tell()
    return interpreter

interpreter = asyncio.run(main())
"""
CLOSED_LATER = """
async def main():
    interpreter = await ci.CodeInterpreter.local()
    assert (await interpreter.codes.run("1")).ok
    tell()
    return interpreter

async def later():
    assert (await interpreter.codes.run("1")).ok
    await interpreter.aclose()
    assert not psutil.Process().children(recursive=True)

interpreter = asyncio.run(main())
asyncio.run(later())
"""
FORKED = """
import os

interpreter = ci.CodeInterpreterSync.local().start()
if (child := os.fork()) == 0:
    interpreter.close()
    del interpreter
    os._exit(0)
os.waitpid(child, 0)
assert interpreter.codes.run("1").ok
tell()
interpreter.close()
assert not psutil.Process().children(recursive=True)
"""


def await_end(pids: Iterable[int]) -> None:
    """Return once these processes are gone; guards need a moment."""
    end = time.monotonic() + 60
    while left := [pid for pid in pids if psutil.pid_exists(pid)]:
        assert time.monotonic() < end, left
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "warned"),
    [
        (BLOCKING, True),
        (BLOCKING_DROPPED, True),
        (ONLY_CODES, True),
        (DROPPED, True),
        (DROPPED_WITH_ITS_LOOP, True),
        (LEFT, True),
        (CLOSED_LATER, False),
        (FORKED, False),
    ],
)
def test_what_is_not_closed_ends_all_the_same_and_is_told_once(program: str, warned: bool) -> None:  # noqa: FBT001
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", PREAMBLE + program],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    pids = [int(line) for line in ended.stdout.split()]
    assert pids
    await_end(pids)
    told = re.findall(r"\w+Warning: (.*)", ended.stderr)
    assert len(told) == warned, ended.stderr
    assert all(one.startswith("unclosed code interpreter of http://127.0.0.1") for one in told)
    assert "Traceback" not in ended.stderr


def descendants() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_an_awaited_interpreter_ends_all_that_it_started() -> None:
    async def main() -> set[int]:
        before = descendants()
        interpreter = await ci.CodeInterpreter.local(env={"ANSWER": "42"})
        execution = await interpreter.codes.run("import os\nint(os.environ['ANSWER'])")
        assert execution.result[0].text == "42"
        during = descendants() - before
        await interpreter.aclose()
        await interpreter.aclose()
        with pytest.raises(ci.InterpreterClosedError):
            await interpreter.codes.run("1")
        return during

    during = asyncio.run(main())
    assert during
    assert not {pid for pid in during if psutil.pid_exists(pid)}


def test_a_started_interpreter_ends_all_that_it_started() -> None:
    before = descendants()
    interpreter = ci.CodeInterpreterSync.local().start()
    during = descendants() - before
    assert during
    interpreter.close()
    assert not {pid for pid in during if psutil.pid_exists(pid)}


def test_a_block_may_hold_what_was_awaited() -> None:
    async def main() -> set[int]:
        before = descendants()
        async with await ci.CodeInterpreter.local() as interpreter:
            assert (await interpreter.codes.run("1")).ok
            return descendants() - before

    assert not {pid for pid in asyncio.run(main()) if psutil.pid_exists(pid)}


def test_closing_within_the_block_is_no_different() -> None:
    before = descendants()
    with ci.CodeInterpreterSync.local() as interpreter:
        during = descendants() - before
        interpreter.close()
        assert not {pid for pid in during if psutil.pid_exists(pid)}


def test_each_call_starts_one_interpreter() -> None:
    start = ci.CodeInterpreterSync.local()
    with start, pytest.raises(ci.InvalidArgumentError, match="started before"):
        start.start()


def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    before = descendants()

    async def main() -> None:
        starting = asyncio.ensure_future(ci.CodeInterpreter.local().start())
        while not descendants() - before:  # noqa: ASYNC110  # no event tells of them
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(main())
    assert not descendants() - before
