r"""Variables that a sandbox keeps for its future commands and sessions, in the file EXECD_ENVS.

Clients append to that file (`commands.set_env` of the opensandbox package does, with a command of
its own); each command and each session reads it when it starts. Pure but for `read`.

    # a comment
    KEY=value $NAME       trimmed; $NAME and ${NAME} stand for variables
    KEY="a value\n"       \n, \r, \t, \\ and \" as in C; $NAME stands for a variable
    KEY='a value'         as it is, over several lines if need be

What must stay true: the last entry of a key wins; an entry that is none is passed over, since one
bad line must not stop every command of a sandbox.
"""

import re
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "EXECD_ENVS"

_ENTRY = re.compile(
    r"""
    [ \t]* (?P<key>[A-Za-z_][A-Za-z0-9_]*) =
    (?: '(?P<literal>[^']*)' | "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<bare>[^\n]*) )
    [ \t]* (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_NAME = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_ESCAPE = re.compile(r'\\([nrt\\"])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}


def read(env: Mapping[str, str]) -> dict[str, str]:
    """What the file that `env` names adds to it; nothing when it cannot be read. Blocking."""
    path = Path(env.get(VARIABLE, ""))
    try:
        text = path.read_text(errors="replace") if path.is_file() else ""
    except (OSError, ValueError):
        return {}
    return parse(text, env)


def parse(text: str, env: Mapping[str, str]) -> dict[str, str]:
    """The entries of such a file.

    Args:
        text: Its content.
        env: What `$NAME` stands for.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        entry = _ENTRY.match(text, at)
        line = _LINE.match(text, at)
        if entry is not None:
            found[entry["key"]] = _value(entry, env).replace("\0", "")
        end = entry or line
        at = end.end() if end is not None else len(text)
    return found


def _value(entry: "re.Match[str]", env: Mapping[str, str]) -> str:
    if entry["literal"] is not None:
        return entry["literal"]
    if entry["quoted"] is not None:
        # Names first: what an escape stands for is never a part of one.
        return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], _expand(entry["quoted"], env))
    return _expand(entry["bare"].strip(), env)


def _expand(text: str, env: Mapping[str, str]) -> str:
    return _NAME.sub(lambda match: env.get(match[1] or match[2], ""), text)
