"""SIGKILL for each of the processes above a sandbox: nothing of the sandbox is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.execd import RunCommandOpts

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from tests.execd.needs import need_kernel
from tests.local.lifecycle.support import (
    eventually,
    execd_of,
    guard_of,
    leftovers,
    marked,
    program,
    read_until,
)

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# Inside C code that holds the interpreter's lock, ipykernel does not notice that its parent died;
# nor does it send the output of a moment before.
DEAF = "print('deaf soon')\nimport time\ntime.sleep(0.5)\nsum(range(10**12))"
PROGRAM = f"""
import threading, time
from opensandbox import SandboxSync
from opensandbox.models.execd_sync import ExecutionHandlersSync
from code_interpreter import CodeInterpreterSync
from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer

def start_kernel(sandbox):
    handlers = ExecutionHandlersSync(on_stdout=lambda _: print("id", sandbox.id, flush=True))
    CodeInterpreterSync.create(sandbox).codes.run({DEAF!r}, handlers=handlers)

with LocalServer() as server:
    config = server.connection_config_sync
    for _ in range(2):
        sandbox = SandboxSync.create("x", connection_config=config)
        threading.Thread(target=start_kernel, args=(sandbox,), daemon=True).start()
    time.sleep(60)
"""
TIMES = range(int(os.environ.get("KILL_9_TIMES", "3")))
DAEMON = "(setsid sleep 600 >/dev/null 2>&1 &) ; echo done"


def daemonize(sandbox: SandboxSync) -> None:
    """Have a daemon in the sandbox, and hold that it runs."""
    sandbox.commands.run(DAEMON)
    eventually(lambda: any(_is_sleep(process) for process in marked(sandbox.id)))


def start_kernel(sandbox: SandboxSync, sleepers: int = 2) -> None:
    """Have a Python kernel in the sandbox, which a daemon of its own leaves behind."""
    execd = sandbox.get_endpoint(44772)
    code = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)"
    answer = httpx.post(
        f"http://{execd.endpoint}/code",
        json={"code": code, "context": {"language": "python"}},
        headers=execd.headers,
        timeout=30,
    )
    assert "execution_complete" in answer.text
    # The daemon of the kernel, and as a rule one of a shell.
    eventually(lambda: sum(map(_is_sleep, marked(sandbox.id))) == sleepers)


def kernels(sandbox_id: str) -> list[psutil.Process]:
    """The kernels of a sandbox."""
    return [p for p in marked(sandbox_id) if any("kernel.json" in part for part in p.cmdline())]


def _is_sleep(process: psutil.Process) -> bool:
    try:
        return process.name() == "sleep"
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs setsid(1)")
@pytest.mark.parametrize("victim", [execd_of, guard_of], ids=["execd", "guard"])
@pytest.mark.parametrize("_time", TIMES)
def test_kill_9_of_one_sandbox_takes_it_along_and_no_other(
    server: LocalServer, scratch: Path, victim: Callable[[str], psutil.Process], _time: int
) -> None:
    config = server.connection_config_sync
    with (
        SandboxSync.create("x", connection_config=config) as first,
        SandboxSync.create("x", connection_config=config) as second,
    ):
        daemonize(first)
        start_kernel(first)
        victim(first.id).kill()
        eventually(lambda: not marked(first.id) and len(leftovers(scratch)) == 1)
        assert second.is_healthy()


@pytest.mark.parametrize("victim", [execd_of, guard_of], ids=["execd", "guard"])
def test_kill_9_takes_a_busy_node_along(
    server: LocalServer, scratch: Path, victim: Callable[[str], psutil.Process]
) -> None:
    need_kernel("javascript")
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        execd = sandbox.get_endpoint(44772)
        body = {"code": "console.log(1); while (true) {}", "context": {"language": "javascript"}}
        with httpx.stream(
            "POST", f"http://{execd.endpoint}/code", json=body, headers=execd.headers, timeout=30
        ) as answer:
            assert any("stdout" in line for line in answer.iter_lines())
            (node,) = (p for p in marked(sandbox.id) if p.name().startswith("node"))
            victim(sandbox.id).kill()
            eventually(lambda: not node.is_running() and not marked(sandbox.id))
        eventually(lambda: not leftovers(scratch))


@pytest.mark.skipif(sys.platform != "linux", reason="needs setsid(1)")
@pytest.mark.parametrize("victim", [execd_of, guard_of], ids=["execd", "guard"])
@pytest.mark.parametrize(
    ("language", "kernel", "code"),
    [
        ("java", "jjava", 'new ProcessBuilder("setsid", "sleep", "600").start();'),
        ("go", "gonb", '%%\nexec.Command("setsid", "sleep", "600").Start()'),
    ],
    ids=["java", "go"],
)
def test_kill_9_takes_kernels_along_that_do_not_notice_it(
    server: LocalServer,
    scratch: Path,
    *,
    victim: Callable[[str], psutil.Process],
    language: str,
    kernel: str,
    code: str,
) -> None:
    need_kernel(language)
    config = server.connection_config_sync
    with (
        SandboxSync.create("x", connection_config=config) as sandbox,
        CodeInterpreterSync.create(sandbox) as interpreter,
    ):
        assert interpreter.codes.run(code, language=language).ok
        eventually(lambda: any(map(_is_sleep, marked(sandbox.id))))
        assert any(kernel in str(process.cmdline()) for process in kernels(sandbox.id))
        victim(sandbox.id).kill()
        eventually(lambda: not marked(sandbox.id) and not leftovers(scratch))


ENDS: dict[str, Callable[[LocalServer, SandboxSync], object]] = {
    "killed": lambda _, sandbox: sandbox.kill(),
    "expired": lambda _, sandbox: sandbox.renew(timedelta(seconds=1)),
    "its server stopped": lambda server, _: server.stop(),
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs setsid(1)")
@pytest.mark.parametrize("end", ENDS)
def test_descendants_go_however_a_sandbox_ends(
    server: LocalServer, scratch: Path, end: str
) -> None:
    config = server.connection_config_sync
    with SandboxSync.create("x", connection_config=config, timeout=None) as sandbox:
        daemonize(sandbox)
        start_kernel(sandbox)
        sandbox.commands.run("sleep 600", opts=RunCommandOpts(background=True))
        family = [guard_of(sandbox.id), *guard_of(sandbox.id).children(recursive=True)]
        assert len(family) >= 6
        ENDS[end](server, sandbox)
        eventually(lambda: not any(process.is_running() for process in family), 15)
        assert marked(sandbox.id) == []
        eventually(lambda: not leftovers(scratch))


@pytest.mark.skipif(sys.platform != "linux", reason="needs setsid(1)")
def test_kill_9_of_a_kernel_takes_its_group_along_and_its_daemons_go_with_the_sandbox(
    bare_server: LocalServer, scratch: Path
) -> None:
    config = bare_server.connection_config_sync
    with (
        SandboxSync.create("x", connection_config=config) as sandbox,
        CodeInterpreterSync.create(sandbox) as interpreter,
    ):
        start_kernel(sandbox, sleepers=1)
        started = interpreter.codes.run(
            "import os, subprocess; child = subprocess.Popen(['sleep', '600']); "
            "print(os.getpid(), child.pid)"
        )
        kernel, child = map(psutil.Process, map(int, started.text.split()))
        kernel.kill()
        eventually(lambda: not child.is_running())
        assert interpreter.codes.run("1 + 1").text == "2"
        assert sum(map(_is_sleep, marked(sandbox.id))) == 1
        sandbox.kill()
        assert marked(sandbox.id) == []
    assert leftovers(scratch) == []


def test_kill_9_of_execd_leaves_none_of_its_files_wherever_temporary_files_go(
    bare_server: LocalServer, scratch: Path, tmp_path: Path
) -> None:
    config = bare_server.connection_config_sync
    variables = {"TMPDIR": str(tmp_path)}
    with (
        SandboxSync.create("x", connection_config=config, env=variables) as sandbox,
        CodeInterpreterSync.create(sandbox) as interpreter,
    ):
        code = "import tempfile; tempfile.gettempdir()"
        assert interpreter.codes.run(code).text == repr(str(tmp_path))
        execd_of(sandbox.id).kill()
        eventually(lambda: not marked(sandbox.id) and not leftovers(scratch))
    assert list(tmp_path.glob("execd-*")) == []


@pytest.mark.parametrize("_time", TIMES)
def test_kill_9_of_a_server_takes_its_sandboxes_along(scratch: Path, _time: int) -> None:
    with program("-m", "code_interpreter.cli", "serve", "--port", "0") as server:
        config = ConnectionConfigSync(
            domain=read_until(server, "export OPEN_SANDBOX_DOMAIN="),
            api_key=read_until(server, "export OPEN_SANDBOX_API_KEY="),
        )
        with (
            SandboxSync.create("x", connection_config=config) as first,
            SandboxSync.create("x", connection_config=config) as second,
        ):
            if sys.platform == "linux":
                daemonize(first)
            start_kernel(first)
            server.kill()
            eventually(lambda: not marked(first.id) and not marked(second.id))
            eventually(lambda: not leftovers(scratch))


@pytest.mark.parametrize("_time", TIMES)
def test_kill_9_of_a_program_takes_its_sandboxes_along(scratch: Path, _time: int) -> None:
    with program("-c", PROGRAM) as process:
        ids = [read_until(process, "id "), read_until(process, "id ")]
        assert all(map(kernels, ids))
        process.kill()
        eventually(lambda: not any(map(marked, ids)) and not leftovers(scratch))


def test_children_of_the_program_do_not_keep_sandboxes_alive(scratch: Path) -> None:
    started = "import subprocess; subprocess.Popen(['sleep', '30'], close_fds=False)"
    code = PROGRAM.replace("    time.sleep(60)", f"    {started}\n    time.sleep(60)")
    with program("-c", code) as process:
        ids = [read_until(process, "id "), read_until(process, "id ")]
        eventually(lambda: any(map(_is_sleep, psutil.Process(process.pid).children())))
        (child,) = filter(_is_sleep, psutil.Process(process.pid).children())
        process.kill()
        try:
            eventually(lambda: not any(map(marked, ids)) and not leftovers(scratch))
            assert child.is_running()
        finally:
            child.kill()


def test_a_stopped_guard_does_not_hold_up_the_end(server: LocalServer, scratch: Path) -> None:
    config = server.connection_config_sync
    with SandboxSync.create("x", connection_config=config) as sandbox:
        guard_of(sandbox.id).send_signal(signal.SIGSTOP)
        sandbox.kill()
        assert marked(sandbox.id) == []
        assert leftovers(scratch) == []


def test_kill_9_of_the_execd_command_takes_its_processes_along(scratch: Path) -> None:
    with program("-m", "code_interpreter.cli", "execd", "--port", "0") as command:
        read_until(command, "X-EXECD-ACCESS-TOKEN:")
        family = psutil.Process(command.pid).children(recursive=True)
        assert len(family) >= 2
        command.kill()
        eventually(lambda: not any(process.is_running() for process in family))
        eventually(lambda: not leftovers(scratch))


def test_the_guard_needs_nothing_but_its_arguments() -> None:
    # It starts without site-packages: an import of ours at its top would break every sandbox.
    code = "import sys; sys.argv = ['x']; import runpy; runpy.run_path(sys.orig_argv[-1])"
    path = str(Path(sys.modules["code_interpreter.local.guard.guard"].__file__ or ""))
    subprocess.run([sys.executable, "-I", "-S", "-c", code, path], check=True)
