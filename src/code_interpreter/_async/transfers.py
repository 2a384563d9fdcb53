"""Files and folders, from this machine to a sandbox and back, each whole or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from opensandbox.exceptions import SandboxApiException, SandboxException
from opensandbox.models.filesystem import DirectoryListEntry, EntryInfo, MoveEntry, WriteEntry
from opensandbox.services import Filesystem

from code_interpreter._call.transfer import (
    Counted,
    OnTransfer,
    Outgoing,
    Tally,
    checked_remote,
    incoming,
    make_folders,
    outgoing,
    replacing,
    staged,
)
from code_interpreter._errors import TransportError
from code_interpreter._wire.failures import mapped_errors

_AT_ONCE: Final = 64  # files of one request
_DEPTH: Final = 64  # levels of a folder
_FOLDER: Final = "directory"


async def upload(
    files: Filesystem, local: Path, remote: str, on_progress: OnTransfer | None
) -> None:
    """Send a file or a folder; see `CodeInterpreter.upload`."""
    folders, wanted = outgoing(local, remote)
    tally = Tally(sum(one.size for one in wanted), on_progress)
    there = await _there(files, remote)
    if folders:
        await files.create_directories([WriteEntry(path=path, mode=755) for path in folders])
    # Servers move nothing onto what is there: it goes aside, and away at the end.
    aside = {one.target: staged(one.target) for one in wanted if one.target in there}
    try:
        for at in range(0, len(wanted), _AT_ONCE):
            await _send(files, wanted[at : at + _AT_ONCE], tally)
        # Only now is there anything new to see.
        moves = [*aside.items(), *((one.staged, one.target) for one in wanted)]
        if moves:
            await files.move_files([_move(*move) for move in moves])
    except BaseException:
        for target, old in aside.items():
            with suppress(SandboxException):  # it is still there, or there is a new one
                await files.move_files([_move(old, target)])
        await _remove(files, [one.staged for one in wanted])
        raise
    await _remove(files, [*aside.values()])


async def _there(files: Filesystem, remote: str) -> set[str]:
    """Return what there is in a sandbox at a path, and below it."""
    found = set[str]()
    with suppress(SandboxApiException):  # there is nothing
        found |= {*await files.get_file_info([remote])}
        entries = await files.list_directory(DirectoryListEntry(path=remote, depth=_DEPTH))
        found |= {entry.path for entry in entries}
    return found


def _move(source: str, target: str) -> MoveEntry:
    return MoveEntry.model_validate({"src": source, "dest": target})


async def _remove(files: Filesystem, paths: Sequence[str]) -> None:
    """Remove files as far as they are there."""
    for at in range(0, len(paths), _AT_ONCE):
        with suppress(SandboxException):
            await files.delete_files([*paths[at : at + _AT_ONCE]])


async def _send(files: Filesystem, wanted: Sequence[Outgoing], tally: Tally) -> None:
    with ExitStack() as opened:
        entries = [
            WriteEntry(
                path=one.staged,
                data=Counted(opened.enter_context(one.source.open("rb", 0)), one.target, tally),
                mode=one.mode,
            )
            for one in wanted
        ]
        await files.write_files(entries)


async def download(
    files: Filesystem, remote: str, local: Path, on_progress: OnTransfer | None
) -> None:
    """Fetch a file or a folder; see `CodeInterpreter.download`."""
    checked_remote(remote)
    (found,) = (await files.get_file_info([remote])).values()
    if found.entry_type != _FOLDER:
        await _fetch(files, found, local, Tally(found.size, on_progress))
        return
    entries = await files.list_directory(DirectoryListEntry(path=remote, depth=_DEPTH))
    targets = {entry.path: incoming(remote, entry.path, local) for entry in entries}
    tally = Tally(sum(one.size for one in entries if one.entry_type != _FOLDER), on_progress)
    make_folders([local, *(targets[e.path] for e in entries if e.entry_type == _FOLDER)])
    for entry in entries:
        if entry.entry_type != _FOLDER:
            await _fetch(files, entry, targets[entry.path], tally)


async def _fetch(files: Filesystem, found: EntryInfo, target: Path, tally: Tally) -> None:
    with replacing(target) as file, mapped_errors():
        count = 0
        async for block in await files.read_bytes_stream(found.path):
            file.write(block)
            count += len(block)
            tally.add(found.path, len(block))
        if count != found.size:
            raise TransportError(
                f"{found.path} changed while it was fetched: {found.size} bytes became {count}"
            )
