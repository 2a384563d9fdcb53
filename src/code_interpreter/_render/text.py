r"""Text within a number of characters, and readable.

What is too long keeps its beginning and its end, and a note between them says how much is missing.
What is far from both ends is counted, and never looked at.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from code_interpreter._output.parts import ImagePart
from code_interpreter._output.terminal import CODE, plain, rendered

_NOTE: Final = 120  # characters of a note at most, the newlines around it included
_WINDOW: Final = 500_000  # characters at each end that are looked at
_NEAR: Final = 200  # characters between the end of a line and a cut that moves to it
_PICTURE, _GAP = "\x00", "\x01"  # stand for these in text that has no such characters
# Codes but "erase in the line", which is followed.
_STYLE: Final = re.compile(rf"(?!\x1b\[[0-2]?K){CODE.pattern}")
# What a program erased: a line up to "erase all of it", or up to a return and "erase the rest".
_ERASED: Final = re.compile(r"^[^\n]*(?:\r\x1b\[0?K|\x1b\[2K)", re.MULTILINE)
# Control characters, halves of surrogate pairs, and what stands for bytes that are not text.
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffd]+")
_NOISE: Final = 32  # unreadable characters in a row that are counted, not shown


@dataclass(frozen=True, slots=True)
class Gap:
    """What was left out at a place."""

    characters: int = 0
    bytes: int = 0
    pictures: int = 0

    def __str__(self) -> str:
        counts = [(self.characters, "character"), (self.bytes, "byte"), (self.pictures, "picture")]
        said = " and ".join(f"{n:,} {name}{'s' * (n > 1)}" for n, name in counts if n)
        return f"[... {said} left out ...]\n" if said else ""


Item: TypeAlias = str | ImagePart | Gap


def total(gaps: Iterable[Gap]) -> Gap:
    """Return what was left out in all."""
    fields = [(gap.characters, gap.bytes, gap.pictures) for gap in gaps]
    return Gap(*map(sum, zip(*fields, strict=True)))


def clean(chunks: Sequence[str], room: int) -> list[Item]:
    """Return text as whole lines without codes; if it is long, `room` characters of each end."""
    size = sum(map(len, chunks))
    if size <= 2 * _WINDOW:
        return _clean("".join(chunks), room)
    head = "".join(_first(chunks))[:_WINDOW]
    tail = "".join(reversed(_first(reversed(chunks))))[-_WINDOW:]
    return [*_clean(head, room), Gap(size - 2 * _WINDOW), *_clean(tail, room)]


def _first(chunks: Iterable[str]) -> list[str]:
    first: list[str] = []
    size = 0
    for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size >= _WINDOW:
            break
    return first


def _clean(text: str, room: int) -> list[Item]:
    text = text.replace("\r\n", "\n")
    if "\x1b" in text:
        text = _ERASED.sub("", _STYLE.sub("", text))
    if "\r" in text and "\b" not in text and "\x1b" not in text:  # else it takes too long
        text = rendered([text])
    if len(text) <= 2 * room:
        return [_readable(text)]
    head, tail = _line_end(text[:room]), _line_start(text[-room:])
    return [_readable(head), Gap(len(text) - len(head) - len(tail)), _readable(tail)]


def _readable(text: str) -> str:
    text = _UNREADABLE.sub(_replacement, plain(rendered([text]))).rstrip("\n")
    return f"{text}\n" if text else ""


def _replacement(found: re.Match[str]) -> str:
    count = len(found[0])
    return "\ufffd" * count if count < _NOISE else f"[{count:,} unreadable characters]"


def clipped(text: str, room: int) -> str:
    """Return readable text within `room` characters, which ends with a newline."""
    return "".join(item for item in fitted(clean([text], room), room) if isinstance(item, str))


def fitted(items: Sequence[Item], room: int) -> list[str | ImagePart]:
    """Return the items with `room` characters of text at most; pictures stay where they are."""
    pictures = [item for item in items if isinstance(item, ImagePart)]
    gaps = [item for item in items if isinstance(item, Gap)]
    text = "\n" + "".join(
        item
        if isinstance(item, str)
        else _PICTURE
        if isinstance(item, ImagePart)
        else _GAP + str(item)
        for item in items
    )
    if len(text) - 1 - len(pictures) - len(gaps) > room:
        half = (room - _NOTE) // 2
        start, end = _cut(text, half, len(text) - half)
        cut = text[start:end]
        within = gaps[text.count(_GAP, 0, start) :][: cut.count(_GAP)]
        shown = cut.count(_PICTURE)
        size = len(cut) - shown - sum(len(str(gap)) + 1 for gap in within)
        note = total([*within, Gap(size)])
        text = f"{text[:start]}\n{note}{_PICTURE * shown}{text[end:]}"
    left = iter(pictures)
    pieces = re.split(f"({_PICTURE})", text[1:].replace(_GAP, ""))
    return [next(left) if piece == _PICTURE else piece for piece in pieces]


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Return what to cut out of marked text: whole lines where that is near, and whole notes."""
    start = len(_line_end(text[:start]))
    end = len(text) - len(_line_start(text[end:]))
    gap = text.rfind(_GAP, 0, start)
    if gap >= 0 and text.find("\n", gap) >= start:
        start = gap
    gap = text.rfind(_GAP, start, end)
    return start, max(end, text.find("\n", gap) + 1 if gap >= 0 else 0)


def _line_end(text: str) -> str:
    """Return text up to the end of its last line, if that is near."""
    end = text.rfind("\n", len(text) - min(_NEAR, len(text) // 4))
    return text if end < 0 else text[:end]


def _line_start(text: str) -> str:
    """Return text from the start of its first line on, if that is near."""
    return text[text.find("\n", 0, min(_NEAR, len(text) // 4)) + 1 :]
