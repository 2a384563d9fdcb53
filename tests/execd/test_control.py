"""What stops a run, and what a run that was stopped leaves behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
import zmq

from code_interpreter.execd.code.addresses import CHANNELS, Connection
from code_interpreter.execd.code.available import Languages
from code_interpreter.execd.code.channels import Channels
from code_interpreter.execd.code.contexts import Contexts
from code_interpreter.execd.code.exchange import Patience
from code_interpreter.execd.code.kernel import Kernel, Kernels
from code_interpreter.execd.code.pipes import Pipes
from code_interpreter.execd.code.pool import Pool
from code_interpreter.execd.host.programs import Programs
from code_interpreter.execd.runs.running import Run
from code_interpreter.execd.runs.spool import Spool
from code_interpreter.kernels.python.pythons import Pythons
from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import TOKEN, Server, wait_until

T = TypeVar("T")

pytestmark = pytest.mark.kernels


async def read(run: Run) -> bytes:
    """All events of a run."""
    data, last = b"", False
    while not last:
        piece = await run.spool.take(asyncio.get_running_loop().time() + 30)
        assert piece is not None
        data, last = data + piece.data, piece.last
    return data


def test_an_interrupt_by_the_runs_id_keeps_the_state(server: Server, context: str) -> None:
    server.run("kept = 1", context)
    live = server.live("import time\nprint('start')\ntime.sleep(30)", context)
    live.wait_for("stdout")
    assert server.interrupt(live.events[0]["text"]).status_code == 200
    outcome = live.outcome(5)
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert outcome.text() == "start\n"
    assert server.run("kept", context).results[0]["results"]["text"] == "1"


def test_an_interrupt_by_the_contexts_id_stops_a_busy_loop(server: Server, context: str) -> None:
    live = server.live("print('start', flush=True)\nwhile True: pass", context)
    live.wait_for("stdout")
    assert server.interrupt(context).status_code == 200
    assert live.outcome(5).error["ename"] == "KeyboardInterrupt"


def test_an_interrupt_at_any_moment_stops_the_run(server: Server, context: str) -> None:
    for _ in range(10):
        live = server.live("import time; time.sleep(30)", context)
        wait_until(lambda: live.events)  # noqa: B023 - called here only
        assert server.interrupt(live.events[0]["text"]).status_code == 200
        assert live.outcome(4).error["ename"] == "KeyboardInterrupt"
    assert server.run("1 + 1", context).ok


def test_an_interrupt_reaches_the_children_of_the_cell(server: Server, context: str) -> None:
    live = server.live("import subprocess\nsubprocess.run(['sleep', '30'])", context)
    wait_until(lambda: any(p.name() == "sleep" for p in server.family()))
    server.interrupt(context)
    assert live.outcome(5).error["ename"] == "KeyboardInterrupt"
    wait_until(lambda: not any(p.name() == "sleep" for p in server.family()))


def test_a_run_can_be_interrupted_before_its_kernel_is_ready(start: StartServer) -> None:
    server = start("--idle-kernels", "0")
    with server.context() as fresh:
        live = server.live("1", fresh)
        wait_until(lambda: live.events)
        server.interrupt(live.events[0]["text"])
        assert live.outcome(3).error["ename"] == "KeyboardInterrupt"
        assert server.run("1", fresh).ok


def test_a_run_that_has_ended_cannot_be_interrupted(server: Server, context: str) -> None:
    ended = server.run("1", context).run_id
    live = server.live("import time; time.sleep(0.5); 'whole'", context)
    answer = server.interrupt(ended)
    assert answer.status_code == 500
    assert answer.json() == {
        "code": "RUNTIME_ERROR",
        "message": "error interruptting code context. no such session",
    }
    assert live.outcome().ok


def test_interrupting_an_idle_context_does_nothing(server: Server, context: str) -> None:
    server.run("1", context)
    assert server.interrupt(context).status_code == 200
    assert server.run("1", context).ok


def test_interrupting_nobody_is_an_error(server: Server) -> None:
    assert server.interrupt("nope").status_code == 500
    answer = server.client.delete("/code")
    assert (answer.status_code, answer.json()["code"]) == (400, "MISSING_QUERY")


LATE_ANSWER = """
import asyncio, os, pathlib, signal, time
kernel = get_ipython().kernel
answer = kernel.control_handlers["interrupt_request"]

async def answer_late(stream, ident, parent):
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(1)
    pathlib.Path("answered").touch()
    kernel.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

kernel.control_handlers["interrupt_request"] = answer_late
pathlib.Path("on").touch()
time.sleep(60)
"""


def test_a_run_ends_when_its_kernel_has_answered_the_interrupt(short_path: Path) -> None:
    ports = {name: number for number, name in enumerate(CHANNELS, 1)}
    connection = Connection("ipc", str(short_path / "kernel"), ports, "secret")
    file = short_path / "kernel.json"
    file.write_text(connection.file("python"))

    async def scenario(channels: Channels) -> bytes:
        await asyncio.wrap_future(channels.ready)
        ended = asyncio.Event()
        run = Run("run", LATE_ANSWER, spool=Spool(), on_end=lambda _: ended.set())
        assert channels.execute(run)
        await asyncio.to_thread(wait_until, (short_path / "on").exists)
        channels.interrupt(run)
        await ended.wait()
        assert (short_path / "answered").exists()
        return await read(run)

    launch = asyncio.run(Pythons().find("python", {}))
    command = [part.replace("{connection_file}", str(file)) for part in launch.argv]
    with zmq.Context() as context, subprocess.Popen(command, cwd=short_path) as kernel:
        channels = Channels(
            connection,
            context=context,
            pipes=Pipes({}),
            streams_are_output=False,
            signal=None,
            kill=kernel.kill,
            patience=Patience(),
        )
        channels.start()
        try:
            assert b"KeyboardInterrupt" in asyncio.run(scenario(channels))
        finally:
            kernel.kill()
            channels.process_exited("killed")
            channels.join()


LATE_IDLE = """
import time
kernel, kept = get_ipython().kernel, 1
publish = kernel._publish_status

def publish_late(status, *args, **kwargs):
    for number in range(60 if status == "idle" else 0):
        print(number, flush=True)
        time.sleep(0.1)
    publish(status, *args, **kwargs)

kernel._publish_status = publish_late
print("on", flush=True)
time.sleep(60)
"""


def test_a_kernel_that_has_stopped_is_kept_however_late_its_output_comes(server: Server) -> None:
    with server.context() as fresh:
        live = server.live(LATE_IDLE, fresh)
        live.wait_for("stdout")
        server.interrupt(fresh)
        outcome = live.outcome(15)
        assert outcome.error["ename"] == "KeyboardInterrupt"
        assert outcome.text() == "on\n" + "".join(f"{number}\n" for number in range(60))
        server.run("kernel._publish_status = publish", fresh)
        assert server.run("kept", fresh).results[0]["results"]["text"] == "1"


def test_code_that_swallows_the_interrupt_loses_its_kernel(server: Server) -> None:
    with server.context() as fresh:
        live = server.live(
            "kept = 1\nwhile True:\n    try:\n        print('on', flush=True)\n"
            "        while True: pass\n    except KeyboardInterrupt: pass",
            fresh,
        )
        live.wait_for("stdout")
        server.interrupt(fresh)
        error = live.outcome(15).error
        assert error["ename"] == "KernelDied"
        assert "did not stop" in error["evalue"]
        assert "state of this context is lost" in error["evalue"]
        assert server.run("kept", fresh).error["ename"] == "NameError"


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; print('last words'); os._exit(7)", "exit status 7"),
        ("import ctypes; print('last words', flush=True); ctypes.string_at(0)", "signal: seg"),
        ("import os, signal; print('last words'); os.kill(os.getpid(), 9)", "signal: killed"),
    ],
)
def test_a_dead_kernel_ends_the_run_at_once_and_the_next_gets_a_new_one(
    server: Server, code: str, how: str
) -> None:
    with server.context() as fresh:
        server.run("kept = 1", fresh)
        started = time.monotonic()
        outcome = server.run(code, fresh)
        assert time.monotonic() - started < 5
        assert outcome.error["ename"] == "KernelDied"
        assert how in outcome.error["evalue"]
        assert "state of this context is lost" in outcome.error["evalue"]
        again = server.run("kept", fresh)
        assert again.error["ename"] == "NameError"
        assert again.text("stderr") == ""


def test_a_crash_of_the_interpreter_says_where(server: Server) -> None:
    with server.context() as fresh:
        code = "import ctypes\ndef crash():\n  ctypes.string_at(0)\ncrash()"
        outcome = server.run(code, fresh)
        assert outcome.error["ename"] == "KernelDied"
        said = outcome.text("stderr")
        assert said.startswith("Fatal Python error: Segmentation fault")
        assert "line 3 in crash" in said


def test_flushed_output_of_a_dying_kernel_is_not_lost(server: Server) -> None:
    with server.context() as fresh:
        outcome = server.run(
            "import os, sys, time\nprint('x' * 5_000_000)\nprint('end')\nsys.stdout.flush()\n"
            "time.sleep(0.2)\nos._exit(1)",
            fresh,
        )
        assert len(outcome.text()) == 5_000_001 + 4
        assert outcome.error["ename"] == "KernelDied"


def test_a_kernel_that_died_between_runs_is_replaced_with_a_word(server: Server) -> None:
    with server.context() as fresh:
        pid = int(server.run("import os; os.getpid()", fresh).results[0]["results"]["text"])
        os.kill(pid, 9)
        wait_until(lambda: not psutil.pid_exists(pid))
        outcome = server.run("1", fresh)
        assert outcome.ok
        assert "While nothing ran, the kernel died (signal: killed)" in outcome.text("stderr")


def test_what_a_kernel_said_before_it_died_between_runs_comes_with_the_next(
    server: Server,
) -> None:
    code = """
import os, threading, time

def end():
    time.sleep(0.5)
    print("last words", flush=True)
    time.sleep(0.2)
    os._exit(3)

threading.Thread(target=end).start()
os.getpid()
"""
    with server.context() as fresh:
        pid = int(server.run(code, fresh).results[0]["results"]["text"])
        wait_until(lambda: not psutil.pid_exists(pid))
        outcome = server.run("1", fresh)
        assert outcome.ok
        assert outcome.text() == "last words\n"
        assert "the kernel died (exit status 3)" in outcome.text("stderr")


def test_a_kernel_that_comes_to_life_while_its_run_begins_is_the_one_that_runs_it(
    short_path: Path,
) -> None:
    async def scenario(zmq_context: "zmq.Context[zmq.Socket[bytes]]") -> tuple[bytes, bool]:
        programs = Programs(short_path / "bin")
        env = dict(os.environ)
        languages = Languages(env, programs)
        kernels = Kernels(short_path, env, programs, context=zmq_context)
        pool = Pool(kernels, languages, short_path, size=0)
        contexts = Contexts(languages, pool, short_path)
        context = await contexts.create("python", None)
        run = await contexts.reserve("1 + 1", context_id=context.id, language=None)
        starting = context.starting
        assert starting is not None
        while not starting.done():  # noqa: ASYNC110 - to be here in the very moment
            await asyncio.sleep(0)
        contexts.begin(run)  # the context has not been told of its kernel yet
        seen = await read(run)
        kernel = starting.result()
        mine = context.kernel is kernel
        kernel.kill()
        await asyncio.to_thread(wait_until, lambda: not kernel.alive)
        return seen, mine

    zmq_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    seen, mine = asyncio.run(scenario(zmq_context))
    zmq_context.term()
    assert b'"stderr"' not in seen
    assert mine


def started(
    short_path: Path, language: str, patience: Patience, scenario: Callable[[Kernel], Awaitable[T]]
) -> T:
    """What comes of a kernel that is started in this process."""
    zmq_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    async def main() -> T:
        programs = Programs(short_path / "bin")
        env = dict(os.environ)
        languages = Languages(env, programs)
        kernels = Kernels(short_path, env, programs, context=zmq_context, patience=patience)
        launch = await languages.launch(language)
        kernel = await kernels.start(launch, language=language, cwd=short_path)
        try:
            return await scenario(kernel)
        finally:
            kernel.kill()
            await asyncio.to_thread(wait_until, lambda: not kernel.alive)

    made = asyncio.run(main())
    zmq_context.term()
    return made


def test_a_kernel_that_hears_nothing_any_more_ends_its_run(short_path: Path) -> None:
    async def scenario(kernel: Kernel) -> bytes:
        run = Run("run", "1 + 1", spool=Spool(), on_end=lambda _: None)
        os.kill(kernel.pid, signal.SIGSTOP)
        assert kernel.execute(run)
        return await read(run)

    seen = started(short_path, "python", Patience(take_up=0.5, stop=0.5), scenario)
    assert b"the code was not taken up within 0.5 s" in seen


@pytest.mark.parametrize("password", [None, b"guessed"])
def test_who_has_no_password_neither_hears_nor_disturbs_a_kernel_on_loopback(
    short_path: Path, password: bytes | None
) -> None:
    need_kernel("java")

    async def scenario(kernel: Kernel) -> bytes:
        file = json.loads((short_path / "1" / "kernel.json").read_text())
        with zmq.Context() as strange:
            listener, speaker = strange.socket(zmq.SUB), strange.socket(zmq.DEALER)
            for one, port in ((listener, "iopub_port"), (speaker, "shell_port")):
                one.setsockopt(zmq.LINGER, 0)
                if password is not None:
                    one.setsockopt(zmq.PLAIN_USERNAME, b"execd")
                    one.setsockopt(zmq.PLAIN_PASSWORD, password)
                one.connect(f"tcp://127.0.0.1:{file[port]}")
            listener.setsockopt(zmq.SUBSCRIBE, b"")
            # A signature that is wrong ends the thread of jjava's that listens.
            speaker.send_multipart([b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"{}"])
            await asyncio.sleep(1)
            run = Run("run", 'System.out.println("secret");', spool=Spool(), on_end=lambda _: None)
            assert kernel.execute(run)
            seen = await read(run)
            assert listener.poll(500) == 0
            for one in (listener, speaker):
                one.close()
        return seen

    seen = started(short_path, "java", Patience(take_up=10), scenario)
    assert b"secret" in seen
    assert b"execution_complete" in seen


def test_a_busy_context_says_so_before_any_stream(server: Server, context: str) -> None:
    live = server.live("import time; time.sleep(1)", context)
    answer = server.client.post("/code", json={"code": "2", "context": {"id": context}})
    assert answer.status_code == 500
    assert answer.json() == {
        "code": "RUNTIME_ERROR",
        "message": "error running codes session is busy",
    }
    assert live.outcome().ok
    assert server.run("2", context).ok


def test_a_context_is_free_when_its_run_has_been_read(server: Server, context: str) -> None:
    for _ in range(100):
        assert server.run("1", context).ok


def test_contexts_run_side_by_side_and_know_nothing_of_each_other(server: Server) -> None:
    with server.context() as one, server.context() as two, ThreadPoolExecutor() as pool:
        list(pool.map(server.run, ["x = 1", "x = 2"], [one, two]))
        meets = (
            "import pathlib, time\n"
            "pathlib.Path('{}').touch()\n"
            "while not pathlib.Path('{}').exists(): time.sleep(0.01)"
        )
        cells = [meets.format("one", "two"), meets.format("two", "one")]
        assert all(outcome.ok for outcome in pool.map(server.run, cells, [one, two]))
        answers = [server.run("x", each).results[0]["results"]["text"] for each in (one, two)]
        assert answers == ["1", "2"]


def test_a_client_that_goes_away_interrupts_its_run(server: Server, context: str) -> None:
    mark = server.workdir / "interrupted"
    body = json.dumps(
        {
            "code": "import time\nfrom pathlib import Path\ntry:\n    print('on', flush=True)\n"
            "    time.sleep(30)\nexcept KeyboardInterrupt:\n"
            f"    Path({str(mark)!r}).touch()\n    raise",
            "context": {"id": context},
        }
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"POST /code HTTP/1.1\r\nhost: localhost\r\nx-execd-access-token: {TOKEN}\r\n"
        connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        seen = b""
        while b'"on' not in seen:
            seen += connection.recv(65536)
    wait_until(mark.exists, timeout=5)
    wait_until(lambda: not is_busy(server, context), timeout=5)
    assert server.run("1 + 1", context).ok


def is_busy(server: Server, context_id: str) -> bool:
    answer = server.client.post("/code", json={"code": "1", "context": {"id": context_id}})
    return answer.status_code == 500


def test_deleting_a_context_ends_its_run_and_all_its_processes(server: Server) -> None:
    doomed = server.create()
    live = server.live(
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "print(child.pid, flush=True)\ntime.sleep(30)",
        doomed,
    )
    child = int(live.wait_for("stdout")["text"])
    assert server.client.delete(f"/code/contexts/{doomed}").status_code == 200
    assert live.outcome(3).error["ename"] == "ContextDeleted"
    wait_until(lambda: not psutil.pid_exists(child), timeout=5)
    assert server.client.get(f"/code/contexts/{doomed}").status_code == 404


def test_a_context_that_is_started_anew_keeps_its_id_and_its_directory(
    server: Server, tmp_path: Path
) -> None:
    with server.context(cwd=str(tmp_path)) as context:
        live = server.live("import time\nkept = 1\nprint(1, flush=True)\ntime.sleep(30)", context)
        live.wait_for("stdout")
        body = {"language": "python", "id": context}
        made = server.client.post("/code/context", json=body)
        assert made.json() == {"id": context, "language": "python", "cwd": str(tmp_path)}
        assert live.outcome(3).error["ename"] == "ContextRestarted"
        outcome = server.run("import os\nprint('kept' in globals(), os.getcwd())", context)
        assert outcome.text() == f"False {tmp_path}\n"


def test_a_default_context_that_is_started_anew_is_one_still(server: Server) -> None:
    default = {"code": "kept=1", "context": {"language": "bash"}}
    assert server.request("/code", default).ok
    [context] = [each["id"] for each in server.client.get("/code/contexts?language=bash").json()]
    again = {"language": "bash", "id": context}
    assert server.client.post("/code/context", json=again).status_code == 200
    outcome = server.request("/code", {**default, "code": 'echo "[$kept]"'})
    assert outcome.text() == "[]\n"
    assert len(server.client.get("/code/contexts?language=bash").json()) == 1
    server.client.delete("/code/contexts?language=bash")


def test_a_context_is_started_anew_in_its_own_language_and_only_if_there_is_one(
    server: Server,
) -> None:
    with server.context() as context:
        wrong = server.client.post("/code/context", json={"language": "bash", "id": context})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_REQUEST_BODY")
        assert server.run("1", context).ok
    gone = server.client.post("/code/context", json={"language": "python", "id": context})
    assert (gone.status_code, gone.json()["code"]) == (404, "CONTEXT_NOT_FOUND")


def test_a_context_can_be_deleted_while_its_kernel_starts(server: Server) -> None:
    doomed = server.create()
    live = server.live("1", doomed)
    assert server.client.delete(f"/code/contexts/{doomed}").status_code == 200
    assert live.outcome(3).error["ename"] == "ContextDeleted"


def test_kernels_leave_no_files(server: Server) -> None:
    with server.context() as fresh:
        file = server.run("from ipykernel import get_connection_file as f; f()", fresh)
        path = Path(file.results[0]["results"]["text"].strip("'"))
        assert path.exists()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    wait_until(lambda: not path.parent.exists())
