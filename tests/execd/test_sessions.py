"""Shell sessions, against a real server and a real bash."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import Outcome, Server, wait_until

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="install bash")


class Shell:
    """A session of a server."""

    def __init__(self, server: Server, **fields: str) -> None:
        self.server = server
        answer = server.client.post("/session", json=fields)
        assert answer.status_code == 200, answer.text
        self.id: str = answer.json()["session_id"]
        self.path = f"/session/{self.id}/run"

    def run(self, command: str, **fields: Any) -> Outcome:
        return self.server.request(self.path, {"command": command, **fields})

    def says(self, command: str, **fields: Any) -> list[str]:
        """The lines of a good command that says nothing on stderr."""
        outcome = self.run(command, **fields)
        assert outcome.ok, outcome.events
        assert outcome.text("stderr") == ""
        return lines(outcome)

    def delete(self) -> httpx.Response:
        return self.server.client.delete(f"/session/{self.id}")


def lines(outcome: Outcome, kind: str = "stdout") -> list[str]:
    return [event["text"] for event in outcome.events if event["type"] == kind]


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


@pytest.fixture
def shell(server: Server) -> Iterator[Shell]:
    shell = Shell(server)
    yield shell
    shell.delete()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("cd /usr", "pwd; echo $PWD", ["/usr", "/usr"]),
        ("cd /usr; cd /", "echo $OLDPWD; cd -", ["/usr", "/usr"]),
        ("a=1; export b=2", "echo $a $b; bash -c 'echo [$a] $b'", ["1 2", "[] 2"]),
        (
            "v=$'two\\nlines \\' \" $x \\x01'",
            "printf %s \"$v\" | od -An -c | tr -d ' \\n'; echo",
            ["two\\nlines'\"$x001"],
        ),
        ("arr=(1 '2 3'); declare -A map=([k]='v w')", 'echo "${arr[1]} ${map[k]}"', ["2 3 v w"]),
        ("declare -i n=5; readonly r=1", "n=n+2; echo $n $r", ["7 1"]),
        ('f() { echo f "$1"; }', "f 'a b'", ["f a b"]),
        ("g() { echo g; }; export -f g", "bash -c g", ["g"]),
        ("shopt -s expand_aliases; alias hi='echo hello'", "hi", ["hello"]),
        ("umask 027", "umask", ["0027"]),
        ("shopt -s nullglob; set -o noglob", "shopt -q nullglob && echo $-", ["fhBc"]),
        ("unset HOME; export -n PATH", "echo ${HOME-none}; printenv PATH || echo none", None),
        ("x=é; LC_ALL=C", "echo $x", ["é"]),
        ("declare -n ref=x; x=1", "ref=2; echo $x", ["2"]),
        ("set -o posix; p=1", "echo $p", ["1"]),
        ("trap 'echo bye' EXIT; t=1", "echo $t", ["1"]),
        ("OLDPWD=/nowhere; IFS=,", 'a=(1 2); echo "${a[*]}"', ["1,2"]),
    ],
)
def test_state_lasts(shell: Shell, first: str, second: str, said: list[str] | None) -> None:
    assert shell.run(first).ok
    if said is None:
        outcome = shell.run(f"{second}; :")
        assert lines(outcome)[0] == "none"
    else:
        assert shell.says(second) == said
    assert shell.run("true").ok


def test_a_session_starts_where_it_was_told(server: Server) -> None:
    assert Shell(server, cwd="/usr").says("pwd") == ["/usr"]
    assert Shell(server).says("pwd") == [str(server.workdir.resolve())]
    (server.workdir / "below").mkdir(exist_ok=True)
    assert Shell(server, cwd="below").says("pwd")[0].endswith("/below")
    without_body = server.client.post("/session")
    assert without_body.status_code == 200
    wrongs: list[object] = [{"cwd": "/nonexistent"}, {"cwd": 5}, []]
    for wrong in wrongs:
        answer = server.client.post("/session", json=wrong)
        assert refused(answer)[:2] == (400, "INVALID_REQUEST_BODY")


def test_a_directory_for_one_command_is_for_that_one(shell: Shell) -> None:
    shell.run("cd /usr")
    assert shell.says("pwd; cd /", cwd="/etc") == ["/etc"]
    assert shell.says("pwd") == ["/usr"]
    answer = shell.server.client.post(shell.path, json={"command": "pwd", "cwd": "/nonexistent"})
    assert refused(answer)[:2] == (400, "INVALID_REQUEST_BODY")
    assert shell.says("pwd") == ["/usr"]


def test_a_session_whose_directory_is_gone_says_so(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    shell.run(f"cd {tmp_path}/gone; kept=1")
    (tmp_path / "gone").rmdir()
    outcome = shell.run("pwd; echo $kept")
    assert "is gone" in outcome.text("stderr")
    assert lines(outcome) == [str(shell.server.workdir.resolve()), "1"]


def test_events_are_those_of_commands(shell: Shell) -> None:
    outcome = shell.run("echo a; echo b >&2; printf 'c\\n\\nd'")
    assert outcome.kinds[0] == "init"
    assert outcome.kinds[-1] == "execution_complete"
    assert lines(outcome) == ["a", "c", "", "d"]
    assert lines(outcome, "stderr") == ["b"]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("false", "1"),
        ("exit 3", "3"),
        ("f() { exit 4; }; f", "4"),
        ("set -e; kept=2; false; kept=3", "1"),
        ("if then", "2"),
        ("nonsense-command", "127"),
        ("(exit 7)", "7"),
        ("exec sh -c 'exit 5'", "5"),
        ("kill -9 $$", "-1"),
        ("set -u; echo $unset_variable", "1 or 127"),
    ],
)
def test_a_failed_command_ends_itself_and_not_the_session(
    shell: Shell, command: str, status: str
) -> None:
    shell.run("kept=1; cd /usr")
    error = shell.run(command).error
    assert error["ename"] == "CommandExecError"
    assert error["evalue"] in status.split(" or ")
    shell.run("set +eu")
    assert shell.says("echo $kept; pwd") == ["2" if "set -e" in command else "1", "/usr"]


def test_what_was_said_and_set_before_an_exit_is_kept(shell: Shell) -> None:
    outcome = shell.run("echo said; x=set; cd /usr; exit 3; x=not")
    assert lines(outcome) == ["said"]
    assert shell.says("echo $x; pwd") == ["set", "/usr"]


def test_messages_name_the_lines_of_the_command(shell: Shell) -> None:
    shell.run("x=1")
    assert "line 2: nonsense-command" in shell.run("true\nnonsense-command").text("stderr")
    assert "eval: line 1: syntax error" in shell.run("if then").text("stderr")


def test_a_trace_shows_the_command_and_not_what_is_around_it(shell: Shell) -> None:
    shell.run("set -x")
    traced = lines(shell.run("echo traced"), "stderr")
    assert "++ echo traced" in traced
    assert not [line for line in traced if "state" in line or "declare" in line]
    shell.run("set +x")
    assert shell.says("echo quiet") == ["quiet"]


def test_a_timeout_ends_the_command_and_keeps_the_state(shell: Shell) -> None:
    shell.run("kept=1")
    outcome = shell.run("kept=2; echo on; sleep 1000 & sleep 1000", timeout=300)
    assert lines(outcome) == ["on"]
    assert outcome.error["ename"] == "CommandExecError"
    assert (outcome.error["evalue"], outcome.error["traceback"]) == ("-1", ["signal: killed"])
    assert shell.says("echo $kept") == ["1"]


@pytest.mark.parametrize("by", ["run", "session"])
def test_a_command_in_a_session_can_be_interrupted(shell: Shell, by: str) -> None:
    shell.run("kept=1")
    live = shell.server.follow(shell.path, {"command": "echo on; while :; do sleep 1; done"})
    live.wait_for("stdout")
    some_id = live.events[0]["text"] if by == "run" else shell.id
    answer = shell.server.client.delete("/command", params={"id": some_id})
    assert answer.status_code == 200
    assert live.outcome(10).error["ename"] == "CommandExecError"
    assert shell.says("echo $kept") == ["1"]
    assert shell.server.client.delete("/command", params={"id": some_id}).status_code == 500


def test_a_session_runs_one_command_at_a_time(shell: Shell) -> None:
    live = shell.server.follow(shell.path, {"command": "echo on; sleep 1"})
    live.wait_for("stdout")
    answer = shell.server.client.post(shell.path, json={"command": "true"})
    assert refused(answer) == (
        500,
        "RUNTIME_ERROR",
        "error running in session. session is busy",
    )
    assert live.outcome().ok
    for number in range(30):
        assert shell.says(f"echo {number}") == [str(number)]


def test_sessions_know_nothing_of_each_other(server: Server) -> None:
    one, two = Shell(server), Shell(server)
    one.run("a=1; cd /usr")
    two.run("a=2; cd /etc")
    assert one.says("echo $a; pwd") == ["1", "/usr"]
    assert two.says("echo $a; pwd") == ["2", "/etc"]
    assert server.command("echo ${a-none}").text() == "none"


def test_a_hundred_thousand_lines_come_whole_and_in_order(shell: Shell) -> None:
    outcome = shell.run("seq 100000; head -c 3000000 /dev/zero | tr '\\0' x")
    said = lines(outcome)
    assert said[:-1] == [str(number) for number in range(1, 100_001)]
    assert said[-1] == "x" * 3_000_000


def test_a_long_command_is_taken(shell: Shell) -> None:
    assert shell.says(f"x={'y' * 1_000_000}; echo ${{#x}}") == ["1000000"]
    assert shell.says("echo ${#x}") == ["1000000"]
    assert shell.says("cat <<'END'\nit's $HOME\nEND\n") == ["it's $HOME"]


def test_a_command_reads_nothing(shell: Shell) -> None:
    assert shell.says("cat; echo end") == ["end"]


def test_what_a_session_left_in_the_background_lives_until_the_session_ends(
    shell: Shell,
) -> None:
    (pid,) = shell.says("sleep 1000 > /dev/null 2>&1 & echo $!")
    (daemon,) = shell.says("setsid sleep 1000 > /dev/null 2>&1 & echo $!")
    shell.run("kept=1")
    assert psutil.pid_exists(int(pid))
    assert psutil.pid_exists(int(daemon))
    assert shell.delete().status_code == 200
    wait_until(lambda: not (alive(int(pid)) or alive(int(daemon))))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_deleting_a_session_ends_what_it_runs(server: Server) -> None:
    shell = Shell(server)
    live = server.follow(shell.path, {"command": "echo on; sleep 1000"})
    live.wait_for("stdout")
    assert shell.delete().status_code == 200
    assert live.outcome(10).error["traceback"] == ["signal: killed"]
    code, message = "CONTEXT_NOT_FOUND", f"session {shell.id} not found"
    assert refused(shell.delete()) == (404, code, message)
    answer = server.client.post(shell.path, json={"command": "true"})
    assert refused(answer) == (
        500,
        "RUNTIME_ERROR",
        "error running in session. context not found",
    )


def test_a_client_that_goes_away_frees_its_session(shell: Shell) -> None:
    shell.run("kept=1")
    body = {"command": "echo on; sleep 1000"}
    with shell.server.client.stream("POST", shell.path, json=body) as answer:
        for chunk in answer.iter_raw():
            if b'"on"' in chunk:
                break

    def free() -> bool:
        answer = shell.server.client.post(shell.path, json={"command": "echo $kept"})
        return answer.status_code == 200 and '"1"' in answer.text

    wait_until(free)


def test_a_session_ends_with_its_server_and_leaves_nothing(start: StartServer) -> None:
    ending = start()
    shell = Shell(ending)
    shell.run("x=1; setsid sleep 1000 > /dev/null 2>&1 &")
    (state,) = shell.says("echo ${EXECD_ENVS%/*}")
    assert Path(state, shell.id).is_dir()
    ending.close()
    assert not Path(state).exists()
    assert ending.family() == []


def test_variables_that_are_kept_for_the_future_reach_new_sessions(start: StartServer) -> None:
    server = start()
    before = Shell(server)
    before.run("true")
    server.command("echo \"K='for later'\" >> $EXECD_ENVS")
    assert Shell(server).says("echo $K") == ["for later"]
    assert before.says("echo ${K-none}") == ["none"]


@pytest.mark.parametrize(
    "body",
    [{}, {"command": ""}, {"command": 5}, {"command": "a\0b"}, {"command": "a", "timeout": -1}],
)
def test_what_is_no_command_is_refused(shell: Shell, body: object) -> None:
    answer = shell.server.client.post(shell.path, json=body)
    assert refused(answer)[:2] == (400, "INVALID_REQUEST_BODY")
    assert shell.says("echo free") == ["free"]


def test_without_bash_there_are_no_sessions(start: StartServer, tmp_path: Path) -> None:
    for name in ("sh", "echo"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    server = start(env={"PATH": str(tmp_path)})
    assert server.command("echo works").text() == "works"
    assert refused(server.client.post("/session"))[:2] == (400, "NOT_SUPPORTED")
    assert os.path.lexists(server.workdir)


def test_a_silent_command_is_accompanied_by_pings(shell: Shell) -> None:
    began = time.monotonic()
    outcome = shell.run("sleep 3.5")
    assert time.monotonic() - began > 3
    assert [event["type"] for event in outcome.events] == ["init", "ping", "execution_complete"]
