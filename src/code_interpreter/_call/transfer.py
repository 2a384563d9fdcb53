"""Which files an upload or a download is about, here, and how far it is."""

import io
import os
import posixpath
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias
from uuid import uuid4

from typing_extensions import Buffer

from code_interpreter._errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How far an upload or a download is.

    Attributes:
        path: The file that travels, by its path in the sandbox.
        done: Bytes that have travelled, of all files.
        total: Bytes of all files.
    """

    path: str
    done: int
    total: int


OnTransfer: TypeAlias = Callable[[TransferProgress], None]


class Tally:
    """Counts the bytes of a transfer, and tells of them."""

    def __init__(self, total: int, tell: OnTransfer | None) -> None:
        self._total = total
        self._tell = tell
        self._done = 0

    def add(self, path: str, count: int) -> None:
        """Count bytes of a file."""
        self._done += count
        if self._tell is not None:
            self._tell(TransferProgress(path, self._done, self._total))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file that is to be sent.

    Attributes:
        source: Where it is here.
        target: Where it is to be in the sandbox.
        staged: Where it is until it is whole, beside its target.
        size: Its bytes.
        mode: Its permissions, as the digits of an octal number: 644.
    """

    source: Path
    target: str
    staged: str
    size: int
    mode: int


def outgoing(local: Path, remote: str) -> tuple[Sequence[str], Sequence[Outgoing]]:
    """Return the folders to make in a sandbox, those without a file, and the files to send.

    Links are followed. A file that is no ordinary one (a socket, a device) is refused.

    Raises:
        InvalidArgumentError: There is nothing at `local`, or something that cannot be sent.
    """
    checked_remote(remote)
    if not local.exists():
        raise InvalidArgumentError(f"there is no file or folder {os.fspath(local)!r}")
    if not local.is_dir():
        return [], [_outgoing(local, remote)]
    folders, files = {remote}, list[Outgoing]()
    for source, target in _below(local, remote, {local.resolve()}):
        folders.discard(posixpath.dirname(target))
        if source.is_dir():
            folders.add(target)
        else:
            files.append(_outgoing(source, target))
    return sorted(folders), files


def _below(folder: Path, remote: str, within: set[Path]) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        target = posixpath.join(remote, path.name)
        yield path, target
        if path.is_dir():
            if (real := path.resolve()) in within:
                raise InvalidArgumentError(f"{os.fspath(path)!r} is a link to a folder around it")
            yield from _below(path, target, within | {real})


def _outgoing(source: Path, target: str) -> Outgoing:
    try:
        found = source.stat()
    except OSError as error:
        raise InvalidArgumentError(f"{os.fspath(source)!r} cannot be read: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        raise InvalidArgumentError(f"{os.fspath(source)!r} is no ordinary file")
    mode = int(f"{stat.S_IMODE(found.st_mode):o}")
    return Outgoing(source, target, staged(target), found.st_size, mode)


def staged(path: str) -> str:
    """Return a new name beside a path."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f".{name[:200]}.{uuid4().hex[:12]}.part")


def checked_remote(remote: str) -> None:
    """Raise InvalidArgumentError unless this can be a path in a sandbox."""
    if not remote.strip() or "\0" in remote or remote.endswith("/"):
        raise InvalidArgumentError(f"not the path of a file or folder in a sandbox: {remote!r}")


def incoming(remote: str, found: str, local: Path) -> Path:
    """Return where a file below a folder of a sandbox goes.

    Raises:
        InvalidArgumentError: Its path does not lie below that folder.
    """
    name = posixpath.relpath(found, remote)
    if name.startswith("../") or posixpath.isabs(name):
        raise InvalidArgumentError(f"the sandbox names a file outside of {remote!r}: {found!r}")
    return local / name


def make_folders(folders: Iterable[Path]) -> None:
    """Make folders here, with those above."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO, None, None]:
    """Write a file that takes the place of what is there, once the block has come to its end."""
    make_folders([path.parent])
    part = Path(staged(os.fspath(path)))
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Counted(io.RawIOBase):
    """A file that is read, and what is read of it counted."""

    def __init__(self, file: io.RawIOBase, path: str, tally: Tally) -> None:
        self._file = file
        self._path = path
        self._tally = tally

    def readable(self) -> bool:
        """As of any file that is read."""
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        """Read as many bytes as there are, and fit."""
        count = self._file.readinto(buffer)
        if count:
            self._tally.add(self._path, count)
        return count
