"""The tools: their definitions, and what each does with its arguments."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from mcp.types import CallToolResult, Tool, ToolAnnotations
from opensandbox.exceptions import SandboxException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from code_interpreter import CodeInterpreterError, tool_schema
from code_interpreter._call.code_context import LANGUAGES, checked_language
from code_interpreter._render.text import clipped
from code_interpreter.mcp import answers
from code_interpreter.mcp.progress import Hear, Tell, telling
from code_interpreter.mcp.workspace import Workspace

_PICTURE: Final = 30_000_000  # bytes of a file that is looked at as a picture
_SAID: Final = 4_000  # characters of what an installer said
_LONGEST: Final = 86_400  # seconds
_SESSION: Final = "main"


class UnknownToolError(Exception):
    """There is no tool of this name."""


Language = Annotated[
    str, AfterValidator(checked_language), Field(json_schema_extra={"enum": list(LANGUAGES)})
]
Session = Annotated[
    str,
    Field(
        pattern=r"^\S",
        max_length=200,
        description="A name for the state that the code finds and leaves; each has its own.",
    ),
]
Path = Annotated[str, Field(min_length=1)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunCode(_Arguments):
    """Arguments of `run_code`."""

    language: Language = Field(description="The code's language.")
    code: str = Field(min_length=1, description="The code to run.")
    timeout: float = Field(
        default=120,
        gt=0,
        le=_LONGEST,
        description="Seconds after which the code is stopped; its state stays.",
    )
    session: Session = _SESSION


class Restart(_Arguments):
    """Arguments of `restart`."""

    language: Language | None = Field(
        default=None, description="The language whose state is to go; all if it is left out."
    )
    session: Session = _SESSION


class InstallPackages(_Arguments):
    """Arguments of `install_packages`."""

    packages: list[str] = Field(
        min_length=1,
        description="As the language's installer takes them, with versions if need be: pandas>=2"
        " (pip), lodash@4 (npm), group:artifact:version (Maven), example.com/module@v1 (go get).",
    )
    language: Language = Field(default="python", description="The language that they are for.")
    timeout: float = Field(
        default=300,
        gt=0,
        le=_LONGEST,
        description="Seconds after which the installation is stopped.",
    )
    session: Session = _SESSION


class ListFiles(_Arguments):
    """Arguments of `list_files`."""

    path: Path = Field(default=".", description="The directory.")
    depth: int = Field(default=1, ge=1, le=8, description="How many levels of it to list.")


class ReadFile(_Arguments):
    """Arguments of `read_file`."""

    path: Path = Field(description="The file.")
    offset: int = Field(default=0, ge=0, description="Bytes to skip, of a file that is text.")


class WriteFile(_Arguments):
    """Arguments of `write_file`."""

    path: Path = Field(description="The file. Directories that it lies in are made.")
    content: str = Field(description="The whole new content.")
    encoding: Literal["utf-8", "base64"] = Field(
        default="utf-8", description="What the content is: text, or the base64 of bytes."
    )


Work = Callable[[Workspace, Any, Hear], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class _Tool:
    definition: Tool
    arguments: type[BaseModel]
    work: Work


async def _run_code(workspace: Workspace, wanted: RunCode, hear: Hear) -> CallToolResult:
    try:
        execution = await workspace.run(
            wanted.code,
            language=wanted.language,
            session=wanted.session,
            timeout=wanted.timeout,
            hear=hear,
        )
    except CodeInterpreterError as error:
        if error.execution is None:
            raise
        return answers.of_run(error.execution, problem=await _problem(workspace, error))
    try:
        files = await (await workspace.folder()).changed()
    except SandboxException as error:
        return answers.of_run(
            execution, problem=f"Its files cannot be listed: {answers.words_of(error)}"
        )
    return answers.of_run(execution, files=files)


async def _restart(workspace: Workspace, wanted: Restart, _: Hear) -> CallToolResult:
    ended = await workspace.restart(wanted.language, wanted.session)
    if not ended:
        return answers.of_text("Nothing had state there.")
    return answers.of_text(f"The state of {', '.join(ended)} is gone. Files are still there.")


async def _install_packages(
    workspace: Workspace, wanted: InstallPackages, hear: Hear
) -> CallToolResult:
    lines: list[str] = []

    def heard(line: str) -> None:
        lines.append(line)
        hear(line)

    await workspace.install(
        wanted.packages,
        language=wanted.language,
        session=wanted.session,
        timeout=wanted.timeout,
        hear=heard,
    )
    await (await workspace.folder()).changed()  # which are no files that code made
    return answers.of_text(clipped("\n".join([*lines, "Installed."]), _SAID).rstrip())


async def _list_files(workspace: Workspace, wanted: ListFiles, _: Hear) -> CallToolResult:
    folder = await workspace.folder()
    entries = await folder.entries(wanted.path, wanted.depth)
    return answers.of_entries(entries, folder.absolute(wanted.path))


async def _read_file(workspace: Workspace, wanted: ReadFile, _: Hear) -> CallToolResult:
    folder = await workspace.folder()
    path = folder.absolute(wanted.path)
    size = await folder.size(path)
    kind = answers.kind_of(path) or ""
    if kind.startswith("image/") and kind != "image/svg+xml" and 0 < size <= _PICTURE:
        content = await folder.read(path, offset=0, count=size)
        if shown := answers.of_picture(content):
            return shown
    if wanted.offset >= size > 0:
        return answers.of_problem(f"The offset is beyond the end: the file has {size:,} bytes.")
    content = b""
    if size:
        content = await folder.read(path, offset=wanted.offset, count=answers.READ)
    return answers.of_file(content, offset=wanted.offset, size=size)


async def _write_file(workspace: Workspace, wanted: WriteFile, _: Hear) -> CallToolResult:
    try:
        content = (
            base64.b64decode(wanted.content, validate=True)
            if wanted.encoding == "base64"
            else wanted.content.encode()
        )
    except ValueError as error:  # half of a surrogate pair, too
        return answers.of_problem(f"The content is not {wanted.encoding}: {error}")
    folder = await workspace.folder()
    path = folder.absolute(wanted.path)
    await folder.write(path, content)
    return answers.of_text(f"Wrote {len(content):,} bytes to {path}.")


def _tool(
    name: str, title: str, arguments: type[BaseModel], work: Work, description: str, **hints: bool
) -> _Tool:
    schema = arguments.model_json_schema()
    del schema["title"], schema["description"]  # of the class: for readers of this file
    for argument in schema["properties"].values():
        del argument["title"]
    annotations = ToolAnnotations(
        title=title,
        read_only_hint=hints.get("read_only", False),
        destructive_hint=hints.get("destructive", False),
        idempotent_hint=hints.get("idempotent", False),
        open_world_hint=hints.get("open_world", False),
    )
    definition = Tool(
        name=name, description=description, input_schema=schema, annotations=annotations
    )
    return _Tool(definition, arguments, work)


_GONE: Final = (
    "The sandbox is gone, and all of its state and files with it. The next call starts another."
)
_RELATIVE: Final = "Relative paths begin in the working directory of the code."
_TOOLS: Final = {
    tool.definition.name: tool
    for tool in (
        _tool(
            "run_code",
            "Run code",
            RunCode,
            _run_code,
            tool_schema("mcp")["description"],
            destructive=True,
            open_world=True,
        ),
        _tool(
            "restart",
            "Restart",
            Restart,
            _restart,
            "Forget variables and imports, and end what runs in the background there. Files stay.",
            destructive=True,
            idempotent=True,
        ),
        _tool(
            "install_packages",
            "Install packages",
            InstallPackages,
            _install_packages,
            "Install packages in the sandbox: for Python, JavaScript and TypeScript in all"
            " sessions, for Java and Go in one, until `restart`. What was imported before keeps its"
            " version until then. Bash has none.",
            idempotent=True,
            open_world=True,
        ),
        _tool(
            "list_files",
            "List files",
            ListFiles,
            _list_files,
            f"List the files of a directory in the sandbox. {_RELATIVE}",
            read_only=True,
            idempotent=True,
        ),
        _tool(
            "read_file",
            "Read a file",
            ReadFile,
            _read_file,
            "Read a file of the sandbox: its text, piece by piece if it is long, or the picture"
            f" that it is. {_RELATIVE}",
            read_only=True,
            idempotent=True,
        ),
        _tool(
            "write_file",
            "Write a file",
            WriteFile,
            _write_file,
            f"Write a whole file in the sandbox; one of that name is replaced. {_RELATIVE}",
            destructive=True,
            idempotent=True,
        ),
    )
}


def definitions() -> Sequence[Tool]:
    """Return the definitions of all tools."""
    return [tool.definition for tool in _TOOLS.values()]


async def call(
    workspace: Workspace, name: str, arguments: dict[str, Any], tell: Tell
) -> CallToolResult:
    """Call a tool.

    Args:
        workspace: Where it works.
        name: The tool's name.
        arguments: Its arguments, as the client sent them.
        tell: Called with the progress of what takes long.

    Raises:
        UnknownToolError: There is no such tool.
    """
    tool = _TOOLS.get(name)
    if tool is None:
        raise UnknownToolError(f"there is no tool {name!r}; there are {', '.join(_TOOLS)}")
    try:
        wanted = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        return answers.of_problem("The arguments are not valid. " + "; ".join(problems))
    try:
        async with telling(tell) as hear:
            return await tool.work(workspace, wanted, hear)
    except SandboxException as error:  # of opensandbox and of this package
        return answers.of_problem(await _problem(workspace, error))


async def _problem(workspace: Workspace, error: SandboxException) -> str:
    words = answers.words_of(error)
    return f"{words.rstrip('.')}. {_GONE}" if await workspace.recover() else words
