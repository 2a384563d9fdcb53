"""A paused sandbox uses no processor, keeps its state, and ends as any other."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest
from opensandbox import SandboxSync
from opensandbox.exceptions import SandboxApiException

from code_interpreter import CodeInterpreterSync, Execution
from code_interpreter.local import LocalServer
from tests.isolation.conftest import need_box
from tests.local.lifecycle.conftest import clean_server, own_scratch
from tests.local.lifecycle.support import eventually, guard_of, marked

pytestmark = [pytest.mark.kernels]

COUNTS = """
import time
for n in range(40):
    print(n, flush=True)
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
print("done")
"""


@pytest.fixture(scope="module", params=["none", "namespaces"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    need_box(request.param)
    with (
        own_scratch(tmp_path_factory) as scratch,
        clean_server(scratch, isolation=request.param) as server,
    ):
        yield server


@pytest.fixture
def sandbox(server: LocalServer) -> Iterator[SandboxSync]:
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        yield sandbox
        if sandbox.get_info().status.state != "Failed":
            sandbox.kill()


def below(sandbox: SandboxSync) -> list[psutil.Process]:
    return guard_of(sandbox.id).children(recursive=True)


def processor_time(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def test_a_run_goes_on_where_it_was_and_loses_nothing(sandbox: SandboxSync) -> None:
    with CodeInterpreterSync.create(sandbox) as interpreter:
        interpreter.codes.run("kept = 5")
        heard = threading.Event()
        ended: list[Execution] = []

        def run() -> None:
            with interpreter.codes.stream(COUNTS) as stream:
                for _ in stream:
                    heard.set()
                ended.append(stream.execution)

        running = threading.Thread(target=run)
        running.start()
        assert heard.wait(20)
        sandbox.pause()
        assert sandbox.get_info().status.state == "Paused"
        processes = below(sandbox)
        assert {process.status() for process in processes} <= {"stopped", "zombie"}
        used = processor_time(processes)
        time.sleep(0.5)
        assert processor_time(processes) == used
        assert not ended
        with SandboxSync.resume(sandbox.id, connection_config=sandbox.connection_config) as again:
            assert again.get_info().status.state == "Running"
        running.join(60)
        assert ended[0].text == "".join(f"{n}\n" for n in range(40)) + "done"
        assert interpreter.codes.run("kept").text == "5"


def test_what_forks_while_it_is_paused_is_paused_too(sandbox: SandboxSync) -> None:
    forks = "import os, time\nwhile True:\n    if os.fork() == 0: os._exit(0)\n    os.wait()\n"
    with CodeInterpreterSync.create(sandbox) as interpreter:
        context = interpreter.codes.create_context("python")
        with interpreter.codes.stream(f"print('on', flush=True)\n{forks}", context=context) as run:
            next(iter(run))
            for _ in range(3):
                sandbox.pause()
                states = [process.status() for process in below(sandbox)]
                assert {*states} <= {"stopped", "zombie"}
                SandboxSync.resume(sandbox.id, connection_config=sandbox.connection_config).close()
            interpreter.codes.interrupt(run.execution)


def test_a_process_that_code_has_stopped_stays_so(sandbox: SandboxSync) -> None:
    sandbox.commands.run(
        "sleep 1000 & until [[ $(</proc/$!/comm) == sleep ]]; do :; done; kill -STOP $!"
    )
    (stopped,) = [p for p in below(sandbox) if p.cmdline() == ["sleep", "1000"]]
    eventually(lambda: stopped.status() == "stopped")
    sandbox.pause()
    SandboxSync.resume(sandbox.id, connection_config=sandbox.connection_config).close()
    assert sandbox.commands.run("echo 1").logs.stdout[0].text == "1"
    assert stopped.status() == "stopped"


def test_what_needs_another_state_is_refused_in_words(sandbox: SandboxSync) -> None:
    def resume() -> None:
        SandboxSync.resume(sandbox.id, connection_config=sandbox.connection_config).close()

    with pytest.raises(SandboxApiException, match="the sandbox is Running") as caught:
        resume()
    assert caught.value.status_code == 409
    sandbox.pause()
    with pytest.raises(SandboxApiException, match="the sandbox is Paused"):
        sandbox.pause()
    with pytest.raises(SandboxApiException, match="the sandbox is Paused"):
        sandbox.get_endpoint(44772)
    resume()


def test_a_paused_sandbox_is_killed_whole(server: LocalServer) -> None:
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        sandbox.commands.run("sleep 1000 &")
        sandbox.pause()
        sandbox.kill()
        assert not marked(sandbox.id)


def test_a_paused_sandbox_expires_at_the_time_that_it_was_given_meanwhile(
    server: LocalServer,
) -> None:
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        sandbox.pause()
        before = datetime.now(timezone.utc)
        sandbox.renew(timedelta(seconds=1))
        assert marked(sandbox.id)
        eventually(lambda: not marked(sandbox.id), 20)
        assert datetime.now(timezone.utc) - before > timedelta(seconds=0.9)


@pytest.mark.parametrize("victim", ["guard", "server"])
def test_a_paused_sandbox_ends_with_its_guard_and_its_server(
    tmp_path_factory: pytest.TempPathFactory, victim: str
) -> None:
    with own_scratch(tmp_path_factory) as scratch:
        sandbox: SandboxSync
        with clean_server(scratch, isolation="none") as server:
            sandbox = SandboxSync.create("x", connection_config=server.connection_config_sync)
            sandbox.commands.run("sleep 1000 &")
            sandbox.pause()
            if victim == "guard":
                guard_of(sandbox.id).kill()
                eventually(lambda: not marked(sandbox.id))
                eventually(lambda: sandbox.get_info().status.state == "Failed")
        assert not marked(sandbox.id)
        assert list(Path(scratch).iterdir()) == []
        sandbox.close()
