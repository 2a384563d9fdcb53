"""Java: jjava's messages made plain, and its kernel on the JDKs that are here."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from code_interpreter.execd.code.addresses import new_connection
from code_interpreter.execd.code.dialects.jjava import JJavaCell
from code_interpreter.execd.code.wire import Message
from code_interpreter.kernels.java.jdks import JJava, jdks
from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# As jjava 1.0a8 sent them.
_COMPILER = [
    '\x1b[39m\x1b[1m|   \x1b[39m\x1b[1mint q = \x1b[0m\x1b[39m\x1b[1m\x1b[41m"x"\x1b[0m',
    "\x1b[1m\x1b[31mincompatible types: java.lang.String cannot be converted to int\x1b[0m",
    "",
]
_SYMBOL = [
    "\x1b[39m\x1b[1m|   \x1b[39m\x1b[1m\x1b[41mthing\x1b[0m",
    "\x1b[1m\x1b[31mcannot find symbol\x1b[0m",
    "\x1b[1m\x1b[31m  symbol:   variable thing\x1b[0m",
    "",
]
_UNRESOLVED = "Attempt to use definition snippet with unresolved references in MethodSnippet:f"


def error_of(*messages: Message, interrupted: bool = False) -> dict[str, Any]:
    cell = JJavaCell("me", 0.0)
    for message in messages:
        if message.kind == "execute_reply":
            cell.on_reply(message, 1.0)
        else:
            assert cell.on_iopub(message, 1.0) == []
    event = json.loads(cell.verdict(9.0, interrupted=interrupted))
    assert event["type"] == "error", event
    error: dict[str, Any] = event["error"]
    return error


def failed(ename: Any, evalue: Any, traceback: Any = None, kind: str = "error") -> Message:
    content = {"ename": ename, "evalue": evalue, "traceback": traceback, "status": "error"}
    return Message(kind, "me", content)


@pytest.mark.parametrize(
    ("evalue", "name", "message"),
    [
        ("java.lang.ArithmeticException, / by zero", "java.lang.ArithmeticException", "/ by zero"),
        ("java.lang.RuntimeException, a, b: c\nd", "java.lang.RuntimeException", "a, b: c\nd"),
        ("java.lang.IllegalStateException, null", "java.lang.IllegalStateException", ""),
        ("REPL.$JShell$11$Mine, own", "Mine", "own"),
        ("REPL.$JShell$11B$Main$Mine, null", "Main$Mine", ""),
        ("java.lang.Error, no REPL.$JShell$7.Kind.A", "java.lang.Error", "no Kind.A"),
        (
            f"jdk.jshell.UnresolvedReferenceException: {_UNRESOLVED}",
            "jdk.jshell.UnresolvedReferenceException",
            _UNRESOLVED,
        ),
        ("of the kernel's own", "RuntimeException", "of the kernel's own"),
    ],
)
def test_an_exception_has_its_own_name_and_message(evalue: str, name: str, message: str) -> None:
    lines = ["\x1b[1m\x1b[31msome: thing\x1b[0m", "\x1b[1m\x1b[31m\tat .(#19:1)\x1b[0m"]
    error = error_of(failed("RuntimeException", evalue, lines))
    assert error == {"ename": name, "evalue": message, "traceback": lines}


def test_a_kernel_whose_port_is_taken_ends_at_once_and_says_so(short_path: Path) -> None:
    need_kernel("java")
    launch = asyncio.run(JJava().find("java", os.environ))
    file = short_path / "kernel.json"
    connection = new_connection(launch.transport, short_path)
    file.write_text(connection.file("java"))
    with socket.create_server(("127.0.0.1", connection.ports["shell"])):
        ended = subprocess.run(
            [part.replace("{connection_file}", str(file)) for part in launch.argv],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert "in use" in ended.stderr


def test_a_traceback_names_classes_as_the_user_does() -> None:
    lines = ["REPL.$JShell$3$Mine: own", "\tat .(#3:1)", "Caused by: REPL.$JShell$4B$Main$In: null"]
    error = error_of(failed("RuntimeException", "REPL.$JShell$3$Mine, own", lines))
    assert error["traceback"] == ["Mine: own", "\tat .(#3:1)", "Caused by: Main$In: null"]


@pytest.mark.parametrize(
    ("traceback", "message"),
    [
        (_COMPILER, "incompatible types: java.lang.String cannot be converted to int"),
        (_SYMBOL, "cannot find symbol\n  symbol:   variable thing"),
        ([], "[snippet: [int q], status: REJECTED]"),
    ],
)
def test_the_message_of_code_that_does_not_compile_is_the_compilers(
    traceback: list[str], message: str
) -> None:
    error = error_of(
        failed("CompilationException", "[snippet: [int q], status: REJECTED]", traceback)
    )
    assert (error["evalue"], error["traceback"]) == (message, traceback)


def test_a_reply_that_overtakes_the_broadcast_does_not_hide_it() -> None:
    reply = failed(
        "CompilationException", "x", ["org.dflib.jjava.Kernel(K.java:1)"], "execute_reply"
    )
    error = error_of(reply, failed("CompilationException", "x", _COMPILER))
    assert error["traceback"] == _COMPILER


@pytest.mark.parametrize("name", ["java.lang.InterruptedException", "java.lang.ThreadDeath"])
def test_what_an_interrupt_throws_is_an_interrupt_only_if_there_was_one(name: str) -> None:
    thrown = failed("RuntimeException", f"{name}, sleep interrupted")
    assert error_of(thrown, interrupted=True)["ename"] == "KeyboardInterrupt"
    assert error_of(thrown)["ename"] == name


def test_an_error_of_the_code_itself_outlives_an_interrupt() -> None:
    thrown = failed("RuntimeException", "java.io.IOException, gone")
    assert error_of(thrown, interrupted=True)["ename"] == "java.io.IOException"


@pytest.mark.parametrize("odd", [None, 5, "text", {"a": 1}, [None, {}]])
def test_an_error_of_any_shape_ends_a_run(odd: object) -> None:
    error_of(failed("CompilationException", odd, odd))
    error_of(failed(odd, odd, odd))


@pytest.fixture(scope="module")
def context(server: Server) -> Iterator[str]:
    """A context that the tests of this file share; nobody may leave it broken."""
    need_kernel("java")
    with server.context(language="java") as context_id:
        yield context_id


def value(server: Server, code: str, context: str) -> str:
    outcome = server.run(code, context)
    assert outcome.ok, outcome.last
    (result,) = outcome.results
    text: str = result["results"]["text"]
    return text


def test_the_issues_example_runs(server: Server, context: str) -> None:
    outcome = server.run(
        'System.out.println("Hello from Java!"); int result = 2 + 2; '
        'System.out.println("2 + 2 = " + result); result',
        context,
    )
    assert outcome.ok
    assert outcome.text() == "Hello from Java!\n2 + 2 = 4\n"
    assert outcome.results[0]["results"] == {"text": "4"}


@pytest.mark.parametrize(
    ("code", "text"),
    [("6 * 7", "42"), ('"a\\nb"', "a\nb"), ('java.util.Map.of("a", 1)', "{a=1}")],
)
def test_the_last_expressions_value_is_a_result(
    server: Server, context: str, code: str, text: str
) -> None:
    assert value(server, code, context) == text


def test_no_value_is_no_result(server: Server, context: str) -> None:
    outcome = server.run("int nothing = 1;", context)
    assert outcome.ok
    assert outcome.results == []


def test_state_lasts_from_run_to_run_and_over_errors(server: Server, context: str) -> None:
    server.run("int kept = 7; int twice(int n) { return 2 * n; }", context)
    server.run("int broken = ;", context)
    server.run("1 / 0", context)
    assert value(server, "twice(kept)", context) == "14"


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("1 / 0", "java.lang.ArithmeticException", "/ by zero"),
        ('throw new IllegalStateException("no")', "java.lang.IllegalStateException", "no"),
        ('int q = "x";', "CompilationException", "incompatible types"),
        ("missing(1)", "CompilationException", "cannot find symbol"),
        ("class A { int x", "IncompleteSourceException", "class A"),
    ],
)
def test_an_error_has_name_message_and_traceback_and_the_next_run_is_well(
    server: Server, context: str, code: str, name: str, message: str
) -> None:
    outcome = server.run(f'System.out.println("before");\n{code}', context)
    assert outcome.error["ename"] == name
    assert message in outcome.error["evalue"]
    assert outcome.error["traceback"]
    assert value(server, "1 + 1", context) == "2"


def test_streams_are_told_apart_and_characters_are_whole(server: Server, context: str) -> None:
    text = "é 日本 😀 [\x85] [\u2028]"
    outcome = server.run(f'System.out.print("{text}"); System.err.println("{text}");', context)
    assert (outcome.text(), outcome.text("stderr")) == (text, text + "\n")


def test_a_long_line_is_whole(server: Server, context: str) -> None:
    outcome = server.run('System.out.println("é".repeat(1_000_000));', context)
    assert outcome.text() == "é" * 1_000_000 + "\n"


@pytest.mark.parametrize("stream", ["out", "err"])
def test_every_line_of_a_loop_arrives_in_order(server: Server, context: str, stream: str) -> None:
    code = f'for (int i = 0; i < 100_000; i++) System.{stream}.println("日本 " + i);'
    outcome = server.run(code, context)
    assert outcome.ok
    assert outcome.text(f"std{stream}") == "".join(f"日本 {i}\n" for i in range(100_000))


def test_standard_input_is_at_its_end(server: Server, context: str) -> None:
    assert value(server, "System.in.read()", context) == "-1"


def test_it_starts_where_the_context_says(server: Server) -> None:
    need_kernel("java")
    with server.context(language="java", cwd="in java") as fresh:
        code = 'java.nio.file.Path.of("").toAbsolutePath()'
        assert value(server, code, fresh) == str(server.workdir / "in java")


@pytest.mark.parametrize(
    "code",
    [
        "Thread.sleep(600_000);",
        "synchronized (Object.class) { Object.class.wait(); }",
        "for (int i = 0; i < 1000; i++) Thread.sleep(100);",
    ],
)
def test_an_interrupt_ends_what_waits_and_keeps_the_state(
    server: Server, context: str, code: str
) -> None:
    server.run("int before = 5;", context)
    live = server.live(f'System.out.println("on");\n{code}', context)
    live.wait_for("stdout")
    assert server.interrupt(context).status_code == 200
    assert live.outcome().error["ename"] == "KeyboardInterrupt"
    assert value(server, "before", context) == "5"


def test_threads_that_a_cell_has_left_behind_print_into_the_next(
    server: Server, context: str
) -> None:
    code = """
var kept = System.out;
new Thread(() -> {
    try { Thread.sleep(200); } catch (InterruptedException e) {}
    kept.print("before, ");
    System.out.print("é, ");
    System.out.println("after");
    throw new IllegalStateException("late");
}).start();
"""
    assert server.run(code, context).kinds[-1] == "execution_complete"
    time.sleep(1)
    outcome = server.run('System.out.println("next");', context)
    assert sorted(outcome.text().split()) == ["after", "before,", "next", "é,"]
    assert 'Exception in thread "Thread-' in outcome.text("stderr")
    assert "java.lang.IllegalStateException: late" in outcome.text("stderr")


def test_output_of_child_processes_arrives_with_the_cell(server: Server, context: str) -> None:
    for number in range(20):
        command = f'new ProcessBuilder("sh", "-c", "echo {number}; echo é >&2")'
        outcome = server.run(f"{command}.inheritIO().start().waitFor();", context)
        assert (outcome.text(), outcome.text("stderr")) == (f"{number}\n", "é\n")


def jvms(server: Server) -> list[psutil.Process]:
    return [process for process in server.family() if "jjava" in str(process.cmdline())]


def test_an_exit_is_told_at_once_behind_the_last_words_and_the_next_run_has_a_fresh_kernel(
    start: StartServer,
) -> None:
    need_kernel("java")
    server = start()
    context = server.create(language="java")
    server.run("int lost = 1;", context)
    outcome = server.run('System.out.println("last words"); System.exit(3);', context)
    assert outcome.text() == "last words\n"
    assert outcome.error["ename"] == "KernelDied"
    assert "exit status 3" in outcome.error["evalue"]
    assert server.run("lost", context).error["ename"] == "CompilationException"
    assert value(server, "2 + 2", context) == "4"


def test_a_killed_kernel_ends_its_run_at_once(start: StartServer) -> None:
    need_kernel("java")
    server = start()
    context = server.create(language="java")
    live = server.live('System.out.println("on"); Thread.sleep(600_000);', context)
    live.wait_for("stdout")
    (jvm,) = jvms(server)
    jvm.kill()
    assert live.outcome(10).error["ename"] == "KernelDied"
    assert value(server, "2 + 2", context) == "4"


def test_contexts_are_apart_and_each_is_one_process_that_goes_with_it(start: StartServer) -> None:
    need_kernel("java")
    server = start()
    first, second = (server.create(language="java") for _ in range(2))
    server.run("int mine = 1;", first)
    assert server.run("mine", second).error["ename"] == "CompilationException"
    assert len(jvms(server)) == 2
    server.run('new ProcessBuilder("sleep", "600").start();', first)
    server.client.delete(f"/code/contexts/{first}")
    wait_until(lambda: len(jvms(server)) == 1)
    wait_until(lambda: "sleep" not in str([process.cmdline() for process in server.family()]))


def test_temporary_files_are_the_sandboxes(start: StartServer, tmp_path: Path) -> None:
    need_kernel("java")
    place = tmp_path / "tmp"
    place.mkdir()
    server = start(env={"TMPDIR": str(place)})
    context = server.create(language="java")
    code = 'java.io.File.createTempFile("abc", null).getParent()'
    assert value(server, code, context) == str(place)


def test_on_each_jdk_an_interrupted_loop_stops_for_good_or_its_kernel_is_replaced(
    start: StartServer,
) -> None:
    need_kernel("java")
    for jdk in jdks(os.environ):
        server = start(env={"JAVA_VERSION": jdk.version})
        context = server.create(language="java")
        assert value(server, 'System.getProperty("java.version")', context) == jdk.version
        server.run("int atTheTime = 5;", context)
        live = server.live("while (true) System.out.println(1);", context)
        live.wait_for("stdout")
        server.interrupt(context)
        error = live.outcome().error
        after = server.run("atTheTime", context)
        if jdk.number < (20,):
            assert error["ename"] == "KeyboardInterrupt"
            assert after.results[0]["results"]["text"] == "5"
            assert after.text() in {"", "\n", "1\n"}  # of the line that was being printed
        else:  # nothing can stop it
            assert error["ename"] == "KernelDied"
            assert "state of this context is lost" in error["evalue"]
            assert after.error["ename"] == "CompilationException"
        server.close()
