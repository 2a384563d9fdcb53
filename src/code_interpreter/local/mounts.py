"""Folders of yours that sandboxes on this machine have, as a caller names them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from code_interpreter.local.box.volumes import Volume


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine for a sandbox.

    Attributes:
        path: The folder; a relative one is relative to the working directory.
        writable: Whether code can write there. It then writes your files, as the user that it runs
            as: you, or, where you are root, user 60613.
    """

    path: "str | os.PathLike[str]"
    writable: bool = False


Mounts = Mapping[str, "str | os.PathLike[str] | Mount"]


def read_mounts(mounts: Mounts | None) -> tuple[Volume, ...]:
    """Understand which folders sandboxes are to have.

    Args:
        mounts: By absolute path in the sandbox: a folder, which is read-only there, or a `Mount`.

    Raises:
        ValueError: A path in the sandbox is not absolute, or a folder is not there.
    """
    read: list[Volume] = []
    for path, given in (mounts or {}).items():
        mount = given if isinstance(given, Mount) else Mount(given)
        source = os.path.realpath(mount.path)
        if not path.startswith("/"):
            raise ValueError(f"mounts: a path in the sandbox must be absolute, not {path!r}")
        if not os.path.isdir(source):  # noqa: PTH112
            raise ValueError(f"mounts: not a folder: {source}")
        read.append(Volume(source, path, mount.writable))
    return tuple(read)
