"""What leaves a sandbox's folder: everything in it, and nothing else.

Not `shutil.rmtree`: before Python 3.13 it ends in a RecursionError a thousand levels down, what it
cannot enter it hands over by name, which a link may have taken by then, and its import takes a
guard's start longer (12 ms) than all the rest of it.

Light on purpose: a guard loads this file by its path, without the package around it.
"""

# ruff: noqa: PTH101, PTH106, PTH108

import os
import stat
import sys

_ATTEMPTS = 3
_DEEPEST = 100  # levels that are walked into: each holds a descriptor and a frame
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def remove_tree(path: str) -> None:
    """Remove a directory whose content may forbid it, may be gone already, or may be very deep.

    Nothing outside of it is touched: a symbolic link is removed and never followed, not even one
    that takes a directory's place at the last moment, or that of `path` itself.

    Raises:
        OSError: It cannot be removed: another user's files are in it, or a mount.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _remove(path)
        except OSError:
            if not os.path.lexists(path):
                return
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def _remove(path: str) -> None:
    mode = os.lstat(path).st_mode
    if not stat.S_ISDIR(mode):
        os.unlink(path)
        return
    top = _enter(path, mode)
    try:
        while _empty(top, top, 0):
            pass
    finally:
        os.close(top)
    os.rmdir(path)


def _empty(folder: int, top: int, depth: int) -> bool:
    """Remove what is in a directory; tell whether some of it was too deep and is at the top now."""
    moved = False
    # All names before the first change: what a scan returns after one is not defined.
    with os.scandir(folder) as entries:
        modes = [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
    for name, mode in modes:
        if not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=folder)
            continue
        child = _enter(name, mode, folder)
        try:
            if depth == _DEEPEST:
                os.rename(name, os.urandom(8).hex(), src_dir_fd=folder, dst_dir_fd=top)
                moved = True
                continue
            moved |= _empty(child, top, depth + 1)
        finally:
            os.close(child)
        os.rmdir(name, dir_fd=folder)
    return moved


def _enter(name: str, mode: int, parent: int | None = None) -> int:
    """Open a directory so that its content can be removed, and never what a link points to."""
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        try:  # noqa: SIM105 - contextlib's import takes milliseconds of a guard's start
            _allow(name, parent)
        except PermissionError:
            pass  # another user's, who may have let us in all the same
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)


def _allow(name: str, parent: int | None) -> None:
    if sys.platform != "linux":
        os.chmod(name, stat.S_IRWXU, dir_fd=parent, follow_symlinks=False)
        return
    # A handle needs no permission, and stays on the directory itself whatever takes its name.
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
    finally:
        os.close(handle)
