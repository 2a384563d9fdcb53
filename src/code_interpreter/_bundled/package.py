"""What travels to a sandbox: our execd and its kernels, as installed here, in one archive."""

import hashlib
import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

_DISTRIBUTION: Final = "opensandbox-code-interpreter"
_PARTS: Final = ("__init__.py", "_version.py", "execd", "kernels")
# Of what the client depends on, the servers use these too.
_SHARED: Final = {"msgspec", "typing-extensions"}
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_OF_RUNTIME: Final = re.compile(r"""(.*?)\s*(?:;|\band)\s*extra\s*==\s*(['"])runtime\2\s*""")
_ALWAYS_THE_SAME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip archive: `package/`, `requirements.txt`, and `wheels/` where they are given.

    Attributes:
        data: Its bytes, the same for the same files.
        digest: Their SHA-256, in hexadecimal.
    """

    data: bytes = field(repr=False)
    digest: str


def archive(wheels: str | os.PathLike[str] | None) -> Archive:
    """Return the archive of what is installed here.

    Args:
        wheels: A folder whose wheels go with it.

    Raises:
        PackageNotFoundError: This package is not installed, so what it depends on is unknown.
    """
    return _packed(()) if wheels is None else _packed.__wrapped__(tuple(_wheels(Path(wheels))))


def requirements(declared: Iterable[str]) -> list[str]:
    """Return, of a distribution's requirements, those of the servers."""
    found: list[str] = []
    for text in declared:
        name = _NAME.match(text)
        if name is not None and name[0].lower().replace("_", "-") in _SHARED:
            found.append(text)
        elif of_runtime := _OF_RUNTIME.fullmatch(text):
            found.append(of_runtime[1])
    return found


@lru_cache(maxsize=1)
def _packed(wheels: tuple[Path, ...]) -> Archive:
    asked = "".join(f"{line}\n" for line in requirements(metadata.requires(_DISTRIBUTION) or ()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        _add(file, "requirements.txt", asked.encode(), zipfile.ZIP_DEFLATED)
        here = Path(__file__).parents[1]
        for path in _sources(here):
            name = f"package/code_interpreter/{path.relative_to(here).as_posix()}"
            _add(file, name, path.read_bytes(), zipfile.ZIP_DEFLATED)
        for wheel in wheels:  # compressed already
            _add(file, f"wheels/{wheel.name}", wheel.read_bytes(), zipfile.ZIP_STORED)
    data = packed.getvalue()
    return Archive(data, hashlib.sha256(data).hexdigest())


def _add(file: zipfile.ZipFile, name: str, data: bytes, compression: int) -> None:
    file.writestr(zipfile.ZipInfo(name, _ALWAYS_THE_SAME), data, compression)


def _sources(here: Path) -> Iterator[Path]:
    for part in _PARTS:
        found = [here / part] if part.endswith(".py") else (here / part).rglob("*")
        for path in sorted(found):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _wheels(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.whl"))
