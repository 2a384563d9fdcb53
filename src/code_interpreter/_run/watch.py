"""When a run has taken too long, and what is done about it: a state machine without a clock.

A run that passes its `timeout` is interrupted, and has a short grace in which to end; most end
within milliseconds, with all their output and a context that is as good as before. Real servers
keep a run open forever when its kernel has died or has skipped the cell, with a ping every three
seconds, and no interrupt ends it: such a run is given up when the grace is over, and its context
with it. A server that is silent cannot answer an interrupt, so a run that has been silent for its
`idle_timeout` is broken off at once, and keeps its context: the server may come back. Before the
first event there is no ping, and a kernel may take tens of seconds to start: silence counts from
the first event on.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

GRACE: Final[float] = 6.0
"""Seconds between an interrupt and giving up; our server replaces a stuck kernel after five."""


class Action(Enum):
    """What is to be done now."""

    NOTHING = auto()
    INTERRUPT = auto()
    BREAK_OFF = auto()  # for its silence
    GIVE_UP = auto()


@dataclass(slots=True)
class Watch:
    """Watches over one run. Times are seconds of one monotonic clock."""

    deadline: float | None
    idle_timeout: float | None
    grace: float = GRACE
    heard_at: float | None = None  # when the last bytes came
    interrupting: bool = False
    idle: bool = False  # it was broken off for its silence
    _give_up_at: float | None = None

    def left(self, now: float) -> float | None:
        """Return the seconds up to the deadline; None for any number."""
        return None if self.deadline is None else max(self.deadline - now, 0)

    def due(self) -> float | None:
        """Return when to look next; None for never."""
        limit = self._give_up_at if self.interrupting else self.deadline
        silence = self._silence_ends()
        if limit is None or silence is None:
            return silence if limit is None else limit
        return min(limit, silence)

    def look(self, now: float) -> Action:
        """Decide what is to be done."""
        silence = self._silence_ends()
        if silence is not None and now >= silence:
            self.idle = True
            return Action.BREAK_OFF
        if self._give_up_at is not None:
            return Action.GIVE_UP if now >= self._give_up_at else Action.NOTHING
        if self.deadline is not None and now >= self.deadline:
            self.interrupting = True
            self._give_up_at = now + self.grace
            return Action.INTERRUPT
        return Action.NOTHING

    def stop(self, now: float) -> None:
        """Have the run interrupted as if its time were up: its caller has left."""
        if self.deadline is None or now < self.deadline:
            self.deadline = now

    def _silence_ends(self) -> float | None:
        if self.idle_timeout is None or self.heard_at is None:
            return None
        return self.heard_at + self.idle_timeout
