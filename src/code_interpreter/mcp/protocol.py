"""The protocol: what a client may ask, for as long as its connection lasts."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)

from code_interpreter import CodeInterpreter
from code_interpreter._version import __version__
from code_interpreter.mcp import tools
from code_interpreter.mcp.apart import apart
from code_interpreter.mcp.workspace import Workspace

_INSTRUCTIONS: Final = (
    "Runs code in a sandbox, which is yours alone and ends with this connection. State lasts from"
    " call to call: define something once, and use it later. Files lie in the working directory of"
    " the code; relative paths begin there."
)
_Context = ServerRequestContext[Workspace]


def make_server(
    open_interpreter: Callable[[], AbstractAsyncContextManager[CodeInterpreter]],
) -> Server[Workspace]:
    """Return a server for any number of connections, each with a workspace of its own.

    Args:
        open_interpreter: Starts or finds the sandbox of one connection.
    """

    @asynccontextmanager
    async def connection(_server: Server[Workspace]) -> AsyncGenerator[Workspace]:
        async with Workspace(open_interpreter) as workspace:
            yield workspace

    return Server(
        "code-interpreter",
        version=__version__,
        title="Code interpreter",
        instructions=_INSTRUCTIONS,
        lifespan=connection,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
    )


async def _list_tools(_context: _Context, _page: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[*tools.definitions()])


async def _call_tool(context: _Context, call: CallToolRequestParams) -> CallToolResult:
    async def tell(seconds: float, said: str) -> None:
        await context.session.report_progress(round(seconds, 1), message=said or None)

    try:
        return await apart(
            tools.call(context.lifespan_context, call.name, call.arguments or {}, tell)
        )
    except tools.UnknownToolError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from error
