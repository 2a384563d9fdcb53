"""Folders of the machine that a box shows because they were asked for.

What must stay true: nothing is shown that the server was not told to allow, whatever its path leads
to by the time that it is opened. A mount point lies where code in a box cannot write, so no link
that code makes stands in its place.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

# Of every box; `view` says what they have there.
_TAKEN = ("/proc", "/dev", "/sys", "/tmp", "/var/tmp", "/run")  # noqa: S108


class MountError(ValueError):
    """A folder cannot be shown: it is not allowed, not there, or its place in the box is taken."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What was asked for.

    Attributes:
        source: An absolute path of the machine.
        path: Where the box is to have it, absolute.
        writable: Whether code in the box can write there, as far as the user that it runs as may.
    """

    source: str
    path: str
    writable: bool


def allowed(folders: Iterable["str | os.PathLike[str]"]) -> tuple[str, ...]:
    """The real paths of folders that may be shown, with all that is in them.

    Raises:
        ValueError: One is not a folder.
    """
    found: list[str] = []
    for folder in folders:
        real = os.path.realpath(folder)
        if not os.path.isdir(real):  # noqa: PTH112
            raise ValueError(f"not a folder: {os.fspath(folder)}")
        found.append(real)
    return tuple(found)


def resolve(
    volumes: Sequence[Volume],
    folders: Sequence[str],
    *,
    beside: Sequence[Volume],
    taken: Sequence[str],
    moves: bool,
) -> tuple[Volume, ...]:
    """Check what was asked for, and find the real paths of it.

    Args:
        volumes: What was asked for.
        folders: What is allowed, as real paths.
        beside: What the same box shows too.
        taken: What boxes show already.
        moves: Whether a box can have a folder at another path than the machine has it.

    Raises:
        MountError: One cannot be shown.
    """
    found: list[Volume] = []
    for volume in volumes:
        source = os.path.realpath(volume.source)
        if not any(_is_below(source, folder) for folder in folders):
            raise MountError(f"this server does not allow sandboxes to have {volume.source}")
        if not os.path.isdir(source):  # noqa: PTH112
            raise MountError(f"not a folder: {volume.source}")
        path = os.path.normpath(volume.path)
        if not path.startswith("/") or path.startswith("//") or path == "/":
            raise MountError(f"not the absolute path of a folder: {volume.path!r}")
        if moves:
            for other in (*_TAKEN, *taken, *(one.path for one in (*beside, *found))):
                if _is_below(path, other) or _is_below(other, path):
                    raise MountError(f"{path} cannot be a folder of yours: the box has {other}")
        elif path != source:
            raise MountError(
                f"a box of Landlock has folders at their own paths alone: {source}, not {path}"
            )
        found.append(Volume(source, path, volume.writable))
    return tuple(found)


def opened(volume: Volume, inherited: ExitStack) -> int:
    """A descriptor of a folder that was resolved.

    Raises:
        OSError: It is gone, or something else is in its place now.
    """
    descriptor = os.open(volume.source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    inherited.callback(os.close, descriptor)
    if os.readlink(f"/proc/self/fd/{descriptor}") != volume.source:  # noqa: PTH115
        raise OSError(f"{volume.source} was replaced meanwhile")
    return descriptor


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
