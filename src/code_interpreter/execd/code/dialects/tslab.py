"""How errors of JavaScript and TypeScript are named and shown. Pure.

The kernel's program (`kernels/javascript/tslab_kernel.js`) sends an `error` message with the
facts: what was thrown, or what the compiler complains of. What must stay true: whatever was thrown,
the run's error has a name; of a traceback, nothing goes but the kernel's own frames.
"""

import re
from collections.abc import Mapping
from typing import Any

from code_interpreter.execd.code.translate import Cell, list_of, text_of

_KERNELS_OWN = re.compile(r"\s+at .*(\(node:vm:|/tslab/dist/|/tslab_kernel\.js:)")
_SYNTAX = range(1000, 2000)  # of TypeScript's numbered complaints, those about syntax
_INTERRUPTED = "ERR_SCRIPT_EXECUTION_INTERRUPTED"


class TslabCell(Cell):
    """One execute request to tslab."""

    def _fail(self, content: Mapping[str, Any]) -> None:
        super()._fail(_error(content))


def _error(content: Mapping[str, Any]) -> Mapping[str, Any]:
    if complaints := list_of(content.get("complaints")):
        syntax = any(code in _SYNTAX for code in list_of(content.get("codes")))
        name = "SyntaxError" if syntax else "CompileError"
        return {"ename": name, "evalue": complaints[0], "traceback": complaints}
    name = text_of(content.get("ename")) or "Uncaught"  # Node's word for what is no error
    if content.get("code") == _INTERRUPTED:
        name = "KeyboardInterrupt"  # as an interrupted run ends in every language
    lines = [text_of(line) for line in list_of(content.get("traceback"))]
    return {"ename": name, "evalue": content.get("evalue"), "traceback": _users_own(lines)}


def _users_own(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if not _KERNELS_OWN.match(line):
            kept.append(line)
        elif line.endswith(" {") and kept:  # opens the error's own properties
            kept[-1] += " {"
    return kept
