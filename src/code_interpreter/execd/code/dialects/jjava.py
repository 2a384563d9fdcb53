"""jjava's messages: complete, but its errors bear names of the kernel's own. Pure.

What must stay true: an error has the name and the message that a Java programmer expects. Of an
exception these are its class and its message (jjava: `RuntimeException`, and both in one text, with
the user's classes inside JShell's); of code that does not compile, what the compiler says (jjava: a
dump of the snippet); of an interrupt, the name that it has in every language here.
"""

import re
from collections.abc import Mapping
from typing import Any

from code_interpreter.execd.code.translate import Cell, list_of, text_of
from code_interpreter.execd.runs import encode

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WRAPPED = re.compile(r"([\w$]+(?:\.[\w$]+)+)[,:] (.*)", re.DOTALL)
_WRAPPER = re.compile(r"REPL\.\$JShell\$\d+[A-Z]*[$.]")  # around each declaration of a cell
_SOURCE_LINE = "|   "
# What an interrupt throws; the second where the code has to be stopped by force.
_STRUCK = {
    "java.lang.InterruptedException",
    "java.lang.ThreadDeath",
    "java.nio.channels.ClosedByInterruptException",
}


class JJavaCell(Cell):
    """A cell of Java."""

    def __init__(self, msg_id: str, now: float) -> None:
        super().__init__(msg_id, now)
        self._struck = False  # it failed of what an interrupt throws

    def verdict(self, now: float, *, interrupted: bool) -> bytes:
        """Return the last event."""
        if interrupted and self._struck:
            return encode.error("KeyboardInterrupt", "")
        return super().verdict(now, interrupted=interrupted)

    def _fail(self, content: Mapping[str, Any]) -> None:
        name, message = text_of(content.get("ename")), text_of(content.get("evalue"))
        traceback = [_WRAPPER.sub("", text_of(line)) for line in list_of(content.get("traceback"))]
        lines = [_COLOUR.sub("", line) for line in traceback]
        if name == "RuntimeException" and (wrapped := _WRAPPED.fullmatch(message)):
            name, message = (_WRAPPER.sub("", text) for text in wrapped.groups())
            message = "" if message == "null" else message
        elif name == "CompilationException":
            said = [line for line in lines if line and not line.startswith(_SOURCE_LINE)]
            message = "\n".join(said) or message
        self._struck = name in _STRUCK
        super()._fail({**content, "ename": name, "evalue": message, "traceback": traceback})
