"""The two roads of the generated client, by `asyncio` and blocking, with one face."""

import math
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import httpx
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
        self,
        operation: ModuleType,
        most: int | None = None,
        limit: float | None = None,
        **arguments: Any,
    ) -> list[Any]:
        """What a stream brings: all, or as many as are wanted before it is closed.

        Raises:
            TimeoutError: Its end has not come within `limit` seconds, pings or not.
        """
        end = math.inf if limit is None else time.monotonic() + limit
        if limit is not None:
            arguments["timeout"] = httpx.Timeout(limit)
        found: list[Any] = []

        def enough(item: Any) -> bool:
            found.append(item)
            if time.monotonic() > end:
                raise TimeoutError
            return len(found) == most

        try:
            if self.by_asyncio:
                async with operation.astream(client=self.client, **arguments) as events:
                    async for item in events:
                        if enough(item):
                            break
            else:
                with operation.stream(client=self.client, **arguments) as stream:
                    any(enough(item) for item in stream)
        except httpx.ReadTimeout as error:
            raise TimeoutError from error
        return found

    async def close(self) -> None:
        """Close its connections."""
        if self.by_asyncio:
            await self.client.get_async_httpx_client().aclose()
        else:
            self.client.get_httpx_client().close()
