"""What happened, as the result of a tool.

A failure of the code is a result like any other. `isError` is for what failed around the code, and
for arguments that are not valid, so that the model reads why.

What must stay true: a model reads all text that there is, whichever half of a result its client
shows it. Several (Claude Code, VS Code, Codex) show nothing but the structured content where there
is any. So it has the text too, and a result with pictures, which it cannot hold, has none: what it
would say is in `_meta` then, for programs.
"""

from typing import Any, Final

from mcp.types import CallToolResult

from code_interpreter import Execution, TextPart, to_mcp

META: Final = "opensandbox.code-interpreter/run"
"""Where a result with pictures has what would be its structured content."""


def of_run(execution: Execution, problem: str = "") -> CallToolResult:
    """Return the result for a run.

    Args:
        execution: The run.
        problem: What failed around the code; nothing by default.
    """
    parts = execution.render()
    if problem:
        parts.append(TextPart(f"[{problem}]"))
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    error = execution.error
    data: dict[str, Any] = {
        "outcome": execution.outcome.value if execution.outcome else None,
        "text": "\n".join(texts),
        "error": {"name": error.name, "value": error.value} if error else None,
    }
    where = "structuredContent" if len(texts) == len(parts) else "_meta"
    return CallToolResult.model_validate(
        {
            "content": to_mcp(parts),
            where: data if where == "structuredContent" else {META: data},
            "isError": bool(problem),
        }
    )


def of_text(text: str) -> CallToolResult:
    """Return the result for something that went well."""
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}]})


def of_problem(problem: str) -> CallToolResult:
    """Return the result for something that failed around the code."""
    content = [{"type": "text", "text": problem}]
    return CallToolResult.model_validate({"content": content, "isError": True})
