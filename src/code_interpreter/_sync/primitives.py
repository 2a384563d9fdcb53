"""What tasks and threads do differently: the side of threads; `_async.primitives` is its twin.

A run that blocks in a read cannot look at the clock itself. One thread serves the timers of all
runs, as a thread per timer takes longer to start than most cells to run. What it calls must not
block.
"""

import inspect
import sched
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, Final, Generic, TypeAlias, TypeVar

from code_interpreter._run.handlers import is_async
from code_interpreter.events import Event as RunEvent

Work: TypeAlias = Callable[[], None]

Event = threading.Event
Home: TypeAlias = object
Job = threading.Thread
T = TypeVar("T")

current: Final = threading.current_thread
sleep: Final = time.sleep


AWAITS: Final = False
"""Whether what a handler returns is awaited."""


def home() -> Home:
    """Return what stands for any thread: there is no loop to belong to."""
    return threading


def wait(event: Event, seconds: float | None) -> bool:
    """Wait for an event; return whether it came in time."""
    return event.wait(seconds)


def within(seconds: float, call: Callable[[float], None]) -> None:
    """Make a call, with the seconds that each of its requests may take."""
    call(seconds)


class _Timers(sched.scheduler):
    """The timers of one process."""

    def __init__(self) -> None:
        super().__init__(time.monotonic, self._pause)
        self._added = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def serve(self, event: sched.Event) -> None:
        """See to it that a thread waits for an event that was entered."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # it does not survive a fork
                self._thread = threading.Thread(
                    target=self._serve, name="code-interpreter timers", daemon=True
                )
                self._thread.start()
        if self.queue[:1] == [event]:
            self._added.set()

    def _serve(self) -> None:
        while True:
            self.run()
            self._pause(None)

    def _pause(self, seconds: float | None) -> None:
        if self._added.wait(seconds):
            self._added.clear()


_timers: Final = _Timers()


class Timer:
    """A call that is to come, until it is cancelled."""

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call
        self._event = _timers.enterabs(when, 0, self._run)
        _timers.serve(self._event)

    def _run(self) -> None:
        if (call := self._call) is not None:
            call()

    def cancel(self) -> None:
        """Forget it; it may just be running."""
        self._call = None  # the scheduler may hold on to what it waits for
        with suppress(ValueError):  # it is being called, or was
            _timers.cancel(self._event)


call_at: Final = Timer


def spawn(work: Work) -> Job:
    """Start work in the background."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def join(jobs: Collection[Job], seconds: float) -> None:
    """Wait for background work; what takes longer goes on."""
    end = time.monotonic() + seconds
    for job in jobs:
        job.join(max(end - time.monotonic(), 0))


def detach(home: Home, work: Work) -> None:  # noqa: ARG001  # a thread needs no loop
    """Do work that no one waits for."""
    work()


def check_home(wanted: Home) -> None:
    """Do nothing: all threads may use the same connections."""


def is_gone(home: Home | None) -> bool:  # noqa: ARG001
    """Return whether connections of a home are gone with it: a thread's are not."""
    return False


def disown(sockets: Iterable[Any]) -> None:
    """Do nothing: what is closed here is closed."""


def settle(outcome: object, event: RunEvent) -> None:
    """Refuse what a handler returned, if that would have to be awaited."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise is_async(type(event))


class Startable(ABC, Generic[T]):
    """What can be started."""

    @abstractmethod
    def start(self) -> T:
        """Start it."""
