"""What happened, as the result of a tool.

A failure of the code is a result like any other. `isError` is for what failed around the code, and
for arguments that are not valid, so that the model reads why.

What must stay true: a model reads all text that there is, whichever half of a result its client
shows it. Several (Claude Code, VS Code, Codex) show nothing but the structured content where there
is any. So it has the text too, and a result with pictures, which it cannot hold, has none: what it
would say is in `_meta` then, for programs.
"""

import base64
import codecs
import mimetypes
import posixpath
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    ReadResourceResult,
    Resource,
    TextResourceContents,
)
from opensandbox.exceptions import SandboxException
from opensandbox.models.filesystem import EntryInfo

from code_interpreter import CodeInterpreterError, Execution, ImagePart, TextPart, to_mcp
from code_interpreter._render import forms
from code_interpreter._render.images import picture
from code_interpreter._render.text import clipped

META: Final = "opensandbox.code-interpreter/run"
"""Where a result with pictures has what would be its structured content."""
PIXELS: Final = 1568  # of a picture's longer side
READ: Final = 50_000  # bytes of a file in one answer
_ERROR: Final = 2_000  # characters of an error's value
_TABLES: Final = 4
_LINKS: Final = 20
_ENTRIES: Final = 500
_SCHEME: Final = "sandbox"
TEMPLATE: Final = f"{_SCHEME}://{{+path}}"
"""What URIs of files look like (RFC 6570)."""


def of_run(
    execution: Execution, *, files: Sequence[EntryInfo] = (), problem: str = ""
) -> CallToolResult:
    """Return the result for a run.

    Args:
        execution: The run.
        files: Those that it made or changed.
        problem: What failed around the code; nothing by default.
    """
    parts = execution.render()
    if len(files) > _LINKS:
        parts.append(TextPart(f"[It made or changed {len(files)} files; {_LINKS} of them follow.]"))
    if problem:
        parts.append(TextPart(f"[{problem}]"))
    links = [resource(entry) for entry in files[:_LINKS]]
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    error = execution.error
    tables = (table for result in execution.result for table in forms.tables_of(result))
    data: dict[str, Any] = {
        "outcome": execution.outcome.value if execution.outcome else None,
        "text": "\n".join(texts),
        "error": {"name": _short(error.name), "value": _short(error.value)} if error else None,
        "tables": [table.data() for table in islice(tables, _TABLES)],
        "files": [{"path": file.path, "size": file.size} for file in files[:_LINKS]],
    }
    shown = {"structuredContent": data} if len(texts) == len(parts) else {"_meta": {META: data}}
    return CallToolResult.model_validate(
        {
            "content": [*to_mcp(parts), *map(_link, links)],
            **shown,
            "isError": bool(problem),
        }
    )


def _short(text: str) -> str:
    return clipped(text, _ERROR).removesuffix("\n")


def resource(entry: EntryInfo) -> Resource:
    """Return a file as what a client can read by its URI."""
    return Resource(
        uri=f"{_SCHEME}://{quote(entry.path)}",
        name=posixpath.basename(entry.path),
        mime_type=kind_of(entry.path),
        size=entry.size,
    )


def _link(file: Resource) -> dict[str, Any]:
    return {"type": "resource_link", **file.model_dump(by_alias=True, exclude_none=True)}


def of_resource(uri: str, content: bytes) -> ReadResourceResult:
    """Return the content of a file: text if it is text."""
    kind = kind_of(uri)
    try:
        text = TextResourceContents(uri=uri, mime_type=kind or "text/plain", text=content.decode())
    except UnicodeDecodeError:
        blob = base64.b64encode(content).decode("ascii")
        return ReadResourceResult(
            contents=[BlobResourceContents(uri=uri, mime_type=kind, blob=blob)]
        )
    return ReadResourceResult(contents=[text])


def path_of(uri: str) -> str | None:
    """Return the path that a URI of `resource` stands for; None if it is another URI."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == _SCHEME and parts.path else None


def kind_of(path: str) -> str | None:
    """Return the MIME type that a file's name tells."""
    return mimetypes.guess_type(path)[0]


def of_text(text: str) -> CallToolResult:
    """Return the result for something that went well."""
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}]})


def of_problem(problem: str) -> CallToolResult:
    """Return the result for something that failed around the code."""
    content = [{"type": "text", "text": problem}]
    return CallToolResult.model_validate({"content": content, "isError": True})


def words_of(error: SandboxException) -> str:
    """Return what an error says, in the server's own words where they came from there."""
    is_ours = isinstance(error, CodeInterpreterError)
    return (not is_ours and error.error.message) or str(error) or type(error).__name__


def of_entries(entries: Sequence[EntryInfo], directory: str) -> CallToolResult:
    """Return the result for what is in a directory.

    Args:
        entries: What is in it.
        directory: Its path, absolute.
    """
    lines = [f"{directory}:"]
    for entry in entries[:_ENTRIES]:
        name = posixpath.relpath(entry.path, directory)
        is_file = entry.entry_type == "file"
        lines.append(f"{name}  {entry.size:,} bytes" if is_file else f"{name}/")
    if len(entries) > _ENTRIES:
        lines.append(f"[... and {len(entries) - _ENTRIES:,} more]")
    return of_text("\n".join(lines if entries else [*lines, "[It is empty.]"]))


def of_picture(content: bytes) -> CallToolResult | None:
    """Return the result for a file that is a picture; None if it is none that models can see."""
    shown = picture(base64.b64encode(content).decode("ascii"), PIXELS)
    if isinstance(shown, ImagePart):
        return CallToolResult.model_validate({"content": to_mcp([shown])})
    return of_text(shown.strip()) if shown else None


def of_file(content: bytes, *, offset: int, size: int) -> CallToolResult:
    """Return the result for a piece of a file.

    Args:
        content: The piece, `READ` bytes at most.
        offset: Where it begins.
        size: Bytes of the whole file.
    """
    is_end = offset + len(content) >= size
    if not is_end:  # the next piece begins with a line, or at least with a character
        content = content[: content.rfind(b"\n") + 1] or content
    try:
        text, length = codecs.utf_8_decode(content, "strict", is_end)
    except UnicodeDecodeError:
        text, length = "\0", 0
    if "\0" in text:
        return of_text(f"[{size:,} bytes that are not text. run_code can look into them.]")
    end = offset + length
    if offset or end < size:
        rest = f" Go on with offset={end}." if end < size else ""
        text += f"\n[Bytes {offset:,} to {end:,} of {size:,}.{rest}]"
    return of_text(text or "[The file is empty.]")
