r"""What a terminal would show of a program's output.

Chunks are joined as they came; a program's own newlines are the only ones. A carriage return goes
back to the beginning of the line, where what follows writes over what is there: of a progress bar
the last state is left. Backspace and "erase to the end of the line" (ECMA-48, EL) are followed too,
since progress bars use them. Other escape sequences, colours for instance, take no room and stay
with the characters that they were written for.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

_CURSOR: Final = re.compile(r"[\r\x08]|\x1b\[[0-2]?K")
# An escape sequence (ECMA-48, CSI), or one character.
_ITEM: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|.", re.DOTALL)
# ECMA-48: control sequences, control strings (titles, links), other escapes.
CODE: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)
_RESET: Final = frozenset({"\x1b[m", "\x1b[0m"})
_STYLE: Final = 200  # characters of the codes that are kept of one place: they add up
_ERASE: Final = re.compile(r"\x1b\[([0-2]?)K")


def plain(text: str) -> str:
    """Return text without terminal codes: colours, movements of the cursor, window titles."""
    return CODE.sub("", text)


def rendered(chunks: Iterable[str]) -> str:
    """Return the text that a terminal of unlimited width shows, without newlines at its end."""
    text = "".join(chunks).replace("\r\n", "\n").rstrip("\n")
    if not _CURSOR.search(text):
        return text
    return "\n".join(map(_line, text.split("\n")))


def _line(line: str) -> str:
    if not _CURSOR.search(line):
        return line
    return _moved(line) if "\x1b" in line or "\b" in line else _overwritten(line)


def _moved(line: str) -> str:
    cells: list[tuple[str, str]] = []  # for each column: its colour, its character
    column = 0
    style = ""
    for item in _ITEM.findall(line):
        if item == "\r":
            column = 0
        elif item == "\b":
            column = max(column - 1, 0)
        elif len(item) == 1:
            cells.extend([("", " ")] * (column - len(cells)))
            cells[column : column + 1] = [(style, item)]
            column += 1
        elif erase := _ERASE.fullmatch(item):
            if erase[1] == "1":
                cells[: column + 1] = [("", " ")] * min(column + 1, len(cells))
            else:
                del cells[0 if erase[1] == "2" else column :]
        elif item in _RESET:
            style = ""
        elif len(style) + len(item) <= _STYLE:
            style += item
    parts: list[str] = []
    for style, run in groupby(cells, itemgetter(0)):
        text = "".join(character for _, character in run)
        parts.append(f"{style}{text}\x1b[0m" if style else text)
    return "".join(parts)


def _overwritten(line: str) -> str:
    """Follow carriage returns alone: of each state, what is longer than all later ones is left."""
    shown = ""
    for state in reversed(line.split("\r")):
        shown += state[len(shown) :]
    return shown
