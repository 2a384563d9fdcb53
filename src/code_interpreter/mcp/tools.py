"""The tools: their definitions, and what each does with its arguments."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from mcp.types import CallToolResult, Tool, ToolAnnotations
from opensandbox.exceptions import SandboxException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from code_interpreter import CodeInterpreterError, tool_schema
from code_interpreter._call.code_context import LANGUAGES, checked_language
from code_interpreter.mcp import answers
from code_interpreter.mcp.workspace import Tell, Workspace

_SESSION: Final = "main"


class UnknownToolError(Exception):
    """There is no tool of this name."""


Language = Annotated[
    str, AfterValidator(checked_language), Field(json_schema_extra={"enum": list(LANGUAGES)})
]
Session = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="A name for the state that the code finds and leaves; each has its own.",
    ),
]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunCode(_Arguments):
    """Arguments of `run_code`."""

    language: Language = Field(description="The code's language.")
    code: str = Field(min_length=1, description="The code to run.")
    timeout: float = Field(
        default=120, gt=0, description="Seconds after which the code is stopped; its state stays."
    )
    session: Session = _SESSION


Work = Callable[[Workspace, Any, Tell], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class _Tool:
    definition: Tool
    arguments: type[BaseModel]
    work: Work


async def _run_code(workspace: Workspace, wanted: RunCode, tell: Tell) -> CallToolResult:
    try:
        execution = await workspace.run(
            wanted.code,
            language=wanted.language,
            session=wanted.session,
            timeout=wanted.timeout,
            tell=tell,
        )
    except CodeInterpreterError as error:
        if error.execution is None:
            raise
        return answers.of_run(error.execution, problem=str(error))
    return answers.of_run(execution)


def _tool(
    name: str,
    arguments: type[BaseModel],
    work: Work,
    description: str,
    annotations: ToolAnnotations,
) -> _Tool:
    schema = arguments.model_json_schema()
    del schema["title"], schema["description"]  # of the class: for readers of this file
    for argument in schema["properties"].values():
        del argument["title"]
    definition = Tool(
        name=name, description=description, input_schema=schema, annotations=annotations
    )
    return _Tool(definition, arguments, work)


_TOOLS: Final = {
    tool.definition.name: tool
    for tool in (
        _tool(
            "run_code",
            RunCode,
            _run_code,
            tool_schema("mcp")["description"],
            ToolAnnotations(
                title="Run code",
                read_only_hint=False,
                destructive_hint=True,
                idempotent_hint=False,
                open_world_hint=True,
            ),
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
        return await tool.work(workspace, wanted, tell)
    except SandboxException as error:  # of opensandbox and of this package
        return answers.of_problem(str(error) or type(error).__name__)
