"""Set environment variables from a file, which goes at once, for good or until `leave`."""

import json
import os
import sys
import types
from pathlib import Path

_STASH = "_code_interpreter_environment"


def enter(path: str, *, lasting: bool) -> None:
    """Set them."""
    file = Path(path)
    values: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    if not lasting:
        stash = types.ModuleType(_STASH)
        stash.__dict__["before"] = {name: os.environ.get(name) for name in values}
        sys.modules[_STASH] = stash
    os.environ.update(values)


def leave() -> None:
    """Put back what was there before; a kernel that is new since then has nothing to put back."""
    stash = sys.modules.pop(_STASH, None)
    before: dict[str, str | None] = stash.__dict__["before"] if stash is not None else {}
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
