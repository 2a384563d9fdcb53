"""`max_output`: the head and the tail of a run's output, within a number of bytes.

Output counts as its UTF-8 text, a result as all forms of its MIME bundle. Half of the room is for
the beginning, which is kept as it comes; the rest holds the latest output, so that the end of a
long run, where its error is, is there too. Nothing is left out of output that fits as a whole.
"""

import json
from collections import deque
from typing import TypeAlias

from opensandbox.models.execd import OutputMessage

from code_interpreter._output.result import Result

Output: TypeAlias = OutputMessage | Result


class Window:
    """Takes output in, and says in the end what of it is kept. The limit is in bytes."""

    def __init__(self, limit: int) -> None:
        self.omitted_bytes = 0
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
    return sum(
        _length(value if isinstance(value, str) else json.dumps(value))
        for value in output.mime.values()
    )


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _cut(message: OutputMessage, text: str) -> OutputMessage:
    return message.model_copy(update={"text": text})
