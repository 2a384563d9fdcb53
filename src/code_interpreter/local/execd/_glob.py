r"""Patterns of file names, as `GET /files/search` takes them. Pure.

`*` and `?` stand for anything but a slash, `**` for directories too, `[a-z]` and `[!a-z]` for one
character, `{a,b}` for one or the other; a backslash takes the meaning from the next character.

What must stay true: a pattern is tried on the path below the searched directory and on the bare
name, since real servers look at the name alone: `*.py` finds files at any depth.
"""

import re
from collections.abc import Callable

from code_interpreter.local.execd._errors import invalid_body

_TOKEN = re.compile(
    r"""
    (?P<anywhere>(?:\*\*+/)+) | (?P<anything>\*\*+) | (?P<star>\*) | (?P<one>\?)
    | \[(?P<negated>[!^]?)(?P<members>\]?(?:\\.|[^\\\]])*)\]
    | \\(?P<escaped>.) | (?P<brace>[{},]) | (?P<unfinished>[\[\\]) | (?P<literal>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_MEMBER = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)
_WILD = {"anywhere": "(?:.*/)?", "anything": ".*", "star": "[^/]*", "one": "[^/]"}


def matcher(pattern: str) -> Callable[[str, str], bool]:
    """A function that tells whether a file is meant, from its path and its name.

    Raises:
        ApiError: A bracket or a brace is not closed, or the pattern is something else that none
            can be.
    """
    try:
        meant = re.compile(_translate(pattern), re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        raise invalid_body(f"invalid pattern {pattern!r}: {error}") from error
    return lambda path, name: bool(meant.fullmatch(name) or meant.fullmatch(path))


def _translate(pattern: str) -> str:
    regex: list[str] = []
    depth = 0
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        if kind in _WILD:
            regex.append(_WILD[kind])
        elif kind == "members":
            regex.append(_set(token["members"], negated=bool(token["negated"])))
        elif kind == "unfinished":
            raise re.error(f"{token[0]!r} has no end")
        elif kind == "brace" and (token[0] == "{" or depth):
            depth += {"{": 1, "}": -1, ",": 0}[token[0]]
            regex.append({"{": "(?:", "}": ")", ",": "|"}[token[0]])
        else:
            regex.append(re.escape(token["escaped"] or token[0]))
    if depth:
        raise re.error("'{' has no end")
    return "".join(regex)


def _set(members: str, *, negated: bool) -> str:
    parts = (
        re.escape(first) + (f"-{re.escape(last)}" if last else "")
        for first, last in _MEMBER.findall(members)
    )
    return f"(?!/)[{'^' if negated else ''}{''.join(parts)}]"
