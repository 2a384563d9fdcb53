"""How many idle kernels there are to be, which one is taken, and when one more is started.

Pure: told what happens and what time it is, it says what to do. What must stay true:

- No more than `size` kernels are idle or on their way.
- One is started only while nobody waits for a kernel, and nobody has for a moment: idle kernels
  are for later, and a start takes a processor for a third of a second. At the very beginning there
  is nothing to disturb, and the first context is soon to come.
- One that is dead, or was started otherwise than contexts are by now, is never handed out.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from code_interpreter.kernels.launch import Launch

CALM = 0.5  # seconds since somebody waited for a kernel

Item = TypeVar("Item")


class Stock(Generic[Item]):
    """The idle kernels, those on their way included.

    Args:
        size: How many there are to be; 0 for none, ever.
        usable: Whether one is alive, or may still come to life.
    """

    def __init__(self, size: int, usable: Callable[[Item], bool]) -> None:
        self._size = size
        self._usable = usable
        self._idle: list[tuple[Launch, Item]] = []
        self._waiting = 0
        self._calm_at = 0.0

    @property
    def items(self) -> list[Item]:
        """All of them, oldest first."""
        return [item for _, item in self._idle]

    def add(self, launch: Launch, item: Item) -> None:
        """One more is on its way."""
        self._idle.append((launch, item))

    def take(self, launch: Launch) -> tuple[Item | None, list[Item]]:
        """The oldest that was started like this, and those that nobody will ever take."""
        usable = [(how, item) for how, item in self._idle if self._usable(item)]
        fitting = [(how, item) for how, item in usable if how == launch]
        misfits = [item for how, item in usable if how != launch]
        self._idle = fitting[1:]
        return (fitting[0][1] if fitting else None), misfits

    def wait_begins(self) -> None:
        """Somebody waits for a kernel."""
        self._waiting += 1

    def wait_ends(self, now: float) -> None:
        """Somebody has got a kernel, or none."""
        self._waiting -= 1
        self._calm_at = now + CALM

    def pause(self, now: float) -> float | None:
        """Seconds until one more is to be started, if nothing happens until then.

        Args:
            now: The monotonic clock's seconds.

        Returns:
            None when there are enough, or somebody waits.
        """
        self._idle = [(how, item) for how, item in self._idle if self._usable(item)]
        if self._waiting or len(self._idle) >= self._size:
            return None
        return max(0.0, self._calm_at - now)
