"""One run: what connects a request to the kernel or command that works for it.

It is made on the loop and written to by one other thread, so it holds only what both may touch.
What must stay true: `on_end` reaches the loop before the last event can reach the client, so that
whoever has read the end of a run can start the next one.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.spool import Spool


class Run:
    """A run that has begun.

    Args:
        run_id: Its id, unlike that of any other run.
        code: What is to be run.
        spool: Where its events go.
        on_end: Called once, on the loop, as soon as the run has ended.

    Attributes:
        interrupted: Somebody asked for its end.
        answered: Its kernel is done with it; what is still to come is on its way.
        kernel_exits: It made its kernel shut itself down (`exit()`).
    """

    def __init__(
        self, run_id: str, code: str, *, spool: Spool, on_end: Callable[["Run"], None]
    ) -> None:
        self.run_id = run_id
        self.code = code
        self.spool = spool
        self.interrupted = False
        self.answered = False
        self.kernel_exits = False
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

    def end(self, frames: Sequence[bytes], ending: bytes) -> None:
        """Pass on the last events; what comes later is passed over.

        Args:
            frames: Events before the last; may be empty.
            ending: The last event.
        """
        if self.spool.finished:
            return
        # A closed loop has nobody left to tell.
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
