"""Commands in the background, programs without a shell, other users, variables that are kept."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.execd.commands import variables
from code_interpreter.execd.commands.outlets import end_of_text
from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until


def background(server: Server, command: str, **fields: Any) -> str:
    outcome = server.command(command, background=True, **fields)
    assert outcome.kinds == ["init", "execution_complete"]
    return outcome.run_id


def status(server: Server, command_id: str) -> dict[str, Any]:
    answer = server.client.get(f"/command/status/{command_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def ended(server: Server, command_id: str) -> dict[str, Any]:
    wait_until(lambda: not status(server, command_id)["running"])
    return status(server, command_id)


def logs(server: Server, command_id: str, **cursor: str | int) -> httpx.Response:
    answer = server.client.get(f"/command/{command_id}/logs", params=cursor)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_background_command_is_told_by_status_and_logs(server: Server) -> None:
    text = "for i in 1 2 3; do echo line $i; done; sleep 0.3; echo end >&2; exit 4"
    command_id = background(server, text)
    assert status(server, command_id)["content"] == text
    shown = ended(server, command_id)
    assert (shown["exit_code"], shown["error"]) == (4, "exit status 4")
    for moment in (shown["started_at"], shown["finished_at"]):
        assert len(moment) == len("2026-11-23T08:37:43.844092203Z")
    answer = logs(server, command_id)
    assert answer.text == "line 1\nline 2\nline 3\nend\n"
    assert answer.headers["execd-commands-tail-cursor"] == "25"
    assert logs(server, command_id, cursor=21).text == "end\n"
    for cursor in (25, 1000, 2**63 - 1):
        rest = logs(server, command_id, cursor=cursor)
        assert (rest.text, rest.headers["execd-commands-tail-cursor"]) == ("", "25")


def test_a_background_command_outlives_its_request(server: Server, tmp_path: Path) -> None:
    command_id = background(server, "sleep 0.5; echo survived > mark", cwd=str(tmp_path))
    assert ended(server, command_id)["exit_code"] == 0
    assert (tmp_path / "mark").read_text() == "survived\n"


def test_all_lines_of_a_background_command_are_kept_in_order(server: Server) -> None:
    command_id = background(server, "seq 100000; head -c 3000000 /dev/zero | tr '\\0' x >&2")
    seen = ""
    cursor = "0"
    while status(server, command_id)["running"]:
        answer = logs(server, command_id, cursor=cursor)
        seen += answer.text
        cursor = answer.headers["execd-commands-tail-cursor"]
    seen += logs(server, command_id, cursor=cursor).text
    assert seen == "".join(f"{i}\n" for i in range(1, 100_001)) + "x" * 3_000_000


def test_logs_of_a_running_command_never_cut_a_character(server: Server, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    command = r"printf 'a\xe2\x82'; cat go; printf '\xac\xff\n'"
    command_id = background(server, command, cwd=str(tmp_path))
    wait_until(lambda: logs(server, command_id).text)
    first = logs(server, command_id)
    assert (first.content, first.headers["execd-commands-tail-cursor"]) == (b"a", "1")
    (tmp_path / "go").write_text("")
    ended(server, command_id)
    assert logs(server, command_id, cursor=1).content == "€".encode() + b"\xff\n"


def test_a_program_that_opens_its_output_anew_loses_nothing(server: Server) -> None:
    if not Path("/dev/stderr").exists():
        pytest.skip("needs /dev/stderr: run it on Linux or macOS")
    command_id = background(
        server, "echo one; echo two | tee /dev/stderr; echo three > /dev/stdout"
    )
    ended(server, command_id)
    assert sorted(logs(server, command_id).text.split()) == ["one", "three", "two", "two"]


def test_an_interrupt_ends_the_whole_group(server: Server) -> None:
    deaf = "trap '' TERM; while :; do sleep 0.1; done"
    command_id = background(server, f'bash -c "{deaf}" & echo $!; sleep 1000')
    wait_until(lambda: logs(server, command_id).text)
    child = int(logs(server, command_id).text)
    assert psutil.pid_exists(child)
    answer = server.client.delete("/command", params={"id": command_id})
    assert answer.status_code == 200
    shown = ended(server, command_id)
    assert (shown["exit_code"], shown["error"]) == (-1, "signal: terminated")
    wait_until(lambda: not psutil.pid_exists(child))
    assert server.client.delete("/command", params={"id": command_id}).status_code == 500


def test_a_background_command_ends_at_its_timeout(server: Server) -> None:
    command_id = background(server, "echo on; sleep 1000", timeout=300)
    assert ended(server, command_id)["error"] == "signal: killed"
    assert logs(server, command_id).text == "on\n"


def test_background_commands_have_their_folder_and_variables(
    server: Server, tmp_path: Path
) -> None:
    command_id = background(server, "pwd; echo $A", cwd=str(tmp_path), envs={"A": "b c"})
    ended(server, command_id)
    assert logs(server, command_id).text == f"{tmp_path}\nb c\n"


def test_background_commands_and_their_logs_end_with_the_server(start: StartServer) -> None:
    ending = start()
    command_id = background(ending, "setsid sleep 1000 & sleep 1000")
    wait_until(lambda: len([p for p in ending.family() if p.name() == "sleep"]) == 2)
    log = next(Path(f) for f in kept_files(ending) if command_id in f)
    ending.close()
    assert not log.exists()
    assert ending.family() == []


def kept_files(server: Server) -> list[str]:
    return [file.path for file in psutil.Process(server.process.pid).open_files()]


def test_logs_that_do_not_fit_on_the_disk_end_the_command(
    start: StartServer, short_path: Path
) -> None:
    small = str(short_path)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", small]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs the right to mount: run it as root with CAP_SYS_ADMIN")
    try:
        other = start(env={"TMPDIR": small})
        command_id = background(other, "yes; sleep 1000")
        shown = ended(other, command_id)
        assert "does not fit on the disk" in shown["error"]
        other.close()
    finally:
        subprocess.run(["umount", small], check=False)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/command/nope/logs", 400),
        ("/command/status/nope", 404),
        ("/command/x/logs?cursor=-1", 400),
    ],
)
def test_unknown_commands_have_neither_logs_nor_status(
    server: Server, path: str, status: int
) -> None:
    assert refused(server.client.get(path)) == (status, "INVALID_REQUEST_BODY")


def test_foreground_commands_have_no_logs(server: Server) -> None:
    command_id = server.command("true").run_id
    assert refused(server.client.get(f"/command/{command_id}/logs"))[0] == 400
    other = background(server, "true")
    assert refused(server.client.get(f"/command/{other}/logs?cursor=x"))[0] == 400


def test_a_command_that_forgets_its_children_does_not_block_the_server(server: Server) -> None:
    outcome = server.command("yes & echo $! > pid; sleep 0.2")
    assert outcome.ok
    assert server.client.get("/ping").status_code == 200
    os.kill(int((server.workdir / "pid").read_text()), signal.SIGKILL)


# Programs without a shell


def test_a_program_gets_its_arguments_as_they_are(server: Server) -> None:
    outcome = server.request("/command", {"argv": ["printf", "%s|", "a b", "$HOME", "*", ""]})
    assert outcome.text() == "a b|$HOME|*||"
    assert status(server, outcome.run_id)["content"] == "printf '%s|' 'a b' '$HOME' '*' ''"


def test_a_program_runs_in_the_background_too(server: Server) -> None:
    outcome = server.request("/command", {"argv": ["echo", "a  b"], "background": True})
    ended(server, outcome.run_id)
    assert logs(server, outcome.run_id).text == "a  b\n"


@pytest.mark.parametrize("in_background", [False, True])
def test_a_program_that_is_not_there_says_so(server: Server, in_background: bool) -> None:  # noqa: FBT001
    body = {"argv": ["no-such-program"], "background": in_background}
    error = server.request("/command", body).error
    assert (error["ename"], error["evalue"]) == ("CommandExecError", "127")
    assert "no-such-program" in error["traceback"][0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"argv": []},
        {"argv": [""]},
        {"argv": ["a\0b"]},
        {"argv": "ls"},
        {"command": "ls", "argv": ["ls"]},
        {"command": "a\0b"},
        {"command": "ls", "timeout": -1},
        {"command": "ls", "timeout": "1"},
        {"command": "ls", "gid": 1},
        {"command": "ls", "uid": -1},
        {"command": "ls", "uid": 2**32 - 1},
        {"command": "ls", "envs": {"A": 1}},
        {"command": "ls", "cwd": "a\0b"},
        {"command": "ls", "cwd": "n" * 300},
    ],
)
def test_what_is_no_command_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = server.client.post("/command", json=body)
    assert refused(answer) == (400, "INVALID_REQUEST_BODY")


# Other users


def test_ones_own_user_is_always_permitted(server: Server) -> None:
    fields = {"uid": os.getuid(), "gid": os.getgid()}
    assert server.command("id -u; id -g", **fields).text() == f"{os.getuid()}{os.getgid()}"


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user: run it as root")
def test_root_runs_commands_as_others(server: Server) -> None:
    script = "id -u; id -g; id -G; echo $HOME $USER ${TMPDIR-none}"
    lines = [e["text"] for e in server.command(script, uid=1).events if e["type"] == "stdout"]
    assert lines == ["1", "1", "1", "/usr/sbin daemon none"]
    nameless = server.command("id -u; id -G", uid=54321)
    assert nameless.text() == "5432154321"
    assert server.command("id -g", uid=1, gid=77).text() == "77"
    assert server.command("touch /root/x", uid=1).error["evalue"] == "1"
    command_id = background(server, "id -u", uid=1)
    ended(server, command_id)
    assert logs(server, command_id).text == "1\n"


def test_others_users_are_refused_to_who_is_not_root(start: StartServer) -> None:
    if os.getuid() == 0:
        pytest.skip("root may be anybody: run it as another user")
    answer = start().client.post("/command", json={"command": "id", "uid": 0})
    assert refused(answer) == (400, "NOT_SUPPORTED")


# Variables for future commands


def test_variables_are_kept_for_future_commands(start: StartServer, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "envs"
    other = start(env={"EXECD_ENVS": str(file), "A": "from outside"})
    assert other.command("echo ${B-none}").text() == "none"
    file.parent.mkdir()
    file.write_text("A='from the file'\nB=\"b\\tb\"\nbroken line\nC=c $A # all of it\n")
    assert other.command('echo $A; echo "$B"; echo $C').text() == (
        "from the fileb\tbc from outside # all of it"
    )
    assert other.command("echo $A", envs={"A": "from the request"}).text() == "from the request"
    assert other.request("/command", {"argv": ["printenv", "A"]}).text() == "from the file"


def test_a_sandbox_has_a_place_for_such_variables(server: Server) -> None:
    assert server.command("echo \"D='set'\" >> $EXECD_ENVS; echo ${D-none}").text() == "none"
    assert server.command("echo $D").text() == "set"


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ("A= 1 \nA=2", {"A": "2"}),
        ("# A=1\n\n B=2 \n", {"B": "2"}),
        ("A='x\ny $X \\n'\nB=1", {"A": "x\ny $X \\n", "B": "1"}),
        ('A="x\\n\\t\\r\\\\ \\" $X ${X}"', {"A": 'x\n\t\r\\ " home home'}),
        ("A=$X ${X}y $NONE.", {"A": "home homey ."}),
        ("A='unterminated\nB=2", {"A": "'unterminated", "B": "2"}),
        ("A='x' y\nB=2", {"A": "'x' y", "B": "2"}),
        ("1A=x\nno entry\nB=é=", {"B": "é="}),
        ("A=a\0b", {"A": "ab"}),
        ("A='x'\r\nB=1\r\n", {"A": "'x'", "B": "1"}),
    ],
)
def test_entries_of_a_file_of_variables(text: str, entries: dict[str, str]) -> None:
    assert variables.parse(text, {"X": "home"}) == entries


@given(st.text(max_size=60))
def test_any_file_of_variables_can_be_read(text: str) -> None:
    assert all("\0" not in value for value in variables.parse(text, {}).values())


@given(st.text(max_size=8), st.integers(0, 40))
def test_a_text_ends_with_a_whole_character(text: str, cut: int) -> None:
    data = text.encode()[:cut]
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        end = end_of_text(file.fileno(), start=0, size=len(data))
    assert data[:end].decode() == data.decode(errors="ignore")
