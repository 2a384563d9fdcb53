"""What code could use up of the machine: storage, memory, processes."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opensandbox import SandboxSync

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from code_interpreter.local.guard import storage
from code_interpreter.local.lifecycle.system import look
from tests.isolation.conftest import TIERS, need_box
from tests.local.lifecycle.support import eventually

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

FILLS = {
    "one file": "open('big', 'wb').write(b'x' * 60_000_000); time.sleep(60)",
    "many files": "for n in range(60): open(f'{n}', 'wb').write(b'x' * 1_000_000)\ntime.sleep(60)",
    "a removed file": (
        "f = open('big', 'wb', 0); os.unlink('big'); f.write(b'x' * 60_000_000); time.sleep(60)"
    ),
    "temporary files": (
        "f = tempfile.NamedTemporaryFile(); f.write(b'x' * 60_000_000); time.sleep(60)"
    ),
}


@pytest.fixture(scope="module", params=TIERS)
def server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    need_box(request.param)
    with LocalServer(isolation=request.param) as server:
        yield server


@pytest.mark.parametrize("code", FILLS.values(), ids=FILLS)
def test_a_sandbox_that_writes_more_than_it_may_ends_and_says_so(
    server: LocalServer, code: str
) -> None:
    with SandboxSync.create(
        "x",
        connection_config=server.connection_config_sync,
        resource={"ephemeral-storage": "40Mi"},
    ) as sandbox:
        assert "its files are limited to 40 MiB" in (sandbox.get_info().status.message or "")
        with CodeInterpreterSync.create(sandbox) as interpreter:
            with pytest.raises(Exception, match=r"."):
                interpreter.codes.run(f"import os, tempfile, time\n{code}")
            eventually(lambda: sandbox.get_info().status.state == "Failed")
            status = sandbox.get_info().status
            assert status.reason == "STORAGE_EXCEEDED"
            assert "more than its ephemeral-storage" in (status.message or "")
        sandbox.kill()


def test_a_fork_bomb_uses_up_its_own_processes_alone(server: LocalServer) -> None:
    with SandboxSync.create(
        "x", connection_config=server.connection_config_sync, resource={"pids": "150"}
    ) as sandbox:
        message = sandbox.get_info().status.message or ""
        if "the number of processes is not limited" in message:
            sandbox.kill()
            pytest.skip(message)
        assert "processes are limited to 150" in message
        bomb = """
import os, time
made = []
try:
    for _ in range(400):
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        made.append(pid)
except OSError as error:
    print("refused after", len(made), error.errno)
for pid in made:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"""
        with CodeInterpreterSync.create(sandbox) as interpreter:
            said = interpreter.codes.run(bomb).text
            assert said.startswith("refused after")
            assert 20 < int(said.split()[2]) < 150
            assert interpreter.codes.run("1 + 1").text == "2"
        sandbox.kill()


def test_memory_runs_out_for_the_sandbox_and_not_for_the_machine(server: LocalServer) -> None:
    if look().memory is None:
        pytest.skip("no control group that limits memory can be made here")
    with SandboxSync.create(
        "x", connection_config=server.connection_config_sync, resource={"memory": "300Mi"}
    ) as sandbox:
        with CodeInterpreterSync.create(sandbox) as interpreter:
            error = interpreter.codes.run("kept = [bytes([1]) * 2**24 for _ in range(60)]").error
            assert error is not None
            assert error.name in {"KernelDied", "MemoryError"}
            assert interpreter.codes.run("1 + 1").text == "2"
        sandbox.kill()


def test_a_box_has_limits_that_nobody_asked_for(server: LocalServer) -> None:
    with SandboxSync.create(
        "x", connection_config=server.connection_config_sync, resource={}
    ) as sandbox:
        message = sandbox.get_info().status.message or ""
        assert "its files are limited to 10240 MiB" in message
        assert "processes" in message
        sandbox.kill()


def test_what_files_take_is_measured_each_once_and_removed_ones_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    os.link(tmp_path / "a", tmp_path / "again")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "out").symlink_to("/usr")
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(10**9)
    removed = (tmp_path / "removed").open("wb", buffering=0)
    removed.write(b"x" * 2_000_000)
    (tmp_path / "removed").unlink()
    used = storage.measure(str(tmp_path), os.getpid())
    assert 3_000_000 <= used < 3_200_000
    removed.close()
    assert storage.measure(str(tmp_path), os.getpid()) < used - 1_900_000


def test_folders_that_go_while_they_are_measured_are_no_trouble(tmp_path: Path) -> None:
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            inner = tmp_path / "a" / "b"
            inner.mkdir(parents=True)
            (inner / "c").write_bytes(b"x")
            (inner / "c").unlink()
            inner.rmdir()
            inner.parent.rmdir()

    churning = threading.Thread(target=churn)
    churning.start()
    for _ in range(300):
        assert storage.measure(str(tmp_path), os.getpid()) < 100_000
    done.set()
    churning.join()
