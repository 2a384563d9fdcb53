"""Pictures for a terminal: shown by its own means, written to files, or named in a line."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from code_interpreter._output.result import Result

Protocol = Literal["kitty", "iterm"]

_ENDINGS: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
}
_BASE64: Final = frozenset(_ENDINGS) - {"image/svg+xml"}
_SHOWN: Final[Mapping[Protocol, tuple[str, ...]]] = {
    "kitty": ("image/png",),
    "iterm": ("image/png", "image/jpeg", "image/gif"),
}
_KITTY_PIECE: Final = 4096  # characters that one escape sequence may have


def protocol(env: Mapping[str, str]) -> Protocol | None:
    """Return how the terminal that these variables tell of shows pictures, if it does.

    These are kitty's graphics protocol and iTerm2's inline images. The environment does not tell
    whether a terminal knows sixel.
    """
    program = env.get("TERM_PROGRAM", "")
    if "TMUX" in env or env.get("TERM", "").startswith("screen"):
        return None  # what these pass on, they would have to be told
    if env.get("TERM") in {"xterm-kitty", "xterm-ghostty"} or program in {"ghostty", "WezTerm"}:
        return "kitty"
    return "iterm" if "iTerm" in program or env.get("LC_TERMINAL") == "iTerm2" else None


def shown(result: Result, how: Protocol) -> str | None:
    """Return what makes a terminal show the picture of a result; None if it can show none of it."""
    for kind in _SHOWN[how]:
        value = result.mime.get(kind)
        if isinstance(value, str):
            data = "".join(value.split())
            if how == "kitty":
                return "".join(_kitty(data)) + "\n"
            return f"\033]1337;File=inline=1;size={len(data) * 3 // 4}:{data}\a\n"
    return None


def _kitty(data: str) -> Iterator[str]:
    for at in range(0, len(data), _KITTY_PIECE):
        more = int(at + _KITTY_PIECE < len(data))
        head = f"a=T,f=100,m={more}" if at == 0 else f"m={more}"
        yield f"\033_G{head};{data[at : at + _KITTY_PIECE]}\033\\"


def kinds(result: Result) -> list[str]:
    """Return the types of the pictures that a result has."""
    return [kind for kind in _ENDINGS if isinstance(result.mime.get(kind), str)]


def save(result: Result, folder: Path, number: int) -> list[Path]:
    """Write each picture of a result to a file of its own, and return the paths.

    Args:
        result: The result.
        folder: Where the files go; it is made if it is missing.
        number: What they are named by: `3.png`.

    Raises:
        OSError: They cannot be written.
        ValueError: What should be base64 is not.
    """
    paths: list[Path] = []
    for kind in kinds(result):
        value = str(result.mime[kind])
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}{_ENDINGS[kind]}"
        data = base64.b64decode(value) if kind in _BASE64 else value.encode()
        path.write_bytes(data)
        paths.append(path)
    return paths
