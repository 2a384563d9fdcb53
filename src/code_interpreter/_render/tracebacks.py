"""An error as a short traceback: the user's frames whole, those of libraries counted."""

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from code_interpreter._output.execution import ExecutionError
from code_interpreter._output.terminal import plain

_READ: Final = 100_000  # characters of a traceback, at each of its ends
# IPython begins a frame with its place, and ends it with an empty line.
_FRAME: Final = re.compile(r"(?:Cell In|Input In|File) ?\S")
_CALL: Final = re.compile(r"\s+at .*")  # a frame of JavaScript or Java
_LIBRARY: Final = re.compile(
    r"(?:site|dist)-packages/|/lib/python3|\.p[yx][xi]:\d|<frozen |node:|node_modules/"
    r"|\b(?:java\.base|jdk\.\w+)/"
)
_TO_PACKAGE: Final = re.compile(r"^File (?:.*(?:-packages|/lib/python3[.\d]*)/)?")
_TITLE: Final = re.compile(
    r"^(?:-{70,}\n)?\S+ +(Traceback \(most recent call last\))$", re.MULTILINE
)
_HINT: Final = "An exception has occurred, use %tb to see the full traceback."
_CHAINED: Final = re.compile(
    "(The above exception was the direct cause of the following exception:"
    "|During handling of the above exception, another exception occurred:)"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A frame, or a line between frames."""

    text: str
    is_frame: bool = False

    @property
    def is_library(self) -> bool:
        return self.is_frame and _LIBRARY.search(self.text.partition("\n")[0]) is not None


def short(error: ExecutionError, printed: str) -> str:
    """Return a short traceback.

    Args:
        error: The error.
        printed: The output before it; what that ends with is not said again.
    """
    text = "\n".join(error.traceback)
    if len(text) > 2 * _READ:
        text = f"{text[:_READ]}\n[...]\n{text[-_READ:]}"
    text = _TITLE.sub(r"\1:", plain(text).replace(_HINT, "")).strip("\n")
    said = printed[-len(text) - 1000 :]
    before, _, last = text.rpartition("\n")
    if text and text in said:  # a panic of Go
        text = ""
    elif before.strip() and before.strip() in said:  # what Bash said before it ended
        text = last
    text = text or f"{error.name or 'The code failed'}: {error.value}".removesuffix(": ")
    *earlier, end = [_pieces(part) for part in _CHAINED.split(text)]
    shown = [
        pieces
        for cause, link in zip(earlier[::2], earlier[1::2], strict=True)
        if any(piece.is_frame and not piece.is_library for piece in cause)
        for pieces in (cause, link)
    ]
    return "\n\n".join(_told(pieces).strip("\n") for pieces in [*shown, end])


def _pieces(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    frame: list[str] = []
    for line in [*text.split("\n"), ""]:
        if _FRAME.match(line) or (frame and line):
            frame.append(line)
        else:
            if frame:
                pieces.append(_Piece("\n".join(frame), is_frame=True))
                frame = []
            pieces.append(_Piece(line, is_frame=_CALL.fullmatch(line) is not None))
    return pieces


def _told(pieces: list[_Piece]) -> str:
    lines: list[str] = []
    frames = [p for p in pieces if p.text or not p.is_frame]
    for is_library, run in groupby(_without_blank(frames), lambda piece: piece.is_library):
        found = list(run)
        if is_library:
            place = _TO_PACKAGE.sub("", found[-1].text.partition("\n")[0]).strip()
            lines.append(
                f"[{len(found)} frame{'s' * (len(found) > 1)} of libraries, the last: {place}]"
            )
            continue
        for piece, same in groupby(found):
            times = len(list(same))
            lines.append(piece.text)
            if piece.is_frame and times > 1:
                lines.append(f"[the same frame {times - 1:,} more times]")
    return "\n".join(lines)


def _without_blank(pieces: list[_Piece]) -> list[_Piece]:
    return [piece for piece in pieces if piece.text.strip()]
