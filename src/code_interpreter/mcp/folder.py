"""The working directory of a sandbox: what is in it, and what a run has changed there."""

import asyncio
import posixpath
from collections.abc import Sequence
from typing import Final

from opensandbox.exceptions import SandboxApiException
from opensandbox.models.filesystem import DirectoryListEntry, EntryInfo
from opensandbox.services import Filesystem

DEPTH: Final = 2  # levels that are watched
FIND: Final = """
place=$PWD
[ "$place" != / ] || place=$HOME
[ -w "$place" ] && [ "${place:-/}" != / ] || place=$(mktemp -d)
echo "$place"
echo "$place"
"""
"""A command that says where to work: where commands do, unless that is the root of all files.

It says it twice, since real servers lose a line of output now and then, mostly the last.
"""
_PATIENCE: Final = 5.0  # seconds for a listing
_CANNOT: Final = frozenset({404, 405, 501})
_MODE: Final = 644  # of a new file, in octal digits


class Folder:
    """Files by their path, which is relative to the working directory or absolute.

    Every method raises a SandboxException if the server refuses.

    Args:
        files: The sandbox's files.
        directory: The working directory, absolute.
    """

    def __init__(self, files: Filesystem, directory: str) -> None:
        self._files = files
        self.directory = directory
        self._known: dict[str, tuple[object, ...]] = {}
        self._is_watched = True

    def absolute(self, path: str) -> str:
        """Return where a path leads, without looking."""
        return posixpath.normpath(posixpath.join(self.directory, path))

    async def entries(self, path: str, depth: int) -> Sequence[EntryInfo]:
        """Return what is in a directory, down to a number of levels, by path."""
        wanted = DirectoryListEntry(path=self.absolute(path), depth=depth)
        return sorted(await self._files.list_directory(wanted), key=lambda entry: entry.path)

    async def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        infos = await self._files.get_file_info([path])
        return infos[path].size

    async def read(self, path: str, *, offset: int, count: int) -> bytes:
        """Return some bytes of a file, from an offset on, which lies within it."""
        return await self._files.read_bytes(
            path, range_header=f"bytes={offset}-{offset + count - 1}"
        )

    async def write(self, path: str, content: bytes) -> None:
        """Write a whole file, and make the directories that it lies in."""
        await self._files.write_file(path, content, mode=_MODE)
        await self.changed()

    async def changed(self) -> Sequence[EntryInfo]:
        """Return the files that are new, or others than they were, since this was last asked.

        Files that lie deep, and hidden ones, are not watched. Where the server cannot list
        directories, or takes too long for it once, nothing is.
        """
        if not self._is_watched:
            return []
        before = self._known
        try:
            entries = await asyncio.wait_for(self.entries(self.directory, DEPTH), _PATIENCE)
        except asyncio.TimeoutError:
            self._is_watched = False
            return []
        except SandboxApiException as error:
            if error.status_code not in _CANNOT:
                raise
            self._is_watched = False
            return []
        found = [
            entry
            for entry in entries
            if entry.entry_type == "file" and not _is_hidden(entry.path[len(self.directory) :])
        ]
        self._known = {entry.path: (entry.size, entry.modified_at) for entry in found}
        return [entry for entry in found if before.get(entry.path) != self._known[entry.path]]


def _is_hidden(path: str) -> bool:
    return any(name.startswith(".") or name == "__pycache__" for name in path.split("/"))
