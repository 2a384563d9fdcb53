"""A server ends with its client, and leaves nothing, however it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.local.lifecycle.conftest import own_scratch
from tests.local.lifecycle.support import eventually, program
from tests.mcp.agents import COMMAND, agent, are_gone, started, stdio, text_of

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_scratch(tmp_path_factory) as path:
        yield path


def test_a_client_that_leaves_ends_the_server_and_all_of_its_processes(scratch: Path) -> None:
    others = started()
    with agent(stdio()) as one:
        before = started()
        assert text_of(one.run("sleep 1000 & echo started", "bash")) == "started"
        below = started() - others
        assert len(below) > len(before - others)
        assert list(scratch.iterdir())
    eventually(lambda: are_gone(below), 20)
    assert not list(scratch.iterdir())


def test_a_client_that_starts_no_code_starts_no_sandbox() -> None:
    others = started()
    with agent(stdio()) as one:
        assert one.portal.call(one.client.list_tools).tools
        assert len(started() - others) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing(number: signal.Signals, scratch: Path) -> None:
    process = psutil.Process()
    known = {*process.children()}
    with agent(stdio()) as one:
        one.run("import subprocess\nsleeping = subprocess.Popen(['sleep', '1000'])")
        (server,) = {*process.children()} - known
        below = {server, *server.children(recursive=True)}
        assert len(below) > 3
        os.kill(server.pid, number)
        eventually(lambda: are_gone(below), 20)
        eventually(lambda: not list(scratch.iterdir()))


CLIENT = """
import asyncio, sys
from mcp import Client, StdioServerParameters

async def main():
    server = StdioServerParameters(command=sys.executable, args=sys.argv[1:])
    async with Client(server) as client:
        arguments = {"language": "bash", "code": "sleep 1000 & echo started"}
        result = await client.call_tool("run_code", arguments)
        print(result.content[0].text, flush=True)
        await client.call_tool("run_code", {"language": "python", "code": "while True: pass"})

asyncio.run(main())
"""


def test_a_client_that_is_killed_while_code_runs_leaves_nothing(scratch: Path) -> None:
    with program("-c", CLIENT, *COMMAND[1:]) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "started\n"
        below = {*psutil.Process(client.pid).children(recursive=True)}
        assert len(below) > 3
        client.kill()
        eventually(lambda: are_gone(below), 20)
        eventually(lambda: not list(scratch.iterdir()))


def test_a_sandbox_that_is_gone_is_told_and_another_is_started() -> None:
    process = psutil.Process()
    known = {*process.children()}
    with agent(stdio()) as one:
        one.run("x = 1")
        (server,) = {*process.children()} - known
        (guard,) = server.children()
        guard.kill()
        answer = one.run("x")
        assert answer.is_error
        assert (
            text_of(answer)
            .rstrip("]")
            .endswith(
                "The sandbox is gone, and all of its state and files with it. The next call starts"
                " another."
            )
        )
        assert "NameError" in text_of(one.run("x"))
        assert text_of(one.run("6 * 7")) == "42"


def test_a_person_at_a_terminal_is_told_what_this_is() -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        COMMAND, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        os.close(theirs)
        os.write(ours, b"\x04")  # Ctrl-D
        said, hint = done.communicate(timeout=60)
        os.close(ours)
    assert said == ""
    assert hint.startswith("This is a server for programs")
    assert done.returncode == 0


def test_an_isolation_that_there_is_not_is_told_before_anything_is_served() -> None:
    done = subprocess.run(
        COMMAND,
        env={**os.environ, "CODE_INTERPRETER_ISOLATION": "walls"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("code-interpreter: isolation must be one of")
