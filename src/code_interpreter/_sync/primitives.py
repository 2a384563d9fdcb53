"""What tasks and threads do differently: the side of threads; `_async.primitives` is its twin.

A run that blocks in a read cannot look at the clock itself. One thread serves the timers of all
runs, as a thread per timer takes longer to start than most cells to run. What it calls must not
block.
"""

import inspect
import os
import sched
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import httpx

from code_interpreter._errors import InvalidArgumentError
from code_interpreter._run.handlers import HANDLER_NAMES
from code_interpreter._wire.target import warn_unclosed
from code_interpreter.events import Event as RunEvent

Work: TypeAlias = Callable[[], None]
Handler: TypeAlias = Callable[[Any], Any]

Event = threading.Event
Home: TypeAlias = object
Job = threading.Thread

current: Final = threading.current_thread
sleep: Final = time.sleep


def home() -> Home:
    """Return nothing of use: a thread needs no loop."""
    return None


def wait(event: Event, seconds: float | None) -> bool:
    """Wait for an event; return whether it came in time."""
    return event.wait(seconds)


def within(seconds: float, call: Callable[[float], None]) -> None:
    """Make a call, with the seconds that each of its requests may take."""
    call(seconds)


class _Timers:
    """The timers of one process."""

    def __init__(self) -> None:
        self._scheduler = sched.scheduler(time.monotonic, self._pause)
        self._added = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, when: float, call: Callable[[], None]) -> sched.Event:
        event = self._scheduler.enterabs(when, 0, call)
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # it does not survive a fork
                self._thread = threading.Thread(
                    target=self._serve, name="code-interpreter timers", daemon=True
                )
                self._thread.start()
        if self._scheduler.queue[:1] == [event]:
            self._added.set()
        return event

    def cancel(self, event: sched.Event) -> None:
        with suppress(ValueError):  # it is being called, or was
            self._scheduler.cancel(event)

    def _serve(self) -> None:
        while True:
            self._scheduler.run()
            self._pause(None)

    def _pause(self, seconds: float | None) -> None:
        if self._added.wait(seconds):
            self._added.clear()


_timers: Final = _Timers()


class Timer:
    """A call that is to come, until it is cancelled."""

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call
        self._event = _timers.add(when, self._run)

    def _run(self) -> None:
        if (call := self._call) is not None:
            call()

    def cancel(self) -> None:
        """Forget it; it may just be running."""
        self._call = None  # the scheduler may hold on to what it waits for
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


class Clients:
    """The HTTP clients that an interpreter owns; `forget` is called when nobody closed it."""

    def __init__(self, url: httpx.URL) -> None:
        self.owned: list[httpx.Client] = []
        self.home: Home = None
        self._url = url
        self._pid = os.getpid()

    def note(self, response: httpx.Response) -> None:
        """Do nothing: what is closed here is closed."""

    @property
    def is_homeless(self) -> bool:
        """Whether its connections are gone: a thread has no loop that can be closed."""
        return False

    def leave(self) -> None:
        """Do nothing: what is closed here is closed."""

    def forget(self) -> None:
        """Warn, and close."""
        if not self.owned or self._pid != os.getpid():
            return
        while self.owned:
            self.owned.pop().close()
        warn_unclosed(self._url)


def accepted(handlers: Mapping[type, Handler]) -> Mapping[type, Handler]:
    """Return the handlers.

    Raises:
        InvalidArgumentError: One of them is async, and cannot be awaited here.
    """
    for kind, handler in handlers.items():
        if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004  # an object's async __call__
        ):
            raise _async_handler(kind)
    return handlers


def settle(outcome: object, event: RunEvent) -> None:
    """Refuse what a handler returned, if that would have to be awaited."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise _async_handler(type(event))


def _async_handler(kind: type) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{HANDLER_NAMES[kind]} is async: CodeInterpreterSync takes plain functions,"
        " CodeInterpreter takes both"
    )
