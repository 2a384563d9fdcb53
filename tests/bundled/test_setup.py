"""Our runtime in sandboxes of a cluster that has nothing of it: how it gets there."""

import asyncio
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import httpx
import pytest
from opensandbox import Sandbox, SandboxSync
from opensandbox.models.execd import RunCommandOpts

from code_interpreter import (
    BundledRuntime,
    CodeInterpreter,
    CodeInterpreterSync,
    InvalidArgumentError,
    RuntimeSetupError,
    SetupProgress,
)
from code_interpreter._bundled.package import archive, requirements
from code_interpreter._bundled.talk import state_path
from code_interpreter._version import __version__
from tests.bundled.conftest import StandInSandbox, StandInSandboxSync
from tests.support.standin import Settings, StandIn
from tests.support.standin.box import pyenv

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap needs Linux"),
]

QUICK = Settings(uv=True, pip=False)
HOME = "/root/.cache/code-interpreter"
ROUNDS = int(os.environ.get("CODE_INTERPRETER_TEST_ROUNDS", "2"))

# Each kills nothing but what it names, in a sandbox, whose processes are all that it sees.
FIND = """
import os, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        line = open(f"/proc/{pid}/cmdline").read().split("\\0")
    except OSError:
        continue
    is_python = "python" in line[0] and pid != str(os.getpid())
    if is_python and any(sys.argv[1] in word for word in line[1:4]):
        print(pid)
"""
DAEMON = "execd.process import main"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the runtime depends on, for Python 3.13, and pip."""
    folder = tmp_path_factory.mktemp("wheels")
    asked = requirements_here()
    command = [str(pyenv("3.13") / "bin/python"), "-m", "pip", "download", "--quiet"]
    subprocess.run([*command, "--dest", str(folder), "pip", *asked], check=True)
    return folder


def requirements_here() -> list[str]:
    return requirements(requires("opensandbox-code-interpreter") or ())


@pytest.fixture(scope="module")
def sandbox(standin_sandbox_sync: StandInSandboxSync) -> Iterator[SandboxSync]:
    """A sandbox in which the runtime is, for tests that leave it so."""
    with standin_sandbox_sync(QUICK) as made:
        create(made).close()
        yield made


def create(sandbox: SandboxSync, **options: Any) -> CodeInterpreterSync:
    return CodeInterpreterSync.create(sandbox, runtime=BundledRuntime(**options))


def answer(interpreter: CodeInterpreterSync, code: str) -> str | None:
    """Run code in a context of its own; return its value's text."""
    context = interpreter.codes.create_context("python")
    try:
        execution = interpreter.codes.run(code, context=context)
        execution.raise_for_error()
        return execution.main_result.text if execution.main_result else None
    finally:
        interpreter.codes.delete_context(context.id or "")


def said(sandbox: SandboxSync, *argv: str) -> list[str]:
    """Run a command that succeeds; return its lines, whatever the daemon loses."""
    for folder in ("/dev/shm", "/srv/data"):
        command = f"[ -w {folder} ] && {shlex.join(argv)} >{folder}/said"
        if sandbox.commands.run(command).error is None:
            return sandbox.files.read_file(f"{folder}/said").splitlines()
    raise AssertionError(f"{argv} failed")


def until(sandbox: SandboxSync, command: str) -> None:
    """Wait until a command succeeds."""
    deadline = time.monotonic() + 60
    while sandbox.commands.run(command).error is not None:
        assert time.monotonic() < deadline, command


def processes(sandbox: SandboxSync, marked: str) -> list[str]:
    """Return the pids, inside, of a sandbox's processes with this among their first arguments."""
    return said(sandbox, "python3", "-c", FIND, marked)


def daemons(sandbox: SandboxSync) -> list[str]:
    return processes(sandbox, DAEMON)


def state_of(sandbox: SandboxSync, home: str = HOME) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(sandbox.files.read_file(state_path(home)))
    return state


def named(settings: Settings) -> str:
    usual = asdict(Settings())
    return ",".join(f"{k}={v}" for k, v in asdict(settings).items() if v != usual[k])


@pytest.mark.parametrize(
    "settings",
    [
        Settings(python="3.13", uv=True, pip=False),
        Settings(python="3.10", uv=True, pip=False, root=False),
        Settings(python="3.13", root=False),
        Settings(python="3.10"),
        Settings(python="system", uv=True, pip=False),
        Settings(uv=True, pip=False, writable="/srv/data", root=False),
        Settings(writable="/srv/data"),
        Settings(uv=True, pip=False, lost="last"),
        Settings(uv=True, pip=False, lost="some"),
    ],
    ids=named,
)
def test_it_is_set_up_from_nothing(
    standin_sandbox_sync: StandInSandboxSync, settings: Settings
) -> None:
    steps: list[SetupProgress] = []
    with standin_sandbox_sync(settings) as sandbox:
        users = said(sandbox, "python3", "-c", "import sys; print(sys.prefix)")
        before = said(sandbox, "python3", "-m", "pip", "list") if settings.pip else []
        with create(sandbox, on_progress=steps.append) as interpreter:
            assert {"python", "bash"} <= {*(interpreter.runtime.languages or ())}
            assert interpreter.runtime.name == "bundled"
            assert interpreter.runtime.version == __version__
            assert interpreter.runtime.why == "it was installed now"
            execution = interpreter.codes.run("for n in range(5000): print(n)\nn")
            assert execution.text == "\n".join(map(str, [*range(5000), 4999]))
            assert execution.main_result is not None
            base = answer(interpreter, "import sys; print(sys.version_info[:2]); sys.base_prefix")
            assert base == repr(users[0])
            shell = interpreter.codes.run("echo whole; false || echo too", language="bash")
            assert shell.text == "whole\ntoo"
        # The user's own packages are as they were.
        if settings.pip:
            assert said(sandbox, "python3", "-m", "pip", "list") == before
        again: list[SetupProgress] = []
        with create(sandbox, on_progress=again.append) as interpreter:
            assert interpreter.runtime.why == "it ran already"
            assert answer(interpreter, "6 * 7") == "42"
    assert [one.step for one in steps] == ["look", "send", "install", "start"]
    assert {one.step for one in again} <= {"look"}


def test_it_is_installed_from_wheels_where_no_index_is(
    standin_sandbox_sync: StandInSandboxSync, wheels: Path
) -> None:
    # Neither pip nor uv: the wheel of pip has to do.
    for settings in (Settings(pip=False, index=False), Settings(uv=True, pip=False, index=False)):
        with standin_sandbox_sync(settings) as sandbox:
            with create(sandbox, wheels=wheels) as interpreter:
                assert answer(interpreter, "import zmq; zmq.__name__") == "'zmq'"
            left = said(sandbox, "find", HOME, "-name", "*.whl", "-o", "-name", "*.zip")
            assert left == []


def test_code_sees_the_packages_of_the_sandbox_and_installs_none_into_it(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    with standin_sandbox_sync(Settings(uv=True, root=False)) as sandbox, create(sandbox) as one:
        assert answer(one, "import importlib.util as u; u.find_spec('tqdm')") is None
        said(sandbox, "python3", "-m", "pip", "install", "--quiet", "--user", "tqdm")
        # In a kernel that runs, and in a new one.
        assert answer(one, "import tqdm; tqdm.__name__") == "'tqdm'"
        assert one.codes.run("import tqdm; tqdm.__name__").text == "'tqdm'"
        with pytest.raises(Exception, match="No module named 'code_interpreter'"):
            answer(one, "import code_interpreter")


def test_a_sandbox_without_an_installer_is_told_of(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    with standin_sandbox_sync(Settings(pip=False)) as sandbox:
        with pytest.raises(
            RuntimeSetupError, match=r"no uv, and its Python .* has no pip"
        ) as caught:
            create(sandbox)
        assert caught.value.step == "install"
        assert "wheels" in caught.value.cure


def test_an_index_out_of_reach_is_told_of(standin_sandbox_sync: StandInSandboxSync) -> None:
    with standin_sandbox_sync(replace(QUICK, index=False)) as sandbox:
        with pytest.raises(RuntimeSetupError, match="uv pip install ended with") as caught:
            create(sandbox)
        assert caught.value.step == "install"
        assert caught.value.output
        assert "index" in caught.value.cure


def test_a_sandbox_without_python_is_told_of_and_auto_takes_its_own_daemon(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    with standin_sandbox_sync(Settings(python=None)) as sandbox:
        with pytest.raises(RuntimeSetupError, match="no Python") as caught:
            create(sandbox)
        assert caught.value.step == "look"
        with CodeInterpreterSync.create(
            sandbox, runtime="auto", skip_health_check=True
        ) as interpreter:
            assert interpreter.runtime.name == "native"
            assert interpreter.runtime.languages is None
            assert "no Python" in interpreter.runtime.why


def test_auto_takes_ours_where_it_can_be_had(sandbox: SandboxSync) -> None:
    with CodeInterpreterSync.create(sandbox, runtime="auto") as interpreter:
        assert interpreter.runtime.name == "bundled"
        assert answer(interpreter, "1 + 1") == "2"


def test_native_stays_the_default_and_runs_nothing(sandbox: SandboxSync) -> None:
    with CodeInterpreterSync.create(sandbox, skip_health_check=True) as interpreter:
        assert interpreter.runtime.name == "native"


def test_a_wrong_runtime_is_refused_before_anything_is_sent(sandbox: SandboxSync) -> None:
    with pytest.raises(InvalidArgumentError, match="runtime"):
        CodeInterpreterSync.create(sandbox, runtime="ours")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_the_token_is_made_per_sandbox_and_only_its_user_reads_it(
    sandbox: SandboxSync, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    state = state_of(sandbox)
    with create(sandbox) as interpreter:
        assert answer(interpreter, "1") == "1"
        assert (
            interpreter.codes.run("import os; 'EXECD_ACCESS_TOKEN' in os.environ").text == "False"
        )
    assert said(sandbox, "stat", "-c", "%a %u", state_path(HOME)) == ["600 0"]
    assert said(sandbox, "stat", "-c", "%a", HOME) == ["700"]
    assert len(state["token"]) >= 32
    assert state["token"] not in caplog.text
    endpoint = sandbox.get_endpoint(state["port"])
    url = f"http://{endpoint.endpoint}/code/contexts"
    headers = {**endpoint.headers, "X-CODE-INTERPRETER-TOKEN": state["token"]}
    assert httpx.get(url, headers=headers).status_code == 200
    assert httpx.get(url, headers=endpoint.headers).status_code == 401
    wrong = {**headers, "X-CODE-INTERPRETER-TOKEN": state["token"][:-1] + "!"}
    assert httpx.get(url, headers=wrong).status_code == 401


def test_it_works_by_the_clusters_proxy(standin: StandIn, sandbox: SandboxSync) -> None:
    road = standin.connection_sync().model_copy(update={"use_server_proxy": True})
    with (
        SandboxSync.connect(sandbox.id, connection_config=road) as same,
        create(same) as interpreter,
    ):
        assert answer(interpreter, "2 + 2") == "4"


def test_what_it_ends_is_its_own_though_a_cluster_marks_all(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    with standin_sandbox_sync(QUICK, {"OPENSANDBOX_SANDBOX_ID": "of the cluster"}) as sandbox:
        begun = sandbox.commands.run("exec sleep 701", opts=RunCommandOpts(background=True))
        with create(sandbox) as interpreter:
            interpreter.codes.run("sleep 702 & echo", language="bash")
        said(sandbox, "kill", str(state_of(sandbox)["pid"]))
        create(sandbox).close()
        assert begun.id is not None
        assert sandbox.commands.get_command_status(begun.id).running
        assert sandbox.commands.run("pgrep -f 'sleep 702$'").error is not None


def test_a_daemon_that_was_killed_is_started_anew(standin_sandbox_sync: StandInSandboxSync) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        with create(sandbox) as interpreter:
            interpreter.codes.run("sleep 700 & echo", language="bash")
        first = state_of(sandbox)
        assert daemons(sandbox) == [str(first["pid"])]
        said(sandbox, "kill", "-9", str(first["pid"]))
        with create(sandbox) as interpreter:
            assert interpreter.runtime.why == "it was installed already"
            assert answer(interpreter, "3") == "3"
            # Nothing of the first is left.
            assert sandbox.commands.run("pgrep -f 'sleep 700$'").error is not None
            assert len(said(sandbox, "ls", f"{HOME}/scratch")) == 1
        # One that is there and does not answer is ended.
        second = state_of(sandbox)
        said(sandbox, "kill", "-STOP", str(second["pid"]))
        with create(sandbox) as interpreter:
            assert answer(interpreter, "4") == "4"
        assert state_of(sandbox)["pid"] != second["pid"]
        assert len(daemons(sandbox)) == 1


KILL = FIND.replace("print(pid)", "os.kill(int(pid), 9); killed.append(pid)")
KILLER = f"""
import glob, time
killed = []
while not killed:
    while not glob.glob("{HOME}/MOMENT"):
        time.sleep(0.001)
{textwrap.indent(KILL.replace("sys.argv[1]", "'zlib.decompress'"), "    ")}
print(*killed)
"""


@pytest.mark.parametrize("moment", ["*/env/bin/python", "daemon-*.json"])
def test_it_goes_on_after_a_kill_in_the_middle(
    standin_sandbox_sync: StandInSandboxSync, moment: str
) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        killer = sandbox.commands.run(
            shlex.join(["python3", "-c", KILLER.replace("MOMENT", moment)]),
            opts=RunCommandOpts(background=True),
        )
        with create(sandbox) as interpreter:
            assert answer(interpreter, "'whole'") == "'whole'"
        assert killer.id is not None
        assert sandbox.commands.get_command_status(killer.id).exit_code == 0
        assert daemons(sandbox) == [str(state_of(sandbox)["pid"])]


RACE = """
import sys
from opensandbox import SandboxSync
from code_interpreter import CodeInterpreterSync
with SandboxSync.connect(sys.argv[1]) as sandbox:
    sys.stdin.readline()
    with CodeInterpreterSync.create(sandbox, runtime="bundled") as interpreter:
        context = interpreter.codes.create_context("python")
        print(interpreter.codes.run("import os; 6 * 7", context=context).text)
"""


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_processes_that_come_at_once_get_one_daemon(
    standin: StandIn, standin_sandbox_sync: StandInSandboxSync
) -> None:
    for _ in range(ROUNDS):
        with standin_sandbox_sync(QUICK) as sandbox:
            racers = [
                subprocess.Popen(
                    [sys.executable, "-c", RACE, sandbox.id],
                    env={**os.environ, **standin.environment, "OPEN_SANDBOX_PROTOCOL": "http"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for _ in range(2)
            ]
            answers = [racer.communicate("go\n", timeout=60) for racer in racers]
            assert [out for out, _ in answers] == ["42\n", "42\n"], answers
            assert daemons(sandbox) == [str(state_of(sandbox)["pid"])]


@pytest.mark.anyio
async def test_tasks_that_come_at_once_get_one_daemon(standin_sandbox: StandInSandbox) -> None:
    async def one(sandbox: Sandbox) -> str:
        async with await CodeInterpreter.create(sandbox, runtime="bundled") as interpreter:
            context = await interpreter.codes.create_context("python")
            return (await interpreter.codes.run("6 * 7", context=context)).text

    async with standin_sandbox(QUICK) as sandbox:
        assert await asyncio.gather(*(one(sandbox) for _ in range(4))) == ["42"] * 4
        found = await sandbox.commands.run(shlex.join(["python3", "-c", FIND, DAEMON]))
        assert len(found.logs.stdout) == 1


@pytest.mark.anyio
async def test_whoever_does_not_wait_leaves_a_set_up_that_goes_on(
    standin_sandbox: StandInSandbox,
) -> None:
    async with standin_sandbox(QUICK) as sandbox:
        begun = asyncio.Event()
        task = asyncio.ensure_future(
            CodeInterpreter.create(
                sandbox, runtime=BundledRuntime(on_progress=lambda _: begun.set())
            )
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with await CodeInterpreter.create(sandbox, runtime="bundled") as interpreter:
            assert (await interpreter.codes.run("6 * 7")).text == "42"


def test_an_exception_of_the_callback_reaches_the_caller(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(progress: SetupProgress) -> None:
        if progress.step == "install":
            raise Enough

    with standin_sandbox_sync(QUICK) as sandbox, pytest.raises(Enough):
        create(sandbox, on_progress=stop)


def test_a_set_up_that_takes_too_long_says_so(standin_sandbox_sync: StandInSandboxSync) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        said(sandbox, "mkdir", "-p", "-m", "700", HOME)
        sandbox.commands.run(
            f"exec flock {HOME}/lock sleep 600", opts=RunCommandOpts(background=True)
        )
        until(sandbox, f"! flock -n {HOME}/lock true")
        with pytest.raises(RuntimeSetupError, match="start_timeout"):
            create(sandbox, start_timeout=timedelta(seconds=3))


def test_port_home_and_python_are_those_that_were_asked_for(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        said(sandbox, "ln", "-s", "/opt/python/bin/python3", "/workspace/mine")
        options = {"home": "/workspace/runtime", "port": 45123, "python": "/workspace/mine"}
        with create(sandbox, **options) as interpreter:
            assert answer(interpreter, "1") == "1"
        assert state_of(sandbox, "/workspace/runtime")["port"] == 45123
        # Another home is another runtime, whose port is taken then.
        with pytest.raises(RuntimeSetupError, match="already in use") as caught:
            create(sandbox, home="/workspace/other", port=45123)
        assert caught.value.step == "start"
        with create(sandbox, home="/workspace/other") as interpreter:
            assert answer(interpreter, "2") == "2"


def test_a_port_that_is_taken_is_passed_by(standin_sandbox_sync: StandInSandboxSync) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        sandbox.commands.run(
            "exec python3 -m http.server 44790 --bind 0.0.0.0", opts=RunCommandOpts(background=True)
        )
        connect = "import socket; socket.create_connection(('127.0.0.1', 44790))"
        until(sandbox, shlex.join(["python3", "-c", connect]))
        with create(sandbox) as interpreter:
            assert answer(interpreter, "1") == "1"
        assert state_of(sandbox)["port"] != 44790


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_languages_that_are_asked_for_are_installed(
    standin_sandbox_sync: StandInSandboxSync,
) -> None:
    settings, nothing = replace(QUICK, languages=True), {"JUPYTER_DATA_DIR": "/root/jupyter"}
    steps: list[SetupProgress] = []
    with standin_sandbox_sync(settings, nothing) as sandbox:
        with create(sandbox) as interpreter:
            assert interpreter.runtime.languages == ("bash", "python")
        # The daemon that runs has them then.
        with create(sandbox, languages=["js"], on_progress=steps.append) as interpreter:
            assert interpreter.runtime.languages == ("bash", "javascript", "python", "typescript")
            assert interpreter.codes.run("6 * 7", language="javascript").text == "42"
        assert "languages" in {one.step for one in steps}


def test_a_language_that_cannot_be_had_is_told(sandbox: SandboxSync) -> None:
    with pytest.raises(RuntimeSetupError, match="Go") as caught:
        create(sandbox, languages=["go"])
    assert caught.value.step == "languages"


def test_the_archive_is_sent_once(standin_sandbox_sync: StandInSandboxSync) -> None:
    with standin_sandbox_sync(QUICK) as sandbox:
        create(sandbox).close()
        version = f"{__version__}-{archive(None).digest[:16]}"
        found = said(sandbox, "sh", "-c", f"ls {HOME}")
        assert version in found
        assert not [name for name in found if name.endswith(".zip")]
