"""Enclose this process, and all that it will start, for good: Landlock, a filter of system calls.

What must stay true: whoever returns from `enclose` is enclosed whole. It comes before the process
has threads, which would stay outside, and whatever the kernel refuses is an error.

Also a program, for a trial:

    python -I -S enclosure.py DESCRIPTOR UID COMMAND...

Sources: landlock(7), seccomp(2), the kernel's `linux/landlock.h`.
"""

import ctypes
import json
import os
import stat
import struct
import sys
from base64 import b64decode
from typing import Any

# The same numbers on x86_64 and aarch64.
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_BENEATH, _PORT = 1, 2
_SET_NO_NEW_PRIVS, _FILTER = 38, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_MAKE_CHAR, _MAKE_BLOCK, _IOCTL_DEV = 1 << 6, 1 << 11, 1 << 15
# How many rights of files version 4 knows, the oldest that judges TCP; newer ones know one more.
_RIGHTS_4, _RIGHTS = 15, 16
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | _IOCTL_DEV
_BIND, _CONNECT = 1, 2
_SCOPES = 3  # abstract Unix sockets, signals
_SCOPES_SINCE = 6


def version() -> int:
    """Which version of Landlock the kernel has; 0 for none. Only Linux can be asked."""
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def enclose(descriptor: int, uid: int | None = None) -> None:
    """Enclose this process as a file says, and become a user.

    Args:
        descriptor: Of the file, which is closed. JSON: the paths, or descriptors, of what may be
            read (`read`), or written too (`write`), the devices (`devices`), the first and the last
            port to listen at and connect to (`ports`), others to connect to (`connect`), and the
            filter of system calls in base64 (`filter`).
        uid: The user; None to stay who it is.

    Raises:
        OSError: The kernel refuses, or a path cannot be opened.
    """
    with os.fdopen(descriptor, "rb") as file:
        asked: dict[str, Any] = json.load(file)
    # Who becomes another may not get at all of the paths any more.
    rules = _rules(asked)
    if uid is not None:
        become(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _error("no_new_privs")
    _call(_RESTRICT_SELF, rules, 0)
    os.close(rules)
    filtered = b64decode(asked["filter"])
    steps = ctypes.create_string_buffer(filtered, len(filtered))
    program = struct.pack("@HP", len(filtered) // 8, ctypes.addressof(steps))
    _call(_SECCOMP[os.uname().machine], _FILTER, 0, program)


def become(uid: int) -> None:
    """Become a user of no group but its own, for good.

    Raises:
        OSError: This process may not: it is not root.
    """
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def _rules(asked: dict[str, Any]) -> int:
    """Make the rules of Landlock; returns their descriptor."""
    known = version()
    files = (1 << (_RIGHTS_4 if known == 4 else _RIGHTS)) - 1  # noqa: PLR2004 - see above
    scopes = _SCOPES if known >= _SCOPES_SINCE else 0
    handled = struct.pack("=QQQ", files, _BIND | _CONNECT, scopes)
    rules = _call(_CREATE_RULESET, handled, len(handled) if scopes else 16, 0)
    device = (_READ_FILE | _WRITE_FILE | _IOCTL_DEV) & files
    whole = files & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
    for kind, rights in (("read", _READ), ("write", whole), ("devices", device)):
        for path in asked[kind]:
            _allow_beneath(rules, path, rights)
    first, last = asked["ports"]
    for port in range(first, last + 1):
        _call(_ADD_RULE, rules, _PORT, struct.pack("=QQ", _BIND | _CONNECT, port), 0)
    for port in asked["connect"]:
        _call(_ADD_RULE, rules, _PORT, struct.pack("=QQ", _CONNECT, port), 0)
    return rules


def _allow_beneath(rules: int, path: str | int, rights: int) -> None:
    opened = path if isinstance(path, int) else os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_FILES
        _call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: bytes | int | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    passed = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *passed)
    if result < 0:
        raise _error(f"system call {number}")
    return result


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    enclose(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2] else None)
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 - the trial's own command
