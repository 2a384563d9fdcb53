"""Parts as the content blocks of models' APIs, and the definition of a tool that runs code.

A tool's result and a user's message take the same blocks, with two exceptions, for which
`images=False` leaves words in the place of pictures: OpenAI's chat messages of the role `tool`, and
Anthropic's tool results with `is_error`.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from code_interpreter._call.code_context import LANGUAGES, checked_language
from code_interpreter._errors import InvalidArgumentError
from code_interpreter._output.parts import ImagePart, Part

OpenAIForm = Literal["responses", "chat"]
Protocol = Literal["anthropic", "openai", "mcp"]

_DESCRIPTION: Final = (
    "Run code in a sandbox, and get back what it printed and showed: output, the value of the last"
    " expression, tables, pictures, and the error if it failed. Variables, imports and files last"
    " from call to call; each language has its own variables."
)


def to_anthropic(parts: Sequence[Part], *, images: bool = True) -> list[dict[str, Any]]:
    """Return parts as content blocks of Anthropic's Messages API.

    Args:
        parts: What `Execution.render` gave.
        images: False for a tool result with `is_error`, where only text may be: words take the
            place of pictures.
    """
    return [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": part.mime_type, "data": _base64(part)},
        }
        if isinstance(part, ImagePart) and images
        else {"type": "text", "text": _words(part)}
        for part in parts
    ]


def to_openai(
    parts: Sequence[Part], form: OpenAIForm = "responses", *, images: bool = True
) -> list[dict[str, Any]]:
    """Return parts as content of OpenAI's APIs.

    Args:
        parts: What `Execution.render` gave.
        form: `"responses"` for the `output` of a function call and for messages of the Responses
            API, `"chat"` for messages of Chat Completions.
        images: False for a chat message of the role `tool`, where only text may be: words take the
            place of pictures, which a message of the role `user` can bring.

    Raises:
        InvalidArgumentError: There is no such form.
    """
    _check("form", form, get_args(OpenAIForm))
    chat = form == "chat"
    blocks: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, ImagePart) and images:
            url = f"data:{part.mime_type};base64,{_base64(part)}"
            blocks.append(
                {"type": "image_url", "image_url": {"url": url}}
                if chat
                else {"type": "input_image", "image_url": url, "detail": "auto"}
            )
        else:
            blocks.append({"type": "text" if chat else "input_text", "text": _words(part)})
    return blocks


def to_mcp(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return parts as the `content` of a tool's result in the Model Context Protocol.

    Args:
        parts: What `Execution.render` gave.
    """
    return [
        {"type": "image", "data": _base64(part), "mimeType": part.mime_type}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part.text}
        for part in parts
    ]


def tool_schema(
    protocol: Protocol,
    form: OpenAIForm = "responses",
    *,
    languages: Sequence[str] = LANGUAGES,
    name: str = "run_code",
) -> dict[str, Any]:
    """Return the definition of a tool whose arguments are those of `codes.run`.

    Args:
        protocol: Whose: `"anthropic"`, `"openai"` or `"mcp"`.
        form: The API of OpenAI, as for `to_openai`.
        languages: Those that the model may choose from; all by default.
        name: The tool's name.

    Raises:
        InvalidArgumentError: The protocol, the form or a language is unknown, or there is none.
    """
    _check("protocol", protocol, get_args(Protocol))
    _check("form", form, get_args(OpenAIForm))
    choices = [] if isinstance(languages, str) else [checked_language(lang) for lang in languages]
    if not choices:
        raise InvalidArgumentError(f"languages must be a sequence of names; got {languages!r}")
    schema = {
        "type": "object",
        "properties": {
            "language": {"type": "string", "enum": choices, "description": "The code's language."},
            "code": {"type": "string", "description": "The code to run."},
        },
        "required": ["language", "code"],
        "additionalProperties": False,
    }
    common = {"name": name, "description": _DESCRIPTION}
    if protocol == "anthropic":
        return {**common, "input_schema": schema}
    if protocol == "mcp":
        return {**common, "inputSchema": schema}
    function = {**common, "parameters": schema, "strict": True}
    return {"type": "function", **({"function": function} if form == "chat" else function)}


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidArgumentError(f"{name} must be one of {', '.join(choices)}; got {value!r}")


def _base64(part: ImagePart) -> str:
    return base64.b64encode(part.data).decode("ascii")


def _words(part: Part) -> str:
    if isinstance(part, ImagePart):
        return f"[A picture of {part.width} x {part.height} pixels, not shown here]"
    return part.text
