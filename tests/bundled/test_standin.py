"""The stand-in is as unkind as the cluster that it plays; nothing of ours is in its sandboxes."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from opensandbox import SandboxSync
from opensandbox.config.connection_sync import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.filesystem import (
    ContentReplaceEntry,
    DirectoryListEntry,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)

from tests.bundled.conftest import StandInSandboxSync
from tests.support.standin import Python, Settings, StandIn

PORT = 44790
PATIENCE = 20.0
ROOT = Path(__file__).parents[2]

# A server inside: it answers with its argument, a slow answer waits for a request to /go, and a cut
# one breaks off.
SERVER = """
import http.server, sys, threading
go = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/go":
            go.set()
        if self.path in ("/slow", "/cut"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\\r\\nfirst\\r\\n")
            if self.path == "/slow":
                go.wait()
                self.wfile.write(b"4\\r\\nlast\\r\\n0\\r\\n\\r\\n")
            self.close_connection = True
            return
        said = sys.argv[1] + " " + self.path + " " + self.headers.get("X-Mine", "")
        said = said.encode()
        if self.command == "POST":
            said += b" " + self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    do_POST = do_GET
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("0.0.0.0", 44790), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def sandbox(standin_sandbox_sync: StandInSandboxSync) -> Iterator[SandboxSync]:
    """A sandbox that the tests share, without a way out."""
    with standin_sandbox_sync(Settings(index=False)) as made:
        yield made


def execd(sandbox: SandboxSync) -> httpx.Client:
    """Return a bare client of the sandbox's execd."""
    endpoint = sandbox.get_endpoint(44772)
    return httpx.Client(base_url=f"http://{endpoint.endpoint}", headers=endpoint.headers)


def said(sandbox: SandboxSync, command: str, **options: Any) -> list[str]:
    """Run a command that succeeds; return its lines."""
    execution = sandbox.commands.run(command, opts=RunCommandOpts(**options))
    assert execution.error is None, (execution.error, execution.logs.stderr)
    return [message.text for message in execution.logs.stdout]


def stream(sandbox: SandboxSync, command: str) -> tuple[list[dict[str, Any]], float]:
    """Run a command; return its events, and how many seconds after the last the body ended."""
    with (
        execd(sandbox) as client,
        client.stream("POST", "/command", json={"command": command}) as answer,
    ):
        assert answer.headers["Content-Type"] == "text/event-stream"
        body, last = b"", 0.0
        for block in answer.iter_raw():
            body, last = body + block, time.monotonic()
        ended = time.monotonic()
    *frames, nothing = body.split(b"\n\n")
    assert nothing == b""
    return [json.loads(frame) for frame in frames], ended - last


def texts(events: list[dict[str, Any]], kind: str = "stdout") -> list[str]:
    return [event["text"] for event in events if event["type"] == kind]


def until_served(url: str, headers: dict[str, str], path: str = "/") -> str:
    """Return what a server in a sandbox says once it is up."""
    deadline = time.monotonic() + PATIENCE
    while (answer := httpx.get(url + path, headers=headers)).status_code == 502:
        assert time.monotonic() < deadline, "nothing is served"
        time.sleep(0.05)
    return answer.raise_for_status().text


def serve(sandbox: SandboxSync, text: str) -> None:
    """Start the server in a sandbox."""
    command = f"exec python3 -c {shlex.quote(SERVER)} {text}"
    sandbox.commands.run(command, opts=RunCommandOpts(background=True))


class TestBox:
    @pytest.mark.parametrize("version", ["3.10", "3.13", "system"])
    def test_only_the_python_that_is_asked_for_is_there_and_no_package_of_ours(
        self, standin_sandbox_sync: StandInSandboxSync, version: Python
    ) -> None:
        program = (
            "import importlib.util as u, sys; print('%d.%d' % sys.version_info[:2]); "
            "print([n for n in ('code_interpreter', 'execd_client', 'opensandbox', 'ipykernel', "
            "'jupyter_client', 'httpx', 'zmq') if u.find_spec(n)])"
        )
        pythons = "compgen -c python3 | sort -u | grep -E '^python3(\\.[0-9]+)?$'"
        with standin_sandbox_sync(Settings(python=version, root=False)) as sandbox:
            found, packages = said(sandbox, f"python3 -c {shlex.quote(program)}")
            assert version in (found, "system")
            assert packages == "[]"
            assert said(sandbox, pythons) == ["python3", f"python3.{found.partition('.')[2]}"]
            hidden = (Path.home() / ".pyenv", ROOT, Path("/work"))
            for path in hidden:
                assert not said(sandbox, f"ls -d {path} 2>/dev/null; true")

    def test_without_python_none_is_found(self, standin_sandbox_sync: StandInSandboxSync) -> None:
        with standin_sandbox_sync(Settings(python=None)) as sandbox:
            assert said(sandbox, "which -a python python3 pip pip3; true") == []

    def test_installers_are_those_that_are_asked_for(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        asked = "uv --version >/dev/null 2>&1 && echo uv; python3 -m pip --version >/dev/null 2>&1"
        asked += (
            " && echo pip; python3 -m ensurepip --version >/dev/null 2>&1 && echo ensurepip; true"
        )
        with standin_sandbox_sync(Settings(python="3.10", uv=True, pip=False)) as sandbox:
            assert said(sandbox, asked) == ["uv"]
        with standin_sandbox_sync(Settings()) as sandbox:
            assert said(sandbox, asked) == ["pip", "ensurepip"]

    def test_one_folder_alone_can_be_written_to(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        places = "/ /tmp /var/tmp /dev/shm /run /workspace /usr/local/bin $HOME /data"
        with standin_sandbox_sync(Settings(root=False, writable="/data")) as sandbox:
            command = f'for d in {places}; do touch "$d/x" 2>/dev/null && echo "$d"; done; id -u'
            assert said(sandbox, command) == ["/data", "61234"]
        with standin_sandbox_sync(Settings(writable="/mnt/data")) as sandbox:
            command = (
                f"for d in {places} /mnt/data; do touch $d/x 2>/dev/null && echo $d; done; true"
            )
            assert said(sandbox, command) == ["/mnt/data"]

    def test_an_ordinary_user_owns_home_and_nothing_else(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        with standin_sandbox_sync(Settings(root=False)) as sandbox:
            assert said(sandbox, "id -u; id -G; echo $HOME") == ["61234", "61234", "/home/user"]
            command = "for d in / /usr /opt /run /root $HOME /tmp /workspace; do"
            command += " touch $d/x 2>/dev/null && echo $d; done; true"
            assert said(sandbox, command) == ["/home/user", "/tmp", "/workspace"]

    def test_languages_of_this_machine_are_shown_if_asked_for(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        if "JUPYTER_DATA_DIR" not in os.environ:
            pytest.skip("no JUPYTER_DATA_DIR")
        asked = "for p in node java go; do which $p >/dev/null && echo $p; done; true"
        with standin_sandbox_sync(Settings(languages=True)) as sandbox:
            assert said(sandbox, asked) == ["node", "java", "go"]
            assert said(sandbox, "ls $JUPYTER_DATA_DIR/kernels")
        with standin_sandbox_sync(Settings()) as sandbox:
            assert said(sandbox, asked) == []


class TestCommands:
    def test_events_are_bare_objects_of_one_line_each(self, sandbox: SandboxSync) -> None:
        events, _ = stream(sandbox, "printf 'one\\n\\nthree\\rfour'; echo five >&2")
        assert [event["type"] for event in events[:2]] == ["init", "ping"]
        assert texts(events) == ["one", "\n", "three", "four"]
        assert texts(events, "stderr") == ["five"]
        first, second = (
            stream(sandbox, "true")[0][0]["text"],
            stream(sandbox, "true")[0][0]["text"],
        )
        assert first != second

    def test_the_end_is_a_second_late_and_not_always_the_last(self, sandbox: SandboxSync) -> None:
        orders: set[str] = set()
        for _ in range(2):
            events, late = stream(sandbox, "echo out")
            assert late > 0.9
            orders.add(events[-1]["type"])
        assert orders == {"stdout", "execution_complete"}

    def test_failures_are_errors(self, sandbox: SandboxSync) -> None:
        failed = sandbox.commands.run("exit 3")
        assert failed.error is not None
        assert (failed.error.name, failed.error.value) == ("CommandExecError", "3")
        started = time.monotonic()
        opts = RunCommandOpts(timeout=timedelta(milliseconds=300))
        assert sandbox.commands.run("sleep 60", opts=opts).error is not None
        assert time.monotonic() - started < 30

    def test_what_it_runs_with(self, sandbox: SandboxSync) -> None:
        lines = said(
            sandbox,
            "pwd; echo $MINE; id -u; id -g",
            working_directory="/usr",
            envs={"MINE": "yes"},
            uid=77,
            gid=78,
        )
        assert lines == ["/usr", "yes", "77", "78"]

    @pytest.mark.parametrize(
        "body", [{}, {"argv": ["true"]}, {"command": "true", "cwd": "/nowhere"}]
    )
    def test_what_it_refuses(self, sandbox: SandboxSync, body: dict[str, Any]) -> None:
        with execd(sandbox) as client:
            answer = client.post("/command", json=body)
        assert answer.status_code == 400
        assert answer.json()["code"] == "INVALID_REQUEST_BODY"

    def test_in_the_background(self, sandbox: SandboxSync) -> None:
        commands = sandbox.commands
        said(sandbox, "mkfifo /tmp/gate")
        run = commands.run(
            "echo one; read -r x < /tmp/gate; echo $x >&2; exit 4",
            opts=RunCommandOpts(background=True),
        )
        assert run.id
        assert not run.logs.stdout
        deadline = time.monotonic() + PATIENCE
        while not (first := commands.get_background_command_logs(run.id)).content:
            assert time.monotonic() < deadline
        assert first.content == "one\n"
        said(sandbox, "echo two > /tmp/gate")
        while (status := commands.get_command_status(run.id)).running:
            assert time.monotonic() < deadline
        assert status.exit_code == 4
        assert status.finished_at is not None
        assert commands.get_background_command_logs(run.id, cursor=first.cursor).content == "two\n"

    def test_interrupting_ends_it(self, sandbox: SandboxSync) -> None:
        run = sandbox.commands.run("exec sleep 600", opts=RunCommandOpts(background=True))
        assert run.id
        assert sandbox.commands.get_command_status(run.id).running is True
        sandbox.commands.interrupt(run.id)
        status = sandbox.commands.get_command_status(run.id)
        assert (status.running, status.exit_code) == (False, -1)
        with pytest.raises(SandboxApiException):
            sandbox.commands.interrupt("nobody")

    def test_a_silent_command_is_pinged(self, sandbox: SandboxSync) -> None:
        events, _ = stream(sandbox, "sleep 3.5")
        assert len(texts(events, "ping")) == 2


class TestLosses:
    """What is lost is lost silently, by a rule."""

    def test_some(self, standin_sandbox_sync: StandInSandboxSync) -> None:
        whole = ["1", "2", "3", "4"]
        with standin_sandbox_sync(Settings(lost="some")) as sandbox:
            runs = [said(sandbox, "seq 4") for _ in range(6)]
        assert runs == [whole, whole, ["1", "2", "3"], whole, whole, ["1", "3", "4"]]

    def test_the_last_of_each_stream(self, standin_sandbox_sync: StandInSandboxSync) -> None:
        with standin_sandbox_sync(Settings(lost="last")) as sandbox:
            assert said(sandbox, "seq 2; sleep 0.3; seq 3 4") == ["1", "2", "3"]
            assert said(sandbox, "echo alone") == []
            events, _ = stream(sandbox, "echo one; seq 2 >&2")
            assert (texts(events), texts(events, "stderr")) == ([], ["1"])
            assert {"execution_complete", "ping"} <= {event["type"] for event in events}


class TestFiles:
    @pytest.fixture
    def folder(self, sandbox: SandboxSync, request: pytest.FixtureRequest) -> str:
        path = f"/tmp/{request.node.name}"
        sandbox.files.create_directories([WriteEntry(path=path, mode=755)])
        return path

    def test_content_comes_back(self, sandbox: SandboxSync, folder: str) -> None:
        content = bytes(range(256)) * 40 + b"\r\n--"
        entries = [
            WriteEntry(path=f"{folder}/new/a", data=content, mode=640),
            WriteEntry(path=f"{folder}/b", data="text", mode=600),
        ]
        sandbox.files.write_files(entries)
        assert sandbox.files.read_bytes(f"{folder}/new/a") == content
        part = sandbox.files.read_bytes(f"{folder}/new/a", range_header="bytes=10-19")
        assert part == content[10:20]
        assert b"".join(sandbox.files.read_bytes_stream(f"{folder}/new/a")) == content
        info = sandbox.files.get_file_info([f"{folder}/new/a"])[f"{folder}/new/a"]
        assert (info.size, info.mode, info.entry_type) == (len(content), 640, "file")
        assert said(sandbox, f"stat -c %a {folder}/b; cat {folder}/b") == ["600", "text"]

    def test_folders(self, sandbox: SandboxSync, folder: str) -> None:
        sandbox.files.create_directories([WriteEntry(path=f"{folder}/a/b", mode=700)])
        sandbox.files.write_file(f"{folder}/a/b/x.txt", "x")
        sandbox.files.write_file(f"{folder}/y.txt", "y")
        listed = sandbox.files.list_directory(DirectoryListEntry(path=folder, depth=2))
        assert [one.path for one in listed] == [f"{folder}/{n}" for n in ("a", "a/b", "y.txt")]
        found = sandbox.files.search(SearchEntry(path=folder, pattern="**/*.txt"))
        assert [one.path for one in found] == [f"{folder}/a/b/x.txt", f"{folder}/y.txt"]
        sandbox.files.delete_files([f"{folder}/y.txt", f"{folder}/never"])
        sandbox.files.delete_directories([f"{folder}/a"])
        assert said(sandbox, f"ls -A {folder}") == []

    def test_a_move_refuses_a_target_that_is_there(self, sandbox: SandboxSync, folder: str) -> None:
        sandbox.files.write_files(
            [WriteEntry(path=f"{folder}/{name}", data=name) for name in ("a", "b")]
        )
        with pytest.raises(SandboxApiException) as caught:
            sandbox.files.move_files([MoveEntry(source=f"{folder}/a", destination=f"{folder}/b")])
        assert caught.value.status_code == 500
        sandbox.files.move_files([MoveEntry(source=f"{folder}/a", destination=f"{folder}/c/d")])
        assert sandbox.files.read_file(f"{folder}/c/d") == "a"
        with pytest.raises(SandboxApiException) as caught:
            sandbox.files.move_files([MoveEntry(source=f"{folder}/a", destination=f"{folder}/e")])
        assert caught.value.status_code == 404

    def test_changes(self, sandbox: SandboxSync, folder: str) -> None:
        path = f"{folder}/a"
        sandbox.files.write_file(path, "one two one")
        entry = ContentReplaceEntry(path=path, old_content="one", new_content="1")
        (result,) = sandbox.files.replace_contents_detailed([entry])
        assert result.replaced_count == 2
        assert sandbox.files.read_file(path) == "1 two 1"
        sandbox.files.set_permissions(
            [SetPermissionEntry(path=path, mode=644, owner="nobody", group="nogroup")]
        )
        assert said(sandbox, f"stat -c '%a %U %G' {path}") == ["644 nobody nogroup"]

    def test_what_is_missing(self, sandbox: SandboxSync) -> None:
        with pytest.raises(SandboxApiException) as caught:
            sandbox.files.read_bytes("/tmp/never")
        assert caught.value.status_code == 404
        with pytest.raises(SandboxApiException) as caught:
            sandbox.files.get_file_info(["/tmp/never"])
        assert caught.value.status_code == 404

    def test_an_ordinary_user_writes_only_what_is_its_own(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        with standin_sandbox_sync(Settings(root=False)) as sandbox:
            sandbox.files.write_file("/home/user/.cache/x", "x", mode=600)
            assert said(sandbox, "stat -c '%u %a' /home/user/.cache/x") == ["61234 600"]
            with pytest.raises(SandboxApiException):
                sandbox.files.write_file("/etc/x", "x")


@pytest.fixture(scope="module", params=[False, True], ids=["direct", "by the server"])
def road(request: pytest.FixtureRequest, standin: StandIn) -> ConnectionConfigSync:
    """How endpoints are to be reached."""
    return standin.connection_sync().model_copy(update={"use_server_proxy": request.param})


@pytest.fixture(scope="module")
def served(sandbox: SandboxSync) -> str:
    """The id of a sandbox with a server."""
    serve(sandbox, "shared")
    return sandbox.id


class TestEndpoints:
    @pytest.fixture
    def seen(self, served: str, road: ConnectionConfigSync) -> Iterator[httpx.Client]:
        """A client of that server."""
        with SandboxSync.connect(served, connection_config=road) as connected:
            endpoint = connected.get_endpoint(PORT)
            headers = endpoint.build_request_headers(road)
            url = f"http://{endpoint.endpoint}"
            until_served(url, headers)
            with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
                yield client

    def test_requests_reach_it(self, seen: httpx.Client) -> None:
        answer = seen.get("/a%20b?c=d%26e", headers={"X-Mine": "mine"})
        assert answer.text == "shared /a%20b?c=d%26e mine"
        assert seen.post("/", content=b"x" * 100_000).text == "shared /  " + "x" * 100_000
        posted = seen.post("/", content=iter([b"a"]), headers={"Content-Length": "1"})
        assert posted.text == "shared /  a"

    def test_an_answer_comes_as_it_is_written(self, seen: httpx.Client) -> None:
        with seen.stream("GET", "/slow") as answer:
            blocks = answer.iter_raw()
            assert next(blocks) == b"first"
            assert seen.get("/go").status_code == 200
            assert b"".join(blocks) == b"last"

    def test_a_cut_stays_a_cut(self, seen: httpx.Client) -> None:
        with seen.stream("GET", "/cut") as answer:
            blocks = answer.iter_raw()
            assert next(blocks) == b"first"
            with pytest.raises(httpx.RemoteProtocolError):
                next(blocks)

    def test_execd_is_there_as_well(self, served: str, road: ConnectionConfigSync) -> None:
        with SandboxSync.connect(served, connection_config=road) as connected:
            assert said(connected, "echo here") == ["here"]
            connected.files.write_file("/tmp/by", "x" * 200_000)
            assert connected.files.read_file("/tmp/by") == "x" * 200_000

    def test_each_request_needs_what_the_endpoint_says(
        self, seen: httpx.Client, road: ConnectionConfigSync
    ) -> None:
        needed = [
            "X-EXECD-ACCESS-TOKEN",
            *(["OPEN-SANDBOX-API-KEY"] if road.use_server_proxy else []),
        ]
        for name in needed:
            answer = seen.get("/", headers={name: "wrong"})
            assert answer.status_code == 401
            assert "shared" not in answer.text

    def test_nobody_answers_on_another_port(self, seen: httpx.Client) -> None:
        url = str(seen.base_url).replace(str(PORT), "44791")
        assert httpx.get(url, headers=seen.headers).status_code == 502


class TestNetwork:
    def test_two_sandboxes_serve_one_port(self, standin_sandbox_sync: StandInSandboxSync) -> None:
        settings = Settings()
        with standin_sandbox_sync(settings) as one, standin_sandbox_sync(settings) as two:
            for sandbox, text in ((one, "one"), (two, "two")):
                serve(sandbox, text)
            for sandbox, text in ((one, "one"), (two, "two")):
                endpoint = sandbox.get_endpoint(PORT)
                seen = until_served(f"http://{endpoint.endpoint}", endpoint.headers)
                assert seen.split()[0] == text

    def test_without_an_index_there_is_no_way_out(self, sandbox: SandboxSync) -> None:
        assert said(
            sandbox, "env | grep -ciE '^https?_proxy='; tail -n +3 /proc/net/dev | wc -l"
        ) == [
            "0",
            "1",
        ]
        refused = sandbox.commands.run("exec 3<>/dev/tcp/127.0.0.1/3128")
        assert refused.error is not None

    def test_the_way_out_leads_to_https_alone(
        self, standin_sandbox_sync: StandInSandboxSync
    ) -> None:
        program = """
import os, socket, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
for target in ("127.44.79.1:443", "127.44.79.1:80"):
    with socket.create_connection((proxy.hostname, proxy.port)) as out:
        out.sendall(f"CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\nhello".encode())
        said = b""
        while block := out.recv(100):
            said += block
        print(said.split(b" ")[1].decode(), said.rpartition(b"\\r\\n\\r\\n")[2].decode())
"""
        with (
            socket.create_server(("127.44.79.1", 443)) as outside,
            standin_sandbox_sync(Settings()) as sandbox,
        ):
            outside.settimeout(PATIENCE)

            def answer() -> None:
                with outside.accept()[0] as connection:
                    connection.sendall(connection.recv(5)[::-1])

            thread = threading.Thread(target=answer)
            thread.start()
            lines = said(sandbox, f"python3 -c {shlex.quote(program)}")
            thread.join()
        assert [line.strip() for line in lines] == ["200 olleh", "403"]


class TestLifecycle:
    def test_who_has_no_key_is_refused(self, standin: StandIn, sandbox: SandboxSync) -> None:
        base = f"http://{standin.domain}/v1/sandboxes"
        for path in ("", f"/{sandbox.id}", f"/{sandbox.id}/endpoints/{PORT}"):
            assert httpx.get(base + path).status_code == 401
        key = {"OPEN-SANDBOX-API-KEY": standin.api_key}
        assert httpx.get(f"{base}/nobody", headers=key).status_code == 404
        assert sandbox.id in httpx.get(base, headers=key).text

    def test_the_environment_is_handed_on(self, standin: StandIn) -> None:
        made = SandboxSync.create(
            standin.image(Settings()),
            env={"MINE": "yes"},
            connection_config=standin.connection_sync(),
        )
        try:
            assert said(made, "echo $MINE") == ["yes"]
        finally:
            made.destroy()

    def test_it_expires(self, standin_sandbox_sync: StandInSandboxSync, standin: StandIn) -> None:
        with standin_sandbox_sync(Settings()) as sandbox:
            address = sandbox.get_endpoint(44772).endpoint.partition("/")[0]
            sandbox.renew(timedelta(milliseconds=200))
            wait_for_nobody(address)
            key = {"OPEN-SANDBOX-API-KEY": standin.api_key}
            gone = f"http://{standin.domain}/v1/sandboxes/{sandbox.id}"
            assert httpx.get(gone, headers=key).status_code == 404

    def test_all_of_it_ends_with_it(self, standin_sandbox_sync: StandInSandboxSync) -> None:
        with standin_sandbox_sync(Settings()) as sandbox:
            endpoint = sandbox.get_endpoint(PORT)
            said(
                sandbox, f"setsid -f python3 -c {shlex.quote(SERVER)} x >/dev/null 2>&1 </dev/null"
            )
            url = f"http://{endpoint.endpoint}"
            until_served(url, endpoint.headers)
            with httpx.stream("GET", f"{url}/slow", headers=endpoint.headers) as answer:
                blocks = answer.iter_raw()
                assert next(blocks) == b"first"
                sandbox.kill()
                with pytest.raises(httpx.TransportError):
                    next(blocks)
            wait_for_nobody(endpoint.endpoint.partition("/")[0])

    def test_all_of_it_ends_with_a_server_that_is_killed(self) -> None:
        program = """
import time
from opensandbox import SandboxSync
from tests.support.standin import Settings, StandIn
with StandIn() as server:
    made = SandboxSync.create(
        server.image(Settings()), connection_config=server.connection_sync()
    )
    print(made.get_endpoint(44772).endpoint, flush=True)
    time.sleep(600)
"""
        if os.geteuid() != 0:
            pytest.skip("only root can start the stand-in's sandboxes")
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            address = process.stdout.readline().partition("/")[0]
            with socket.create_connection(split(address)):
                process.send_signal(signal.SIGKILL)
                wait_for_nobody(address)


def split(address: str) -> tuple[str, int]:
    host, _, port = address.partition(":")
    return host, int(port)


def wait_for_nobody(address: str) -> None:
    """Wait until nothing listens: the last process that holds the socket is gone."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(split(address)).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < deadline, f"{address} is still there"
        time.sleep(0.05)
