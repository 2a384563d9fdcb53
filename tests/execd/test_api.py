"""Contexts, refusals, commands: everything around the runs."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import venv
from pathlib import Path

import httpx
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import TOKEN, Server, wait_until

pytestmark = pytest.mark.kernels

READINESS = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/${JUPYTER_PORT:-44771}' && exit 0 || exit 1"


def test_ping_answers_nothing(server: Server) -> None:
    answer = server.client.get("/ping")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_same_api_is_below_the_prefix(server: Server) -> None:
    assert server.client.get("/44772/ping").status_code == 200
    assert server.request("/44772/code", {"code": "echo $((40 + 2))"}).text() == "42"
    assert server.client.get("/44772x/ping").status_code == 404


@pytest.mark.parametrize("path", ["/ping", "/44772/ping", "/code/contexts", "/nope"])
def test_nothing_passes_without_the_token(server: Server, path: str) -> None:
    for headers in ({}, {"X-EXECD-ACCESS-TOKEN": "wrong"}):
        answer = httpx.get(server.url + path, headers=headers)
        assert answer.status_code == 401
        assert "X-EXECD-ACCESS-TOKEN" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_web_pages_are_refused(server: Server, headers: dict[str, str]) -> None:
    assert server.client.get("/ping", headers=headers).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("GET", "/nope"), ("GET", "/")])
def test_unknown_operations_are_named(server: Server, method: str, path: str) -> None:
    answer = server.client.request(method, path)
    assert answer.status_code == 404
    assert f"{method} {path}" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/code", "DELETE, POST"),
        ("POST", "/code/contexts", "DELETE, GET, HEAD"),
        ("OPTIONS", "/44772/code/contexts/some", "DELETE, GET, HEAD"),
        ("POST", "/v1/isolated/capabilities", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_all_that_are_right(
    server: Server, method: str, path: str, allowed: str
) -> None:
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


def test_a_context_lives_from_creation_to_deletion(server: Server) -> None:
    made = server.client.post("/code/context", json={"language": " Python "})
    context_id = made.json()["id"]
    shown = {"id": context_id, "language": "python"}
    assert made.json() == shown
    assert server.client.get(f"/code/contexts/{context_id}").json() == shown
    assert shown in server.client.get("/code/contexts").json()
    assert shown in server.client.get("/code/contexts", params={"language": "python"}).json()
    assert server.client.get("/code/contexts", params={"language": "java"}).json() == []
    deleted = server.client.delete(f"/code/contexts/{context_id}")
    assert (deleted.status_code, deleted.content) == (200, b"")
    for answer in (
        server.client.get(f"/code/contexts/{context_id}"),
        server.client.delete(f"/code/contexts/{context_id}"),
    ):
        assert answer.status_code == 404
        assert answer.json() == {
            "code": "CONTEXT_NOT_FOUND",
            "message": f"context {context_id} not found",
        }


def test_a_context_starts_where_it_was_told(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    made = server.client.post("/code/context", json={"language": "python", "cwd": str(folder)})
    assert made.json()["cwd"] == str(folder)
    code = "import os; os.getcwd()"
    outcome = server.run(code, made.json()["id"])
    assert outcome.results[0]["results"]["text"] == repr(str(folder))
    with server.context() as usual:
        here = repr(str(server.workdir.resolve()))
        assert server.run(code, usual).results[0]["results"]["text"] == here


def test_an_impossible_cwd_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cwd in (str(tmp_path / "file"), "x" * 5000, "a\0b"):
        answer = server.client.post("/code/context", json={"language": "python", "cwd": cwd})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/code/context", {"language": "cobol"}),
        ("/code", {"code": "1", "context": {"language": "cobol"}}),
        ("/code/context", {"language": " "}),
        ("/code/context", {}),
        ("/code/context", {"language": None}),
    ],
)
def test_an_unknown_language_is_refused(server: Server, path: str, body: object) -> None:
    answer = server.client.post(path, json=body)
    assert answer.status_code == 400
    assert re.search(r"available: .*\bpython\b", answer.json()["message"])


@pytest.mark.parametrize("path", ["/code", "/code/context", "/command"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'{"code": 5, "command": 5, "language": 5}',
        pytest.param(b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
    ],
)
def test_a_bad_body_is_refused(server: Server, path: str, body: bytes) -> None:
    answer = server.client.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"code": "", "context": {"language": "python"}}]
)
def test_empty_code_is_refused(server: Server, body: object) -> None:
    answer = server.client.post("/code", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")


def test_what_a_context_in_a_run_says_has_its_type(server: Server) -> None:
    for context in ({"id": 5}, {"language": 5}, {"language": "python", "cwd": 5}):
        answer = server.client.post("/code", json={"code": "1", "context": context})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")


def test_an_unknown_context_is_refused(server: Server) -> None:
    answer = server.client.post(
        "/code", json={"code": "1", "context": {"id": "nope", "language": "python"}}
    )
    assert answer.status_code == 500
    assert answer.json() == {
        "code": "RUNTIME_ERROR",
        "message": "error running codes context not found",
    }


def test_an_id_decides_the_language(server: Server, context: str) -> None:
    body = {"code": "1 + 1", "context": {"id": context, "language": "bash"}}
    assert server.request("/code", body).results[0]["results"]["text"] == "2"


def test_the_default_context_is_made_on_demand_and_lasts(start: StartServer) -> None:
    server = start()
    python = {"language": "python"}
    server.request("/code", {"code": "x = 5", "context": python})
    outcome = server.request("/code", {"code": "x", "context": python})
    assert outcome.results[0]["results"]["text"] == "5"
    assert len(server.client.get("/code/contexts").json()) == 1
    assert server.client.delete("/code/contexts").json()["code"] == "MISSING_QUERY"
    assert server.client.delete("/code/contexts", params=python).status_code == 200
    assert server.client.get("/code/contexts").json() == []
    again = server.request("/code", {"code": "x", "context": python})
    assert again.error["ename"] == "NameError"


def test_contexts_that_are_deleted_while_their_kernels_start_go_quietly(
    start: StartServer, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        server = start(stderr=stderr)
    for _ in range(5):
        server.client.delete(f"/code/contexts/{server.create()}")
    wait_until(lambda: len(server.family()) == 1)
    server.close()
    assert (tmp_path / "stderr").read_text() == ""


# Versions


@pytest.mark.parametrize("version", ["3", "{0}.{1}", "{0}.{1}.{2}"])
def test_the_running_interpreter_is_taken_where_it_fits(start: StartServer, version: str) -> None:
    server = start(env={"PYTHON_VERSION": version.format(*sys.version_info), "GO_VERSION": "9"})
    body = {"code": "import sys; print(sys.executable)", "context": {"language": "python"}}
    assert server.request("/code", body).text().strip() == sys.executable


def test_a_version_that_is_not_there_is_refused_with_what_is(
    start: StartServer, tmp_path: Path
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    folder = str(tmp_path / "bare" / "bin")
    path = folder + os.pathsep + os.environ["PATH"]
    server = start(env={"PYTHON_VERSION": "3.99", "PATH": path})
    for url, body in (
        ("/code/context", {"language": "python"}),
        ("/code", {"code": "1", "context": {"language": "python"}}),
    ):
        answer = server.client.post(url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "NOT_SUPPORTED")
        message = answer.json()["message"]
        assert "Python 3.99 is not available" in message
        assert sys.executable in message
        assert "`code-interpreter kernels install python` makes usable: " in message
    assert server.command("echo other things work").ok


@pytest.mark.parametrize("version", ["three", "3.x", "3.1.2.3"])
def test_a_version_that_is_none_is_refused(start: StartServer, version: str) -> None:
    server = start(env={"PYTHON_VERSION": version})
    answer = server.client.post("/code/context", json={"language": "python"})
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_SUPPORTED")
    assert version in answer.json()["message"]


def test_a_kernel_that_cannot_start_says_why(start: StartServer, tmp_path: Path) -> None:
    (tmp_path / "ipykernel.py").write_text("raise SystemExit('cannot start today')")
    server = start(env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])})
    outcome = server.request("/code", {"code": "1", "context": {"language": "python"}})
    assert outcome.error["ename"] == "KernelStartError"
    assert "cannot start today" in outcome.error["evalue"]
    context_id = server.create()
    time.sleep(2)  # its three attempts are over by then; asking would join them
    answer = server.client.post("/code", json={"code": "1", "context": {"id": context_id}})
    assert (answer.status_code, answer.json()["code"]) == (500, "RUNTIME_ERROR")
    assert "cannot start today" in answer.json()["message"]


# Commands


def test_a_command_speaks_in_lines(server: Server) -> None:
    outcome = server.command("echo hi; echo err >&2; printf 'a\\n\\nno newline'")
    assert outcome.kinds[0] == "init"
    assert outcome.kinds[-1] == "execution_complete"
    texts = {
        kind: [event["text"] for event in outcome.events if event["type"] == kind]
        for kind in ("stdout", "stderr")
    }
    assert texts == {"stdout": ["hi", "a", "", "no newline"], "stderr": ["err"]}


def test_a_failed_command_ends_with_its_status(server: Server) -> None:
    outcome = server.command("echo out; exit 3")
    assert outcome.kinds == ["init", "stdout", "error"]
    assert outcome.error == {
        "ename": "CommandExecError",
        "evalue": "3",
        "traceback": ["exit status 3"],
    }


def test_code_in_no_language_is_a_command(server: Server) -> None:
    assert server.request("/code", {"code": "echo $0"}).text().endswith("bash")
    assert server.request("/code", {"code": "echo $0", "context": {}}).text().endswith("bash")


def test_a_command_has_its_folder_and_variables(server: Server, tmp_path: Path) -> None:
    outcome = server.command("echo $A; pwd", cwd=str(tmp_path), envs={"A": "b c"})
    assert [e["text"] for e in outcome.events if e["type"] == "stdout"] == ["b c", str(tmp_path)]
    assert server.command("pwd").text() == str(server.workdir.resolve())


def test_a_command_reads_nothing(server: Server) -> None:
    assert server.command("cat; echo end").text() == "end"


def test_a_timeout_in_milliseconds_kills_the_whole_group(server: Server) -> None:
    started = time.monotonic()
    outcome = server.command("sleep 30 & sleep 31", timeout=300)
    assert 0.3 <= time.monotonic() - started < 5
    assert outcome.error["evalue"] == "-1"
    assert outcome.error["traceback"] == ["signal: killed"]
    wait_until(lambda: not any(p.name() == "sleep" for p in server.family()))


def sleeps(server: Server, seconds: int) -> bool:
    """Whether a `sleep` of these seconds lives: other tests' may too."""
    return any(p.cmdline() == ["sleep", str(seconds)] for p in server.family())


def test_a_command_can_be_interrupted_and_asked_for(server: Server) -> None:
    live = server.follow("/command", {"command": "sleep 61"})
    wait_until(lambda: live.events and sleeps(server, 61))
    command_id = live.events[0]["text"]
    status = server.client.get(f"/command/status/{command_id}").json()
    assert (status["running"], status["content"]) == (True, "sleep 61")
    assert server.client.delete("/command", params={"id": command_id}).status_code == 200
    assert live.outcome(5).error["traceback"] == ["signal: terminated"]
    status = server.client.get(f"/command/status/{command_id}").json()
    assert (status["running"], status["exit_code"]) == (False, -1)
    assert status["error"] == "signal: terminated"
    assert server.client.delete("/command", params={"id": command_id}).status_code == 500
    assert server.client.get("/command/status/nope").status_code == 404


def test_a_client_that_goes_away_kills_its_command(server: Server) -> None:
    body = {"command": "echo on; sleep 62"}
    with server.client.stream("POST", "/command", json=body) as answer:
        for chunk in answer.iter_bytes():
            if b'"on"' in chunk:
                break
    wait_until(lambda: not sleeps(server, 62))


def test_a_command_ends_with_its_shell_and_what_it_left_lives_on(server: Server) -> None:
    waits = "until [ -e told ]; do sleep 0.05; done"
    outcome = server.command(f"({waits}; echo late; touch survived) & echo now")
    assert outcome.text() == "now"
    (server.workdir / "told").touch()
    wait_until((server.workdir / "survived").exists)


def test_a_command_can_say_much(server: Server) -> None:
    outcome = server.command("seq 200000; head -c 3000000 /dev/zero | tr '\\0' x")
    texts = [event["text"] for event in outcome.events if event["type"] == "stdout"]
    assert texts == [*map(str, range(1, 200_001)), "x" * 3_000_000]


def test_bytes_that_are_no_text_are_replaced(server: Server) -> None:
    assert server.command(r"printf 'a\xffb'").text() == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "INVALID_REQUEST_BODY"),
        ({"command": ""}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "cwd": "/nonexistent"}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "cwd": "x" * 5000}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "cwd": "a\0b"}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "timeout": -1}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "timeout": 2**63}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd\0"}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "envs": {"A\0": "b"}}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "envs": {"A": "b\0"}}, "INVALID_REQUEST_BODY"),
        ({"command": "pwd", "envs": {"A=": "b"}}, "INVALID_REQUEST_BODY"),
    ],
)
def test_what_a_command_cannot_do_is_refused(server: Server, fields: object, code: str) -> None:
    answer = server.client.post("/command", json=fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_command_that_cannot_be_started_says_so(server: Server) -> None:
    outcome = server.command("echo '" + "x" * 3_000_000 + "'")
    assert outcome.error["ename"] == "CommandExecError"
    assert outcome.error["traceback"][0]


# The process


def test_the_reference_sdks_readiness_check_succeeds(server: Server) -> None:
    assert server.command(READINESS).ok


def test_secrets_reach_neither_kernels_nor_commands(server: Server, context: str) -> None:
    assert "of the tests" not in server.command("env").text()
    outcome = server.run(
        "import os\nfor name in os.environ: print(name, os.environ[name])", context
    )
    assert "OPENSANDBOX_SANDBOX_ID" in outcome.text()
    assert "of the tests" not in outcome.text()


def test_without_a_token_it_does_not_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "code_interpreter.execd", "--port", "0"],
        env={k: v for k, v in os.environ.items() if k != "EXECD_ACCESS_TOKEN"},
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert ended.returncode != 0
    assert b"EXECD_ACCESS_TOKEN" in ended.stderr


def test_a_client_that_goes_in_the_middle_of_its_request_is_no_accident(
    start: StartServer, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        server = start(stderr=stderr)
    head = f"POST /code HTTP/1.1\r\nHost: localhost\r\nX-EXECD-ACCESS-TOKEN: {TOKEN}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
    assert server.client.get("/ping").status_code == 200
    server.close()
    assert (tmp_path / "stderr").read_text() == ""


@pytest.mark.parametrize("how", ["stdin", "SIGTERM", "SIGINT"])
def test_no_process_outlives_the_server(start: StartServer, how: str) -> None:
    server = start()
    context_id = server.create()
    live = server.live(
        "import subprocess, sys, time\n"
        "daemon = 'import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep(1000)'\n"
        "subprocess.run([sys.executable, '-c', daemon])\n"
        "print('on', flush=True)\n"
        "while True:\n"
        "    try: time.sleep(1000)\n"
        "    except KeyboardInterrupt: pass",
        context_id,
    )
    live.wait_for("stdout")
    server.command("setsid sleep 1000 > /dev/null 2>&1 &")
    family = server.family()
    assert len(family) >= 4
    if how == "stdin":
        assert server.process.stdin is not None
        server.process.stdin.close()
    else:
        server.process.send_signal({"SIGTERM": 15, "SIGINT": 2}[how])
    assert server.process.wait(5) == 0
    assert server.family() == []
    assert live.outcome(5).error["ename"] == "SandboxClosed"


def test_twenty_starts(start: StartServer) -> None:
    seconds: list[float] = []
    for _ in range(20):
        server = start()
        assert server.client.get("/ping").status_code == 200
        seconds.append(server.start_seconds)
        server.close()
    print(json.dumps({"start_seconds": sorted(seconds)}))
    assert max(seconds) < 10


def test_kernels_start_again_and_again(server: Server) -> None:
    for _ in range(3):
        with server.context() as fresh:
            assert server.run("1", fresh).ok


def test_isolated_execution_says_that_and_why_it_is_missing(server: Server) -> None:
    answer = server.client.get("/v1/isolated/capabilities")
    assert answer.status_code == 200
    assert answer.json()["available"] is False
    assert "without isolation" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/v1/isolated/session", "SERVICE_UNAVAILABLE"),
        ("GET", "/v1/isolated/sessions", "SERVICE_UNAVAILABLE"),
        ("DELETE", "/v1/isolated/session/0b9f/files", "SERVICE_UNAVAILABLE"),
        ("GET", "/44772/v1/isolated/session/0b9f/runs/1c/logs", "SERVICE_UNAVAILABLE"),
        ("GET", "/v1/filesystem/1000/1000/files/info", "NOT_SUPPORTED"),
        ("POST", "/v1/filesystem/0/0/files/upload", "NOT_SUPPORTED"),
    ],
)
def test_what_needs_an_isolator_is_unavailable(
    server: Server, method: str, path: str, code: str
) -> None:
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (503, code)
