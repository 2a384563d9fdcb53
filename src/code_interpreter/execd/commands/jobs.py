"""What a command is to be, before it is started: decisions about a request.

Only `identity` asks the system, for the names and groups of a user.
"""

import grp
import os
import pwd
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from code_interpreter.execd.host.environment import refusal
from code_interpreter.execd.refusals import invalid_body, not_supported

_LAST_ID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a command runs as.

    Attributes:
        env: What says so in the environment.
    """

    uid: int
    gid: int
    groups: Sequence[int]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A command that can be started.

    Attributes:
        text: The command as its status shows it.
        argv: The program and its arguments.
        folder: Where it starts.
        env: Its whole environment.
        timeout: Seconds until its whole group is killed.
        background: Whether its stream ends as soon as it has started.
        identity: Whom it runs as; None for the server's own user.
    """

    text: str
    argv: Sequence[str]
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    timeout: float | None = None
    background: bool = False
    identity: Identity | None = None


def command_line(
    text: str | None, argv: Sequence[str] | None, *, shell: str
) -> tuple[str, Sequence[str]]:
    """The text and the argv of a command, of which a request brings one.

    Raises:
        ApiError: It brings none, or both, or one that nothing can be.
    """
    if text and argv:
        raise invalid_body("the body needs `command` or `argv`, not both")
    if argv:
        if not argv[0]:
            raise invalid_body("the program in `argv` must not be empty")
        text = shlex.join(argv)
    if not text:
        raise invalid_body("the body needs `command` (or `argv`), and it must not be empty")
    if "\0" in text:
        raise invalid_body("a command must not hold a NUL byte")
    return text, argv or (shell, "-c", text)


def check_variables(envs: Mapping[str, str]) -> None:
    """Refuse variables that no process can be given.

    Raises:
        ApiError: A name or a value is such.
    """
    if (problem := refusal(envs)) is not None:
        raise invalid_body(f"`envs`: {problem}")


def identity(uid: int | None, gid: int | None) -> Identity | None:
    """Whom a command runs as.

    Returns:
        None for the server's own user.

    Raises:
        ApiError: The ids are none, or this server cannot change to them.
    """
    if uid is None:
        if gid is not None:
            raise invalid_body("`gid` needs `uid`")
        return None
    for name, number in (("uid", uid), ("gid", gid)):
        if number is not None and not 0 <= number <= _LAST_ID:
            raise invalid_body(f"`{name}` must be from 0 to {_LAST_ID}, not {number}")
    if uid == os.geteuid() and gid in {None, os.getegid()}:
        return None
    if os.geteuid() != 0:
        raise not_supported(
            f"only root can run commands as another user, and this server runs as uid "
            f"{os.geteuid()}"
        )
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        gid = uid if gid is None else gid
        return Identity(uid, gid, (), {})
    gid = user.pw_gid if gid is None else gid
    groups = [group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem]
    names = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    return Identity(uid, gid, sorted({gid, *groups}), names)
