"""The protocol: what a client may ask, for as long as its connection lasts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplate,
)
from opensandbox.exceptions import SandboxException

from code_interpreter._version import __version__
from code_interpreter.mcp import answers, tools
from code_interpreter.mcp.apart import apart
from code_interpreter.mcp.workspace import Workspace
from code_interpreter.places import Place

_INSTRUCTIONS: Final = (
    "Runs code in a sandbox. State lasts from call to call: define something once, and use it"
    " later. Files lie in the working directory of the code; relative paths begin there."
)
_RESOURCE: Final = 32_000_000  # bytes of a file that is sent whole
_Context = ServerRequestContext[Workspace]


def make_server(place: Place) -> Server[Workspace]:
    """Return a server for any number of connections, each with a workspace of its own.

    Args:
        place: Where the code of each connection is to run.
    """

    @asynccontextmanager
    async def connection(_server: Server[Workspace]) -> AsyncGenerator[Workspace]:
        async with Workspace(place) as workspace:
            yield workspace

    return Server(
        "code-interpreter",
        version=__version__,
        title="Code interpreter",
        instructions=_INSTRUCTIONS,
        lifespan=connection,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
    )


async def _list_tools(_context: _Context, _page: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[*tools.definitions()])


async def _list_resources(
    context: _Context, _page: PaginatedRequestParams | None
) -> ListResourcesResult:
    entries = await apart(context.lifespan_context.seen_files()) or ()
    files = (entry for entry in entries if entry.entry_type == "file")
    return ListResourcesResult(resources=[answers.resource(entry) for entry in files])


async def _list_templates(
    _context: _Context, _page: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    files = ResourceTemplate(
        uri_template=answers.TEMPLATE,
        name="file",
        description="A file of the sandbox, by its absolute path.",
    )
    return ListResourceTemplatesResult(resource_templates=[files])


async def _read_resource(
    context: _Context, wanted: ReadResourceRequestParams
) -> ReadResourceResult:
    path = answers.path_of(wanted.uri)
    if path is None:
        raise MCPError(INVALID_PARAMS, f"not the URI of a file in the sandbox: {wanted.uri}")
    try:
        content = await apart(_content(context.lifespan_context, path))
    except SandboxException as error:
        raise MCPError(INVALID_PARAMS, answers.words_of(error)) from error
    return answers.of_resource(wanted.uri, content)


async def _content(workspace: Workspace, path: str) -> bytes:
    folder = await workspace.folder()
    size = await folder.size(path)
    if size > _RESOURCE:
        raise MCPError(INVALID_PARAMS, f"the file is too large: {size:,} bytes")
    return await folder.read(path, offset=0, count=size) if size else b""


async def _call_tool(context: _Context, call: CallToolRequestParams) -> CallToolResult:
    async def tell(seconds: float, said: str) -> None:
        await context.session.report_progress(round(seconds, 1), message=said or None)

    try:
        return await apart(
            tools.call(context.lifespan_context, call.name, call.arguments or {}, tell)
        )
    except tools.UnknownToolError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from error
