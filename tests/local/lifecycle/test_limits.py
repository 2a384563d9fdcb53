"""Limits of a sandbox: what they mean, how they are enforced, and that they are."""

import os
import secrets
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opensandbox import SandboxSync
from opensandbox.exceptions import SandboxApiException

from code_interpreter import CodeInterpreterSync, Execution
from code_interpreter.execd.host import cgroups
from code_interpreter.local import LocalServer
from code_interpreter.local.guard.spawn import launch, ready_port
from code_interpreter.local.lifecycle import limits
from code_interpreter.local.lifecycle.limits import (
    Confinement,
    Limits,
    System,
    Tree,
    confinement,
    in_a_box,
    read_limits,
    read_quantity,
)
from code_interpreter.local.lifecycle.system import look
from tests.local.lifecycle.conftest import clean_server
from tests.local.lifecycle.support import eventually, execd_of, guard_of, leftovers, marked
from tests.local.lifecycle.test_guard import guarded

pytestmark = [pytest.mark.kernels, pytest.mark.serial]


@pytest.fixture
def server(scratch: Path) -> Iterator[LocalServer]:
    """Without boxes, in which metrics show the machine's; tests/isolation has limits in these."""
    with clean_server(scratch, isolation="none") as server:
        yield server


SYSTEM = look()
MEMORY_GROUPS = pytest.mark.skipif(
    SYSTEM.memory is None, reason="no control group that limits memory can be made here"
)
CPU_GROUPS = pytest.mark.skipif(
    SYSTEM.cpu is None or len(SYSTEM.processors) < 2,
    reason="no control group that limits processors can be made here, or there is only one",
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these limits")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("2.", "2"),
        ("+3", "3"),
        ("500m", "0.5"),
        ("250000u", "0.25"),
        ("100n", "0.0000001"),
        ("2k", "2000"),
        ("1M", "1000000"),
        ("1G", "1000000000"),
        ("1T", "1000000000000"),
        ("1P", "1000000000000000"),
        ("1E", "1000000000000000000"),
        ("2Ki", "2048"),
        ("512Mi", "536870912"),
        ("2Gi", "2147483648"),
        ("1.5Gi", "1610612736"),
        ("1Ti", "1099511627776"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("5e-1", "0.5"),
        (" 1 ", "1"),
    ],
)
def test_quantities_are_those_of_kubernetes(text: str, value: str) -> None:
    assert read_quantity("cpu", text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    *[
        [
            "",
            "x",
            "-1",
            "0",
            "0Mi",
            "1 Gi",
            "1KI",
            "1ki",
            "1mi",
            "1e",
            "1e1000",
            "1" * 50,
            "٣",
            "1,5",
        ]
    ],
)
def test_what_is_no_quantity_above_zero_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        read_limits({"memory": text})


@pytest.mark.parametrize(
    ("name", "little", "enough"), [("cpu", "0.000001", "0.1"), ("memory", "1", "128Mi")]
)
def test_what_is_too_little_to_start_with_is_refused_and_the_least_is_named(
    name: str, little: str, enough: str
) -> None:
    with pytest.raises(ValueError, match=f"{name}: {little} is too little .* {enough}"):
        read_limits({name: little})
    read_limits({name: enough})


@given(st.text(max_size=12))
def test_any_text_is_a_limit_or_a_value_error(text: str) -> None:
    try:
        limits = read_limits({"cpu": text, "memory": text})
    except ValueError:
        return
    assert limits.cpu is not None
    assert limits.cpu > 0
    assert limits.memory is not None
    assert 0 < limits.memory <= 2**62


def test_limits_are_read_and_unknown_ones_kept_by_name() -> None:
    assert read_limits({}) == Limits()
    given = {"cpu": "500m", "memory": "1Gi", "gpu": "many"}
    assert read_limits(given) == Limits(0.5, 2**30, ("gpu",))
    given = {"pids": "100", "ephemeral-storage": "2Gi"}
    assert read_limits(given) == Limits(pids=100, storage=2**31)


@pytest.mark.parametrize("given", [{"pids": "63"}, {"ephemeral-storage": "1Mi"}])
def test_a_sandbox_has_room_for_a_kernel(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is too little to start with"):
        read_limits(given)


def test_a_box_has_limits_of_what_nobody_limited() -> None:
    assert in_a_box(Limits(1, 5, pids=70), 2**30) == Limits(1, 5, pids=70, storage=10 * 2**30)
    assert in_a_box(Limits(), 1000).memory == 800
    assert in_a_box(Limits(), None).memory is None


def test_processes_are_limited_by_the_best_means() -> None:
    wanted = Limits(pids=99)
    grouped = replace(V1, pids=Tree("/c/p", frozenset({"pids.max"})))
    decided = confinement(wanted, grouped, name="n", taken={}, counts_its_own=True)
    assert decided.arguments == ("group=/c/p/n", "set=/c/p/n/pids.max=99")
    decided = confinement(wanted, NO_GROUPS, name="n", taken={}, counts_its_own=True)
    assert (decided.arguments, decided.own_arguments) == ((), ("--processes", "99"))
    assert confinement(wanted, NO_GROUPS, name="n", taken={}).unmet != ()


V1 = System(
    processors=(0, 1, 2, 3),
    cpu=Tree("/c/cpu", frozenset({"cpu.cfs_quota_us", "cpu.cfs_period_us"}), "/c/cpuacct"),
    memory=Tree("/c/m", frozenset({"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"})),
    affinity=True,
    data_limit=True,
)
_V2_TREE = Tree("/c", frozenset({"cpu.max", "memory.max"}))
V2 = System(processors=(0, 1, 2, 3), cpu=_V2_TREE, memory=_V2_TREE, affinity=True, data_limit=True)
NO_GROUPS = System(processors=(0, 1, 2, 3), affinity=True, data_limit=True)
NO_MEANS = System(processors=(0, 1, 2, 3))


def decide(system: System, **taken: int) -> Confinement:
    load = {int(number[1:]): count for number, count in taken.items()}
    return confinement(Limits(1.5, 2**30), system, name="n", taken=load)


def test_control_groups_of_version_1_come_first() -> None:
    decided = decide(V1)
    assert decided.arguments == (
        "group=/c/m/n",
        "set=/c/m/n/memory.limit_in_bytes=1073741824",
        "set=/c/m/n/memory.memsw.limit_in_bytes=1073741824",
        "group=/c/cpu/n",
        "set=/c/cpu/n/cpu.cfs_period_us=100000",
        "set=/c/cpu/n/cpu.cfs_quota_us=150000",
        "group=/c/cpuacct/n",
    )
    assert decided.notes == ("memory is limited to 1024 MiB", "cpu is limited to 1.5")
    assert (decided.cpus, decided.unmet) == ((), ())


def test_version_2_has_one_group_for_both_and_sets_only_what_exists() -> None:
    assert decide(V2).arguments == (
        "group=/c/n",
        "set=/c/n/memory.max=1073741824",
        "set=/c/n/cpu.max=150000 100000",
    )


def test_without_control_groups_there_are_limits_of_processes() -> None:
    decided = decide(NO_GROUPS)
    assert decided.arguments == ("data=1073741824", "cpus=0,1")
    assert decided.cpus == (0, 1)
    assert "each process" in decided.notes[0]
    assert "whole processors" in decided.notes[1]
    assert decided.unmet == ()


def test_sandboxes_are_spread_over_the_processors() -> None:
    assert decide(NO_GROUPS, _0=2, _1=1, _2=1).cpus == (1, 3)
    assert decide(NO_GROUPS, _0=1, _1=0, _2=2, _3=0).cpus == (1, 3)


def test_what_cannot_be_limited_is_said() -> None:
    decided = confinement(Limits(1, 2**30, ("gpu",)), NO_MEANS, name="n", taken={})
    assert decided.arguments == ()
    assert decided.notes == decided.unmet
    assert [note.split(" is not limited")[0] for note in decided.unmet] == ["memory", "cpu", "gpu"]


def test_nothing_is_done_for_processors_that_the_machine_does_not_have() -> None:
    for system in (V1, NO_GROUPS, NO_MEANS):
        decided = confinement(Limits(cpu=4), system, name="n", taken={})
        assert decided == Confinement(notes=("cpu is limited to the 4 that there are",))


def test_a_quota_is_never_below_what_the_system_takes() -> None:
    decided = confinement(Limits(cpu=0.001), V2, name="n", taken={})
    assert decided.arguments[-1] == "set=/c/n/cpu.max=1000 100000"


def test_no_limits_need_no_means() -> None:
    assert confinement(Limits(), V1, name="n", taken={}) == Confinement()


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.procs").touch()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def places(mounted: Path, membership: str) -> list[str]:
    file = mounted / "membership"
    file.write_text(membership)
    found = cgroups.parents("memory", str(file), str(mounted))
    return [str(Path(folder).relative_to(mounted)) for folder in found]


def test_version_2_looks_beside_the_group_of_this_process_too(tmp_path: Path) -> None:
    group(tmp_path, cgroup__controllers="")
    group(tmp_path / "slice", cgroup__controllers="", memory__max="1000")
    group(tmp_path / "slice" / "scope", cgroup__controllers="", memory__max="max", cpu__max="max 1")
    assert places(tmp_path, "0::/slice/scope\n") == ["slice/scope", "slice"]


@pytest.mark.parametrize("limit", ["memory__max", "memory__high", "cpu__max"])
def test_a_sandbox_does_not_escape_a_limit_of_its_server(tmp_path: Path, limit: str) -> None:
    group(tmp_path, cgroup__controllers="")
    group(tmp_path / "scope", cgroup__controllers="", **{limit: "1000 100"})
    assert places(tmp_path, "0::/scope\n") == ["scope"]


def test_version_1_looks_in_the_group_of_this_process_alone(tmp_path: Path) -> None:
    group(tmp_path / "memory" / "a" / "b")
    assert places(tmp_path, "4:memory:/a/b\n0::/\n") == ["memory/a/b"]
    # In a container, the path is the host's, and the mount is the group itself.
    group(tmp_path / "memory")
    assert places(tmp_path, "4:memory:/docker/x\n") == ["memory"]


def test_without_control_groups_nothing_is_found(tmp_path: Path) -> None:
    system = look(membership=str(tmp_path / "none"), mounted=str(tmp_path))
    assert (system.memory, system.cpu) == (None, None)
    assert system.processors


@MEMORY_GROUPS
def test_looking_leaves_no_control_group_behind() -> None:
    assert SYSTEM.memory is not None
    parent = Path(SYSTEM.memory.parent)
    before = set(parent.glob("ci-*"))
    look()
    assert set(parent.glob("ci-*")) <= before


def run(sandbox: SandboxSync, code: str) -> Execution:
    with CodeInterpreterSync.create(sandbox) as interpreter:
        return interpreter.codes.run(code)


def groups_of(sandbox_id: str) -> list[Path]:
    """The control groups that exist for a sandbox."""
    trees = [tree for tree in (SYSTEM.memory, SYSTEM.cpu) if tree is not None]
    places = {place for tree in trees for place in (tree.parent, tree.accounts) if place}
    found = [Path(place, f"ci-{sandbox_id}") for place in sorted(places)]
    return [path for path in found if path.exists()]


def make(server: LocalServer, **resource: str) -> SandboxSync:
    return SandboxSync.create(
        "x", connection_config=server.connection_config_sync, resource=resource
    )


@MEMORY_GROUPS
def test_a_cell_that_takes_more_memory_than_there_is_loses_its_kernel_and_no_more(
    server: LocalServer,
) -> None:
    with make(server, memory="300Mi") as sandbox:
        assert run(sandbox, "len(bytearray(20 << 20))").ok
        metrics = sandbox.get_metrics()
        assert metrics.memory_total_in_mib == 300
        assert metrics.memory_used_in_mib < 300
        error = run(sandbox, "len(bytearray(500 << 20))").error
        assert error is not None
        assert error.name in {"KernelDied", "MemoryError"}
        assert run(sandbox, "1 + 1").text == "2"
        assert sandbox.get_info().status.state == "Running"
        assert "memory is limited to 300 MiB" in (sandbox.get_info().status.message or "")
        sandbox.kill()


BUSY = """
import os, time
begin, deadline = time.monotonic(), time.monotonic() + 2
children = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        while time.monotonic() < deadline:
            pass
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
used = os.times()
print((used.children_user + used.children_system) / (time.monotonic() - begin))
"""


@CPU_GROUPS
@pytest.mark.parametrize(("cpu", "most"), [("1", 1.3), ("500m", 0.75)])
def test_two_busy_processes_share_the_processors_that_they_are_limited_to(
    server: LocalServer, cpu: str, most: float
) -> None:
    with make(server, cpu=cpu) as sandbox:
        assert 0.1 < float(run(sandbox, BUSY).text) < most
        assert sandbox.get_metrics().cpu_count == float(cpu.replace("500m", "0.5"))
        sandbox.kill()


END: dict[str, Callable[[SandboxSync], None]] = {
    "told to": SandboxSync.kill,
    "its guard killed": lambda sandbox: guard_of(sandbox.id).kill(),
    "its execd killed": lambda sandbox: execd_of(sandbox.id).kill(),
}


@MEMORY_GROUPS
@CPU_GROUPS
@pytest.mark.parametrize("end", END)
def test_control_groups_go_with_their_sandbox(server: LocalServer, end: str) -> None:
    with make(server, cpu="1", memory="1Gi") as sandbox:
        assert groups_of(sandbox.id)
        END[end](sandbox)
        eventually(lambda: not groups_of(sandbox.id) and not marked(sandbox.id))


@MEMORY_GROUPS
def test_groups_that_code_makes_below_its_own_go_too(server: LocalServer) -> None:
    with make(server, memory="1Gi") as sandbox:
        inner = groups_of(sandbox.id)[0] / "inner" / "most"
        script = f"mkdir -p {inner} && sh -c 'echo $$ > {inner}/cgroup.procs; sleep 600 & echo in'"
        done = sandbox.commands.run(f"{script}; :")
        if [message.text for message in done.logs.stdout] != ["in"]:
            pytest.skip("this user may not make control groups below that of a sandbox")
        sandbox.kill()
        assert groups_of(sandbox.id) == []


def test_clients_that_name_no_resource_ask_for_one_processor_and_2_gib(server: LocalServer) -> None:
    # The figures of opensandbox itself: a change of them is a change of what users get here.
    with SandboxSync.create("x", connection_config=server.connection_config_sync) as sandbox:
        message = sandbox.get_info().status.message or ""
        assert "memory is " in message
        assert "cpu is " in message
        if SYSTEM.memory is not None:
            assert "memory is limited to 2048 MiB" in message
        sandbox.kill()


def test_a_resource_that_is_no_quantity_is_a_400(server: LocalServer) -> None:
    with pytest.raises(SandboxApiException, match="not a quantity like 500m, 2 or 2Gi") as caught:
        make(server, memory="much")
    assert caught.value.status_code == 400


def test_a_sandbox_that_its_limits_keep_from_starting_says_which_they_are(
    server: LocalServer, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.LEAST, "memory", Decimal(1))
    if SYSTEM.memory is None and not SYSTEM.data_limit:
        pytest.skip("this system cannot limit memory")
    with pytest.raises(SandboxApiException, match="memory is limited to 2 MiB") as caught:
        make(server, memory="2Mi")
    assert caught.value.status_code == 500
    assert leftovers(scratch) == []


@contextmanager
def execd(*limits: str) -> Generator[httpx.Client, None, None]:
    """An execd that is started with the limits of a system that has no control groups."""
    sandbox_id = secrets.token_hex(8)
    guarded = launch(sandbox_id=sandbox_id, env={}, host="127.0.0.1", limits=limits)
    output = guarded.process.stdout
    assert output is not None
    with output:
        port = next(port for port in map(ready_port, output) if port is not None)
        headers = {"X-EXECD-ACCESS-TOKEN": guarded.token}
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
            ) as client:
                yield client
        finally:
            guarded.hang_up()
            guarded.finish()


def python(client: httpx.Client, code: str) -> str:
    return client.post("/code", json={"code": code, "context": {"language": "python"}}).text


@LINUX
def test_without_control_groups_too_much_memory_is_a_memory_error(scratch: Path) -> None:
    with execd(f"data={400 << 20}") as client:
        assert "execution_complete" in python(client, "kept = 7")
        assert "MemoryError" in python(client, "len(bytearray(500 << 20))")
        assert '"7"' in python(client, "kept")
    assert leftovers(scratch) == []


@LINUX
@pytest.mark.usefixtures("scratch")
def test_without_control_groups_processors_are_whole_ones() -> None:
    allowed = sorted(psutil.Process().cpu_affinity() or [])
    with execd(f"cpus={allowed[-1]}") as client:
        code = "import os; sorted(os.sched_getaffinity(0))"
        assert f"[{allowed[-1]}]" in python(client, code)
        assert client.get("/metrics").json()["cpu_count"] == 1


@pytest.mark.parametrize("limit", ["group=/nowhere/at/all", "cpus=x", "colour=red"])
def test_a_limit_that_cannot_be_applied_ends_the_sandbox_and_leaves_nothing(
    scratch: Path, limit: str
) -> None:
    with guarded(scratch, "sleep 60", limit) as guard:
        assert guard.process.wait(10) != 0
        assert marked(guard.marker) == []
    assert leftovers(scratch) == []


# Both versions of control groups: one to limit with, and one that is mounted beside it or alone.
@pytest.mark.parametrize(
    "parent", [SYSTEM.memory.parent if SYSTEM.memory else "/none", "/sys/fs/cgroup/unified"]
)
def test_who_hides_from_everything_else_does_not_leave_its_control_group(
    scratch: Path, parent: str
) -> None:
    if not os.access(parent, os.W_OK):
        pytest.skip("no control group can be made here")
    # Below no guard any more, in a session of its own, with a cleared environment.
    place = f"{parent}/ci-{secrets.token_hex(6)}"
    script = "setsid env -i /bin/sleep 600 & echo $!; sleep 600"
    with guarded(scratch, script, f"group={place}") as guard:
        hidden = psutil.Process(int(guard.wait_for_line()))
        eventually(lambda: not hidden.environ())
        os.kill(guard.process.pid, signal.SIGKILL)
        guard.process.wait(5)
        assert hidden.is_running()
        cgroups.release([f"group={place}"])
        eventually(lambda: not hidden.is_running())
        assert not Path(place).exists()
