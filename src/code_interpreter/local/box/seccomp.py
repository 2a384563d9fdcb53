"""The system calls that nothing in a box may make, as a program for the kernel. Pure.

What must stay true: whatever is not known to be harmless by its arguments is refused with EPERM
(clone3, whose arguments a filter cannot read, with ENOSYS: the C library then takes clone). A call
in another architecture's numbers ends the process.

Sources: seccomp(2); the numbers are those of the kernel's `asm/unistd.h`, `linux/bpf_common.h` and
`linux/audit.h`.
"""

import struct
from typing import NamedTuple

# By machine: what the kernel calls it, and its numbers where the two differ.
_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
_X32 = 0x40000000  # calls of a second ABI of x86_64 have this bit

_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data

# Name: the number on x86_64, the number on aarch64 (None: there is no such call).
REFUSED: dict[str, tuple[int, int | None]] = {
    # Looks into other processes, and their descriptors.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    # Changes what is seen.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    # Reaches deep into the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    # Belongs to the machine.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
    "syslog": (103, 116),
}
# Refused too where a box shares the machine's IPC: nothing there tells whose it is.
SHARED_IPC: dict[str, tuple[int, int | None]] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
_CLONE, _UNSHARE, _CLONE3 = (56, 220), (272, 97), 435
_SOCKET, _IOCTL = (41, 198), (16, 29)
_SOCKETPAIR, _PRLIMIT = (53, 199), (302, 261)
# By call, which argument has the flags of a message.
_SENDING = {(44, 206): 3, (46, 211): 2, (307, 269): 3}  # sendto, sendmsg, sendmmsg

_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*: user, mount, PID, network, IPC, UTS, cgroup, time
_UNIX, _INET, _INET6, _NETLINK, _ROUTE = 1, 2, 10, 16, 0
_STREAM, _TCP = 1, 6
_CONNECTED = (_STREAM, 5)  # kinds of pairs that stay connected to each other (SOCK_SEQPACKET)
_KIND = 0xF  # of a socket's type, whose other bits are flags
_FAST_OPEN = 0x20000000  # MSG_FASTOPEN: connects, and Landlock is not asked
_TYPES_INTO_A_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


class _Step(NamedTuple):
    code: int
    value: int
    yes: int = 0  # steps to pass over when the comparison holds
    no: int = 0


def program(machine: str, *, shared: bool = False) -> bytes | None:
    """The filter for a machine, as seccomp(2) takes it; None where none is known.

    Args:
        machine: As `os.uname().machine` has it.
        shared: Whether the box shares the machine's network, IPC and files of sockets. Then there
            is TCP, for Landlock to judge, and pairs of connected sockets, but nothing else that
            could reach a socket of the machine; and nobody else's limits can be set.
    """
    if machine not in {"x86_64", "aarch64"}:
        return None
    which = 0 if machine == "x86_64" else 1
    steps = [
        _Step(_LOAD, _ARCHITECTURE),
        _Step(_EQUAL, (_X86_64, _AARCH64)[which], yes=1),
        _Step(_RETURN, _KILL),
        _Step(_LOAD, _NUMBER),
    ]
    if which == 0:
        steps += [_Step(_AT_LEAST, _X32, no=1), _Step(_RETURN, _KILL)]
    for numbers in ({**REFUSED, **SHARED_IPC} if shared else REFUSED).values():
        if (number := numbers[which]) is not None:
            steps += [_Step(_EQUAL, number, no=1), _Step(_RETURN, _ERROR | _EPERM)]
    steps += [_Step(_EQUAL, _CLONE3, no=1), _Step(_RETURN, _ERROR | _ENOSYS)]
    for numbers in (_CLONE, _UNSHARE):
        steps += _when(
            numbers[which],
            [
                _argument(0),
                _Step(_ANY_OF, _NEW_NAMESPACES, no=1),
                _Step(_RETURN, _ERROR | _EPERM),
            ],
        )
    steps += _when(_SOCKET[which], _tcp_alone() if shared else _families())
    if shared:
        steps += _when(_SOCKETPAIR[which], [_argument(1), _Step(_AND, _KIND), *_one_of(_CONNECTED)])
        # Of a process by its number: it could be anybody's.
        steps += _when(_PRLIMIT[which], [_argument(0), *_one_of((0,))])
        for numbers, flags in _SENDING.items():
            refused = [_Step(_ANY_OF, _FAST_OPEN, no=1), _Step(_RETURN, _ERROR | _EPERM)]
            steps += _when(numbers[which], [_argument(flags), *refused])
    steps += _when(
        _IOCTL[which],
        [
            _argument(1),
            *(
                step
                for request in _TYPES_INTO_A_TERMINAL
                for step in (_Step(_EQUAL, request, no=1), _Step(_RETURN, _ERROR | _EPERM))
            ),
        ],
    )
    steps.append(_Step(_RETURN, _ALLOW))
    return b"".join(struct.pack("=HBBI", s.code, s.yes, s.no, s.value) for s in steps)


def _families() -> list[_Step]:
    """Only Unix sockets, IPv4, IPv6, and of netlink the routes that name resolution looks at."""
    allow = _Step(_RETURN, _ALLOW)
    steps = [_argument(0)]
    for family in (_UNIX, _INET, _INET6):
        steps += [_Step(_EQUAL, family, no=1), allow]
    return [
        *steps,
        _Step(_EQUAL, _NETLINK, no=3),
        _argument(2),
        _Step(_EQUAL, _ROUTE, no=1),
        allow,
        _Step(_RETURN, _ERROR | _EPERM),
    ]


def _tcp_alone() -> list[_Step]:
    """Only TCP, over either version of IP, and of netlink the routes.

    Not UDP, and not multipath TCP: Landlock judges neither.
    """
    over_ip = [_argument(1), _Step(_AND, _KIND), _Step(_EQUAL, _STREAM, yes=1)]
    over_ip += [_Step(_RETURN, _ERROR | _EPERM), _argument(2), *_one_of((0, _TCP))]
    return [
        _argument(0),
        *(_Step(_EQUAL, _INET, yes=2), _Step(_EQUAL, _INET6, yes=1)),
        _Step(_EQUAL, _NETLINK, yes=len(over_ip), no=len(over_ip) + 2),
        *over_ip,
        _argument(2),
        *_one_of((_ROUTE,)),
    ]


def _one_of(values: tuple[int, ...]) -> list[_Step]:
    """Allow what is loaded when it is one of these, and refuse the rest."""
    count = len(values)
    compared = [_Step(_EQUAL, value, yes=count - at) for at, value in enumerate(values)]
    return [*compared, _Step(_RETURN, _ERROR | _EPERM), _Step(_RETURN, _ALLOW)]


def _when(number: int, steps: list[_Step]) -> list[_Step]:
    """Steps for one call only; where they do not return, the call is allowed."""
    return [_Step(_EQUAL, number, no=len(steps) + 1), *steps, _Step(_RETURN, _ALLOW)]


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: both machines are little-endian."""
    return _Step(_LOAD, _ARGUMENTS + 8 * index)
