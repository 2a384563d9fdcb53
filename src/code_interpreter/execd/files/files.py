"""What a sandbox does with files and directories; the API's answers for what cannot be done.

Blocking: every method runs in a thread. What must stay true: a symbolic link below a directory is
listed as what it is and never followed; nothing is overwritten by a move; and nothing that holds
the sandbox, its home or its server is removed or moved, since there is no isolation: the files
are those of the machine.
"""

# Paths are strings here, as the API has them, and not all are what `Path` would make of them:
# ruff: noqa: PTH101, PTH103, PTH108, PTH111, PTH112, PTH116, PTH119, PTH120, PTH123

import contextlib
import errno
import functools
import grp
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from code_interpreter.execd.clock import rfc3339
from code_interpreter.execd.files import rules
from code_interpreter.execd.files.glob import matcher
from code_interpreter.execd.files.staging import Staged
from code_interpreter.execd.host.removal import remove_tree
from code_interpreter.execd.refusals import ApiError, invalid_body, runtime_error

CHUNK = 256 * 1024

_KEEP = -1  # what chown takes for an owner that stays
_LAST_ID = 2**32 - 2
_LONGEST_ID = 10

# What a path can never be, and what execd's user may not touch.
_REFUSED = {errno.ELOOP: 400, errno.ENAMETOOLONG: 400, errno.EACCES: 403, errno.EPERM: 403}


class FileInfo(msgspec.Struct, frozen=True):
    """What the API tells about a path; of a link, about the link itself."""

    path: str
    type: Literal["file", "directory", "symlink", "other"]
    size: int
    modified_at: str
    created_at: str
    owner: str
    group: str
    mode: int


class Permission(msgspec.Struct, frozen=True):
    """A mode and owners to be; what is None stays as it is."""

    mode: int | None = None
    owner: str | None = None
    group: str | None = None


class Replacement(msgspec.Struct, frozen=True):
    """A text to find and one to put in its place."""

    old: str
    new: str


class Move(msgspec.Struct, frozen=True):
    """A path to move, and where."""

    src: str
    dest: str


class Files:
    """The files that a sandbox can reach.

    Args:
        workdir: What relative paths are relative to.
        held: Directories that the server itself needs.
    """

    def __init__(self, workdir: Path, *, held: Sequence[Path] = ()) -> None:
        self._workdir = str(workdir)
        self._home = os.path.expanduser("~")
        held = [workdir, Path(self._home), *held]
        self._held = [os.path.realpath(path) for path in held]
        umask = os.umask(0)
        os.umask(umask)
        self._new_mode = 0o666 & ~umask

    def resolve(self, path: str) -> str:
        """The absolute form of a path of a request.

        Raises:
            ApiError: No file can have such a path.
        """
        return rules.resolve(path, base=self._workdir, home=self._home)

    def info(self, paths: Sequence[str]) -> Mapping[str, FileInfo]:
        """What is at each of the paths.

        Raises:
            ApiError: Nothing is at one of them.
            OSError: One cannot be looked at.
        """
        describe = _Describer()
        found: dict[str, FileInfo] = {}
        for path in paths:
            absolute = self.resolve(path)
            try:
                found[path] = describe(absolute, os.lstat(absolute))
            except (FileNotFoundError, NotADirectoryError) as error:
                raise not_found(f"file not found: {path}: {reason(error)}") from error
        return found

    def list_directory(self, path: str, depth: int) -> list[FileInfo]:
        """What a directory holds, in order of the names, each directory before its content.

        Args:
            path: The directory; a link to one is refused.
            depth: Levels to descend.

        Raises:
            ApiError: It is no directory.
            OSError: It or a directory in it cannot be read.
        """
        root = self.resolve(path)
        kind = rules.file_type(os.lstat(root).st_mode)
        if kind == "symlink":
            raise invalid_body(f"path is a symbolic link, which is not followed: {path}")
        if kind != "directory":
            raise invalid_body(f"path is not a directory: {path}")
        describe = _Describer()
        return [describe(found, status) for found, status in _walk(root, depth)]

    def search(self, path: str, pattern: str) -> list[FileInfo]:
        """Everything but directories below a directory, as far as a pattern means it.

        Raises:
            ApiError: The pattern is none.
            OSError: The directory does not exist; it or one in it cannot be read.
        """
        root = self.resolve(path)
        is_meant = matcher(pattern)
        describe = _Describer()
        if not stat.S_ISDIR(os.stat(root).st_mode):
            name = os.path.basename(root)
            return [describe(root, os.lstat(root))] if is_meant(name, name) else []
        return [
            describe(found, status)
            for found, status in _walk(root, None)
            if not stat.S_ISDIR(status.st_mode)
            and is_meant(found[len(root) :].lstrip("/"), os.path.basename(found))
        ]

    def replace(self, wanted: Mapping[str, Replacement]) -> Mapping[str, int]:
        """Replace texts in files; all or none, as far as the system lets them be written.

        Returns:
            How many occurrences were replaced, by path.

        Raises:
            ApiError: A text to find is empty, or a path is no file.
            OSError: A file does not exist, or cannot be read or written.
        """
        if not all(item.old for item in wanted.values()):
            raise invalid_body("the text to find must not be empty")
        counts: dict[str, int] = {}
        with contextlib.ExitStack() as stack:
            all_staged: list[Staged] = []
            for path, item in wanted.items():
                replacing = rules.Replacing(_encode(item.old), _encode(item.new))
                source = stack.enter_context(self.open(path))
                staged = stack.enter_context(contextlib.closing(self.stage(path)))
                for piece in replacing.pieces(chunks(source)):
                    staged.write(piece)
                counts[path] = replacing.count
                all_staged.append(staged)
            if len({staged.path for staged in all_staged}) < len(wanted):
                raise invalid_body("two of the paths name the same file")
            for staged, count in zip(all_staged, counts.values(), strict=True):
                if count:
                    staged.commit()
        return counts

    def move(self, moves: Sequence[Move]) -> None:
        """Move files and directories, one after the other.

        Raises:
            ApiError: A source does not exist, or is not to be moved; something is at a destination.
            OSError: One cannot be moved.
        """
        for item in moves:
            source, destination = self.resolve(item.src), self.resolve(item.dest)
            try:
                os.lstat(source)
            except (FileNotFoundError, NotADirectoryError) as error:
                text = f"source path not found: {item.src}: {reason(error)}"
                raise not_found(text) from error
            self._refuse_held(source, item.src)
            if os.path.lexists(destination):
                raise runtime_error(
                    f"error accessing file: destination path already exists: {item.dest}"
                )
            os.makedirs(os.path.dirname(destination), exist_ok=True)
            # Not os.rename: the two may be on different file systems.
            shutil.move(source, destination)

    def set_permissions(self, wanted: Mapping[str, Permission]) -> None:
        """Change modes and owners.

        Raises:
            ApiError: A mode, a user or a group is none, or something cannot be changed.
        """
        for path, permission in wanted.items():
            try:
                read_permission(permission)(self.resolve(path))
            except OSError as error:
                raise failed(f"error changing permissions for {path}.", error) from error

    def make_directories(self, wanted: Mapping[str, Permission]) -> None:
        """Make directories, and those above them; one that exists is left as it is.

        Raises:
            ApiError: A mode, a user or a group is none.
            OSError: One cannot be made.
        """
        for path, permission in wanted.items():
            absolute = self.resolve(path)
            dress = read_permission(permission)
            if not os.path.isdir(absolute):
                os.makedirs(absolute)
                dress(absolute)

    def remove_files(self, paths: Sequence[str]) -> None:
        """Remove files and links; those that do not exist are passed over.

        Raises:
            ApiError: One is a directory, or cannot be removed.
        """
        for path in paths:
            absolute = self.resolve(path)
            try:
                if rules.file_type(os.lstat(absolute).st_mode) == "directory":
                    raise runtime_error(f"error removing file {path}. path is a directory: {path}")
                os.unlink(absolute)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise failed(f"error removing file {path}.", error) from error

    def remove_directories(self, paths: Sequence[str]) -> None:
        """Remove directories and all that is in them; those that do not exist are passed over.

        A link to a directory is removed, and the directory is not.

        Raises:
            ApiError: One is no directory, is not to be removed, or cannot be.
        """
        for path in paths:
            absolute = self.resolve(path)
            try:
                kind = rules.file_type(os.lstat(absolute).st_mode)
                if kind == "symlink":
                    os.unlink(absolute)
                elif kind == "directory":
                    self._refuse_held(absolute, path)
                    remove_tree(absolute)
                else:
                    raise runtime_error(f"error removing directory {path}. not a directory: {path}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise failed(f"error removing directory {path}.", error) from error

    def open(self, path: str) -> BinaryIO:
        """A file, open for reading.

        Raises:
            ApiError: It is something else than a file.
            OSError: It does not exist or cannot be read.
        """
        absolute = self.resolve(path)
        # Opening a pipe would wait for somebody to write into it.
        descriptor = os.open(absolute, os.O_RDONLY | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb", buffering=0)
        os.close(descriptor)
        raise ApiError(400, "INVALID_FILE", f"{path} is not a regular file")

    def stage(self, path: str) -> Staged:
        """New content for a file.

        Raises:
            ApiError: There is something else than a file.
            OSError: Nothing can be written there.
        """
        return Staged(self.resolve(path), new_mode=self._new_mode)

    def _refuse_held(self, absolute: str, path: str) -> None:
        """Refuse to take away what the sandbox stands on."""
        real = os.path.realpath(absolute)
        for held in self._held:
            if os.path.commonpath([real, held]) == real:
                raise runtime_error(
                    f"{path} stays where it is: it holds {held}, and this sandbox is not "
                    "isolated from the machine"
                )


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file."""
    while data := file.read(CHUNK):
        yield data


def read_permission(permission: Permission) -> Callable[[str], None]:
    """What gives a path a mode and owners.

    Raises:
        ApiError: The mode is none, or there is no such user or group.
    """
    bits = None if permission.mode is None else rules.read_mode(permission.mode)
    uid = _number(permission.owner, "user", lambda name: pwd.getpwnam(name).pw_uid)
    gid = _number(permission.group, "group", lambda name: grp.getgrnam(name).gr_gid)

    def dress(path: str) -> None:
        if (uid, gid) != (_KEEP, _KEEP):
            os.chown(path, uid, gid)
        if bits is not None:
            # After the owner, whose change clears some of the bits.
            os.chmod(path, bits)

    return dress


def not_found(message: str) -> ApiError:
    """Nothing is at a path."""
    return ApiError(404, "FILE_NOT_FOUND", f"file not found. {message}")


def failed(what: str, error: OSError) -> ApiError:
    """The answer for what the system refuses.

    Args:
        what: The beginning of the message.
        error: What it said.
    """
    message = f"{what} {reason(error)}"
    if error.errno in _REFUSED:
        return ApiError(_REFUSED[error.errno], "INVALID_PATH", message)
    return runtime_error(message)


def reason(error: OSError) -> str:
    """What the system said, and of which path, without Python's numbers around it."""
    if error.strerror is None:
        return str(error)
    text = error.strerror.lower()
    return text if error.filename is None else f"{rules.shown(error.filename)}: {text}"


def _number(name: str | None, kind: str, look_up: Callable[[str], int]) -> int:
    if not name:
        return _KEEP
    with contextlib.suppress(KeyError, ValueError):
        return look_up(name)
    # Owners without a name are shown as numbers, so numbers are taken.
    if name.isascii() and name.isdigit() and len(name) <= _LONGEST_ID and int(name) <= _LAST_ID:
        return int(name)
    raise invalid_body(f"there is no {kind} {name!r} on this machine")


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise invalid_body(f"the text is not valid Unicode: {error}") from error


def _walk(root: str, depth: int | None) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a directory, in order; what vanishes meanwhile is passed over."""
    levels = [_entries(root)] if depth != 0 else []
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat(follow_symlinks=False)
            yield entry.path, status
            if stat.S_ISDIR(status.st_mode) and (depth is None or len(levels) < depth):
                levels.append(_entries(entry.path))


def _entries(directory: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(directory) as entries:
        return iter(sorted(entries, key=lambda entry: entry.name))


class _Describer:
    """Makes infos, and asks for each owner's name once."""

    def __init__(self) -> None:
        self._owner = functools.cache(_user_name)
        self._group = functools.cache(_group_name)

    def __call__(self, path: str, status: os.stat_result) -> FileInfo:
        # Linux does not tell Python when a file was made; the last change of its entry is nearest.
        created = getattr(status, "st_birthtime", None)
        return FileInfo(
            path=rules.shown(path),
            type=rules.file_type(status.st_mode),
            size=status.st_size,
            modified_at=rfc3339(status.st_mtime_ns),
            created_at=rfc3339(status.st_ctime_ns if created is None else int(created * 1e9)),
            owner=self._owner(status.st_uid),
            group=self._group(status.st_gid),
            mode=rules.show_mode(status.st_mode),
        )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
