"""Bash through a real execd."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter.kernels.bash.bash_kernel import Ending, describe
from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until

pytestmark = [
    pytest.mark.skipif(
        shutil.which("bash") is None,
        reason="bash is not on PATH: install it with the system's packages",
    ),
    pytest.mark.kernels,
]

GONE = "[a new shell: the last one has ended, and its state is gone]\n"


@pytest.fixture(scope="module")
def shell(server: Server) -> Iterator[str]:
    """A context that the tests share; nobody may leave it broken."""
    with server.context(language="bash") as context_id:
        yield context_id


@pytest.fixture
def fresh(server: Server) -> Iterator[str]:
    """A context of the test's own."""
    with server.context(language="bash") as context_id:
        yield context_id


def test_stdout_and_stderr_are_two(server: Server, shell: str) -> None:
    outcome = server.run("echo out; echo err >&2", shell)
    assert (outcome.text(), outcome.text("stderr"), outcome.ok) == ("out\n", "err\n", True)


def test_output_comes_while_the_cell_runs(server: Server, shell: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    live = server.live(f"echo before; until [ -e {go} ]; do sleep 0.05; done; echo after", shell)
    assert live.wait_for("stdout")["text"] == "before\n"
    assert not live.done.is_set()
    go.touch()
    assert live.outcome().text() == "before\nafter\n"


@pytest.mark.parametrize(
    ("define", "use", "printed"),
    [
        ("number=3; list=(a 'b c')", 'echo "$number ${list[1]}"', "3 b c\n"),
        ('greet() {\n  echo "hello $1"\n}', "greet you", "hello you\n"),
        ("cd /", "pwd", "/\n"),
        ("export SOME=thing", "env | grep ^SOME=", "SOME=thing\n"),
        ("shopt -s nullglob", "echo /nonexistent/*", "\n"),
        ("alias say='echo said'", "say it", "said it\n"),
        ("sleep 60 &", "kill $! && jobs | wc -l", "1\n"),
    ],
    ids=["variables", "function", "directory", "environment", "option", "alias", "job"],
)
def test_the_next_cell_finds_what_a_cell_left(
    server: Server, fresh: str, define: str, use: str, printed: str
) -> None:
    assert server.run(define, fresh).ok
    outcome = server.run(use, fresh)
    assert (outcome.text(), outcome.ok) == (printed, True)


def test_a_loop_that_prints_a_hundred_thousand_lines_loses_none(server: Server, shell: str) -> None:
    outcome = server.run("for ((i = 0; i < 100000; i++)); do echo $i; done", shell)
    assert outcome.text() == "".join(f"{i}\n" for i in range(100_000))


def test_two_floods_are_both_whole(server: Server, shell: str) -> None:
    outcome = server.run("seq 200000 & seq 200000 >&2; wait", shell)
    numbers = "".join(f"{i}\n" for i in range(1, 200_001))
    assert outcome.text() == numbers
    assert outcome.text("stderr").endswith(numbers)


def test_a_hundred_megabytes_arrive(server: Server, shell: str) -> None:
    outcome = server.run("head -c 100000000 /dev/zero | tr '\\0' x", shell)
    assert outcome.text().count("x") == len(outcome.text()) == 100_000_000


def test_a_line_of_a_megabyte_arrives(server: Server, shell: str) -> None:
    outcome = server.run("printf '%01000000d\\n' 7", shell)
    assert outcome.text() == f"{7:01000000d}\n"


def test_no_character_is_cut_in_two(server: Server, shell: str) -> None:
    outcome = server.run("yes €uro-𝄞 | head -n 300000", shell)
    assert outcome.text() == "€uro-𝄞\n" * 300_000


def test_a_character_that_a_background_process_writes_in_two_cells_is_whole(
    server: Server, fresh: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f"until [ -e {go} ]; do sleep 0.05; done"
    code = f"(printf '\\xe2\\x82'; touch {go}.half; {wait}; printf '\\xac') &"
    first = server.run(f"{code}\nuntil [ -e {go}.half ]; do sleep 0.05; done", fresh)
    go.touch()
    second = server.run("wait", fresh)
    assert first.text() + second.text() == "€"


def test_binary_junk_is_replaced(server: Server, shell: str) -> None:
    assert server.run("printf 'a\\xff\\0b\\xe2'", shell).text() == "a\ufffd\0b\ufffd"


def test_a_cell_has_as_many_lines_as_it_likes(server: Server, shell: str) -> None:
    code = (
        "cat <<'END' |\n  'quoted' $not\nEND\nwhile read -r line\ndo\n  echo \"<$line>\"\ndone\n\n"
    )
    assert server.run(code, shell).text() == "<'quoted' $not>\n"
    many = "".join(f"echo {i}\n" for i in range(20_000))
    assert server.run(many, shell).text() == "".join(f"{i}\n" for i in range(20_000))


def test_a_failed_command_at_the_end_is_an_error_with_its_status(
    server: Server, shell: str
) -> None:
    outcome = server.run("echo so far; ls /nonexistent", shell)
    assert outcome.text() == "so far\n"
    error = outcome.error
    assert (error["ename"], error["evalue"]) == ("ExitStatus", "2")
    assert error["traceback"][0] == outcome.text("stderr").rstrip()
    assert error["traceback"][-1] == "ExitStatus: exit status 2"
    assert server.run("true", shell).ok


def test_a_failure_before_the_end_is_none(server: Server, shell: str) -> None:
    assert server.run("false; echo on", shell).ok


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("echo one\nif then fi (", "unexpected token `then'"),
        ("echo one\necho 'open", "unexpected EOF"),
        ("echo one\nif true; then", "unexpected end of file"),
        ("echo one\n)", "unexpected token `)'"),
        ("echo one\necho $(", "unexpected EOF"),
    ],
)
def test_what_does_not_parse_is_an_error_in_bashs_words(
    server: Server, shell: str, code: str, said: str
) -> None:
    outcome = server.run(code, shell)
    assert outcome.text() == "one\n"
    assert said in outcome.text("stderr")
    assert said in "\n".join(outcome.error["traceback"])
    assert outcome.error["ename"] == "ExitStatus"


def test_reading_stdin_gets_its_end(server: Server, shell: str) -> None:
    outcome = server.run("cat; read -r line || echo nothing; exec </etc/hostname", shell)
    assert outcome.text() == "nothing\n"
    assert server.run("cat", shell).text() == ""


@pytest.mark.parametrize(
    ("code", "status"), [("exit 3", "3"), ("set -e; false; echo on", "1"), ("kill -9 $$", "137")]
)
def test_the_end_of_the_shell_ends_the_cell_and_the_next_is_told(
    server: Server, fresh: str, code: str, status: str
) -> None:
    server.run("kept=1", fresh)
    error = server.run(code, fresh).error
    assert (error["ename"], error["evalue"]) == ("ExitStatus", status)
    assert "its state is gone" in error["traceback"][-1]
    after = server.run('echo "kept=$kept"', fresh)
    assert (after.text(), after.text("stderr"), after.ok) == ("kept=\n", GONE, True)
    assert server.run("echo again", fresh).text("stderr") == ""


def test_exit_with_status_0_is_no_error(server: Server, fresh: str) -> None:
    assert server.run("exit", fresh).ok
    assert server.run("true", fresh).text("stderr") == GONE


def test_a_cell_that_closes_what_its_shell_lives_by_ends_it(server: Server, fresh: str) -> None:
    server.run('for n in $(seq 3 60); do eval "exec $n>&-"; done', fresh)
    after = server.run("echo a", fresh)
    assert (after.text(), after.text("stderr")) == ("a\n", GONE)


def test_a_program_in_the_place_of_the_shell_is_heard_to_its_end(
    server: Server, fresh: str
) -> None:
    outcome = server.run("exec sh -c 'sleep 0.2; echo late; exit 5'", fresh)
    assert (outcome.text(), outcome.error["evalue"]) == ("late\n", "5")


def test_an_exit_trap_is_heard(server: Server, fresh: str) -> None:
    outcome = server.run("trap 'echo bye' EXIT; exit 4", fresh)
    assert (outcome.text(), outcome.error["evalue"]) == ("bye\n", "4")


@pytest.mark.parametrize(
    "code",
    ["while :; do :; done", "while :; do sleep 1; done", "sleep 100", "cat /dev/zero >/dev/null"],
)
def test_an_interrupt_stops_the_cell_and_keeps_the_state(
    server: Server, shell: str, code: str
) -> None:
    server.run("kept=1", shell)
    live = server.live(f"echo begun; {code}; echo not reached", shell)
    live.wait_for("stdout")
    assert server.interrupt(live.events[0]["text"]).status_code == 200
    outcome = live.outcome()
    assert (outcome.text(), outcome.error["ename"]) == ("begun\n", "KeyboardInterrupt")
    assert outcome.error["traceback"]
    assert server.run("echo $kept", shell).text() == "1\n"


def test_many_interrupts_in_a_row_leave_the_shell_in_step(server: Server, shell: str) -> None:
    server.run("count=0", shell)
    for number in range(20):
        live = server.live(f"((++count)); echo {number}; sleep 100", shell)
        live.wait_for("stdout")
        server.interrupt(live.events[0]["text"])
        assert live.outcome().error["ename"] == "KeyboardInterrupt"
        assert server.run("echo $count", shell).text() == f"{number + 1}\n"


def test_a_program_that_misses_the_interrupt_while_it_starts_is_stopped(
    server: Server, shell: str
) -> None:
    missed = "trap missed=1 INT; echo begun; until [ $missed ]; do :; done"
    live = server.live(f"kept=2; bash -c '{missed}; trap - INT; exec sleep 100'", shell)
    live.wait_for("stdout")
    server.interrupt(live.events[0]["text"])
    assert live.outcome().error["ename"] == "KeyboardInterrupt"
    assert server.run("echo $kept", shell).text() == "2\n"


def test_a_program_that_takes_the_interrupt_well_is_no_error(server: Server, shell: str) -> None:
    code = "sh -c 'trap \"echo caught; exit 0\" INT; echo begun; while :; do sleep 0.05; done'"
    live = server.live(code, shell)
    live.wait_for("stdout")
    server.interrupt(live.events[0]["text"])
    outcome = live.outcome()
    assert (outcome.text(), outcome.ok) == ("begun\ncaught\n", True)


def test_a_background_process_that_writes_on_holds_no_cell(server: Server, fresh: str) -> None:
    first = server.run("yes & echo $!", fresh)
    assert first.ok
    last = server.run("kill $!; wait $! 2>/dev/null; echo done", fresh)
    assert last.ok
    assert last.text().endswith("done\n")
    assert set(last.text().split()) <= {"y", "done"}


def test_what_a_background_process_writes_later_comes_with_the_next_run(
    server: Server, fresh: str, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    server.run(f"(sleep 0.3; echo late; touch {done}) &", fresh)
    wait_until(done.exists)
    assert server.run("wait; echo now", fresh).text() == "late\nnow\n"


def test_what_a_background_process_writes_after_the_shells_end_is_heard(
    server: Server, fresh: str
) -> None:
    server.run("(sleep 0.5; echo late) & exit 1", fresh)
    assert server.run("sleep 1", fresh).text() == "late\n"


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        ("set -u; echo $unset_one; echo on", "", "bash: unset_one: unbound variable\n"),
        ("echo ${unset_one:?is missing}", "", "bash: unset_one: is missing\n"),
        ("set -x; echo a; set +x", "a\n", "++ echo a\n++ set +x\n"),
        ("set -v; PS1='$ '; PROMPT_COMMAND='echo prompt'\necho a", "a\n", "echo a\n"),
        ("trap 'echo debug' DEBUG; echo a", "debug\na\n", ""),
        ("trap 'echo failed' ERR; false; true", "failed\n", ""),
        ("exec >/dev/null 2>&1; echo a", "", ""),
        ("exec 1>&- 2>&- 0<&-; echo a", "", ""),
        ("exec 10>/dev/null 11>/dev/null 12>/dev/null 13>/dev/null; echo a", "a\n", ""),
        ("set -f; set -C; IFS=a; echo a", "a\n", ""),
        ("ulimit -f 0; echo a", "a\n", ""),
        ("unalias -a; alias eval=false printf=false builtin=false; echo a", "a\n", ""),
        ("eval() { :; }; printf() { :; }; echo a", "a\n", ""),
    ],
)
def test_nothing_that_a_cell_does_to_its_shell_breaks_the_next(
    server: Server, fresh: str, code: str, out: str, err: str
) -> None:
    outcome = server.run(code, fresh)
    assert (outcome.text(), outcome.text("stderr")) == (out, err)
    after = server.run("set +xv; trap - DEBUG; echo $((6 * 7)); echo err >&2", fresh)
    assert after.text().endswith("42\n")
    assert after.text("stderr").endswith("err\n")
    assert GONE not in after.text("stderr")
    assert after.ok


def test_a_cell_sees_no_descriptors_but_its_own(server: Server, shell: str) -> None:
    assert server.run("python3 -c 'import os; print(os.listdir(\"/dev/fd\"))'", shell).text() in {
        "['0', '1', '2', '3']\n",
        "['3', '2', '1', '0']\n",
    }


def test_the_shell_writes_no_history(server: Server, fresh: str) -> None:
    server.run("echo secret; exit", fresh)
    history = Path.home() / ".bash_history"
    assert not history.exists() or "dev/fd" not in history.read_text(errors="replace")


def test_a_sandbox_without_bash_says_what_is_missing(start: StartServer, tmp_path: Path) -> None:
    server = start(env={"PATH": str(tmp_path)})
    answer = server.client.post("/code/context", json={"language": "bash"})
    assert answer.status_code == 400
    assert "bash is not on PATH" in answer.text


def test_a_shell_that_cannot_be_started_is_an_error_of_the_run(
    start: StartServer, tmp_path: Path
) -> None:
    bash = tmp_path / "bash"
    bash.symlink_to(shutil.which("bash") or "")
    server = start(env={"PATH": str(tmp_path)})
    context_id = server.create(language="bash")
    assert server.run("echo a", context_id).ok
    bash.unlink()
    assert server.run("exit", context_id).ok
    for _ in range(2):
        error = server.run("echo b", context_id).error
        assert (error["ename"], "bash" in error["evalue"]) == ("FileNotFoundError", True)
    bash.symlink_to(shutil.which("bash") or "")
    assert server.run("echo c", context_id).text() == "c\n"


def test_the_error_says_what_a_status_means() -> None:
    def last(status: int) -> str:
        error = describe(Ending(status, shell_ended=False), interrupted=False, stderr="")
        return str(error["traceback"][-1])

    assert last(127) == "ExitStatus: exit status 127: command not found"
    assert last(126) == "ExitStatus: exit status 126: not a program that can be run"
    assert last(139).startswith("ExitStatus: exit status 139: Segmentation fault")
    assert last(255) == "ExitStatus: exit status 255"


def test_the_error_repeats_the_last_lines_of_stderr() -> None:
    said = "".join(f"line {number}\n" for number in range(100))
    error = describe(Ending(1, shell_ended=False), interrupted=False, stderr=said)
    assert error["traceback"] == [
        *(f"line {n}" for n in range(90, 100)),
        "ExitStatus: exit status 1",
    ]


@pytest.mark.parametrize(
    ("code", "printed", "status"),
    [
        ("echo a; exit 3", "a\n", "3"),
        ("trap 'echo bye' EXIT; echo a; exit 4", "a\nbye\n", "4"),
        ("sleep 0.01 & wait; echo a", "a\n", None),
        ("sleep 60 & kill %1; wait; echo a", "a\n", None),
        ("coproc cat; echo a >&${COPROC[1]}; read -u ${COPROC[0]} b; echo $b", "a\n", None),
        ("sh -c 'kill -KILL $$'", "", "137"),
        ("echo $LINENO\necho $LINENO", "1\n2\n", None),
        ("history", "", None),
    ],
)
def test_bash_says_no_more_than_in_a_script(
    server: Server, fresh: str, code: str, printed: str, status: str | None
) -> None:
    outcome = server.run(code, fresh)
    assert (outcome.text(), outcome.text("stderr")) == (printed, "")
    assert outcome.ok if status is None else outcome.error["evalue"] == status
