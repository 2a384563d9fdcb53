"""Idle kernels: nobody can tell them from new ones, except by the clock."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

_WHO = "import os\nos.getpid()"
# Whatever a program can see of where and when its kernel was started.
_LOOK = """
import json, os, sys
print(json.dumps({
    "cwd": os.getcwd(), "PWD": os.environ["PWD"], "environment": dict(os.environ),
    "path": sys.path, "arguments": sys.argv[0], "names": sorted(globals()),
    "history": [In, Out, [str(folder) for folder in _dh], _, _i, _ii],
    "count": get_ipython().execution_count, "starting_dir": get_ipython().starting_dir,
    "parent": os.getppid(), "main": __name__, "modules": sorted(sys.modules),
}))
"""


def kernels(server: Server, count: int) -> list[int]:
    """The processes of all Python kernels, as soon as there are so many."""

    def running() -> list[int]:
        found = [p.pid for p in server.family() if "python_kernel.py" in " ".join(p.cmdline())]
        return found if len(found) == count else []

    found: list[int] = wait_until(running)
    return found


def settled(server: Server) -> int:
    """The process of the one kernel, when it has nothing to do any more."""
    (pid,) = kernels(server, 1)
    process = psutil.Process(pid)

    def still() -> bool:
        before = process.cpu_times()
        time.sleep(0.3)
        return process.cpu_times() == before

    wait_until(still)
    return pid


def who(server: Server, context_id: str) -> int:
    return int(server.run(_WHO, context_id).results[0]["results"]["text"])


def test_a_new_context_takes_the_idle_kernel_and_another_is_started(start: StartServer) -> None:
    server = start()
    (waiting,) = kernels(server, 1)
    assert who(server, server.create()) == waiting
    assert waiting in kernels(server, 2)


@pytest.mark.parametrize("cwd", ["", "deep/below"])
def test_nothing_tells_an_idle_kernel_from_a_new_one(start: StartServer, cwd: str) -> None:
    server = start()
    (waiting,) = kernels(server, 1)
    contexts = [server.create(cwd=cwd), server.create(cwd=cwd)]
    outcomes = [server.run(_LOOK, context_id) for context_id in contexts]
    seen = [json.loads(outcome.text()) for outcome in outcomes]
    pids = [who(server, context_id) for context_id in contexts]
    assert pids[0] == waiting
    assert pids[1] != waiting
    assert seen[0] == seen[1]
    assert seen[0]["cwd"] == seen[0]["PWD"] == str(server.workdir / cwd).rstrip("/")
    for outcome in outcomes:
        assert [e["execution_count"] for e in outcome.events if "execution_count" in e] == [1]
    assert "NameError" in server.run("__file__", contexts[0]).error["ename"]


def test_an_idle_kernel_that_died_is_never_handed_out(start: StartServer) -> None:
    server = start()
    (waiting,) = kernels(server, 1)
    os.kill(waiting, signal.SIGKILL)
    outcome = server.run("import os\nos.getpid()", server.create())
    assert outcome.ok
    assert outcome.text("stderr") == ""
    assert outcome.results[0]["results"]["text"] != str(waiting)


def test_an_idle_kernel_that_hangs_is_replaced_by_a_new_one(start: StartServer) -> None:
    server = start()
    waiting = settled(server)
    os.kill(waiting, signal.SIGSTOP)
    assert who(server, server.create()) != waiting
    wait_until(lambda: waiting not in [process.pid for process in server.family()])


def test_a_kernel_older_than_an_installed_package_is_not_handed_out(
    start: StartServer, tmp_path: Path
) -> None:
    server = start(env={"PYTHONUSERBASE": str(tmp_path / "user")})
    waiting = settled(server)
    server.command("mkdir -p $(python -m site --user-site)")
    assert who(server, server.create()) != waiting
    wait_until(lambda: waiting not in [process.pid for process in server.family()])


def test_the_default_context_takes_the_idle_kernel_too(start: StartServer) -> None:
    server = start()
    (waiting,) = kernels(server, 1)
    outcome = server.request("/code", {"code": _WHO, "context": {"language": "python"}})
    assert outcome.results[0]["results"]["text"] == str(waiting)


def test_the_environment_and_an_argument_say_how_many_are_kept(start: StartServer) -> None:
    variable = {"CODE_INTERPRETER_IDLE_KERNELS": "2"}
    assert len(kernels(start(env=variable), 2)) == 2
    server = start("--idle-kernels", "0", env=variable)
    assert server.run("1", server.create()).ok
    kernels(server, 1)  # that of the context alone


def test_what_is_no_number_of_idle_kernels_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "code_interpreter.execd", "--port", "0"],
        check=False,
        env={
            **os.environ,
            "EXECD_ACCESS_TOKEN": "a token",
            "CODE_INTERPRETER_IDLE_KERNELS": "few",
        },
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert "'few' is no number (CODE_INTERPRETER_IDLE_KERNELS)" in refused.stderr


def test_deleting_all_contexts_leaves_the_idle_kernel_and_the_end_takes_it(
    start: StartServer,
) -> None:
    server = start()
    server.run("1", server.create())
    kernels(server, 2)
    server.client.delete("/code/contexts", params={"language": "python"})
    kernels(server, 1)
    server.close()
    assert server.family() == []
