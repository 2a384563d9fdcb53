"""Ways out of a box, each tried in one, and without one, where it succeeds and harms nobody."""

import os
import platform
from collections.abc import Iterator

import pytest

from code_interpreter import CodeInterpreterSync
from code_interpreter.local.box import seccomp
from tests.isolation.conftest import Bait, boxed
from tests.local.lifecycle.conftest import own_scratch

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

REACHED = "REACHED"

# Python that prints REACHED where it gets at the bait.
FREE = {
    "a file in a home": "ok = open({home_file!r}).read() == 'bait'",
    "a file of another sandbox": "ok = open({foreign_file!r}).read() == 'bait'",
    "a key of the program around": "ok = os.environ.get('BAIT_API_KEY') == 'bait'",
    "the environment of a process": "ok = 'BAIT_API_KEY' in open('/proc/{pid}/environ').read()",
    "the sight of a process": "ok = open('/proc/{pid}/cmdline').read() == 'sleep\\0' + '1000\\0'",
    "a signal to a process": "os.kill({pid}, 0); ok = whole('/proc/{pid}/comm') == 'sleep\\n'",
    "a file outside": "open({open_folder!r} + '/written', 'w').close(); ok = True",
    "a service on loopback": "ok = heard(socket.AF_INET, ('127.0.0.1', {port}))",
    "a service of this machine": "ok = heard(socket.AF_INET, ({address!r}, {port}))",
    "an abstract Unix socket": "ok = heard(socket.AF_UNIX, '\\0' + {abstract!r})",
    "the file of a Unix socket": "ok = heard(socket.AF_UNIX, {socket_file!r})",
    "privileges of setuid programs": "ok = 'NoNewPrivs:\\t0' in open('/proc/self/status').read()",
}
# What only root can without a box.
ROOTS = {
    "capabilities": "ok = int(status('CapEff'), 16) != 0",
    "uid 0 of the machine": "ok = os.getuid() == 0 and '4294967295' in whole('/proc/self/uid_map')",
    "a setting of the kernel": (
        "os.close(os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)); ok = True"
    ),
    "a device": (
        "os.mknod('device', 0o600 | stat.S_IFBLK, os.makedev(7, 200))\n"
        "    os.unlink('device'); ok = True"
    ),
    "a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(); ok = True",
    "a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close(); ok = True",
    "a namespace of users": "ok = in_child(lambda: libc.unshare(0x10000000) == 0)",
    "a namespace of mounts": "ok = in_child(lambda: libc.unshare(0x00020000) == 0)",
}
# What is tried in a box alone.
HARMFUL = {
    "the passwords of the machine": "ok = os.access('/etc/shadow', os.R_OK)",
    "a file among the system's": "open('/usr/ci-bait', 'w').close(); ok = True",
    "a file in the root": "open('/ci-bait', 'w').close(); ok = True",
    "a file among our own packages": "open(sys.prefix + '/ci-bait', 'w').close(); ok = True",
    "a socket that was inherited, turned round": (
        "ok = any(turned_round(fd, {port}) for fd in (0, 1, 2))"
    ),
    "text typed into a terminal": (
        "ok = refused_otherwise(lambda: fcntl.ioctl(os.openpty()[1], 0x5412, b'x'))"
    ),
}
HELPERS = """
import ctypes, errno, fcntl, os, socket, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)

def heard(family, address):
    with socket.socket(family) as s:
        s.settimeout(5)
        s.connect(address)
        return s.recv(10) == b"bait"

def whole(path):
    return open(path).read()

def status(name):
    return whole("/proc/self/status").split(name + ":")[1].split()[0]

def in_child(act):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if act() else 1)
    return os.waitpid(pid, 0)[1] == 0

def turned_round(fd, port):
    try:
        copy = socket.socket(fileno=os.dup(fd))
    except OSError:
        return False
    if copy.family != socket.AF_INET:
        return False
    unspecified = struct.pack("H14x", socket.AF_UNSPEC)
    libc.connect(copy.fileno(), unspecified, len(unspecified))
    try:
        copy.settimeout(1)
        copy.connect(("127.0.0.1", port))
        return copy.recv(10) == b"bait"
    except OSError:
        return False

def refused_otherwise(act):
    try:
        act()
    except OSError as error:
        return error.errno != errno.EPERM
    return True
"""
ATTEMPT = """
try:
    ok = False
    {attempt}
    print("REACHED" if ok else "nothing there")
except Exception as error:
    print("refused:", repr(error))
"""
BASH = {
    "a file in a home": "cat {home_file}",
    "a file of another sandbox": "cat {foreign_file}",
    "a signal to a process": "[[ $(</proc/{pid}/comm) == sleep ]] && kill -0 {pid} && echo bait",
    "a file outside": "echo bait >{open_folder}/written && echo bait",
    "a service on loopback": "cat </dev/tcp/127.0.0.1/{port}",
}


@pytest.fixture(scope="module", params=["namespaces", "none"])
def sandbox(
    request: pytest.FixtureRequest, bait: Bait
) -> Iterator[tuple[str, CodeInterpreterSync]]:
    """A sandbox, and its isolation. The program around it has a key in its environment."""
    del bait  # laid out before
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIT_API_KEY", "bait")
        with boxed(request.param) as interpreter:
            interpreter.codes.run(HELPERS).raise_for_error()
            yield request.param, interpreter


def named(bait: Bait) -> dict[str, object]:
    return {k: v if isinstance(v, int) else str(v) for k, v in vars(bait).items()}


def attempt(interpreter: CodeInterpreterSync, code: str, bait: Bait) -> str:
    filled = ATTEMPT.format(attempt=code.format(**named(bait)))
    return interpreter.codes.run(filled).raise_for_error().text.strip()


@pytest.mark.parametrize("code", FREE.values(), ids=FREE)
def test_a_box_keeps_what_is_free_without_one(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, code: str
) -> None:
    isolation, interpreter = sandbox
    assert (attempt(interpreter, code, bait) == REACHED) == (isolation == "none")


@pytest.mark.parametrize("code", ROOTS.values(), ids=ROOTS)
def test_a_box_keeps_what_is_roots(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, code: str
) -> None:
    isolation, interpreter = sandbox
    if isolation == "none" and os.geteuid() != 0:
        pytest.skip("only root can")
    assert (attempt(interpreter, code, bait) == REACHED) == (isolation == "none")


@pytest.mark.parametrize("code", HARMFUL.values(), ids=HARMFUL)
def test_a_box_keeps_what_is_not_tried_without_one(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, code: str
) -> None:
    isolation, interpreter = sandbox
    if isolation == "none":
        pytest.skip("would change the machine")
    assert attempt(interpreter, code, bait) != REACHED


@pytest.mark.parametrize("code", BASH.values(), ids=BASH)
def test_a_box_keeps_it_from_bash_too(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, code: str
) -> None:
    isolation, interpreter = sandbox
    said = interpreter.codes.run(code.format(**named(bait)), language="bash").text.strip()
    assert (said == "bait") == (isolation == "none")


def test_no_refused_call_comes_through(sandbox: tuple[str, CodeInterpreterSync]) -> None:
    isolation, interpreter = sandbox
    if isolation == "none":
        pytest.skip("would change the machine")
    which = 0 if platform.machine() == "x86_64" else 1
    calls = {name: numbers[which] for name, numbers in seccomp.REFUSED.items()}
    code = f"""
came = []
for name, number in {calls!r}.items():
    if number is not None:
        ctypes.set_errno(0)
        if libc.syscall(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.EPERM:
            came.append((name, ctypes.get_errno()))
print(came)
"""
    assert interpreter.codes.run(code).raise_for_error().text.strip() == "[]"


def test_nothing_outlives_its_sandbox(tmp_path_factory: pytest.TempPathFactory) -> None:
    daemon = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = os.open("alive", os.O_WRONLY)
        os.set_inheritable(held, True)
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os._exit(0)
time.sleep(1)
"""
    with own_scratch(tmp_path_factory) as scratch:
        with boxed("namespaces") as interpreter:
            interpreter.codes.run("import os; os.mkfifo('alive')").raise_for_error()
            (fifo,) = scratch.glob("ci-*/work/alive")
            reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            interpreter.codes.run(daemon).raise_for_error()
            with pytest.raises(BlockingIOError):
                os.read(reading, 1)  # somebody could still write
        assert os.read(reading, 1) == b""  # nobody is left who could
        os.close(reading)
        assert list(scratch.iterdir()) == []
