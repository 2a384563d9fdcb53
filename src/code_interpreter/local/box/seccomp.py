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
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
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
_CLONE, _UNSHARE, _CLONE3 = (56, 220), (272, 97), 435
_SOCKET, _IOCTL = (41, 198), (16, 29)

_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*: user, mount, PID, network, IPC, UTS, cgroup, time
_UNIX, _INET, _INET6, _NETLINK, _ROUTE = 1, 2, 10, 16, 0
_TYPES_INTO_A_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


class _Step(NamedTuple):
    code: int
    value: int
    yes: int = 0  # steps to pass over when the comparison holds
    no: int = 0


def program(machine: str) -> bytes | None:
    """The filter for a machine, as seccomp(2) takes it; None where none is known.

    Args:
        machine: As `os.uname().machine` has it.
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
    for numbers in REFUSED.values():
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
    steps += _when(_SOCKET[which], _families())
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


def _when(number: int, steps: list[_Step]) -> list[_Step]:
    """Steps for one call only; where they do not return, the call is allowed."""
    return [_Step(_EQUAL, number, no=len(steps) + 1), *steps, _Step(_RETURN, _ALLOW)]


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: both machines are little-endian."""
    return _Step(_LOAD, _ARGUMENTS + 8 * index)
