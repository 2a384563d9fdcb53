"""The command line, as a shell sees it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
from opensandbox import SandboxManagerSync, SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.sandboxes import SandboxFilter

from code_interpreter import CodeInterpreterSync
from code_interpreter.cli import main
from tests.isolation.conftest import need_box
from tests.local.lifecycle.support import leftovers, program, read_until, stop

pytestmark = pytest.mark.kernels

CLI = ("-m", "code_interpreter.cli")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_what_a_client_needs_and_ends_with_0(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.delenv("OPEN_SANDBOX_API_KEY", raising=False)
    with program(*CLI, "serve", "--port", "0", "--isolation", "none") as server:
        assert re.fullmatch(
            r"127\.0\.0\.1:\d+", address := read_until(server, "Sandbox server on http://")
        )
        assert "without isolation" in read_until(server, "Warning:")
        domain = read_until(server, "export OPEN_SANDBOX_DOMAIN=")
        key = read_until(server, "export OPEN_SANDBOX_API_KEY=")
        assert domain == address
        assert len(key) >= 32
        monkeypatch.setenv("OPEN_SANDBOX_DOMAIN", domain)
        monkeypatch.setenv("OPEN_SANDBOX_API_KEY", key)
        with SandboxSync.create("x", connection_config=ConnectionConfigSync()) as sandbox:
            assert sandbox.is_healthy()
            assert stop(server, number) == 0
        assert (server.stderr and server.stderr.read()) == ""
        assert leftovers(scratch) == []


def test_serve_can_print_only_what_a_shell_evaluates(scratch: Path) -> None:
    options = ("serve", "--port", "0", "--isolation", "none", "--export", "--api-key", "k")
    with program(*CLI, *options) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(2)]
        assert stop(server, signal.SIGTERM) == 0
        assert server.stdout.read() == ""
    script = "".join(lines) + 'echo "$OPEN_SANDBOX_DOMAIN $OPEN_SANDBOX_API_KEY"'
    said = subprocess.check_output(["sh", "-c", script], text=True)
    assert re.fullmatch(r"127\.0\.0\.1:\d+ k\n", said)
    assert leftovers(scratch) == []


def test_the_doctor_says_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CODE_INTERPRETER_ISOLATION", raising=False)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "unless it says otherwise: auto" in said
    assert re.search(r"^python +3\.\d+", said, re.MULTILINE)
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["python"]["path"] == sys.executable
    assert report["isolation"]["chosen"] == "auto"
    assert report["isolation"].keys() == {"chosen", "namespaces", "landlock"}
    assert report["limits"].keys() == {"memory", "cpu"}
    assert report["amiss"] == []


def test_the_doctor_fails_where_the_next_sandbox_would(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODE_INTERPRETER_ISOLATION", "moat")
    assert main(["doctor"]) == 1
    assert "Amiss: CODE_INTERPRETER_ISOLATION: isolation must be" in capsys.readouterr().out


def test_a_bare_execd_does_not_run_without_the_box_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODE_INTERPRETER_ISOLATION", "moat")
    assert main(["execd", "--port", "0"]) == 1
    assert "must be one of" in capsys.readouterr().err
    monkeypatch.setenv("CODE_INTERPRETER_ISOLATION", "none")
    assert main(["execd", "--port", "0", "--network", "none"]) == 1
    assert "that are isolated" in capsys.readouterr().err


def test_a_bare_execd_in_a_box_works_in_the_folder_that_it_was_given(scratch: Path) -> None:
    need_box("namespaces")
    options = ("--isolation", "namespaces", "--network", "none")
    with (
        TemporaryDirectory(prefix="ci-mine-", dir=Path.home()) as folder,
        program(*CLI, "execd", "--port", "0", *options, "--workdir", folder) as server,
    ):
        mine = Path(folder)
        mine.chmod(0o777)
        (mine / "x").write_text("here")
        url = "http://" + read_until(server, "execd on http://")
        assert "namespaces" in read_until(server, "Code in it is in a box")
        token = read_until(server, "X-EXECD-ACCESS-TOKEN: ")
        headers = {"X-EXECD-ACCESS-TOKEN": token}
        with CodeInterpreterSync.connect(url, headers=headers) as interpreter:
            said = interpreter.codes.run("open('y', 'w').write('made'); open('x').read()")
            assert said.text == "'here'"
            beside = interpreter.codes.run(f"import os; len(os.listdir({str(mine.parent)!r}))")
            assert int(beside.text) < len([*mine.parent.iterdir()])
        assert stop(server, signal.SIGTERM) == 0
        assert (mine / "y").read_text() == "made"
    assert leftovers(scratch) == []


def test_serve_says_that_its_sandboxes_are_in_boxes(scratch: Path) -> None:
    del scratch
    need_box("namespaces")
    with program(*CLI, "serve", "--port", "0", "--isolation", "namespaces") as server:
        read_until(server, "Sandbox server on http://")
        assert server.stdout is not None
        assert "in a box of its own" in server.stdout.readline()
        assert stop(server, signal.SIGTERM) == 0


def test_the_key_comes_from_the_flag_or_the_environment() -> None:
    environment = {"OPEN_SANDBOX_API_KEY": "from-environment"}
    with program(*CLI, "serve", "--port", "0", env=environment) as server:
        assert read_until(server, "export OPEN_SANDBOX_API_KEY=") == "from-environment"
    with program(*CLI, "serve", "--port", "0", "--api-key", "flag", env=environment) as server:
        domain = read_until(server, "export OPEN_SANDBOX_DOMAIN=")
        assert read_until(server, "export OPEN_SANDBOX_API_KEY=") == "flag"
        config = ConnectionConfigSync(domain=domain, api_key="flag")
        with SandboxManagerSync.create(config) as manager:
            assert manager.list_sandbox_infos(SandboxFilter()).sandbox_infos == []


def test_another_address_than_loopback_brings_a_second_warning() -> None:
    options = ("--host", "0.0.0.0", "--allow-remote", "--isolation", "none")
    with program(*CLI, "serve", "--port", "0", *options) as server:
        assert "without isolation" in read_until(server, "Warning:")
        assert "0.0.0.0 is not loopback" in read_until(server, "Warning:")
        domain = read_until(server, "export OPEN_SANDBOX_DOMAIN=")
        key = read_until(server, "export OPEN_SANDBOX_API_KEY=")
        config = ConnectionConfigSync(domain=domain.replace("0.0.0.0", "localhost"), api_key=key)
        with SandboxSync.create("x", connection_config=config) as sandbox:
            assert sandbox.get_endpoint(44772).endpoint.startswith("localhost:")
            sandbox.kill()
        assert stop(server, signal.SIGTERM) == 0


@pytest.mark.parametrize("command", ["serve", "execd"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org"])
def test_another_address_than_loopback_has_to_be_allowed_in_words(
    command: str, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--host", host, "--port", "0"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "say --allow-remote if you want that" in captured.err


@pytest.mark.skipif(sys.platform != "linux", reason="counts processors as Linux does")
def test_serve_applies_no_limits_when_told_so() -> None:
    with program(*CLI, "serve", "--no-limits", "--port", "0") as server:
        config = ConnectionConfigSync(
            domain=read_until(server, "export OPEN_SANDBOX_DOMAIN="),
            api_key=read_until(server, "export OPEN_SANDBOX_API_KEY="),
        )
        with SandboxSync.create("x", connection_config=config) as sandbox:
            assert "limits are not applied" in (sandbox.get_info().status.message or "")
            assert sandbox.get_metrics().cpu_count == len(psutil.Process().cpu_affinity() or [])
            sandbox.kill()


@pytest.mark.parametrize("command", ["serve", "execd"])
def test_a_taken_port_is_one_line_and_status_1(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, *CLI, command, "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"code-interpreter: cannot listen on 127\.0\.0\.1:\d+: .*\n", done.stderr)


def test_execd_alone(scratch: Path) -> None:
    with program(*CLI, "execd", "--port", "0", "--token", "mine") as command:
        url = read_until(command, "execd on ")
        assert read_until(command, "X-EXECD-ACCESS-TOKEN:") == "mine"
        headers = {"X-EXECD-ACCESS-TOKEN": "mine"}
        assert httpx.get(f"{url}/ping", headers=headers).status_code == 200
        assert httpx.get(f"{url}/ping").status_code == 401
        assert stop(command, signal.SIGINT) == 0
    assert leftovers(scratch) == []


def test_execd_leaves_a_given_folder_where_it_is(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    options = ("--workdir", str(tmp_path), "--isolation", "none")
    with program(*CLI, "execd", "--port", "0", *options) as command:
        read_until(command, "X-EXECD-ACCESS-TOKEN:")
        assert stop(command, signal.SIGTERM) == 0
    assert (tmp_path / "mine").read_text() == "precious"
    assert leftovers(scratch) == []


def test_execd_wants_a_folder_that_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["execd", "--workdir", str(tmp_path / "none")]) == 1
    assert "not a folder" in capsys.readouterr().err


def test_version_and_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("code-interpreter ")
    for wrong in ([], ["serve", "--port", "70000"], ["serve", "--port", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2


def test_without_the_extra_it_says_how_to_get_it() -> None:
    code = (
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'psutil' else real(name, *rest)\n"
        "from code_interpreter.cli import main\n"
        "raise SystemExit(main(['serve']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 2
    assert "needs psutil, from its extra [local]" in done.stderr
    assert "pip install ./generated '.[local]'" in done.stderr
    assert "Traceback" not in done.stderr
