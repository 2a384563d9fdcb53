"""What the files of a sandbox take, measured again and again by its guard.

What must stay true: it costs next to nothing while nothing is written, and at most a tenth of a
processor when much is. A file that was removed and is still open counts.

Light on purpose: a guard loads this file by its path, without the package around it.
"""

# ruff: noqa: PTH116, PTH208

import json
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator

import psutil

_PAUSE = 0.5
_SHARE = 9  # of the time that it took, until it is measured again
_RARELY = 30.0  # seconds, while the disk as a whole does not fill
_BLOCK = 512  # what stat(2) counts in


def watch(scratch: str, size: int, execd: int) -> None:
    """Measure from now on, in a thread; with more than `size`, say so and have this process end.

    Args:
        scratch: The sandbox's directory.
        size: Bytes.
        execd: The process that all others of the sandbox descend from.
    """
    threading.Thread(target=_watch, args=(scratch, size, execd), daemon=True).start()


def _watch(scratch: str, size: int, execd: int) -> None:
    used, measured, free = 0, time.monotonic(), _free(scratch)
    while True:
        time.sleep(_PAUSE)
        now = time.monotonic()
        # What the sandbox has written since is at most what the disk as a whole has lost, unless
        # others have made room meanwhile.
        if used + max(free - _free(scratch), 0) <= size and now - measured < _RARELY:
            continue
        free = _free(scratch)
        used = measure(scratch, execd)
        if used > size:
            print(json.dumps({"used": used}), flush=True)  # noqa: T201
            os.kill(os.getpid(), signal.SIGTERM)
            return
        measured = time.monotonic()
        time.sleep(_SHARE * (measured - now))


def _free(scratch: str) -> int:
    disk = os.statvfs(scratch)
    return disk.f_bfree * disk.f_frsize


def measure(scratch: str, execd: int) -> int:
    """Return the bytes that a directory takes, with files that only processes still have.

    Args:
        scratch: The directory.
        execd: Whose files, and those of all that descends from it, are looked at.
    """
    device = os.lstat(scratch).st_dev
    files: dict[int, int] = {}
    for found in (*_below(scratch), *_removed(execd)):
        if found.st_dev == device:
            files[found.st_ino] = found.st_blocks * _BLOCK
    return sum(files.values())


def _below(folder: str) -> Iterator[os.stat_result]:
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue  # gone meanwhile
                    yield found
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(entry.path)
        except OSError:
            continue  # gone, or nobody may look


def _removed(execd: int) -> Iterator[os.stat_result]:
    try:
        parent = psutil.Process(execd)
        processes = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return
    for process in processes:
        folder = f"/proc/{process.pid}/fd"
        try:
            for name in os.listdir(folder):
                found = os.stat(f"{folder}/{name}")
                if found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                    yield found
        except OSError:
            continue  # it has ended, or it is none that may be looked into
