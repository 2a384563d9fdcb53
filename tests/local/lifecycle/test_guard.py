"""The guard alone, around small shell programs in the place of execd."""

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from code_interpreter.execd.host import removal
from code_interpreter.execd.host.processes import kill_tree
from code_interpreter.local.guard import guard
from tests.local.lifecycle.support import MARKER, eventually, leftovers, marked, program

LIBRARIES = str(Path(psutil.__file__).parent.parent)


@dataclass
class Guard:
    marker: str
    process: "subprocess.Popen[str]"
    line: socket.socket
    directory: Path

    def wait_for_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def guarded(scratch: Path, script: str, *limits: str) -> Generator[Guard, None, None]:
    marker = secrets.token_hex(8)
    directory = scratch / f"ci-{marker}"
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", guard.__file__, LIBRARIES),
            *(f"{MARKER}={marker}", str(directory), *limits),
            *("--", "/bin/sh", "-c", script),
        ],
        env={name: value for name, value in os.environ.items() if name != "TMPDIR"},
        stdin=theirs.fileno(),
        stdout=subprocess.PIPE,
        text=True,
    )
    theirs.close()
    with ours, process:
        try:
            yield Guard(marker, process, ours, directory)
        finally:
            process.kill()
            kill_tree(marker=marker, root=None)


def test_output_passes_through_and_the_exit_status_is_the_commands(scratch: Path) -> None:
    with guarded(scratch, "echo hello; exit 7") as guard:
        assert guard.wait_for_line() == "hello"
        assert guard.process.wait(5) == 7
    assert leftovers(scratch) == []


def test_a_command_killed_by_a_signal_gives_128_and_its_number(scratch: Path) -> None:
    with guarded(scratch, "kill -9 $$") as guard:
        assert guard.process.wait(5) == 137
    assert leftovers(scratch) == []


def test_the_command_starts_in_its_own_private_directory(scratch: Path) -> None:
    with guarded(scratch, "pwd; echo $TMPDIR; stat -c %a .. || stat -f %Lp ..; sleep 60") as guard:
        # A temporary directory can be a symbolic link (macOS).
        assert Path(guard.wait_for_line()).resolve() == (guard.directory / "work").resolve()
        assert guard.wait_for_line() == str(guard.directory / "tmp")
        assert guard.wait_for_line() == "700"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(scratch: Path, number: signal.Signals) -> None:
    with guarded(scratch, "sleep 60 & echo ready; sleep 60") as guard:
        guard.wait_for_line()
        # The line says that the command runs, not that the guard has its handlers by now.
        eventually(lambda: psutil.Process(guard.process.pid).num_ctx_switches().voluntary > 1)
        eventually(lambda: _catches(guard.process.pid, number))
        guard.process.send_signal(number)
        assert guard.process.wait(5) == 0
        assert marked(guard.marker) == []
    assert leftovers(scratch) == []


def _catches(pid: int, number: signal.Signals) -> bool:
    if sys.platform != "linux":
        return True
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt"))
    handled = int(caught.split()[1], 16)
    return bool(handled >> (number - 1) & 1) and bool(handled >> (signal.SIGCHLD - 1) & 1)


DAEMONS = {
    "a session of its own": "setsid sleep {nap} & wait",
    "an orphan": "(setsid sleep {nap} &); sleep 60",
    "a cleared environment": "setsid env -i /bin/sleep {nap} & wait",
    "an orphan with a cleared environment": "(setsid env -i /bin/sleep {nap} &); sleep 60",
    "signals ignored": "trap '' HUP INT TERM; setsid sleep {nap} & wait",
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs setsid(1), and Linux's subreapers")
@pytest.mark.parametrize("script", DAEMONS.values(), ids=DAEMONS.keys())
def test_daemons_die_too(scratch: Path, script: str) -> None:
    nap = f"60.{secrets.randbelow(10**9):09}"  # to be known by, wherever it went

    def daemons() -> list[psutil.Process]:
        named = (p for p in psutil.process_iter(["name", "cmdline"]) if p.info["name"] == "sleep")
        return [process for process in named if nap in (process.info["cmdline"] or ())]

    # execd takes longer to start anything than its guard does to become a subreaper.
    with guarded(scratch, f"sleep 0.5; {script.format(nap=nap)}") as guard:
        eventually(daemons)
        guard.line.close()
        assert guard.process.wait(5) == 0
        assert daemons() == []
        assert marked(guard.marker) == []
    assert leftovers(scratch) == []


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's subreapers")
def test_the_dead_do_not_pile_up_under_a_guard(scratch: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do (true &) ; done; echo ready; sleep 60"
    with guarded(scratch, script) as guard:
        guard.wait_for_line()
        eventually(lambda: len(_family(guard.process.pid)) == 2)


def test_a_stream_of_new_processes_is_outrun(scratch: Path) -> None:
    # As fast as a shell can fork, but bounded in every way: should this fail, it ends by itself.
    forks = "(for i in $(seq 20000); do sleep 0.05 & done) & echo ready; wait"
    with guarded(scratch, forks) as guard:
        guard.wait_for_line()
        guard.line.close()
        guard.process.wait(10)
        assert marked(guard.marker) == []
    assert leftovers(scratch) == []


def test_a_directory_that_forbids_its_removal_is_removed(scratch: Path) -> None:
    script = (
        "mkdir -p a/b/c; touch a/b/c/f; ln -s / a/b/root; chmod 0 a/b/c a/b a; echo ready; read x"
    )
    with guarded(scratch, script) as guard:
        guard.wait_for_line()
        guard.line.close()
        assert guard.process.wait(5) == 0
    assert leftovers(scratch) == []


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """A folder of the user's that is not to be touched: its content, nor any mode."""
    folder = tmp_path / "treasure"
    (folder / "locked").mkdir(parents=True)
    (folder / "locked" / "file").write_text("precious")
    (folder / "locked").chmod(0o500)
    folder.chmod(0o750)
    return folder


def untouched(treasure: Path) -> bool:
    modes = [path.stat().st_mode & 0o777 for path in (treasure, treasure / "locked")]
    return modes == [0o750, 0o500] and (treasure / "locked" / "file").read_text() == "precious"


LINKS = {
    "in it": 'ln -s "$0" link',
    "deep in it, where removal is forbidden": 'mkdir -p a/b; ln -s "$0" a/b/link; chmod 0 a/b a',
    "in the place of a folder in it": 'cd ..; rm -r tmp; ln -s "$0" tmp',
    "in its own place": 'cd ..; mv "$PWD" "$PWD-moved"; ln -s "$0" "$PWD"; rm -r "$PWD-moved"',
}


@pytest.mark.parametrize("script", LINKS.values(), ids=LINKS.keys())
def test_a_link_to_a_folder_of_the_user_is_removed_and_the_folder_is_not_touched(
    scratch: Path, treasure: Path, script: str
) -> None:
    script = script.replace('"$0"', shlex.quote(str(treasure)))
    with guarded(scratch, f"{script}; echo ready; read x") as guard:
        guard.wait_for_line()
        guard.line.close()
        assert guard.process.wait(5) == 0
    assert leftovers(scratch) == []
    assert untouched(treasure)


SWAPPING = """
import os, sys
from code_interpreter.execd.host import removal

place, treasure, moment = sys.argv[1:]
folder = place + "/folder"
os.makedirs(folder, mode=0)

def swap(event, arguments):
    # The interpreter tells of these just before it does them.
    if event == moment and not os.path.islink(folder):
        if moment == "os.chmod" or arguments[0] == "folder":
            os.rename(folder, place + "-aside")
            os.symlink(treasure, folder)

sys.addaudithook(swap)
removal.remove_tree(place)
print(os.path.isdir(place + "-aside"), os.path.lexists(place))
"""


@pytest.mark.parametrize("moment", ["os.chmod", "open"])
def test_removal_does_not_follow_a_link_that_takes_a_folders_place_at_the_last_moment(
    tmp_path: Path, treasure: Path, moment: str
) -> None:
    with program("-c", SWAPPING, str(tmp_path / "place"), str(treasure), moment) as process:
        output = process.communicate(timeout=30)
    assert output == ("True False\n", "")
    assert untouched(treasure)


@pytest.mark.slow
def test_a_tree_deeper_than_any_path_is_removed(scratch: Path) -> None:
    top = scratch / "top"
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("a-folder", dir_fd=folder)
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
        deeper = os.open("a-folder", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.fchmod(folder, 0)
    os.close(folder)
    removal.remove_tree(str(top))
    assert leftovers(scratch) == []


def test_when_the_guard_is_killed_its_command_and_its_server_see_end_of_file(scratch: Path) -> None:
    with guarded(scratch, "echo ready; cat; touch ../seen; sleep 60") as guard:
        guard.wait_for_line()
        guard.process.kill()
        guard.line.settimeout(5)
        assert guard.line.recv(1) == b""
        eventually((guard.directory / "seen").exists)


def test_guards_do_not_hold_each_others_lines(scratch: Path) -> None:
    script = "echo ready; cat; touch ../seen; sleep 60"
    with (
        guarded(scratch, script) as first,
        guarded(scratch, script) as second,
        guarded(scratch, script) as third,
    ):
        for guard in (first, second, third):
            guard.wait_for_line()
        first.line.close()
        assert first.process.wait(5) == 0
        second.process.kill()
        eventually((second.directory / "seen").exists)
        assert third.process.poll() is None
        assert not (third.directory / "seen").exists()


def test_neither_the_caller_nor_the_root_is_killed() -> None:
    marker = secrets.token_hex(8)
    code = (
        "import os, subprocess\n"
        "from code_interpreter.execd.host.processes import kill_tree\n"
        "children = [subprocess.Popen(['sleep', '60']) for _ in range(3)]\n"
        "kill_tree(marker=os.environ['OPENSANDBOX_SANDBOX_ID'], root=os.getpid())\n"
        "print([child.wait() for child in children])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, MARKER: marker},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[-9, -9, -9]", "")
