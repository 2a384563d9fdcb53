"""What the system takes as the environment of a process."""

import os
from collections.abc import Mapping

_LONGEST = 128 * 1024  # bytes of one variable, of Linux (MAX_ARG_STRLEN)


def refusal(variables: Mapping[str, str]) -> str | None:
    """Why no process can be started with these variables; None when one can.

    Source: execve(2), E2BIG.
    """
    total = 0
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            return f"{name!r} has a name or value that no process can have"
        size = len(os.fsencode(f"{name}={value}")) + 1
        if size > _LONGEST:
            return f"{name} has {size} bytes; at most {_LONGEST} can be"
        total += size
    most = os.sysconf("SC_ARG_MAX") // 2  # the other half is for arguments and what we set
    return f"it has {total} bytes; at most {most} can be" if total > most else None
