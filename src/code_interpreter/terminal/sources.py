"""What is to be run, and in which language."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from code_interpreter._call.code_context import LANGUAGES, checked_language
from code_interpreter._errors import InvalidArgumentError

_ENDINGS: Final = {
    ".bash": "bash",
    ".cjs": "javascript",
    ".cts": "typescript",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".jsh": "java",
    ".mjs": "javascript",
    ".mts": "typescript",
    ".py": "python",
    ".sh": "bash",
    ".ts": "typescript",
}
_PROGRAMS: Final = {
    "bash": "bash",
    "bun": "typescript",
    "deno": "typescript",
    "go": "go",
    "java": "java",
    "jshell": "java",
    "node": "javascript",
    "nodejs": "javascript",
    "python": "python",
    "sh": "bash",
    "ts-node": "typescript",
    "tsx": "typescript",
}
# `#!/usr/bin/python3.12 -u`, `#!/usr/bin/env -S NAME=value node --flag`
_SHEBANG: Final = re.compile(
    r"#!\s*(?:\S*/env\s+(?:-\S+\s+|\w+=\S*\s+)*)?(?:\S*/)?([A-Za-z][A-Za-z-]*)"
)


class UsageError(Exception):
    """What was typed cannot be done; the message says what to type."""


@dataclass(frozen=True, slots=True)
class Source:
    """Code, as it is to be run.

    Attributes:
        code: The text.
        language: The name of its language on the wire.
        is_script: Whether it came as a file or on standard input. The value of its last expression
            is not shown then, as no interpreter shows it.
    """

    code: str
    language: str
    is_script: bool


def source(data: bytes | str, name: str | None, language: str | None) -> Source:
    """Return what is to be run.

    Args:
        data: The bytes of a file; or code that was typed.
        name: The name of the file; None for standard input.
        language: The language that was named; if there is none, it is found by the file's ending,
            then by its first line. Code that was typed is Python.

    Raises:
        UsageError: The language is unknown, or the file is not text in UTF-8.
    """
    is_script = isinstance(data, bytes)
    code = _decoded(data, name) if isinstance(data, bytes) else data
    if not code.strip():
        raise UsageError("there is no code to run")
    try:
        found = checked_language(language) if language else _found(code, name, is_script=is_script)
    except InvalidArgumentError as error:
        raise UsageError(f"{error}: name another one by -l") from error
    return Source(code, found, is_script)


def _decoded(data: bytes, name: str | None) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name or 'standard input'} is not text in UTF-8: {error}") from error


def _found(code: str, name: str | None, *, is_script: bool) -> str:
    if not is_script:
        return "python"
    ending = PurePath(name).suffix.lower() if name else ""
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    shebang = _SHEBANG.match(code)
    program = shebang[1].lower() if shebang else ""
    if program in _PROGRAMS:
        return _PROGRAMS[program]
    where = f"from the ending of {name}" if name else "of what comes on standard input"
    raise UsageError(f"the language cannot be told {where}: name it by -l, as one of {_named()}")


def _named() -> str:
    return ", ".join(LANGUAGES)
