"""A box is no hindrance: what works without one works in one."""

import os
from collections.abc import Iterator

import pytest
from opensandbox import SandboxSync

from code_interpreter import CodeInterpreterSync, Outcome
from code_interpreter.events import Stdout
from code_interpreter.local import LocalServer
from tests.execd.needs import need_kernel
from tests.isolation.conftest import boxed, need_box

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    with boxed("namespaces") as interpreter:
        yield interpreter


LANGUAGES = {
    "python": "print(6 * 7)",
    "bash": "echo $((6 * 7))",
    "javascript": "console.log(6 * 7)",
    "typescript": "const answer: number = 6 * 7; console.log(answer)",
    "java": "System.out.println(6 * 7);",
    "go": "%%\nfmt.Println(6 * 7)",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_runs(interpreter: CodeInterpreterSync, language: str) -> None:
    need_kernel(language)
    execution = interpreter.codes.run(LANGUAGES[language], language=language)
    assert (execution.text.strip(), execution.outcome) == ("42", Outcome.OK)


def test_all_that_is_printed_comes_out(interpreter: CodeInterpreterSync) -> None:
    text = interpreter.codes.run("for n in range(20): print(str(n % 10) * 999_999)").text
    assert text == "".join(f"{str(n % 10) * 999_999}\n" for n in range(20)).rstrip("\n")


def test_a_run_is_interrupted_and_keeps_its_state(interpreter: CodeInterpreterSync) -> None:
    interpreter.codes.run("kept = 1")
    stream = interpreter.codes.stream("import time; print('on', flush=True); time.sleep(60)")
    with stream as events:
        for event in events:
            if isinstance(event, Stdout):
                interpreter.codes.interrupt(stream.execution)
    assert stream.execution.outcome is Outcome.INTERRUPTED
    assert interpreter.codes.run("kept").text == "1"


def test_files_and_commands_share_its_workspace(interpreter: CodeInterpreterSync) -> None:
    sandbox = interpreter.sandbox
    sandbox.files.write_file("/sandbox/work/note", "from outside")
    assert interpreter.codes.run("open('note').read()").text == "'from outside'"
    interpreter.codes.run("open('made', 'w').write('from inside')")
    assert sandbox.files.read_file("/sandbox/work/made") == "from inside"
    said = sandbox.commands.run("pwd; cat made; echo; id -u").logs.stdout
    uid = "60613" if os.geteuid() == 0 else str(os.geteuid())
    assert [line.text for line in said] == ["/sandbox/work", "from inside", uid]


def test_processes_share_memory_and_semaphores(interpreter: CodeInterpreterSync) -> None:
    code = """
import multiprocessing as mp
with mp.get_context("fork").Pool(2) as pool:
    print(sum(pool.map(abs, range(10))))
"""
    assert interpreter.codes.run(code).raise_for_error().text == "45"


def test_limits_hold_in_a_box_and_its_status_says_what_it_is() -> None:
    need_box("namespaces")
    with LocalServer(isolation="namespaces") as server:
        config = server.connection_config_sync
        with SandboxSync.create(
            "x", connection_config=config, resource={"memory": "300Mi"}
        ) as sandbox:
            message = sandbox.get_info().status.message or ""
            assert "in a box of its own (namespaces), whose network is what is public" in message
            with CodeInterpreterSync.create(sandbox) as interpreter:
                assert interpreter.codes.run("len(bytearray(20 << 20))").ok
                error = interpreter.codes.run("len(bytearray(500 << 20))").error
                assert error is not None
                assert error.name in {"KernelDied", "MemoryError"}
                assert interpreter.codes.run("1 + 1").text == "2"
            sandbox.kill()
