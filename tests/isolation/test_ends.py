"""However a sandbox in a box ends, nothing of it is left."""

from collections.abc import Callable

import psutil
import pytest
from opensandbox import SandboxSync

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from tests.isolation.conftest import need_box
from tests.local.lifecycle.conftest import clean_server, own_scratch
from tests.local.lifecycle.support import eventually, guard_of, marked

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


def part(name: str) -> Callable[[str], psutil.Process]:
    """Finds the process of a sandbox whose command has this in it; the outermost, if several."""

    def find(sandbox_id: str) -> psutil.Process:
        below = guard_of(sandbox_id).children(recursive=True)
        return next(process for process in below if name in " ".join(process.cmdline()[:5]))

    return find


VICTIMS: dict[str, Callable[[str], psutil.Process]] = {
    "guard": guard_of,
    "relay": part("relay.py"),
    "bubblewrap": part("bwrap"),
    "execd": part("code_interpreter.execd"),
}


@pytest.mark.parametrize("victim", VICTIMS.values(), ids=VICTIMS)
def test_kill_9_of_a_part_ends_the_sandbox_and_leaves_nothing(
    tmp_path_factory: pytest.TempPathFactory, victim: Callable[[str], psutil.Process]
) -> None:
    need_box("namespaces")
    with own_scratch(tmp_path_factory) as scratch, LocalServer(isolation="namespaces") as server:
        sandbox = SandboxSync.create("x", connection_config=server.connection_config_sync)
        with sandbox, CodeInterpreterSync.create(sandbox) as interpreter:
            interpreter.codes.run("import subprocess; subprocess.Popen(['sleep', '1000'])")
            assert marked(sandbox.id)
            victim(sandbox.id).kill()
            eventually(lambda: not marked(sandbox.id) and not list(scratch.iterdir()))
            eventually(lambda: sandbox.get_info().status.state == "Failed")
            sandbox.kill()


def test_ten_sandboxes_in_a_row_leave_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    need_box("namespaces")
    me = psutil.Process()
    with (
        own_scratch(tmp_path_factory) as scratch,
        clean_server(scratch, isolation="namespaces") as server,
    ):
        numbers: list[tuple[int, int]] = []
        for _ in range(10):
            with SandboxSync.create(
                "x", connection_config=server.connection_config_sync
            ) as sandbox:
                assert sandbox.commands.run("echo 42").logs.stdout[0].text == "42"
                sandbox.kill()
            eventually(lambda: not marked(sandbox.id))
            numbers.append((me.num_fds(), len(me.children(recursive=True))))
        assert numbers[-1] <= numbers[2]
