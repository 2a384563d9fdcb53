"""`max_output`: the head and the tail of a run's output, within a number of bytes.

Output counts as its UTF-8 text, a result as all forms of its MIME bundle but pictures, which have a
room of their own. Half of the room is for the beginning, which is kept as it comes; the rest holds
the latest output, so that the end of a long run, where its error is, is there too. Nothing is left
out of output that fits as a whole.
"""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from opensandbox.models.execd import OutputMessage

from code_interpreter._output.result import Result, is_picture

Output: TypeAlias = OutputMessage | Result

PICTURES: Final = 16 * 2**20
"""Bytes of pictures, as base64, that are kept at most, if `max_output` is not more."""


class Window:
    """Takes output in, and says in the end what of it is kept. The limit is in bytes."""

    def __init__(self, limit: int) -> None:
        self.omitted_bytes = 0  # of text
        self.omitted_otherwise = 0  # of pictures and of the error
        self._limit = limit
        self._picture_room = max(limit, PICTURES)
        self._head_room = limit // 2
        self._tail_room = limit - self._head_room
        self._tail: deque[tuple[Output, int]] = deque()
        self._tail_bytes = 0

    def add(self, output: Output) -> Output | None:
        """Take one piece in; return the part that belongs to the head, to be kept at once."""
        if self._tail or _size(output) > self._head_room:
            return self._split(output)
        self._head_room -= _size(output)
        return output

    def _split(self, output: Output) -> Output | None:
        """What does not fit into the head goes to the tail, and so does the room that it leaves."""
        head = ""
        if self._head_room and isinstance(output, OutputMessage):
            room = output.text.encode("utf-8", "surrogatepass")[: self._head_room]
            head = room.decode("utf-8", "ignore")
        self._tail_room += self._head_room - _length(head)
        self._head_room = 0
        if not head or not isinstance(output, OutputMessage):
            self._push(output)
            return None
        self._push(_cut(output, output.text[len(head) :]))
        return _cut(output, head)

    def fitted(self, result: Result) -> Result:
        """Return a result, without its pictures if there is no room left for them."""
        pictures = {kind: value for kind, value in result.mime.items() if is_picture(kind)}
        size = _bytes_of(pictures)
        if size <= self._picture_room:
            self._picture_room -= size
            return result
        self.omitted_otherwise += size
        rest = {
            name: {kind: value for kind, value in bundle.items() if kind not in pictures}
            for name, bundle in (
                ("mime", result.mime),
                ("extra_properties", result.extra_properties),
            )
        }
        return result.model_copy(update=rest)

    def shortened(self, text: str) -> str:
        """Return the beginning and the end of a text of an error, within the limit."""
        data = text.encode("utf-8", "surrogatepass")
        omitted = len(data) - self._limit
        if omitted <= 0:
            return text
        self.omitted_otherwise += omitted
        head, tail = data[: self._limit // 2], data[self._limit // 2 + omitted :]
        note = f"[... {omitted} bytes left out ...]"
        return f"{head.decode(errors='ignore')}{note}{tail.decode(errors='ignore')}"

    def replace(self, result: Result) -> bool:
        """Replace the earlier states of an updated display; return whether there were any."""
        found = False
        for index, (earlier, size) in enumerate(self._tail):
            if isinstance(earlier, Result) and earlier.display_id == result.display_id:
                self._tail[index] = result, _size(result)
                self._tail_bytes += _size(result) - size
                found = True
        return found

    def tail(self) -> list[Output]:
        """Return what is kept after the head, once everything was added."""
        excess = self._tail_bytes - self._tail_room
        if excess > 0:
            output, size = self._tail.popleft()
            if isinstance(output, OutputMessage):
                text = output.text.encode("utf-8", "surrogatepass")[excess:]
                output = _cut(output, text.decode("utf-8", "ignore"))
                size -= _length(output.text)
                self._tail.appendleft((output, 0))
            self.omitted_bytes += size
        return [output for output, _ in self._tail]

    def _push(self, output: Output) -> None:
        size = _size(output)
        self._tail.append((output, size))
        self._tail_bytes += size
        # The oldest piece may stick out: cutting it anew for each piece that comes would take
        # time in proportion to its size.
        while self._tail and self._tail_bytes - self._tail[0][1] >= self._tail_room:
            _, gone = self._tail.popleft()
            self._tail_bytes -= gone
            self.omitted_bytes += gone


def _size(output: Output) -> int:
    if isinstance(output, OutputMessage):
        return _length(output.text)
    return _bytes_of({kind: value for kind, value in output.mime.items() if not is_picture(kind)})


def _bytes_of(bundle: Mapping[str, Any]) -> int:
    return sum(
        _length(value if isinstance(value, str) else json.dumps(value)) for value in bundle.values()
    )


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _cut(message: OutputMessage, text: str) -> OutputMessage:
    return message.model_copy(update={"text": text})
