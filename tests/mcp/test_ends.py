"""A server ends with its client, and leaves nothing, however it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.local.lifecycle.conftest import own_scratch
from tests.local.lifecycle.support import eventually
from tests.mcp.agents import COMMAND, agent, are_gone, started, stdio, text_of

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_scratch(tmp_path_factory) as path:
        yield path


def test_a_client_that_leaves_ends_the_server_and_all_of_its_processes(scratch: Path) -> None:
    with agent(stdio()) as one:
        before = started()
        assert text_of(one.run("sleep 1000 & echo started", "bash")) == "started"
        below = started()
        assert len(below) > len(before)
        assert list(scratch.iterdir())
    eventually(lambda: are_gone(below))
    assert not list(scratch.iterdir())


def test_a_client_that_starts_no_code_starts_no_sandbox() -> None:
    with agent(stdio()) as one:
        assert one.portal.call(one.client.list_tools).tools
        assert len(started()) == 1


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
        eventually(lambda: are_gone(below), 10)
        eventually(lambda: not list(scratch.iterdir()))


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
