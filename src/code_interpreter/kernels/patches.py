"""Apply unified diffs, as exactly as they were written.

What must stay true: a patch applies to the source that it was made for, or not at all. There is no
fuzz and no offset: each hunk must find its lines where its header says they are.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*\n?")
_NO_NEWLINE = "\\ No newline at end of file"


class PatchError(ValueError):
    """A patch is not a unified diff, or its source is not the one that it was made for."""


class _Hunk(NamedTuple):
    """Lines of a file, and what replaces them.

    Attributes:
        name: Which one it is, for messages.
        old_at: The index of its first line in the old file.
        new_at: The same in the new file.
        old: The lines as they were, each with its line end.
        new: The lines as they become.
    """

    name: str
    old_at: int
    new_at: int
    old: Sequence[str]
    new: Sequence[str]


class FilePatch(NamedTuple):
    """What a patch changes in one file."""

    file: str
    hunks: Sequence[_Hunk]

    def applied_to(self, source: str) -> str:
        """Return the file's new text.

        Raises:
            PatchError: A hunk does not find its lines.
        """
        lines = _LINE.findall(source)
        result: list[str] = []
        done = 0
        for hunk in self.hunks:
            if hunk.old_at < done:
                raise PatchError(f"{hunk.name} overlaps the hunk before it")
            result += lines[done : hunk.old_at]
            done = hunk.old_at + len(hunk.old)
            for number, line in enumerate(hunk.old, start=hunk.old_at):
                found = lines[number] if number < len(lines) else None
                if found != line:
                    raise PatchError(
                        f"{hunk.name} does not apply: line {number + 1} should be {line!r}, "
                        f"{'but the file ends' if found is None else f'but is {found!r}'}"
                    )
            if hunk.old_at > len(lines) or hunk.new_at != len(result):
                raise PatchError(f"{hunk.name} does not apply: its header names the wrong lines")
            result += hunk.new
        return "".join([*result, *lines[done:]])


def parse(patch: str, name: str) -> list[FilePatch]:
    """Return what a patch changes, file by file.

    Args:
        patch: A unified diff. Text before its first file says what it is for.
        name: Its name, for messages.

    Raises:
        PatchError: It is not a unified diff.
    """
    lines: list[str] = _LINE.findall(patch)
    changes: list[FilePatch] = []
    at = next((n for n, line in enumerate(lines) if line.startswith("--- ")), len(lines))
    if at == len(lines):
        raise PatchError(f"{name} changes no file")
    while at < len(lines):
        file = _file(lines[at : at + 2], name)
        at += 2
        hunks: list[_Hunk] = []
        while at < len(lines) and (header := _HEADER.fullmatch(lines[at])):
            hunk, size = _hunk(header, lines[at + 1 :], f"{name}: {file}, hunk {len(hunks) + 1}")
            hunks.append(hunk)
            at += 1 + size
        if not hunks:
            raise PatchError(f"{name}: {file} has no hunk")
        changes.append(FilePatch(file, hunks))
    return changes


def apply(patches: Iterable[Path], root: Path) -> None:
    """Apply patches, one after the other, to the files below a folder: all of them or none.

    Raises:
        PatchError: One of them does not apply, which is named with its file and hunk.
    """
    sources: dict[str, str] = {}
    for patch in patches:
        for change in parse(patch.read_bytes().decode(), patch.name):
            if change.file not in sources:
                try:
                    sources[change.file] = (root / change.file).read_bytes().decode()
                except FileNotFoundError as error:
                    raise PatchError(f"{patch.name}: {change.file} is missing") from error
            sources[change.file] = change.applied_to(sources[change.file])
    for file, source in sources.items():
        (root / file).write_bytes(source.encode())


def _file(lines: Sequence[str], name: str) -> str:
    """Return the file that the two lines before the hunks name, without its `a/` and `b/`."""
    old, new = (*lines, "")[:2]
    _, _, old_file = old.rstrip("\n").removeprefix("--- ").partition("/")
    _, _, new_file = new.rstrip("\n").removeprefix("+++ ").partition("/")
    if not (old.startswith("--- ") and new.startswith("+++ ") and old_file == new_file != ""):
        raise PatchError(f"{name}: {old + new!r} does not name one file as a/FILE and b/FILE")
    return old_file


def _hunk(header: "re.Match[str]", lines: Sequence[str], name: str) -> tuple[_Hunk, int]:
    """Return the hunk with this header, and how many lines it takes of those that follow."""
    old_from, old_size, new_from, new_size = (1 if n is None else int(n) for n in header.groups())
    old: list[str] = []
    new: list[str] = []
    sides = {" ": (old, new), "-": (old,), "+": (new,)}
    size = 0
    for line in lines:
        kind, text = line[0], line[1:]
        if line.rstrip("\n") == _NO_NEWLINE and size:
            for side in sides[lines[size - 1][0]]:
                side[-1] = side[-1].removesuffix("\n")
        elif (len(old), len(new)) == (old_size, new_size) or kind not in sides:
            break
        else:
            for side in sides[kind]:
                side.append(text)
        size += 1
    if (len(old), len(new)) != (old_size, new_size):
        raise PatchError(f"{name} has {len(old)} old and {len(new)} new lines, unlike its header")
    # An empty side stands behind the line that its header names.
    old_at, new_at = old_from - (old_size > 0), new_from - (new_size > 0)
    return _Hunk(name, old_at, new_at, old, new), size
