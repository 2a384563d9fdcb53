"""Go: gonb's messages made plain, and its kernel with the Go that is here."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from code_interpreter.execd.code.dialects.gonb import GonbCell
from code_interpreter.execd.code.wire import Message
from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# As Go 1.26 and gonb 0.11.3 sent them.
_PANIC = """\
panic: boom
\tline 2

goroutine 1 [running]:
main.main()
\t \x1b[7m[[ Cell [6] Line 2 ]]\x1b[0m /tmp/gonb_8b065db7/main.go:14 +0x65
"""
_NIL = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a80af]

goroutine 1 [running]:
main.main()
"""
_DEADLOCK = """\
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
"""
_UNUSED = (
    "Cell[9]: Line 2\n\nfunc main() {\n\tflag.Parse()\nx := 1\n^\n\n}\n\ndeclared and not used: x"
)


def stderr(text: str, **more: Any) -> Message:
    return Message("stream", "me", {"name": "stderr", "text": text, **more})


def ended(how: str) -> Message:
    return stderr(f"{how}\n", exit=True)


def failed(evalue: Any, traceback: Any) -> Message:
    return Message("error", "me", {"ename": "ERROR", "evalue": evalue, "traceback": traceback})


def fold(*messages: Message, interrupted: bool = False) -> tuple[str, dict[str, Any]]:
    """What is on stderr, and the last event."""
    cell = GonbCell("me", 0.0)
    events = [json.loads(frame) for message in messages for frame in cell.on_iopub(message, 1.0)]
    cell.on_reply(Message("execute_reply", "me", {"status": "ok"}), 1.0)
    last = json.loads(cell.verdict(9.0, interrupted=interrupted))
    return "".join(event["text"] for event in events), last


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (_PANIC, "panic", "boom\n\tline 2"),
        (_NIL, "panic", "runtime error: invalid memory address or nil pointer dereference"),
        (_DEADLOCK, "fatal error", "all goroutines are asleep - deadlock!"),
        (f"panic: not one\n{_PANIC}", "panic", "boom\n\tline 2"),
    ],
)
def test_a_panic_is_an_error_and_its_text_stays_on_stderr(
    text: str, name: str, message: str
) -> None:
    pieces = [stderr(piece) for piece in text.partition(": ")]
    printed, last = fold(stderr("before\n"), *pieces, ended("exit status 2"))
    assert printed == f"before\n{text}"
    assert (last["error"]["ename"], last["error"]["evalue"]) == (name, message)
    traceback = "\n".join(last["error"]["traceback"]) + "\n"
    assert traceback.startswith(f"{name}: ")
    assert text.endswith(traceback)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", "exit status 3"),
        ("panic: said the program\n", "exit status 2"),
        (_PANIC, "exit status 3"),
        ("", "signal: killed"),
    ],
)
def test_any_other_bad_end_is_an_error_too(text: str, how: str) -> None:
    printed, last = fold(stderr(text), ended(how))
    assert printed == text
    assert last["error"] == {"ename": "ExitError", "evalue": how, "traceback": [how]}


def test_only_the_kernels_own_word_tells_of_a_bad_end() -> None:
    printed, last = fold(stderr(_PANIC), stderr("exit status 2\n"))
    assert printed == f"{_PANIC}exit status 2\n"
    assert last["type"] == "execution_complete"


def test_a_panic_behind_much_output_is_found() -> None:
    flood = [stderr("line of output\n") for _ in range(20_000)]
    printed, last = fold(*flood, stderr(_PANIC), ended("exit status 2"))
    assert printed == "line of output\n" * 20_000 + _PANIC
    assert last["error"]["ename"] == "panic"
    assert len(last["error"]["traceback"]) == _PANIC.count("\n")


def test_an_end_of_another_cell_is_not_ours() -> None:
    cell = GonbCell("other", 0.0)
    cell.on_iopub(ended("exit status 1"), 1.0)
    assert b"execution_complete" in cell.verdict(9.0, interrupted=False)


@pytest.mark.parametrize(
    ("evalue", "traceback", "message"),
    [
        (
            "# gonb_a0c18b06\n./main.go:10:1: declared and not used: x\n",
            ["# gonb_a0c18b06", _UNUSED, ""],
            "Cell[9]: Line 2: declared and not used: x",
        ),
        (
            "# gonb_a0c18b06\n./main.go:10:1: not enough arguments\n\thave ()\n\twant (int)\n",
            [
                "# gonb_a0c18b06",
                "Cell Line 2\nf()\n^\n\nnot enough",
                "\thave ()",
                "\twant (int)",
                "",
            ],
            "Cell Line 2: not enough\n\thave ()\n\twant (int)",
        ),
        (
            'failed to run "/usr/local/go/bin/go get": exit status 1\n\nno such package\n',
            ['failed to run "/usr/local/go/bin/go get": exit status 1', "", "no such package", ""],
            'failed to run "/usr/local/go/bin/go get": exit status 1\nno such package',
        ),
    ],
)
def test_what_a_build_says_is_the_errors_message(
    evalue: str, traceback: list[str], message: str
) -> None:
    _, last = fold(failed(evalue, traceback))
    assert (last["error"]["ename"], last["error"]["evalue"]) == ("CompileError", message)
    assert last["error"]["traceback"] == [
        item for item in traceback if item and not item.startswith("#")
    ]


def test_an_error_of_the_kernels_own_commands_is_no_compile_error() -> None:
    _, last = fold(failed('`%cd "/x"` failed', ['`%cd "/x"` failed']))
    assert last["error"]["ename"] == "GonbError"


@pytest.mark.parametrize(
    "message",
    [ended("^C\nsignal: interrupt"), ended("signal: killed"), failed("", [""])],
    ids=["program", "deaf program", "build"],
)
def test_what_an_interrupt_ends_is_an_interrupt(message: Message) -> None:
    assert fold(message, interrupted=True)[1]["error"]["ename"] == "KeyboardInterrupt"
    assert fold(message)[1]["error"]["ename"] in {"ExitError", "GonbError"}


def test_a_program_that_fails_by_itself_outlives_an_interrupt() -> None:
    _, last = fold(ended("exit status 1"), interrupted=True)
    assert last["error"]["ename"] == "ExitError"


@pytest.mark.parametrize("odd", [None, 5, "text", {"a": 1}, [None, {}]])
def test_an_error_of_any_shape_ends_a_run(odd: object) -> None:
    assert fold(failed(odd, odd))[1]["type"] == "error"


@pytest.fixture(scope="module")
def context(server: Server) -> Iterator[str]:
    """A context that the tests of this file share; nobody may leave it broken."""
    need_kernel("go")
    with server.context(language="go") as context_id:
        yield context_id


def names(server: Server) -> set[str]:
    """Of all of its processes, many of which come and go."""
    found: set[str] = set()
    for process in server.family():
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.name())
    return found


def printed(server: Server, code: str, context: str) -> str:
    outcome = server.run(code, context)
    assert outcome.ok, outcome.last
    return outcome.text()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Print("hello");\n}\n', "hello"),
        ('import "fmt"\nfunc main() { fmt.Println("hi", 6*7) }', "hi 42\n"),
        ('func main() { fmt.Println("imported") }', "imported\n"),
        ('%%\nfmt.Println("cell")', "cell\n"),
        ("!echo shell", "shell\n"),
    ],
)
def test_every_kind_of_cell_runs(server: Server, context: str, code: str, text: str) -> None:
    assert printed(server, code, context) == text


def test_declarations_last_from_run_to_run_and_over_errors(server: Server, context: str) -> None:
    server.run("var Kept = 7\nfunc twice(n int) int { return 2 * n }", context)
    server.run("%%\nmissing()", context)
    server.run("%%\npanic(1)", context)
    assert printed(server, "%%\nfmt.Println(twice(Kept))", context) == "14\n"


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ('%%\npanic("boom")', "panic", "boom"),
        ("%%\nvar p *int\n*p = 1", "panic", "nil pointer dereference"),
        ('%%\ngo func() { panic("there") }()\nselect {}', "panic", "there"),
        ("%%\nos.Exit(3)", "ExitError", "exit status 3"),
        ('%%\nlog.Fatal("bye")', "ExitError", "exit status 1"),
        ("!exit 4", "ExitError", "exit status 4"),
        ("%%\nmissing()", "CompileError", "Line 2: undefined: missing"),
        ("func main() { x := }", "CompileError", "expected operand"),
        ('%%\nvar n int = "a"\n_ = n', "CompileError", 'cannot use "a"'),
        ('import "no/such"\nfunc main() { such.F() }', "CompileError", "no/such"),
    ],
)
def test_an_error_has_name_message_and_traceback_and_the_next_run_is_well(
    server: Server, context: str, code: str, name: str, message: str
) -> None:
    outcome = server.run(code, context)
    assert outcome.error["ename"] == name
    assert message in outcome.error["evalue"]
    assert "".join(outcome.error["traceback"])
    assert "exit status" not in outcome.text("stderr")
    assert outcome.results == []
    assert printed(server, '%%\nfmt.Println("well")', context) == "well\n"


def test_a_program_that_prints_like_a_failed_one_is_well(server: Server, context: str) -> None:
    outcome = server.run('%%\nfmt.Fprintln(os.Stderr, "exit status 1")', context)
    assert outcome.ok
    assert outcome.text("stderr") == "exit status 1\n"


def test_streams_are_told_apart_and_characters_are_whole(server: Server, context: str) -> None:
    text = "é 日本 😀 [\x85] [\u2028]"
    outcome = server.run(f'%%\nfmt.Print("{text}")\nprintln("{text}")', context)
    assert (outcome.text(), outcome.text("stderr")) == (text, text + "\n")


def test_a_long_line_is_whole(server: Server, context: str) -> None:
    code = '%%\nfmt.Println(strings.Repeat("é", 1_000_000))'
    assert printed(server, code, context) == "é" * 1_000_000 + "\n"


def test_half_a_character_at_the_end_is_not_held_back(server: Server, context: str) -> None:
    assert printed(server, '%%\nfmt.Print("a\\xc3")', context) == "a\ufffd"


@pytest.mark.parametrize("stream", ["Stdout", "Stderr"])
def test_every_line_of_a_loop_arrives_in_order(server: Server, context: str, stream: str) -> None:
    code = f'for i := 0; i < 100_000; i++ {{ fmt.Fprintln(os.{stream}, "日本😀", i) }}'
    outcome = server.run(f"%%\n{code}", context)
    assert outcome.ok
    assert outcome.text(stream.lower()) == "".join(f"日本😀 {i}\n" for i in range(100_000))


@pytest.mark.parametrize(
    "code", ["%%\nn, err := fmt.Scanln(new(string))\nfmt.Println(n, err)", "!cat"]
)
def test_standard_input_is_at_its_end(server: Server, context: str, code: str) -> None:
    assert printed(server, code, context) in {"0 EOF\n", ""}


def test_a_script_gets_its_own_text_as_input(server: Server, context: str) -> None:
    assert printed(server, "%%bash\necho from bash", context) == "from bash\n"


def test_it_starts_where_the_context_says(server: Server) -> None:
    need_kernel("go")
    with server.context(language="go", cwd="in go") as fresh:
        code = "%%\nwd, _ := os.Getwd()\nfmt.Print(wd)"
        assert printed(server, code, fresh) == str(server.workdir / "in go")


@pytest.mark.parametrize("loop", ["for {}", "select {}", "for { fmt.Println(2) }"])
def test_an_interrupt_ends_a_program_and_keeps_the_state(
    server: Server, context: str, loop: str
) -> None:
    server.run("var Before = 5", context)
    live = server.live(
        f'%%\ngo func() {{ for {{ time.Sleep(1) }} }}()\nfmt.Println("on")\n{loop}', context
    )
    live.wait_for("stdout")
    assert server.interrupt(context).status_code == 200
    assert live.outcome().error["ename"] == "KeyboardInterrupt"
    assert printed(server, "%%\nfmt.Println(Before)", context) == "5\n"


def test_an_interrupt_reaches_a_program_through_its_kernel(server: Server, context: str) -> None:
    live = server.live("%%\nfmt.Println(os.Getpid())\ntime.Sleep(time.Minute)", context)
    program = psutil.Process(int(live.wait_for("stdout")["text"]))
    gonb = next(parent for parent in program.parents() if parent.name() == "gonb")
    gonb.suspend()
    wait_until(lambda: gonb.status() == psutil.STATUS_STOPPED)
    try:
        assert server.interrupt(context).status_code == 200
        time.sleep(0.5)
        assert program.status() != psutil.STATUS_ZOMBIE
    finally:
        gonb.resume()
    assert live.outcome().error["ename"] == "KeyboardInterrupt"
    assert printed(server, '%%\nfmt.Println("well")', context) == "well\n"


def test_an_interrupt_ends_a_build(server: Server) -> None:
    need_kernel("go")
    with server.context(language="go") as fresh:
        live = server.live('%goflags -a\nimport "net/http"\nfunc main() { http.Get("") }', fresh)
        live.wait_for("stdout")  # of %goflags; the build, of all anew, comes behind it
        wait_until(lambda: "compile" in names(server))
        server.interrupt(fresh)
        assert live.outcome().error["ename"] == "KeyboardInterrupt"
        wait_until(lambda: "compile" not in names(server))
        code = '%goflags ""\n%%\nfmt.Println("well")'
        assert printed(server, code, fresh).endswith("well\n")


def test_a_program_that_is_deaf_to_interrupts_is_killed_and_the_state_kept(
    server: Server, context: str
) -> None:
    server.run("var Held = 5", context)
    code = '%%\nsignal.Ignore(os.Interrupt)\nfmt.Println("on")\nfor { time.Sleep(time.Second) }'
    live = server.live(code, context)
    live.wait_for("stdout")
    server.interrupt(context)
    assert live.outcome().error["ename"] == "KeyboardInterrupt"
    assert printed(server, "%%\nfmt.Println(Held)", context) == "5\n"


def test_a_killed_kernel_ends_its_run_at_once_and_the_next_gets_a_fresh_one(
    start: StartServer,
) -> None:
    need_kernel("go")
    server = start()
    context = server.create(language="go")
    server.run("var Lost = 1", context)
    live = server.live('%%\nfmt.Println("on")\nfor { time.Sleep(time.Second) }', context)
    live.wait_for("stdout")
    (gonb,) = [process for process in server.family() if process.name() == "gonb"]
    gonb.kill()
    assert live.outcome(10).error["ename"] == "KernelDied"
    wait_until(lambda: names(server) == {"python"})
    assert server.run("%%\nfmt.Println(Lost)", context).error["ename"] == "CompileError"
    assert printed(server, "%%\nfmt.Println(2)", context) == "2\n"


def test_contexts_are_apart_and_nothing_of_them_is_left(
    start: StartServer, short_path: Path
) -> None:
    need_kernel("go")
    server = start(env={"TMPDIR": str(short_path)})
    first, second = (server.create(language="go") for _ in range(2))
    server.run("var Mine = 1", first)
    assert server.run("%%\nfmt.Println(Mine)", second).error["ename"] == "CompileError"
    live = server.live('%%\nfmt.Println("on")\nfor { time.Sleep(time.Second) }', first)
    live.wait_for("stdout")
    programs = list(short_path.rglob("gonb_*/main.go"))
    assert len(programs) == 2
    server.client.delete(f"/code/contexts/{first}")
    assert live.outcome().error["ename"] == "ContextDeleted"
    wait_until(lambda: sum(program.parent.exists() for program in programs) == 1)
    wait_until(lambda: not {name for name in names(server) if name.startswith("gonb_")})
    server.close()
    assert list(short_path.iterdir()) == []
