"""Calls at a later time, for the blocking client: one thread for all of them.

A run that blocks in a read cannot look at the clock itself. The thread starts with the first call
and does nothing but wait; what it calls must not block.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Final


class Timer:
    """A call that is to come, until it is cancelled."""

    __slots__ = ("at", "call")

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget it; it may just be running."""
        self.call = None


class Timers:
    """The calls of one process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Timer]] = []
        self._counter = itertools.count()  # two calls at one time cannot be compared
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    def call_at(self, at: float, call: Callable[[], None]) -> Timer:
        """Call something at a time of `time.monotonic`, in another thread."""
        timer = Timer(at, call)
        with self._changed:
            heapq.heappush(self._heap, (at, next(self._counter), timer))
            # A thread does not survive a fork.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._serve, name="code-interpreter timers", daemon=True
                )
                self._thread.start()
            elif at < self._wakes_at:
                self._changed.notify()
        return timer

    def _serve(self) -> None:
        while True:
            call = self._next()
            if call is not None:
                call()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while self._heap and self._heap[0][2].call is None:
                heapq.heappop(self._heap)
            now = time.monotonic()
            if self._heap and self._heap[0][0] <= now:
                return heapq.heappop(self._heap)[2].call
            self._wakes_at = self._heap[0][0] if self._heap else float("inf")
            self._changed.wait(self._wakes_at - now if self._heap else None)
            return None


timers: Final = Timers()
