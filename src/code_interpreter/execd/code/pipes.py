"""What a kernel's process writes to its own standard streams, read without waiting.

What must stay true: text is whole, however its bytes arrive; each pipe is closed once.
"""

import codecs
import os
from collections.abc import Container, Iterator, Mapping

from code_interpreter.execd.code.exchange import Said, StreamKind

_PIECE = 256 * 1024


class Pipes:
    """The read ends of a process's standard streams.

    Args:
        kinds: The descriptors, and which stream each of them is.
    """

    def __init__(self, kinds: Mapping[int, StreamKind]) -> None:
        self._kinds = dict(kinds)
        for pipe in kinds:
            os.set_blocking(pipe, False)
        self._decoders = {
            pipe: codecs.getincrementaldecoder("utf-8")(errors="replace") for pipe in kinds
        }

    def __iter__(self) -> Iterator[int]:
        """Iterate over the descriptors that are still open."""
        return iter(tuple(self._kinds))

    def read(self, ready: Container[object]) -> tuple[list[Said], list[int]]:
        """Read what some of the pipes hold now.

        Args:
            ready: Their descriptors; others may be in it.

        Returns:
            The text of each, and the pipes that have ended: closed by now.
        """
        said: list[Said] = []
        ended: list[int] = []
        for pipe, kind in list(self._kinds.items()):
            if pipe not in ready:
                continue
            try:
                data = os.read(pipe, _PIECE)
            except BlockingIOError:
                continue
            if text := self._decoders[pipe].decode(data, final=not data):
                said.append((kind, text))
            if not data:
                del self._kinds[pipe]
                os.close(pipe)
                ended.append(pipe)
        return said, ended

    def close(self) -> None:
        """Close what is still open."""
        for pipe in self._kinds:
            os.close(pipe)
        self._kinds.clear()
