"""What a client hears while a call takes long: for how long, and the last line that was printed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from code_interpreter._output.terminal import plain

# Called with the seconds that it has taken, and the last line.
Tell: TypeAlias = Callable[[float, str], Awaitable[None]]
# Called with each piece of output.
Hear: TypeAlias = Callable[[str], None]

_TICK: Final = 1.0  # seconds between two reports
_LINE: Final = 200  # characters


@asynccontextmanager
async def telling(tell: Tell) -> AsyncGenerator[Hear]:
    """Tell once a second how it goes, for as long as the block lasts; yields what hears output."""
    last = ""

    def hear(text: str) -> None:
        nonlocal last
        last = text if text.strip() else last

    began = time.monotonic()

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK)
            await tell(time.monotonic() - began, _last_line(last))

    ticking = asyncio.create_task(tick())
    try:
        yield hear
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def _last_line(text: str) -> str:
    return plain(text[-10 * _LINE :]).strip().replace("\r", "\n").rpartition("\n")[2][-_LINE:]
