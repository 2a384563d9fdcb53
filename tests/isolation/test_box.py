"""What boxes are made of: the filter of system calls, the view, the bubblewrap."""

import contextlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.local import IsolationUnavailableError, LocalServer
from code_interpreter.local.box import bubblewrap, bytecode, seccomp, view
from code_interpreter.local.network import signposts

ALLOWED, KILLED, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def verdict(
    machine: str,
    number: int,
    *arguments: int,
    architecture: int | None = None,
    shared: bool = False,
) -> int:
    """What the kernel makes of the filter, by the rules of classic BPF."""
    code = seccomp.program(machine, shared=shared)
    assert code is not None
    chosen = MACHINES[machine] if architecture is None else architecture
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, chosen, 0, *padded)
    steps = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    loaded = at = 0
    while True:
        operation, yes, no, value = steps[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        else:
            if operation == 0x54:
                loaded &= value
                continue
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
            at += yes if holds[operation] else no


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_what_it_names(machine: str) -> None:
    which = list(MACHINES).index(machine)
    for numbers in seccomp.REFUSED.values():
        if (number := numbers[which]) is not None:
            assert verdict(machine, number) == EPERM
    assert verdict(machine, 435) == ENOSYS
    assert verdict(machine, 0, architecture=3) == KILLED


@pytest.mark.parametrize(
    ("machine", "clone", "unshare", "socket", "ioctl"),
    [("x86_64", 56, 272, 41, 16), ("aarch64", 220, 97, 198, 29)],
)
def test_the_filter_looks_at_arguments(
    machine: str, clone: int, unshare: int, socket: int, ioctl: int
) -> None:
    for new_namespace in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x02000000, 0x80):
        assert verdict(machine, clone, new_namespace | 17) == EPERM
        assert verdict(machine, unshare, new_namespace) == EPERM
    assert verdict(machine, clone, 0x01200011) == ALLOWED  # fork
    assert verdict(machine, clone, 0x003D0F00) == ALLOWED  # a thread
    families = {family: verdict(machine, socket, family, 1, 0) for family in range(50)}
    assert {family for family, what in families.items() if what == ALLOWED} == {1, 2, 10, 16}
    assert verdict(machine, socket, 16, 3, 9) == EPERM  # netlink's audit
    assert [verdict(machine, ioctl, 0, request) for request in (0x5412, 0x541C, 0x5413)] == [
        EPERM,
        EPERM,
        ALLOWED,
    ]


@pytest.mark.parametrize(
    ("machine", "socket", "pair", "prlimit", "sending"),
    [
        ("x86_64", 41, 53, 302, {44: 3, 46: 2, 307: 3}),
        ("aarch64", 198, 199, 261, {206: 3, 211: 2, 269: 3}),
    ],
)
def test_where_the_network_is_shared_there_is_tcp_alone(
    machine: str, socket: int, pair: int, prlimit: int, sending: dict[int, int]
) -> None:
    def allowed(*call: int) -> bool:
        return verdict(machine, *call, shared=True) == ALLOWED

    kinds = [
        (family, kind, protocol)
        for family in range(50)
        for kind in range(1, 12)
        for protocol in (0, 6, 17, 132, 262)
    ]
    flags = 0o4000 | 0o2000000  # SOCK_NONBLOCK, SOCK_CLOEXEC
    for each in (0, flags):
        assert {k for k in kinds if allowed(socket, k[0], k[1] | each, k[2])} == {
            *((family, 1, protocol) for family in (2, 10) for protocol in (0, 6)),
            *((16, kind, 0) for kind in range(1, 12)),
        }
        assert {kind for kind in range(1, 12) if allowed(pair, 1, kind | each)} == {1, 5}
    assert allowed(prlimit, 0)
    assert not allowed(prlimit, 4711)
    for number, at in sending.items():
        assert allowed(number, *[0] * at, 0x4000)
        assert not allowed(number, *[0] * at, 0x20004000)
    which = list(MACHINES).index(machine)
    for numbers in seccomp.SHARED_IPC.values():
        assert numbers[which] is not None
        assert not allowed(numbers[which] or 0)
        assert verdict(machine, numbers[which] or 0) == ALLOWED


@given(st.sampled_from([*MACHINES]), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_the_filter_knows_what_to_do_with_any_call(machine: str, number: int, first: int) -> None:
    assert verdict(machine, number, first, first) in {ALLOWED, KILLED, EPERM, ENOSYS}
    if machine == "x86_64" and number >= 0x40000000:
        assert verdict(machine, number, first) == KILLED


def test_there_is_no_filter_for_a_machine_that_nobody_knows() -> None:
    assert seccomp.program("mips") is None


def test_no_home_is_shown_nor_anything_above_one() -> None:
    home = Path.home()
    seen = view.look([str(home / "bin" / "node"), str(home / "tools" / "go" / "bin" / "go")])
    assert all(not str(home).startswith(f"{folder}/") for folder in seen.programs)
    assert str(home) not in seen.programs


def test_a_program_in_a_home_shows_its_own_folder_and_nothing_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / ".local/share/jupyter"))
    real = tmp_path / ".local/share/uv/python/cpython-3.12/bin/python3.12"
    link = tmp_path / ".local/bin/python3.12"
    script = tmp_path / ".local/bin/node"
    venv = tmp_path / "project/.venv/bin/python"
    for path in (real, link, script, venv):
        path.parent.mkdir(parents=True, exist_ok=True)
    real.touch()
    script.touch()
    link.symlink_to(real)
    venv.symlink_to(real)
    (tmp_path / "project/.venv/pyvenv.cfg").touch()
    for name in ("runtime", "kernels", "code-interpreter"):
        (tmp_path / ".local/share/jupyter" / name).mkdir(parents=True)
    shown = view.look([str(link), str(script), str(venv)]).programs
    assert [folder for folder in shown if folder.startswith(str(tmp_path))] == [
        str(tmp_path / ".local/share/jupyter/code-interpreter"),
        str(tmp_path / ".local/share/jupyter/kernels"),
        str(tmp_path / ".local/share/uv/python/cpython-3.12"),
        str(tmp_path / "project/.venv"),
    ]


def test_programs_are_shown_once_and_below_nothing_that_is(tmp_path: Path) -> None:
    places = [tmp_path / name / "bin" / "x" for name in ("jdk", "jdk/inner", "node")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    shown = view.look([*map(str, places), "/usr/lib/jvm/x/bin/java"]).programs
    assert [Path(p).name for p in shown if p.startswith(str(tmp_path))] == ["jdk", "node"]
    assert not any(folder.startswith("/usr") for folder in shown)


def test_the_environment_in_a_box_is_a_short_list() -> None:
    around = {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "LC_ALL": "C", "SSH_AUTH_SOCK": "/s"}
    seen = view.environment(around, home="/sandbox/home", tmp="/tmp", proxy=1)
    own = {"HOME", "TMPDIR", "JUPYTER_DATA_DIR", *signposts.through(1)}
    assert seen.keys() == {"PATH", "LC_ALL", *own}
    assert seen["HOME"] == "/sandbox/home"


@pytest.mark.parametrize(
    ("says", "mode", "problem"),
    [
        ("bubblewrap 0.7.0", 0o755, "is older than 0.8"),
        ("nothing of the sort", 0o755, "is older than 0.8"),
        ("bubblewrap 0.11.0", 0o4755, "it is setuid"),
    ],
)
def test_an_unfit_bubblewrap_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, mode: int, problem: str
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\necho '{says}'\n")
    fake.chmod(mode)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert problem in (bubblewrap.unfit(str(fake)) or "")
    with contextlib.suppress(IsolationUnavailableError):
        assert bubblewrap.find.__wrapped__() != str(fake)


def test_an_isolation_that_there_is_not_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match="one of auto, namespaces, landlock, none, not 'walls'"):
        LocalServer(isolation="walls")  # type: ignore[arg-type]
    monkeypatch.setenv("CODE_INTERPRETER_ISOLATION", "moat")
    with pytest.raises(ValueError, match="not 'moat'"):
        LocalServer()


def test_bytecode_is_written_outside_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "code_interpreter_bait.py"
    module.write_text("x = 1\n")
    assert bytecode.is_missing(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(bytecode, "_IMPORTS", "import code_interpreter_bait")
    bytecode.write()
    assert not bytecode.is_missing(module)
