"""Processes of a sandbox are stopped as one."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from code_interpreter.execd.host.processes import MARKER_VARIABLE, continue_tree, stop_tree
from tests.local.lifecycle.support import eventually

# Its child waits for a writer before it becomes `true`, and holds it meanwhile, as vfork() does.
SPAWNS = """
import os, sys
wait = [(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)]
pid = os.posix_spawn("/bin/true", ["true"], os.environ, file_actions=wait)
os.waitpid(pid, 0)
print("whole")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that waits so")
def test_who_waits_in_vfork_for_a_child_that_is_stopped_is_at_rest(tmp_path: Path) -> None:
    fifo, marker = tmp_path / "fifo", uuid4().hex
    os.mkfifo(fifo)
    with subprocess.Popen(
        [sys.executable, "-c", SPAWNS, str(fifo)],
        env={**os.environ, MARKER_VARIABLE: marker},
        stdout=subprocess.PIPE,
    ) as process:
        parent = psutil.Process(process.pid)
        eventually(lambda: parent.children() and parent.status() == psutil.STATUS_DISK_SLEEP)
        stopped = stop_tree(marker=marker, root=None)
        assert {one.pid for one in stopped} == {parent.pid, parent.children()[0].pid}
        writer = os.open(fifo, os.O_RDWR)  # the child could go on
        assert parent.children()[0].status() == psutil.STATUS_STOPPED
        continue_tree(stopped)
        out, _ = process.communicate(timeout=30)
        os.close(writer)
        assert out == b"whole\n"
