"""From a kernel's messages to the events of one run. Pure: no sockets, no processes, no clock.

What must stay true:

- Output (text, displayed things) belongs to the cell that is running when it arrives, whichever
  cell started the thread that made it. Everything else counts only for the request it answers:
  a stale `idle` must not end the next run.
- A cell has ended when its reply and its `idle` are both in. The exchange may stop waiting for the
  second of them after a grace.
- Nothing follows the verdict: the error is kept back until the end.
- No event is huge, however much text a kernel packs into one message (hundreds of megabytes, when
  the code leaves it no time): text is cut into several events, which clients join anyway.
- `clear_output` is passed on as an event of our own: a stream takes nothing back, its reader can.
  The messages of widgets are ignored: the Python kernel shows them as their cell leaves them.
"""

from collections.abc import Mapping
from typing import Any, cast

from code_interpreter.execd.code.wire import Message
from code_interpreter.execd.runs import encode

_LONGEST_TEXT = 512 * 1024


def output(message: Message) -> list[bytes]:
    """Return the events for a piece of output; empty when the message is something else."""
    content = message.content
    if message.kind == "stream":
        text = text_of(content.get("text"))
        kind = "stderr" if content.get("name") == "stderr" else "stdout"
        starts = range(0, len(text), _LONGEST_TEXT)
        return [encode.frame(kind, text=text[at : at + _LONGEST_TEXT]) for at in starts]
    if message.kind in {"display_data", "update_display_data"}:
        flags: dict[str, Any] = {"display": True}
        if display_id := dict_of(content.get("transient")).get("display_id"):
            flags["display_id"] = text_of(display_id)
        if message.kind == "update_display_data":
            flags["update"] = True
        return [encode.result(dict_of(content.get("data")), **flags)]
    if message.kind == "clear_output":
        return [encode.frame("clear_output", wait=content.get("wait") is True)]
    return []


class Cell:
    """One execute request, from the moment it was sent.

    Args:
        msg_id: Id of the request.
        now: When it was sent. All times are seconds of one monotonic clock.

    Attributes:
        started: When the kernel said that it begins: an interrupt that is sent before does not
            reach the cell.
        heard: Whether the kernel has said anything of it.
        half_ended: When the first of reply and idle came.
        exits: The kernel said that it is going to shut itself down.
    """

    def __init__(self, msg_id: str, now: float) -> None:
        self.msg_id = msg_id
        self.started: float | None = None
        self.heard = False
        self.half_ended: float | None = None
        self.exits = False
        self._began = now
        self._replied = False
        self._idle = False
        self._counted = False
        self._error: bytes | None = None

    @property
    def ended(self) -> bool:
        """Whether reply and idle are both in."""
        return self._replied and self._idle

    @property
    def replied(self) -> bool:
        """Whether the reply is in."""
        return self._replied

    def on_iopub(self, message: Message, now: float) -> list[bytes]:
        """Take in a broadcast of the kernel, and return the events for it."""
        self.heard |= message.parent == self.msg_id
        if frames := output(message):
            return frames
        if message.parent != self.msg_id:
            return []
        content = message.content
        if message.kind == "execute_input":
            self.started = now
            return self._count(content)
        if message.kind == "execute_result":
            return [*self._count(content), encode.result(dict_of(content.get("data")))]
        if message.kind == "error":
            self._error = None  # of a reply that has overtaken it, and says less
            self._fail(content)
        elif message.kind == "status" and content.get("execution_state") == "idle":
            self._idle = True
            self._half_end(now)
        return []

    def on_reply(self, message: Message, now: float) -> list[bytes]:
        """Take in an answer on the shell channel, and return the events for it."""
        if message.parent != self.msg_id or message.kind != "execute_reply":
            return []
        content = message.content
        self.heard = self._replied = True
        self._half_end(now)
        status = content.get("status")
        if status == "error":
            self._fail(content)
        elif status != "ok":
            self._fail({"ename": "NotExecuted", "evalue": f"the kernel answered {status!r}"})
        frames: list[bytes] = []
        for payload in list_of(content.get("payload")):
            source = dict_of(payload).get("source")
            if source == "page":  # what `name?` shows
                data = dict_of(dict_of(payload).get("data"))
                frames.append(encode.result(data, display=True))
            elif source == "ask_exit":
                self.exits = True
        return frames

    def verdict(self, now: float, *, interrupted: bool) -> bytes:
        """Return the last event."""
        if self._error is not None:
            return self._error
        if interrupted and not self._replied:
            # The interrupt struck the kernel itself, just before or after the cell.
            return encode.error("KeyboardInterrupt", "")
        if self.exits:
            return encode.error(
                "KernelDied", "the code shut its kernel down; the state of this context is lost"
            )
        return encode.complete(now - self._began)

    def _half_end(self, now: float) -> None:
        if self.half_ended is None:
            self.half_ended = now

    def _count(self, content: dict[str, Any]) -> list[bytes]:
        count = content.get("execution_count")
        if self._counted or not isinstance(count, int):
            return []
        self._counted = True
        return [encode.frame("execution_count", execution_count=count)]

    def _fail(self, content: Mapping[str, Any]) -> None:
        # The broadcast says more; the reply stands in for kernels without one.
        if self._error is None:
            self._error = encode.error(
                text_of(content.get("ename")),
                text_of(content.get("evalue")),
                [text_of(line) for line in list_of(content.get("traceback"))],
            )


# User code can send any message it likes on the kernel's own session: take no shape for granted.


def text_of(value: object) -> str:
    """Return what should be a text as one."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def dict_of(value: object) -> dict[str, Any]:
    """Return what should be an object; empty when it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> "list[object]":
    """Return what should be a list; empty when it is something else."""
    return cast("list[object]", value) if isinstance(value, list) else []
