"""Many sandboxes, one after another, leave a server as it was."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync

from code_interpreter import CodeInterpreterSync
from tests.local.lifecycle.support import leftovers, program, read_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

SANDBOXES = int(os.environ.get("SANDBOXES_IN_A_ROW", "20"))
WARM_UP = 5
MEBIBYTE = 2**20


@dataclass
class Use:
    """What a server uses."""

    descriptors: int
    threads: int
    children: int
    memory: float

    @staticmethod
    def of(server: psutil.Process) -> "Use":
        return Use(
            server.num_fds(),
            server.num_threads(),
            len(server.children(recursive=True)),
            server.memory_info().rss / MEBIBYTE,
        )


# Each has a cell and a command run in it; most of the time is kernels starting.
@pytest.mark.timeout(60 + 10 * SANDBOXES)
def test_sandboxes_in_a_row_leave_memory_descriptors_threads_and_files_flat(scratch: Path) -> None:
    with program("-m", "code_interpreter.cli", "serve", "--port", "0") as command:
        config = ConnectionConfigSync(
            domain=read_until(command, "export OPEN_SANDBOX_DOMAIN="),
            api_key=read_until(command, "export OPEN_SANDBOX_API_KEY="),
        )
        server = psutil.Process(command.pid)
        uses: list[Use] = []
        for _ in range(WARM_UP + SANDBOXES):
            with (
                SandboxSync.create("x", connection_config=config) as sandbox,
                CodeInterpreterSync.create(sandbox) as interpreter,
            ):
                assert interpreter.codes.run("1 + 1").text == "2"
                assert sandbox.commands.run("true").exit_code == 0
                sandbox.kill()
            assert leftovers(scratch) == []
            uses.append(Use.of(server))
    first, last = uses[WARM_UP - 1], uses[-1]
    sys.stderr.write(f"after {WARM_UP}: {first}\nafter {len(uses)}: {last}\n")
    assert last.children == first.children == 0
    assert last.descriptors <= first.descriptors + 2
    assert last.threads <= first.threads + 2
    assert last.memory < first.memory + 8
