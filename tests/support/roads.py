"""The two roads of the generated client, by `asyncio` and blocking, with one face."""

import itertools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from execd_client import Client


class Road:
    """One of the two ways to call an operation."""

    def __init__(self, url: str, headers: Mapping[str, str], *, by_asyncio: bool) -> None:
        self.by_asyncio = by_asyncio
        self.client = Client(url, headers=dict(headers))

    async def call(self, operation: ModuleType, **arguments: Any) -> Any:
        """The parsed answer."""
        if self.by_asyncio:
            return await operation.asyncio(client=self.client, **arguments)
        return operation.sync(client=self.client, **arguments)

    async def items(
        self, operation: ModuleType, most: int | None = None, **arguments: Any
    ) -> list[Any]:
        """What a stream brings: all, or as many as are wanted before it is closed."""
        if not self.by_asyncio:
            with operation.stream(client=self.client, **arguments) as stream:
                return list(itertools.islice(stream, most))
        found: list[Any] = []
        async with operation.astream(client=self.client, **arguments) as events:
            async for item in events:
                found.append(item)
                if len(found) == most:
                    break
        return found

    async def close(self) -> None:
        """Close its connections."""
        if self.by_asyncio:
            await self.client.get_async_httpx_client().aclose()
        else:
            self.client.get_httpx_client().close()
