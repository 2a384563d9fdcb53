"""What the system refuses: the run ends at once and names it, and the context works again later."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# A user that owns nothing else, so that its processes are counted apart. Root's are not counted.
_UID = 61234


@pytest.fixture
def small_disk(short_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(short_path)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs the right to mount: run it as root with CAP_SYS_ADMIN")
    try:
        yield short_path
    finally:
        subprocess.run(["umount", "--lazy", str(short_path)], check=True)


def said_at_once(server: Server, context: str) -> str:
    """What a run in a context without a kernel is answered, before its stream or in it."""
    body = {"code": "print(6 * 7)", "context": {"id": context}}
    return server.client.post("/code", json=body, timeout=20).text


def works_again(server: Server, context: str) -> bool:
    """Whether a run is good, once what was refused is to be had; a start may still be under way."""
    return wait_until(lambda: '"text":"42\\n"' in said_at_once(server, context)) is True


def test_a_full_disk_ends_the_run_of_a_new_kernel(start: StartServer, small_disk: Path) -> None:
    server = start("--scratch", str(small_disk), "--idle-kernels", "0")
    old = server.create()
    assert server.run("kept = 1", old).ok
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 2_000_000)
    fresh = server.create()
    for _ in range(2):
        assert "No space left on device" in said_at_once(server, fresh)
    assert server.run("kept", old).ok  # who has a kernel is not concerned
    filler.unlink()
    assert works_again(server, fresh)


def test_no_descriptors_end_the_run_of_a_new_kernel(start: StartServer) -> None:
    server = start("--idle-kernels", "0")
    old = server.create()
    assert server.run("kept = 1", old).ok
    process = psutil.Process(server.process.pid)
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    at_rest = process.num_fds()
    # Each number is refused at another place of a start: pipes, sockets, the process itself.
    for spare in range(1, 14):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (at_rest + spare, limits[1]))
        fresh = server.create()
        assert "Too many open files" in said_at_once(server, fresh)
        wait_until(lambda: len(process.children()) == 1)
        wait_until(lambda: process.num_fds() == at_rest)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        server.client.delete(f"/code/contexts/{fresh}")
    fresh = server.create()
    assert works_again(server, fresh)
    assert server.run("kept", old).ok


def test_no_processes_end_the_run_of_a_new_kernel(start: StartServer) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to count the processes of one user apart")
    rights = "=+dac_override,+dac_read_search"
    user = ["setpriv", "--reuid", str(_UID), "--inh-caps" + rights, "--ambient-caps" + rights]
    server = start("--idle-kernels", "0", prefix=user)
    old = server.create()
    assert server.run("kept = 1", old).ok
    process = psutil.Process(server.process.pid)

    def limit(processes: int) -> None:
        # By that user: to change the limits of another takes a right of its own.
        change = ["prlimit", "--pid", str(process.pid), f"--nproc={processes}:"]
        subprocess.run([*user, *change], check=True)

    usual = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    fresh = server.create()
    assert works_again(server, fresh)  # the threads that serve requests are there
    server.client.delete(f"/code/contexts/{fresh}")
    wait_until(lambda: len(process.children()) == 1)
    threads = process.num_threads() + sum(p.num_threads() for p in process.children())
    # Threads count too: the process is refused, then one of the two threads beside it.
    for spare in range(3):
        limit(threads + spare)
        fresh = server.create()
        said = said_at_once(server, fresh)
        assert "Resource temporarily unavailable" in said or "can't start new thread" in said
        wait_until(lambda: len(process.children()) == 1)
        limit(usual)
        assert works_again(server, fresh)
        server.client.delete(f"/code/contexts/{fresh}")
        wait_until(lambda: len(process.children()) == 1)
    assert server.run("kept", old).ok
