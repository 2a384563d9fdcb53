"""Ways out of a box, and the table of docs/isolation.md, which says where each of them leads.

python -m tests.isolation.attempts      prints that table
"""

from dataclasses import dataclass
from typing import Literal

REACHED = "REACHED"


@dataclass(frozen=True)
class Attempt:
    """One way out.

    Attributes:
        name: What is reached, as the table has it.
        python: A statement that sets `ok` where it gets there; it may name bait in braces.
        bash: The same for Bash, which then prints `bait`.
        without: Who gets there without a box: anybody, or root alone. None: that is not tried,
            since it would harm the machine.
        landlock: Who gets there from a box of Landlock: nobody, anybody, or all but those whose
            server is root.
    """

    name: str
    python: str
    bash: str | None = None
    without: Literal["all", "root"] | None = "all"
    landlock: Literal["all", "user"] | None = None


ATTEMPTS = [
    Attempt(
        "files of any home",
        "ok = open({home_file!r}).read() == 'bait'",
        bash="cat {home_file}",
    ),
    Attempt(
        "the names in a home",
        "ok = {home_file!r}.split('/')[-1] in os.listdir(os.path.dirname({home_file!r}))",
    ),
    Attempt(
        "files of another sandbox",
        "ok = open({foreign_file!r}).read() == 'bait'",
        bash="cat {foreign_file}",
    ),
    Attempt(
        "`/etc/shadow`",
        "ok = os.access('/etc/shadow', os.R_OK)",
        bash="[[ -r /etc/shadow ]] && echo bait",
        without="root",
    ),
    Attempt(
        "variables of the program around, and keys in them",
        "ok = os.environ.get('BAIT_API_KEY') == 'bait'",
        bash='echo "$BAIT_API_KEY"',
    ),
    Attempt(
        "writing outside its own folders",
        "open({open_folder!r} + '/written', 'w').close(); ok = True",
        bash="echo bait >{open_folder}/written && echo bait",
    ),
    Attempt(
        "writing among the system's files",
        "open('/usr/ci-bait', 'w').close(); ok = True",
        bash="echo bait >/usr/ci-bait && echo bait",
        without=None,
    ),
    Attempt(
        "writing into the root",
        "open('/ci-bait', 'w').close(); ok = True",
        without=None,
    ),
    Attempt(
        "writing among our own packages",
        "open(sys.prefix + '/ci-bait', 'w').close(); ok = True",
        without=None,
    ),
    Attempt(
        "removing a file of others",
        "os.unlink({removable!r}); ok = True",
        without=None,
    ),
    Attempt(
        "the size of a file that it cannot read",
        "ok = os.stat({open_file!r}).st_size == 4",
        landlock="all",
    ),
    Attempt(
        "the mode of a file that is yours",
        "os.chmod({home_file!r}, 0o600); ok = True",
        landlock="user",
    ),
    Attempt(
        "sight of a process",
        "ok = open('/proc/{pid}/cmdline').read() == 'sleep\\0' + '1000\\0'",
        bash="[[ $(tr '\\0' ' ' </proc/{pid}/cmdline) == 'sleep 1000 ' ]] && echo bait",
        landlock="all",
    ),
    Attempt(
        "variables of a process",
        "ok = 'BAIT_API_KEY' in open('/proc/{pid}/environ').read()",
        bash="grep -qa BAIT_API_KEY /proc/{pid}/environ && echo bait",
    ),
    Attempt(
        "a signal to a process",
        "os.kill({pid}, 0); ok = whole('/proc/{pid}/comm') == 'sleep\\n'",
        bash="[[ $(</proc/{pid}/comm) == sleep ]] && kill -0 {pid} && echo bait",
    ),
    Attempt(
        "limits of a process",
        "ok = resource.prlimit({pid}, resource.RLIMIT_CORE) is not None",
    ),
    Attempt(
        "tracing a process",
        "ok = in_child(lambda: traced({pid}))",
    ),
    Attempt(
        "a service on loopback",
        "ok = heard(socket.AF_INET, ('127.0.0.1', {port}))",
        bash="cat </dev/tcp/127.0.0.1/{port}",
    ),
    Attempt(
        "a service on loopback, over IPv6",
        "ok = heard(socket.AF_INET6, ('::1', {port}))",
    ),
    Attempt(
        "a service at an address of this machine",
        "ok = heard(socket.AF_INET, ({address!r}, {port}))",
        bash="cat </dev/tcp/{address}/{port}",
    ),
    Attempt(
        "a service on loopback, by TCP Fast Open",
        "ok = heard_by_fast_open({port})",
    ),
    Attempt(
        "a service on loopback, through the proxy",
        "ok = heard_through_proxy('127.0.0.1', {port})",
    ),
    Attempt(
        "a service at an address of this machine, through the proxy",
        "ok = heard_through_proxy({address!r}, {port})",
    ),
    Attempt(
        "a name that leads to loopback, through the proxy",
        "ok = heard_through_proxy('localhost', {port})",
    ),
    Attempt(
        "loopback as a number, through the proxy",
        "ok = heard_through_proxy('2130706433', {port})",
    ),
    Attempt(
        "a service of UDP",
        "ok = heard_by_udp({udp_port})",
    ),
    Attempt(
        "a socket that was inherited, turned round",
        "ok = any(turned_round(fd, {port}) for fd in (0, 1, 2))",
        without=None,
    ),
    Attempt(
        "an abstract Unix socket",
        "ok = heard(socket.AF_UNIX, '\\0' + {abstract!r})",
    ),
    Attempt(
        "the file of a Unix socket (Docker, D-Bus, an SSH agent)",
        "ok = heard(socket.AF_UNIX, {socket_file!r})",
    ),
    Attempt(
        "the file of a Unix socket for datagrams (the journal)",
        "ok = acknowledged({datagram_file!r})",
    ),
    Attempt(
        "shared memory of System V",
        "ok = in_child(lambda: libc.shmget({shared_key}, 1, 0) >= 0)",
    ),
    Attempt(
        "shared memory of POSIX",
        "ok = open('/dev/shm/' + {shared_name!r}).read() == 'bait'",
        bash="cat /dev/shm/{shared_name}",
    ),
    Attempt(
        "privileges of setuid programs",
        "ok = 'NoNewPrivs:\\t0' in open('/proc/self/status').read()",
        bash="grep -q 'NoNewPrivs:.0' /proc/self/status && echo bait",
    ),
    Attempt("capabilities", "ok = int(status('CapEff'), 16) != 0", without="root"),
    Attempt(
        "uid 0 of the machine",
        "ok = os.getuid() == 0 and '4294967295' in whole('/proc/self/uid_map')",
        bash="[[ $(id -u) == 0 ]] && echo bait",
        without="root",
    ),
    Attempt(
        "settings of the kernel, as the pattern of core files",
        "os.close(os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)); ok = True",
        bash="[[ -w /proc/sys/kernel/core_pattern ]] && : >>/proc/sys/kernel/core_pattern &&"
        " echo bait",
        without="root",
    ),
    Attempt(
        "settings in `/sys`",
        "os.close(os.open('/sys/kernel/mm/transparent_hugepage/enabled', os.O_WRONLY)); ok = True",
        without="root",
    ),
    Attempt(
        "making a device",
        "os.mknod('device', 0o600 | stat.S_IFBLK, os.makedev(7, 200))\n"
        "    os.unlink('device'); ok = True",
        bash="mknod device b 7 200 && rm device && echo bait",
        without="root",
    ),
    Attempt(
        "a raw socket",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(); ok = True",
        without="root",
    ),
    Attempt(
        "a packet socket",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close(); ok = True",
        without="root",
    ),
    Attempt(
        "new namespaces of users",
        "ok = in_child(lambda: libc.unshare(0x10000000) == 0)",
        bash="unshare --user true && echo bait",
        without="root",
    ),
    Attempt(
        "new namespaces of mounts, and mounts",
        "ok = in_child(lambda: libc.unshare(0x00020000) == 0)",
        bash="unshare --mount true && echo bait",
        without="root",
    ),
    Attempt(
        "text typed into a terminal",
        "ok = refused_otherwise(lambda: fcntl.ioctl(typed_into(), 0x5412, b'x'))",
        without=None,
    ),
]

HELPERS = """
import ctypes, errno, fcntl, os, resource, socket, stat, struct, sys
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

def heard_through_proxy(host, port):
    proxy = os.environ.get("HTTP_PROXY")
    if proxy is None:  # without a box: the bait is where the proxy is asked to go
        return heard(socket.AF_INET, (host, port))
    with socket.create_connection(("127.0.0.1", int(proxy.rpartition(":")[2])), 5) as s:
        s.sendall(f"CONNECT {host}:{port} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
        said = b"".join(iter(lambda: s.recv(1000), b""))
        return said.endswith(b"bait")

def heard_by_udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(b"?", ("127.0.0.1", port))
        return s.recv(10) == b"bait"

def heard_by_fast_open(port):
    with socket.socket() as s:
        s.settimeout(5)
        try:
            s.sendto(b"?", 0x20000000, ("127.0.0.1", port))
        except BlockingIOError:
            pass  # on its way
        return s.recv(10) == b"bait"

def acknowledged(path):
    # A pair of connected sockets, one of which is turned to another.
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours:
        return ours.sendto(b"bait", path) == 4

def traced(pid):
    attach, detach = 16, 17
    if libc.ptrace(attach, pid, None, None) != 0:
        return False
    os.waitpid(pid, 0)
    return libc.ptrace(detach, pid, None, None) == 0

def typed_into():
    # Where there are no terminals to be had, any descriptor: the filter looks at the request.
    try:
        return os.openpty()[1]
    except OSError:
        return 0

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

_HEAD = ["what code tries to reach", "without a box", "namespaces", "landlock"]
_BEGIN, _END = "<!-- what is reached: begin -->", "<!-- what is reached: end -->"


def table() -> str:
    """The table in Markdown, between its marks."""
    without = {"all": "reached", "root": "by root", None: "not tried"}
    landlock = {"all": "**reached**", "user": "**reached**, unless the server is root", None: "no"}
    rows = [
        _HEAD,
        ["---"] * len(_HEAD),
        *([one.name, without[one.without], "no", landlock[one.landlock]] for one in ATTEMPTS),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([_BEGIN, *lines, _END])


def table_in(page: str) -> str:
    """The table that a page has."""
    return page[page.index(_BEGIN) : page.index(_END) + len(_END)]


if __name__ == "__main__":
    print(table())
