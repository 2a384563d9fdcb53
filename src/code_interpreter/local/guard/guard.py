"""The process between a server and one sandbox's execd: with it, the sandbox ends.

What must stay true: however a sandbox ends (told to, its time over, the server or execd killed
with SIGKILL), every process that it started is killed and its directory is removed. So the guard
does nothing else that could fail. Its standard input is one end of a socket pair whose other end
only the server holds: the server's death, whatever the cause, is end-of-file here, and the
guard's death is end-of-file there, where the server does what the guard left undone. The guard
alone holds the write end of the pipe that is execd's standard input, so that execd notices too.

Run by its path, isolated and without site-packages, since nothing runs in a sandbox before this
interpreter is up. Whatever takes time to import comes while execd is starting.

    python -I -S guard.py LIBRARIES MARKER SCRATCH [LIMIT...] -- COMMAND...

LIBRARIES is the folder that psutil is in. MARKER, `NAME=VALUE`, goes into the environment of the
command, never into the guard's: execd kills every process that has it. SCRATCH is made here, with
the folders `work` (the command starts in it) and `tmp` (its TMPDIR, unless it has one), and
removed here: between a server that makes it and a guard that removes it, it could be lost. So are
control groups, for the same reason: each LIMIT is as `cgroups` and `confinement` have it. The guard
itself stays out of them, since it must be able to work when its sandbox has used up all that it
may.

`storage=BYTES` limits what SCRATCH may take: with more, the sandbox ends, and a line says so.

One more LIMIT, `box=UID:PORT:PROXY:PORTS:HOST`, says that COMMAND makes a box and starts execd in
it. It gets what it needs from outside: its folders (of the user UID, if that is not empty), two
listening Unix sockets, and a relay, which leads to the first what arrives at PORT of HOST, and to
the second who wants another port of the box. In COMMAND, `{port}`, `{socket}` and `{ports}` stand
for the port and for the descriptors. The relay is also the way out: it listens at the socket in the
folder `net`, or, of a box that shares the loopback of the machine, at the port PROXY of that, and
PORTS, `first-last`, are those that the box can have there.
"""

# Imports wait until execd has been started, and pathlib would be one:
# ruff: noqa: PLC0415, PTH100, PTH102, PTH120, PTH123

import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

_REAPING = 1.0
_BACKLOG = 512


def main() -> int:
    """Run the command, wait for an end, leave nothing. Returns the command's exit status."""
    libraries, marker, scratch, *rest = sys.argv[1:]
    separator = rest.index("--")
    limits, command = rest[:separator], rest[separator + 1 :]
    box = next((limit for limit in limits if limit.startswith("box=")), "")
    size = next((limit for limit in limits if limit.startswith("storage=")), "")
    limits = [limit for limit in limits if limit not in (box, size)]
    os.setsid()
    # At the end: nothing here or there may stand in front of the standard library.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path += [here, f"{here}/../../execd/host", libraries]
    os.mkdir(scratch, 0o700)
    try:
        execd, start_relay = _spawn(marker, scratch, command, limits, box=box.removeprefix("box="))
        # What the end needs is loaded now: later, the package may have been replaced.
        for name in ("cgroups", "removal"):
            _load(name)
        _load("processes").become_subreaper()
        # Only now: with two processors, one more Python beside this one would hold execd up.
        vital = (execd, *start_relay())
        if size:
            _load("storage").watch(scratch, int(size.removeprefix("storage=")), execd)
        return _watch(vital)
    finally:
        _load("processes").kill_tree(marker=marker.partition("=")[2], root=os.getpid())
        _reap_all()
        try:
            _load("cgroups").release(limits)
        finally:
            os.chdir("/")
            _load("removal").remove_tree(scratch)


def _spawn(
    marker: str, scratch: str, command: list[str], limits: list[str], *, box: str
) -> "tuple[int, Callable[[], tuple[int, ...]]]":
    """Start execd.

    Args:
        marker: See above.
        scratch: See above.
        command: See above.
        limits: See above.
        box: See above; empty for none.

    Returns:
        Its process, and what starts the other processes that it cannot be without.
    """
    name, _, value = marker.partition("=")
    work, tmp = f"{scratch}/work", f"{scratch}/tmp"  # noqa: S108 - a folder of ours
    for folder in (work, tmp):
        os.mkdir(folder, 0o700)
    os.chdir(work)
    # The write end is never closed, and no other process has it: it lives as long as this one.
    stdin, _write_end = os.pipe()
    inherited: tuple[socket, ...] = ()
    relay: list[str] = []
    of_relay: tuple[socket, ...] = ()
    if box:
        inherited, of_relay, meant, relay = _furnish(scratch, box)
        for name_of_it, value_of_it in meant.items():
            command = [part.replace(name_of_it, value_of_it) for part in command]
    command, processors = _under(limits, command)
    own_processors: set[int] = set()
    if processors and sys.platform == "linux":
        own_processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, processors)
    execd = os.posix_spawn(
        command[0],
        command,
        {"TMPDIR": tmp, **os.environ, name: value},
        file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0)],
        setpgroup=0,  # so that the group can be killed without the guard
    )
    if own_processors and sys.platform == "linux":
        os.sched_setaffinity(0, own_processors)
    for one in inherited:
        one.close()

    return execd, lambda: _start_relay(relay, of_relay, stdin)


def _start_relay(relay: list[str], sockets: "tuple[socket, ...]", stdin: int) -> tuple[int, ...]:
    started: tuple[int, ...] = ()
    # Nothing in a box ever holds a socket of the machine's network.
    for one in sockets:
        os.set_inheritable(one.fileno(), True)
    if relay:
        file_actions = [(os.POSIX_SPAWN_DUP2, stdin, 0)]
        started = (os.posix_spawn(relay[0], relay, {}, file_actions=file_actions, setpgroup=0),)
    for one in sockets:
        one.close()
    os.close(stdin)
    return started


def _furnish(
    scratch: str, box: str
) -> "tuple[tuple[socket, ...], tuple[socket, ...], dict[str, str], list[str]]":
    """Make what a box needs from outside.

    Returns:
        Sockets that execd inherits, those that the relay does, what stands for what in the
        command, and the command of the relay. What arrives meanwhile waits for it.
    """
    import _socket  # what `socket` makes of it is not needed, and takes as long as all the rest

    uid, port, proxy, range_of_ports, host = box.split(":", 4)
    for folder in ("home", "run"):
        os.mkdir(f"{scratch}/{folder}", 0o700)
    # Of the server's own user: code in a box can go through it, and put nothing in it.
    os.mkdir(f"{scratch}/net")
    os.chmod(f"{scratch}/net", 0o755)  # noqa: PTH101, S103 - whatever the umask is
    if uid:
        os.chmod(scratch, 0o711)  # noqa: PTH101, S103 - its own folders are in it
        # A user without a name and a home is more than many programs can bear.
        with open("/etc/passwd") as known, open(f"{scratch}/passwd", "w") as passwd:
            passwd.write(f"{known.read()}sandbox:x:{uid}:{uid}::/sandbox/home:/bin/sh\n")
        for folder in ("work", "tmp", "home", "run"):
            os.chown(f"{scratch}/{folder}", int(uid), int(uid))
    # But for the way out, where code in the box cannot put anything else in their place.
    paths = [f"{scratch}/{name}" for name in ("execd", "ports", "control", "net/proxy")]
    execd, ports, control, way_out = sockets = [
        _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM) for _ in paths
    ]
    for one, path in zip(sockets, paths, strict=True):
        one.bind(path)
        os.chmod(path, 0o600)  # noqa: PTH101
        one.listen(_BACKLOG)
    if uid:
        os.chown(paths[3], int(uid), int(uid))
    outside = _listening(_socket, host, int(port))
    if proxy:
        way_out.close()
        way_out = _listening(_socket, "127.0.0.1", int(proxy))
    of_relay = (outside, way_out, control)
    program = f"{os.path.dirname(os.path.abspath(__file__))}/relay.py"
    relay = [sys.executable, "-I", "-S", program, paths[0], range_of_ports or paths[1]]
    relay += [str(one.fileno()) for one in of_relay]
    meant = {"{port}": str(outside.getsockname()[1])}
    for name, one in (("{socket}", execd), ("{ports}", ports)):
        os.set_inheritable(one.fileno(), True)
        meant[name] = str(one.fileno())
    return (execd, ports), of_relay, meant, relay


def _listening(sockets: ModuleType, host: str, port: int) -> "socket":
    # Of a string, it imports what knows foreign letters.
    name = host.encode() if host.isascii() else host
    family, _, _, _, address = sockets.getaddrinfo(name, port, type=sockets.SOCK_STREAM)[0]
    made: socket = sockets.socket(family, sockets.SOCK_STREAM, sockets.IPPROTO_TCP)
    made.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(_BACKLOG)
    return made


def _under(limits: list[str], command: list[str]) -> tuple[list[str], set[int]]:
    """What starts a command under limits, and the processors to start it on; empty for all.

    The process puts itself under them, as a shell, and then becomes the command. Another one
    that is to be moved into a control group is waited for, up to 20 ms for each group.
    """
    if not limits:
        return command, set()
    cgroups = _load("cgroups")
    groups = [limit for limit in limits if cgroups.is_argument(limit)]
    entrances = cgroups.make(groups)
    words = 'echo 0 >"$1" && shift && ' * len(entrances)
    processors: set[int] = set()
    if others := [limit for limit in limits if limit not in groups]:
        more, processors = _load("confinement").read(others)
        words += more
    return ["/bin/sh", "-c", f'{words}exec "$@"', "sh", *entrances, *command], processors


def _load(name: str) -> ModuleType:
    # Importing importlib first would take longer than most of these.
    module: ModuleType = __import__(name)
    return module


def _watch(vital: tuple[int, ...]) -> int:
    """Wait until one of these has exited, the server is gone, or a signal asks for the end."""
    import select
    import signal

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    while True:
        status = _reap(vital)
        if status is not None:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready and not os.read(0, 4096):
            return 0
        if woken in ready and set(os.read(woken, 4096)) != {signal.SIGCHLD}:
            return 0


def _reap(vital: tuple[int, ...]) -> int | None:
    """Wait for every child that has died, orphans too; the status of one that is vital."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in vital:
            return status
        if pid == 0:
            return None


def _reap_all() -> None:
    """Let the killed leave the process table, within reason."""
    import time

    deadline = time.monotonic() + _REAPING
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
