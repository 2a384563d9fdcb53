"""What a program leaves open is told once, by a ResourceWarning that names it, and nothing else."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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


# To import the package takes longer than each program does, so one process that has done so is the
# parent of those that run them: each as its main module, as if it had been started with it.
PARENT = """
import os, sys
import code_interpreter, code_interpreter._async.interpreter, code_interpreter._sync.interpreter

for line in sys.stdin:
    program, url, path = eval(line)
    if os.fork() == 0:
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY), 2)
        sys.argv[1:] = [url]
        del line, path
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
else:
    program = ""
exec(program)
"""


@pytest.fixture(scope="module", params=["-X dev", "-W error"])
def parent(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A Python with these options that has imported the package, and runs programs."""
    command = [sys.executable, *request.param.split(), "-c", PARENT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize(("program", "wanted"), CASES)
def test_what_is_left_open_is_told_once(
    parent: subprocess.Popen[str], tmp_path: Path, program: str, wanted: str | None
) -> None:
    assert parent.stdin
    assert parent.stdout
    errors = tmp_path / "stderr"
    with fault_server(plays(INIT, OUT, DONE), plays(INIT, DONE)) as faults:
        print((program, faults.url, str(errors)), file=parent.stdin, flush=True)
        status = parent.stdout.readline()
    said = errors.read_text()
    assert status == "0\n", said
    told = re.findall(r"\w+Warning: (.*)", said)
    assert len(told) == (wanted is not None), said
    assert all(one.startswith(str(wanted)) for one in told), said
    assert "never" not in said
    assert "destroyed" not in said
