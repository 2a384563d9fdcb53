"""One run: what connects a request to the kernel or command that works for it.

It is made on the loop and written to by one other thread, so it holds only what both may touch.
What must stay true: `on_end` reaches the loop before the last event can reach the client, so that a
client that has read the end of a run can start the next one.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.spool import Spool


class Run:
    """A run that has begun.

    Args:
        run_id: Its id; no other run has it.
        code: What is to be run.
        spool: Where its events go.
        on_end: Called once, on the loop, as soon as the run has ended.

    Attributes:
        kernel_gone: Its kernel has ended with it, or shuts itself down; known when it has ended.
    """

    def __init__(
        self, run_id: str, code: str, *, spool: Spool, on_end: Callable[["Run"], None]
    ) -> None:
        self.run_id = run_id
        self.code = code
        self.spool = spool
        self.kernel_gone = False
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._lost: bytes | None = None

    @property
    def broken(self) -> bool:
        """Whether output was lost, and with it the point of going on."""
        return self._lost is not None

    def put(self, frames: Sequence[bytes]) -> None:
        """Pass on some events."""
        if not frames or self._lost is not None:
            return
        try:
            self.spool.put(frames)
        except OSError as error:
            self._lose(error)

    def end(self, frames: Sequence[bytes], ending: bytes, *, kernel_gone: bool = False) -> None:
        """Pass on the last events; what comes later is ignored.

        Args:
            frames: Events before the last; may be empty.
            ending: The last event.
            kernel_gone: Whether its kernel has ended with it, or shuts itself down.
        """
        if self.spool.finished:
            return
        self.kernel_gone = kernel_gone
        # A closed loop has no listener left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_end, self)
        if self._lost is None:
            try:
                self.spool.put(frames, ending=ending)
            except OSError as error:
                self._lose(error)
        if self._lost is not None:
            self.spool.put([], ending=self._lost)

    def _lose(self, error: OSError) -> None:
        self._lost = encode.error(
            "OutputLost",
            "the client reads more slowly than the code prints, and the waiting output does not "
            f"fit on the disk: {error}",
        )
