"""A file's new content, written where nobody looks, then put in its place at one blow.

What must stay true: until `commit`, the file is what it was; whoever opens it sees the old content
or the new one, never a part. A symbolic link stays, and what it points to is written. A file that
exists keeps its mode and its owner. Where a new file cannot take the place of the old one (hard
links, a directory that may not be written to, a mount point), the content is copied into it.
"""

# Paths are strings here, as the API has them:
# ruff: noqa: PTH101, PTH103, PTH105, PTH108, PTH116, PTH120, PTH123

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable

from code_interpreter.execd.refusals import ApiError


class Staged:
    """The future content of a file; leaves nothing behind when it is closed uncommitted.

    Args:
        path: Where the content goes; the directories above are made.
        new_mode: Permission bits of a file that does not exist yet.

    Raises:
        ApiError: There is something else than a file.
        OSError: Nothing can be written there.
    """

    def __init__(self, path: str, *, new_mode: int) -> None:
        self.path = os.path.realpath(path)
        self._existing = _existing(self.path)
        parent = os.path.dirname(self.path)
        if self._existing is None:
            os.makedirs(parent, exist_ok=True)
        elif not os.access(self.path, os.W_OK):
            raise PermissionError(13, "Permission denied", self.path)
        self._beside = self._existing is None or self._existing.st_nlink == 1
        try:
            descriptor, self._temporary = tempfile.mkstemp(
                prefix=".staged-", dir=parent if self._beside else None
            )
        except OSError:
            if self._existing is None:
                raise
            self._beside = False
            descriptor, self._temporary = tempfile.mkstemp(prefix="staged-")
        self._file = os.fdopen(descriptor, "wb")
        if self._beside:
            self._look_like_the_old(new_mode)

    def write(self, data: bytes | memoryview) -> None:
        """Append to the content."""
        self._file.write(data)

    def commit(self, dress: Callable[[str], None] | None = None) -> None:
        """Put the content in its place.

        Args:
            dress: Gives a path the mode and the owners that were asked for.

        Raises:
            OSError: It cannot go there; what was there is unchanged, unless the disk filled up
                while the content was copied into it.
        """
        self._file.close()
        if self._beside and self._take_place(dress):
            return
        with open(self._temporary, "rb") as source, open(self.path, "r+b") as target:
            shutil.copyfileobj(source, target)
            target.truncate()
        if dress is not None:
            dress(self.path)

    def close(self) -> None:
        """Remove what is left of it; harmless after a commit."""
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary)

    def _take_place(self, dress: Callable[[str], None] | None) -> bool:
        if dress is not None:
            dress(self._temporary)
        try:
            os.replace(self._temporary, self.path)
        except OSError:
            if self._existing is None:
                raise
            return False
        return True

    def _look_like_the_old(self, new_mode: int) -> None:
        """Give the new file the owner and the mode of the old one."""
        if self._existing is None:
            os.chmod(self._temporary, new_mode)
            return
        wanted = self._existing
        made = os.stat(self._temporary)
        if (made.st_uid, made.st_gid) != (wanted.st_uid, wanted.st_gid):
            try:
                os.chown(self._temporary, wanted.st_uid, wanted.st_gid)
            except PermissionError:
                self._beside = False
        os.chmod(self._temporary, stat.S_IMODE(wanted.st_mode))


def _existing(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise ApiError(400, "INVALID_FILE", f"{path} is {kind}")
    return found
