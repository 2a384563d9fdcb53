"""Work in a task that anyio does not cancel.

The SDK of the protocol cancels a request by a scope of anyio, which cancels again at every `await`
until the scope is left. The interpreter has something to say before it leaves, an interrupt, and
expects to be cancelled once, as asyncio does it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

_T = TypeVar("_T")


async def apart(work: Coroutine[Any, Any, _T]) -> _T:
    """Do work in a separate task; a cancelled caller cancels it once, and waits for its end."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(task, return_exceptions=True)
        raise
    return task.result()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do work in a separate task, to its end, even for a caller that is cancelled."""
    with anyio.CancelScope(shield=True):
        await asyncio.create_task(work)
