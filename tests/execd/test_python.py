"""Python cells run as scripts do, through a real execd."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import Server

pytestmark = pytest.mark.kernels

WAITING = {
    "sleep": "await asyncio.sleep(3600)",
    "queue": "await asyncio.Queue().get()",
    "thread": "await asyncio.to_thread(threading.Event().wait, 20)",
    "process": "await (await asyncio.create_subprocess_exec('sleep', '3600')).wait()",
    "gathered": "await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))",
    "busy": "async def busy():\n    while True: pass\nawait busy()",
    "busy task": "async def busy():\n    while True: pass\nawait asyncio.create_task(busy())",
    "cleans up": (
        "try:\n    await asyncio.sleep(3600)\nexcept asyncio.CancelledError:\n"
        "    print('cleaning')\n    await asyncio.sleep(3600)"
    ),
}


@pytest.fixture
def fresh(server: Server) -> Iterator[str]:
    """A context of the test's own."""
    with server.context() as context_id:
        yield context_id


def printed(server: Server, code: str, context_id: str) -> str:
    """Return what code prints that must not fail."""
    outcome = server.run(code, context_id)
    assert outcome.ok, outcome.events
    assert outcome.text("stderr") == ""
    return outcome.text()


@pytest.mark.slow
@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING.keys())
def test_an_interrupt_ends_a_cell_that_awaits(server: Server, context: str, waiting: str) -> None:
    printed(server, "import asyncio, threading\nkept = 7", context)
    for _ in range(2):
        live = server.live(f"print('going', flush=True)\n{waiting}", context)
        live.wait_for("stdout")
        server.interrupt(context)
        assert live.outcome().error["ename"] == "KeyboardInterrupt"
        assert printed(server, "print(kept)", context) == "7\n"


def test_a_cell_may_catch_its_cancellation(server: Server, context: str) -> None:
    code = (
        "import asyncio\nprint('going', flush=True)\ntry:\n    await asyncio.sleep(3600)\n"
        "except asyncio.CancelledError:\n    print('caught')"
    )
    live = server.live(code, context)
    live.wait_for("stdout")
    server.interrupt(context)
    outcome = live.outcome()
    assert (outcome.ok, outcome.text()) == (True, "going\ncaught\n")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("exit()", ""),
        ("quit()", ""),
        ("exit(3)", "3"),
        ("import sys; sys.exit(4)", "4"),
    ],
)
def test_exit_ends_the_cell_where_it_stands(
    server: Server, context: str, code: str, value: str
) -> None:
    printed(server, "kept = 7", context)
    outcome = server.run(f"print('before')\n{code}\nprint('after')", context)
    assert (outcome.text(), outcome.text("stderr")) == ("before\n", "")
    assert (outcome.error["ename"], outcome.error["evalue"]) == ("SystemExit", value)
    assert printed(server, "print(kept)", context) == "7\n"


@pytest.mark.parametrize(
    "code", ["import os\nos._exit(3)", "get_ipython().ask_exit()"], ids=["at once", "politely"]
)
def test_a_run_that_ends_its_kernel_says_so(server: Server, fresh: str, code: str) -> None:
    outcome = server.run(f"print('before', flush=True)\n{code}", fresh)
    assert outcome.text() == "before\n"
    assert outcome.error["ename"] == "KernelDied"
    assert server.run("1", fresh).ok


def test_standard_output_is_a_text_stream(server: Server, context: str) -> None:
    code = """
import codecs, io, sys
print("one")
sys.stdout.buffer.write("zw".encode() + "ß".encode()[:1])
sys.stdout.buffer.write("ß".encode()[1:] + b"\\n")
sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
print("three", sys.stdout.line_buffering, sys.stdout.errors)
wrapper = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
wrapper.write("four\\n")
wrapper.flush()
del wrapper
print("five")
codecs.getwriter("utf-8")(sys.stdout.buffer).write("six\\n")
_ = sys.stdout.buffer.write(b"\\xff\\n\\xc3")
"""
    expected = "one\nzwß\nthree True strict\nfour\nfive\nsix\n\ufffd\n\ufffd"
    assert printed(server, code, context) == expected


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="children are not forked there")
def test_lines_of_several_processes_come_whole(server: Server, context: str) -> None:
    code = """
import multiprocessing
def tell(number):
    for step in range(200):
        print("worker", number, "step", step, "of", 200)
with multiprocessing.get_context("fork").Pool(4) as pool:
    pool.map(tell, range(8), chunksize=1)
"""
    lines = printed(server, code, context).splitlines()
    expected = [f"worker {n} step {s} of 200" for n in range(8) for s in range(200)]
    assert sorted(lines) == sorted(expected)


def test_a_child_is_heard_before_what_its_parent_prints_next(server: Server, context: str) -> None:
    code = """
import os
for number in range(100):
    if (child := os.fork()) == 0:
        print("child", number, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("parent", number)
"""
    expected = [f"{who} {number}" for number in range(100) for who in ("child", "parent")]
    assert printed(server, code, context).splitlines() == expected


@pytest.mark.parametrize(
    ("ending", "status"),
    [("pass", 0), ("raise SystemExit(3)", 3), ("1/0", 1), ("exit('why')", 1)],
    ids=["end", "exit", "error", "message"],
)
def test_a_forked_child_ends_with_the_cell(
    server: Server, context: str, ending: str, status: int
) -> None:
    code = f"""
import os
print("before")
child = os.fork()
if child == 0:
    print("in the child")
    {ending}
else:
    print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    outcome = server.run(code, context)
    assert outcome.ok
    assert sorted(outcome.text().splitlines()) == ["before", "in the child", f"status {status}"]
    said = {"1/0": "ZeroDivisionError: division by zero\n", "exit('why')": "why\n"}.get(ending, "")
    assert outcome.text("stderr").endswith(said)
    assert bool(outcome.text("stderr")) == bool(said)
    number = int(printed(server, "print(child)", context))
    assert not psutil.pid_exists(number)


def test_children_get_the_sandboxes_environment(start: StartServer) -> None:
    server = start(env={"SOME": "thing"})
    foreign = ("MPLBACKEND", "JPY_", "PYDEVD_", "EXECD_", "CODE_INTERPRETER_", "FORCE_COLOR")
    code = """
import os, subprocess
names = {line.split("=")[0] for line in subprocess.getoutput("env").splitlines()}
print(*sorted(names | os.environ.keys()), sep="\\n")
"""
    for language, program in (("python", code), ("bash", "env | cut -d= -f1")):
        with server.context(language=language) as context_id:
            names = printed(server, program, context_id).splitlines()
        assert "SOME" in names
        given = {*os.environ} - {"MPLBACKEND"}  # by those who run the tests
        given.add("CODE_INTERPRETER_PACKAGES")  # which programs may use
        assert [name for name in names if name.startswith(foreign) and name not in given] == []


def test_commands_and_cells_have_the_kernels_own_programs(start: StartServer) -> None:
    server = start(env={"PATH": os.defpath})
    ask = "import sys; print(sys.executable)"
    with server.context() as python, server.context(language="bash") as bash:
        ours = printed(server, ask, python)
        for name in ("python", "python3"):
            command = f"{name} -c '{ask}'"
            assert printed(server, f"!{command}", python).split() == ours.split()
            assert printed(server, f"import os\n_ = os.system({command!r})", python) == ours
            assert printed(server, command, bash) == ours
            assert server.command(command).text() == ours.rstrip("\n")
        assert ours.strip() in server.command("cat $(command -v pip)").text()


def test_commands_have_the_node_that_cells_have(start: StartServer, tmp_path: Path) -> None:
    need_kernel("javascript")
    node = shutil.which("node")
    assert node is not None
    old, new = tmp_path / "node", tmp_path / ".nvm" / "versions" / "node" / "v99" / "bin" / "node"
    new.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\n[ $1 = --version ] && echo v12.0.0 || echo old\n")
    new.write_text(f'#!/bin/sh\nexec {node} "$@"\n')
    old.chmod(0o755)
    new.chmod(0o755)
    server = start(env={"PATH": f"{tmp_path}:{os.defpath}", "HOME": str(tmp_path)})
    assert server.command("node -p 1+1").text() == "2"


def test_matplotlib_alone_sees_where_to_draw(server: Server, fresh: str) -> None:
    code = """
import os, pathlib, subprocess
pathlib.Path("matplotlib.py").write_text("import os; seen = os.environ['MPLBACKEND']")
import matplotlib
pathlib.Path("matplotlib.py").unlink()
print(matplotlib.seen, os.environ.get("MPLBACKEND"))
"""
    assert printed(server, code, fresh) == "module://matplotlib_inline.backend_inline None\n"
