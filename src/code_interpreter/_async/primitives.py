"""What tasks and threads do differently: the side of asyncio; `_sync.primitives` is its twin."""

import asyncio
import inspect
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Coroutine, Generator, Iterable
from contextlib import suppress
from typing import Any, Final, Generic, TypeAlias, TypeVar

from code_interpreter._errors import RequestTimeoutError, WrongLoopError
from code_interpreter.events import Event as RunEvent

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

Event = asyncio.Event
Home = asyncio.AbstractEventLoop
Job = asyncio.Task[None]
Timer = asyncio.TimerHandle
T = TypeVar("T")

current: Final = asyncio.current_task
home: Final = asyncio.get_running_loop
sleep: Final = asyncio.sleep

AWAITS: Final = True
"""Whether what a handler returns is awaited."""

_detached: Final[set[Job]] = set()


async def wait(event: Event, seconds: float | None) -> bool:
    """Wait for an event; return whether it came in time."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()
    return event.is_set()


async def within(seconds: float, call: Callable[[float], Coroutine[Any, Any, None]]) -> None:
    """Make a call, with the seconds that it may take.

    Raises:
        RequestTimeoutError: It takes longer. A blocking call has no limit but that of its requests.
    """
    try:
        await asyncio.wait_for(call(seconds), seconds)
    except asyncio.TimeoutError as error:
        raise RequestTimeoutError("the server did not answer in time") from error


def call_at(when: float, call: Callable[[], None]) -> Timer:
    """Call something at a time of `time.monotonic`; it must not block."""
    return home().call_later(when - time.monotonic(), call)


def spawn(work: Work) -> Job:
    """Start work in the background."""
    return home().create_task(work())


async def join(jobs: Collection[Job], seconds: float) -> None:
    """Wait for background work; what takes longer is cancelled."""
    if jobs:
        _, late = await asyncio.wait(jobs, timeout=seconds)
        for job in late:
            job.cancel()


def detach(home: Home, work: Work) -> None:
    """Do work that no one waits for, from any thread; nothing happens once its loop is closed."""

    def start() -> None:
        job = spawn(work)
        _detached.add(job)
        job.add_done_callback(_detached.discard)

    with suppress(RuntimeError):
        home.call_soon_threadsafe(start)


def check_home(wanted: Home) -> None:
    """Raise WrongLoopError in any other event loop."""
    if home() is not wanted:
        raise WrongLoopError(
            "this interpreter belongs to another event loop: make another here, or use"
            " CodeInterpreterSync"
        )


def is_gone(home: Home | None) -> bool:
    """Return whether connections of a home are gone with it: its event loop is closed."""
    return home is not None and home.is_closed()


def disown(sockets: Iterable[Any]) -> None:
    """Leave connections that no one will close to the interpreter, without asyncio's warning."""
    for one in sockets:
        descriptor = one.get_extra_info("socket").fileno()
        for unclosed in (
            rf"transport <\w+ fd={descriptor}\b",
            rf"<socket\.socket fd={descriptor},",
        ):
            warnings.filterwarnings("ignore", f"unclosed {unclosed}", ResourceWarning)


async def settle(outcome: object, event: RunEvent) -> None:  # noqa: ARG001  # the twin names it
    """Await what a handler returned, if that can be awaited."""
    if inspect.isawaitable(outcome):
        await outcome


class Startable(ABC, Generic[T]):
    """What can be started, by awaiting it too."""

    @abstractmethod
    async def start(self) -> T:
        """Start it."""

    def __await__(self) -> Generator[Any, None, T]:
        return self.start().__await__()
