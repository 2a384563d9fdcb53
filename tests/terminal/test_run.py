"""`code-interpreter run`, as a user types it."""

import base64
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opensandbox import SandboxSync

from code_interpreter.local import LocalServer
from tests.execd.needs import need_kernel

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = (
    "import base64, IPython.display as d\n"
    f"d.display(d.Image(data=base64.b64decode({PNG!r})))\nprint('drawn')"
)
PATIENCE = 60


def run(
    *arguments: str,
    given: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "code_interpreter", "run", *arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


@pytest.fixture(scope="module")
def local_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.py", "print('hello')\n6 * 7"),
        ("a.sh", "echo hello"),
        ("a.js", "console.log('hello')\n6 * 7"),
        ("a.ts", "const said: string = 'hello'\nconsole.log(said)"),
        ("A.java", 'System.out.println("hello");'),
        ("a.go", 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello") }'),
    ],
)
def test_a_file_prints_what_its_own_tool_would(tmp_path: Path, name: str, code: str) -> None:
    endings = {"py": "python", "sh": "bash", "js": "javascript", "ts": "typescript"}
    ending = name.split(".")[1]
    need_kernel(endings.get(ending, ending))
    (tmp_path / name).write_text(code)
    done = run(name, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("hello\n", "", 0)


def test_standard_input_is_run_and_typed_code_shows_its_value() -> None:
    done = run("-l", "python", "-", given="import sys\nprint(1)\nprint(2, file=sys.stderr)\n3")
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "2\n", 0)
    done = run("-c", "'a' * 3")
    assert (done.stdout, done.stderr, done.returncode) == ("'aaa'\n", "", 0)


def test_a_failure_has_its_traceback_and_a_status() -> None:
    done = run("-c", "print('before')\n1 / 0")
    assert done.stdout == "before\n"
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\033" not in done.stderr
    assert done.returncode == 1
    done = run("-l", "bash", "-c", "exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)


def test_a_run_that_takes_too_long_is_stopped() -> None:
    done = run("--timeout", "10", "-l", "bash", "-c", "echo begun; sleep 600")
    assert done.stdout == "begun\n"
    assert "10 s" in done.stderr
    assert done.returncode == 124


def test_environment_and_folders_are_given(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data").write_text("data")
    code = (
        "import os, pathlib\nprint(os.environ['NAME'], pathlib.Path('/data/data').read_text())\n"
        "pathlib.Path('/data/made').write_text('made')"
    )
    given = ["--env", "NAME=a=b", "--mount", f"{tmp_path}/in:/data:rw", "--isolation", "auto"]
    if os.geteuid() == 0:
        (tmp_path / "in").chmod(0o777)  # code of root runs as another user
    done = run(*given, "-c", code)
    assert (done.stdout, done.stderr) == ("a=b data\n4\n", "")
    assert (tmp_path / "in" / "made").read_text() == "made"


def test_a_sandbox_that_exists_runs_it_and_stays(local_server: LocalServer) -> None:
    config = local_server.connection_config_sync
    env = {"OPEN_SANDBOX_API_KEY": local_server.api_key}
    with SandboxSync.create("any", connection_config=config) as sandbox:
        where = ["--domain", local_server.address, "--sandbox", sandbox.id]
        code = "import os\nleft = os.environ['NAME']\nleft"
        done = run(*where, "--env", "NAME=value", "-c", code, env=env)
        assert (done.stdout, done.stderr, done.returncode) == ("'value'\n", "", 0)
        done = run(*where, "-c", "left, 'NAME' in os.environ", env=env)
        assert done.stdout == "('value', False)\n"
        sandbox.kill()


def test_pictures_are_named_or_saved(tmp_path: Path) -> None:
    done = run("-c", PICTURE)
    assert done.stdout == "drawn\n"
    assert "picture: image/png (--save DIR" in done.stderr
    done = run("--save", "out", "-c", PICTURE, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("drawn\n", "picture: out/1.png\n")
    assert (tmp_path / "out" / "1.png").read_bytes() == base64.b64decode(PNG)


def test_json_has_all_of_it(tmp_path: Path) -> None:
    done = run("--json", "--save", str(tmp_path), "-c", PICTURE + "\n1")
    told = json.loads(done.stdout)
    assert told["outcome"] == "ok"
    kinds = [output["type"] for output in told["outputs"]]
    assert kinds == ["result", "stdout", "result"]
    assert (tmp_path / "1.png").exists()
    done = run("--json", "--timeout", "10", "-l", "bash", "-c", "echo begun; sleep 600")
    told = json.loads(done.stdout)
    assert (told["outcome"], told["outputs"]) == (
        "timed_out",
        [{"type": "stdout", "text": "begun\n"}],
    )
    assert done.returncode == 124
    done = run("--json", "-c", "1 / 0")
    assert json.loads(done.stdout)["error"]["name"] == "ZeroDivisionError"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.rb"], "cannot be read"),
        (["-c", "1", "a.py"], "give one of them"),
        (["-l", "cobol", "-c", "1"], "cobol"),
        (["-c", " "], "no code"),
        (["--env", "NAME", "-c", "1"], "NAME=VALUE"),
        (["--mount", "a:b", "-c", "1"], "FOLDER[:/PATH[:rw]]"),
        (["--timeout", "soon", "-c", "1"], "'soon' is no time: type seconds"),
        (["--domain", "x", "--network", "none", "-c", "1"], "--network"),
    ],
)
def test_wrong_use_says_what_to_type(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "code-interpreter run" in done.stderr
    assert "Traceback" not in done.stderr


class Terminal:
    """A process at a terminal of its own."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "code_interpreter", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, **env},
        )
        os.close(theirs)
        self.said = ""

    def until(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            ready, _, _ = select.select([self._ours], [], [], deadline - time.monotonic())
            assert ready, self.said
            self._read()

    def _read(self) -> bool:
        try:
            block = os.read(self._ours, 65536)
        except OSError:  # its last process has gone
            return False
        self.said += block.decode(errors="replace")
        return bool(block)

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(PATIENCE)


def test_the_first_interrupt_stops_the_code_and_it_says_so() -> None:
    code = (
        "import time\nprint('begun', flush=True)\ntry:\n    time.sleep(600)\n"
        "finally:\n    print('cleaned up')"
    )
    terminal = Terminal("run", "-c", code)
    terminal.until("begun")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "cleaned up" in terminal.said
    assert "KeyboardInterrupt" in terminal.said


def test_the_second_interrupt_leaves() -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('ignored', flush=True))\n"
        "print('begun', flush=True)\ntime.sleep(600)"
    )
    terminal = Terminal("run", "-c", code)
    terminal.until("begun")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("ignored")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.said


def test_a_terminal_that_can_shows_a_picture() -> None:
    terminal = Terminal("run", "-c", PICTURE, TERM="xterm-kitty", TERM_PROGRAM="")
    assert terminal.end() == 0
    assert f"\033_Ga=T,f=100,m=0;{PNG}\033\\" in terminal.said


def test_output_is_live() -> None:
    terminal = Terminal("run", "-l", "bash", "-c", "echo first; read -t 600 <> <(:); echo second")
    terminal.until("first")
    assert "second" not in terminal.said
    terminal.process.send_signal(signal.SIGINT)
    terminal.end()


def test_a_reader_that_goes_is_no_failure_of_ours() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "code_interpreter", "run", "-c", "while True: print('x' * 1000)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.read(1000)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(PATIENCE) == 1
