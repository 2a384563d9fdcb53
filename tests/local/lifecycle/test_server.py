"""LocalServer inside a program."""

import asyncio
import logging
import os
import signal
import socket
import threading
from pathlib import Path

import httpx
import psutil
import pytest
from opensandbox import SandboxSync

from code_interpreter import local
from code_interpreter.local import LocalServer
from tests.local.lifecycle.support import (
    eventually,
    execd_of,
    leftovers,
    marked,
    program,
    read_until,
)

pytestmark = pytest.mark.kernels


def test_a_blocking_program_is_served(server: LocalServer) -> None:
    async def block() -> int:
        # The loop of the caller stands still meanwhile.
        url = f"http://{server.address}/v1/sandboxes"
        answer = httpx.get(url, headers={"OPEN-SANDBOX-API-KEY": server.api_key})  # noqa: ASYNC210
        return answer.status_code

    assert asyncio.run(block()) == 200


def test_a_taken_port_is_the_systems_own_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = LocalServer(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            server.start()
        with pytest.raises(OSError, match="in use"), server:
            pass


def test_it_can_be_started_again_but_not_twice() -> None:
    server = LocalServer()
    with server:
        first = server.address
        with pytest.raises(RuntimeError, match="runs already"):
            server.start()
    with server:
        assert server.address == first
    server.stop()


def test_each_has_a_key_of_its_own_and_configurations_are_fresh() -> None:
    one, two = LocalServer(), LocalServer(api_key="mine")
    assert len(one.api_key) >= 32
    assert two.api_key == "mine"
    assert two.connection_config is not two.connection_config
    assert two.connection_config_sync.get_api_key() == "mine"


def test_it_leaves_signal_handlers_and_threads_alone() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    threads = threading.active_count()
    with LocalServer():
        assert [signal.getsignal(number) for number in numbers] == before
    assert [signal.getsignal(number) for number in numbers] == before
    assert threading.active_count() == threads


def test_it_leaves_the_logging_of_the_program_alone() -> None:
    names = ("", "uvicorn", "uvicorn.access", "uvicorn.error")

    def state() -> list[object]:
        loggers = [logging.getLogger(name) for name in names]
        return [([*one.handlers], one.level, one.propagate) for one in loggers]

    before = state()
    with LocalServer():
        assert state() == before
    assert state() == before


def test_relative_import_paths_hold_in_sandboxes(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["src", "/absolute"]))
    config = server.connection_config_sync
    with SandboxSync.create("x", connection_config=config) as sandbox:
        paths = execd_of(sandbox.id).environ()["PYTHONPATH"].split(os.pathsep)
    assert paths == [str(Path("src").absolute()), "/absolute"]


def test_only_the_server_and_its_error_are_public() -> None:
    assert local.__all__ == ["IsolationUnavailableError", "LocalServer", "Mount"]
    assert issubclass(local.IsolationUnavailableError, RuntimeError)
    with pytest.raises(AttributeError, match="Nothing"):
        _ = local.Nothing  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


FORKING = """
import os, time
from opensandbox import SandboxSync
from code_interpreter.local import LocalServer

server = LocalServer()
server.start()
sandbox = SandboxSync.create("x", connection_config=server.connection_config_sync)
if os.fork() == 0:
    time.sleep(60)
print("id", sandbox.id, flush=True)
time.sleep(60)
"""


def test_a_fork_of_the_program_does_not_keep_sandboxes_alive(scratch: Path) -> None:
    with program("-W", "ignore", "-c", FORKING) as process:
        sandbox_id = read_until(process, "id ")
        (child,) = _forks(process.pid)
        try:
            assert marked(sandbox_id)
            process.kill()
            process.wait()
            _wait_for_nothing(sandbox_id, scratch)
        finally:
            os.kill(child, signal.SIGKILL)


def _forks(pid: int) -> list[int]:
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "-S" not in child.cmdline()]


def _wait_for_nothing(sandbox_id: str, scratch: Path) -> None:
    eventually(lambda: not marked(sandbox_id) and not leftovers(scratch))


def test_missing_extras_are_named() -> None:
    code = (
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else real(name, *rest)\n"
        "import code_interpreter.local\n"
    )
    with program("-c", code) as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "needs uvicorn, from its extra [local]" in stderr
    assert "pip install ./generated '.[local]'" in stderr


def test_a_program_that_ends_without_stopping_leaves_nothing(scratch: Path) -> None:
    code = FORKING.partition("if os.fork")[0] + "print('id', sandbox.id, flush=True)\n"
    with program("-c", code) as process:
        sandbox_id = read_until(process, "id ")
        assert process.wait(10) == 0
        _wait_for_nothing(sandbox_id, scratch)


def test_sync_sandboxes_work_in_a_with_block(server: LocalServer) -> None:
    config = server.connection_config_sync
    with SandboxSync.create("x", connection_config=config) as sandbox:
        assert sandbox.is_healthy()
