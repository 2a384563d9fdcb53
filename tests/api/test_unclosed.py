"""What a program leaves open is told once, by a ResourceWarning that names it, and nothing else."""

import re
import subprocess
import sys

import pytest

from tests.faults import DONE, INIT, OUT, fault_server, plays

DROPPED = """
import asyncio, sys
import code_interpreter as ci

async def main():
    interpreter = await ci.CodeInterpreter.connect(sys.argv[1])
    assert (await interpreter.codes.run("1")).ok

asyncio.run(main())
"""
DROPPED_LATER = """
import asyncio, sys
import code_interpreter as ci

async def main():
    interpreter = await ci.CodeInterpreter.connect(sys.argv[1])
    assert (await interpreter.codes.run("1")).ok
    return interpreter

interpreter = asyncio.run(main())
"""
DROPPED_BY_A_LOOP_THAT_GOES_ON = """
import asyncio, sys
import code_interpreter as ci

async def use():
    interpreter = await ci.CodeInterpreter.connect(sys.argv[1])
    assert (await interpreter.codes.run("1")).ok

async def main():
    await asyncio.create_task(use())
    for _ in range(100):
        await asyncio.sleep(0)

asyncio.run(main())
"""
BLOCKING = """
import sys
import code_interpreter as ci

interpreter = ci.CodeInterpreterSync.connect(sys.argv[1])
assert interpreter.codes.run("1").ok
"""
ONLY_CODES = """
import sys
import code_interpreter as ci

codes = ci.CodeInterpreterSync.connect(sys.argv[1]).codes
assert codes.run("1").ok
"""
STREAM = """
import sys
import code_interpreter as ci

with ci.CodeInterpreterSync.connect(sys.argv[1]) as interpreter:
    events = interpreter.codes.stream("1")
    next(events)
    del events
"""
ASYNC_STREAM = """
import asyncio, sys
import code_interpreter as ci

async def main():
    async with await ci.CodeInterpreter.connect(sys.argv[1]) as interpreter:
        events = interpreter.codes.stream("1")
        await events.__anext__()
        del events
        await interpreter.codes.run("2")

asyncio.run(main())
"""
CLOSED = """
import asyncio, sys
import code_interpreter as ci

async def main():
    async with await ci.CodeInterpreter.connect(sys.argv[1]) as interpreter:
        async with interpreter.codes.stream("1") as events:
            await events.__anext__()

asyncio.run(main())
"""
INTERPRETER = "unclosed code interpreter of http://127.0.0.1"
CASES = [
    (DROPPED, INTERPRETER),
    (DROPPED_LATER, INTERPRETER),
    (DROPPED_BY_A_LOOP_THAT_GOES_ON, INTERPRETER),
    (BLOCKING, INTERPRETER),
    (ONLY_CODES, INTERPRETER),
    (STREAM, "unclosed stream of a run"),
    (ASYNC_STREAM, "unclosed stream of a run"),
    (CLOSED, None),
]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-X", "dev"), ("-W", "error")], ids=" ".join)
@pytest.mark.parametrize(("program", "wanted"), CASES)
def test_what_is_left_open_is_told_once(
    options: tuple[str, str], program: str, wanted: str | None
) -> None:
    with fault_server(plays(INIT, OUT, DONE), plays(INIT, DONE)) as faults:
        command = [sys.executable, *options, "-c", program, faults.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = re.findall(r"\w+Warning: (.*)", done.stderr)
    assert len(told) == (wanted is not None), done.stderr
    assert all(one.startswith(str(wanted)) for one in told), done.stderr
    assert "never" not in done.stderr
    assert "destroyed" not in done.stderr
