"""Clients of the SDK's own making, as agents have them, for tests that are not async."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

COMMAND = [sys.executable, "-m", "code_interpreter.cli", "mcp"]


def stdio(*arguments: str, **env: str) -> Client:
    """A client that starts the server itself."""
    return Client(
        StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], *arguments], env={**os.environ, **env}
        )
    )


@dataclass(frozen=True)
class Served:
    """A server on a port.

    Attributes:
        url: Where it is.
        headers: What every request needs.
        process: Its process.
    """

    url: str
    headers: dict[str, str]
    process: "subprocess.Popen[str]"

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Client]:
        """A client of it."""
        http = httpx2.AsyncClient(headers=self.headers, timeout=60)
        async with http, Client(streamable_http_client(self.url, http_client=http)) as client:
            yield client


@contextmanager
def serving(*arguments: str, **env: str) -> Generator[Served, None, None]:
    """A server over HTTP, as a user starts it; it ends in order, if it has not ended."""
    process = subprocess.Popen(
        [*COMMAND, "--http", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, **env},
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip() for _ in range(3)]
            name, _, value = lines[2].partition(": ")
            yield Served(lines[0].removeprefix("MCP server on "), {name: value}, process)
        finally:
            process.terminate()
            process.wait(20)


class Agent:
    """A client whose calls block.

    Attributes:
        client: The client.
        portal: Runs what is async.
    """

    def __init__(self, client: Client, portal: BlockingPortal) -> None:
        self.client = client
        self.portal = portal

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        result: CallToolResult = self.portal.call(self.client.call_tool, tool, arguments)
        return result

    def run(self, code: str, language: str = "python", **arguments: Any) -> CallToolResult:
        """Run code."""
        return self.call("run_code", language=language, code=code, **arguments)


@contextmanager
def agent(client: AbstractAsyncContextManager[Client]) -> Generator[Agent, None, None]:
    """An agent for as long as the block lasts."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(client) as connected,
    ):
        yield Agent(connected, portal)


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def started() -> set[psutil.Process]:
    """The processes that this one has started, and what these have started."""
    return {*psutil.Process().children(recursive=True)}


def are_gone(processes: set[psutil.Process]) -> bool:
    """Whether these very processes have ended."""
    return not any(map(_is_alive, processes))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
