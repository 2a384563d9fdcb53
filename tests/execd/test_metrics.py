"""Load and memory: of the machine, and of control groups as they are laid out elsewhere."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from code_interpreter.execd.metrics import Look, Meter
from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until

pytestmark = pytest.mark.serial

NAMES = {"cpu_count", "cpu_used_pct", "mem_total_mib", "mem_used_mib", "timestamp"}
GIGABYTE = 1024**3


def test_the_first_measurement_sees_a_busy_machine(start: StartServer) -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(os.cpu_count() or 1)]
    try:
        before = time.time() * 1000
        metrics = start().client.get("/metrics").json()
        assert set(metrics) == NAMES
        assert 20 < metrics["cpu_used_pct"] <= 100
        assert 0 < metrics["cpu_count"] <= (os.cpu_count() or 1)
        assert 0 < metrics["mem_used_mib"] <= metrics["mem_total_mib"]
        assert metrics["mem_total_mib"] * 1024**2 <= psutil.virtual_memory().total
        assert before - 1000 <= metrics["timestamp"] <= time.time() * 1000 + 1000
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_watch_sends_a_line_a_second(server: Server) -> None:
    with server.client.stream("GET", "/metrics/watch") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        seen = b""
        for chunk in answer.iter_raw():
            seen += chunk
            if seen.count(b"\n") == 3:
                break
    assert seen.endswith(b"\n")
    lines = [json.loads(line) for line in seen.split(b"\n")[:-1]]
    assert all(set(line) == NAMES for line in lines)
    times = [line["timestamp"] for line in lines]
    assert times == sorted(set(times))


def test_a_watch_ends_when_its_client_leaves(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.num_fds()
    clients = [httpx.Client(headers=server.client.headers) for _ in range(5)]
    for client in clients:
        with client.stream("GET", f"{server.url}/metrics/watch") as answer:
            next(answer.iter_raw())
        client.close()
    wait_until(lambda: process.num_fds() <= before)


def test_a_watch_ends_cleanly_when_the_server_does(start: StartServer) -> None:
    ending = start()
    with ending.client.stream("GET", "/metrics/watch") as answer:
        lines = answer.iter_raw()
        next(lines)
        assert ending.process.stdin is not None
        ending.process.stdin.close()
        list(lines)  # would raise if the body did not end
    assert ending.process.wait(10) == 0


def test_the_load_is_what_was_done_of_what_could_be() -> None:
    before = Look(10.0, 100.0, 2.0, 2 * GIGABYTE, GIGABYTE)
    assert Look(11.0, 104.0, 2.0, 2 * GIGABYTE, GIGABYTE).since(before).cpu_used_pct == 25
    assert Look(10.0, 100.0, 2.0, 1, 0).since(before).cpu_used_pct == 0
    assert Look(20.0, 104.0, 2.0, 1, 0).since(before).cpu_used_pct == 100
    assert Look(9.0, 104.0, 2.0, 1, 0).since(before).cpu_used_pct == 0
    metrics = Look(1.0, 1.0, 0.5, 2 * GIGABYTE, GIGABYTE).since(before)
    assert (metrics.cpu_count, metrics.mem_total_mib, metrics.mem_used_mib) == (0.5, 2048, 1024)


def lay_out(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


VERSION_2 = (
    "0::/pod/box\n",
    {
        "pod/cpu.max": "20000 100000\n",
        "pod/cpu.stat": "usage_usec 5000000\nuser_usec 1\n",
        "pod/box/cpu.max": "max 100000\n",
        "pod/box/cpu.stat": "usage_usec 1\n",
        "pod/memory.max": "max\n",
        "pod/box/memory.max": "104857600\n",
        "pod/box/memory.current": "62914560\n",
        "pod/box/memory.stat": "anon 5\ninactive_file 10485760\n",
        "memory.max": "max\n",
    },
)
VERSION_1 = (
    "4:memory:/host/path/not/mounted/here\n2:cpu,cpuacct:/box\n0::/\n",
    {
        "cpu/box/cpu.cfs_quota_us": "20000\n",
        "cpu/box/cpu.cfs_period_us": "100000\n",
        "cpu/box/cpuacct.usage": "5000000000\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "104857600\n",
        "memory/memory.usage_in_bytes": "62914560\n",
        "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 10485760\n",
    },
)
SEPARATE_ACCOUNTS = (
    "4:memory:/\n2:cpuacct:/box\n1:cpu:/box\n",
    {
        **{name: text for name, text in VERSION_1[1].items() if "cpuacct" not in name},
        "cpuacct/box/cpuacct.usage": "5000000000\n",
    },
)


@pytest.mark.parametrize("layout", [VERSION_2, VERSION_1, SEPARATE_ACCOUNTS])
def test_limits_of_control_groups_are_found(
    tmp_path: Path, layout: tuple[str, dict[str, str]]
) -> None:
    membership, files = layout
    (tmp_path / "membership").write_text(membership)
    lay_out(tmp_path / "mounted", files)
    look = Meter(membership=str(tmp_path / "membership"), mounted=str(tmp_path / "mounted")).look()
    assert (look.processors, look.busy) == (0.2, 5.0)
    assert (look.memory, look.used) == (100 * 1024**2, 50 * 1024**2)


def test_without_limits_the_machine_is_measured(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("4:memory:/\n0::/\n")
    lay_out(
        tmp_path / "mounted",
        {"memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu.max": "max 100000\n"},
    )
    for membership in (tmp_path / "membership", tmp_path / "none"):
        look = Meter(membership=str(membership), mounted=str(tmp_path / "mounted")).look()
        assert look.memory == psutil.virtual_memory().total
        assert 0 < look.busy < look.passed
