"""gonb's messages: a failed program is one line on stderr, a failed build an error without a name.

What must stay true: a program that does not end well ends its run with an error, and nothing that
a program prints is taken for its end. So this goes by what the gonb that we build says of the end
(`kernels/_gonb_build.py`), never by what the text looks like. That line is ours alone: it becomes
the error. Whatever else is on stderr, a panic's text included, stays there.
"""

import re
from collections.abc import Mapping
from typing import Any

from code_interpreter.execd.code.translate import Cell, list_of, text_of
from code_interpreter.execd.code.wire import Message
from code_interpreter.execd.runs import encode

_TAIL = 64 * 1024  # of stderr, where a panic's text is looked for
_STRUCK = re.compile(r"signal: (interrupt|killed)")
# Of Go's runtime: what it says ends before the first goroutine's stack, or before the signal.
_PANIC = re.compile(
    r"^(panic|fatal error): ((?:(?!^(?:panic|fatal error): ).)*?)\n"
    r"(?=\[signal |\n(?:goroutine |runtime stack:))",
    re.MULTILINE | re.DOTALL,
)
_PLACE = re.compile(r"Cell(?:\[\d+\]:)? Line \d+")
_HEADER = re.compile(r"# gonb_\w+")  # of the package that gonb makes of the cells
_OF_A_BUILD = re.compile(r"main(_test)?\.go:\d+:\d+: |^# gonb_|^failed to run ", re.MULTILINE)


class GonbCell(Cell):
    """A cell of Go."""

    def __init__(self, msg_id: str, now: float) -> None:
        super().__init__(msg_id, now)
        self._stderr: list[str] = []  # the end of it
        self._stderr_size = 0
        self._exit = ""  # how the program ended, if not well
        self._build_struck = False

    def on_iopub(self, message: Message, now: float) -> list[bytes]:
        """Take in a broadcast of the kernel, and return the events for it."""
        content = message.content
        if message.kind == "stream" and message.parent == self.msg_id:
            text = text_of(content.get("text"))
            if content.get("exit") is True:
                self._exit = text.strip()
                return []
            if content.get("name") == "stderr":
                self._keep(text)
        return super().on_iopub(message, now)

    def _keep(self, text: str) -> None:
        self._stderr.append(text)
        self._stderr_size += len(text)
        if self._stderr_size > 2 * _TAIL:  # not each time, which would be quadratic
            self._stderr = ["".join(self._stderr)[-_TAIL:]]
            self._stderr_size = _TAIL

    def verdict(self, now: float, *, interrupted: bool) -> bytes:
        """Return the last event."""
        if interrupted and (self._build_struck or _STRUCK.search(self._exit)):
            return encode.error("KeyboardInterrupt", "")
        if self._exit and self._error is None:
            return encode.error(*failure(self._exit, "".join(self._stderr)))
        return super().verdict(now, interrupted=interrupted)

    def _fail(self, content: Mapping[str, Any]) -> None:
        message = text_of(content.get("evalue"))
        # A build that an interrupt has ended is an error without a word, or with these.
        self._build_struck = not message.strip() or _STRUCK.search(message) is not None
        said = [text_of(item) for item in list_of(content.get("traceback"))]
        name = "CompileError" if _OF_A_BUILD.search(message) else "GonbError"
        lines = [item for item in said if item.strip() and not _HEADER.fullmatch(item)]
        message = "\n".join(map(in_one_line, lines)) or message
        super()._fail({**content, "ename": name, "evalue": message, "traceback": lines})


def failure(ending: str, stderr: str) -> tuple[str, str, list[str]]:
    """Name, message and traceback of a program that did not end well.

    Args:
        ending: How it ended: `exit status 2`, `signal: killed`.
        stderr: The end of what it printed there.
    """
    panics = list(_PANIC.finditer(stderr)) if ending == "exit status 2" else []
    if not panics:
        return "ExitError", ending, [ending]
    last = panics[-1]
    return last[1], last[2], stderr[last.start() :].rstrip("\n").split("\n")


def in_one_line(item: str) -> str:
    """What a compiler's message says and where, without the source around it."""
    place, *source = item.split("\n")
    return f"{place}: {source[-1]}" if source and _PLACE.fullmatch(place) else item
