"""Content blocks and tools are what the models' APIs document, as plain JSON."""

import base64
import inspect
import json
from typing import Any

import pytest

import code_interpreter as ci
from code_interpreter import CodesSync, ImagePart, TextPart
from code_interpreter._call.code_context import LANGUAGES

DATA = b"\x89PNG and so on"
BASE64 = base64.b64encode(DATA).decode()
PARTS: list[ImagePart | TextPart] = [TextPart("a\n4"), ImagePart(DATA, "image/png", 64, 48)]
WORDS = "[A picture of 64 x 48 pixels, not shown here]"


def test_blocks_of_anthropic() -> None:
    text = {"type": "text", "text": "a\n4"}
    source = {"type": "base64", "media_type": "image/png", "data": BASE64}
    assert ci.to_anthropic(PARTS) == [text, {"type": "image", "source": source}]
    assert ci.to_anthropic(PARTS, images=False) == [text, {"type": "text", "text": WORDS}]


def test_blocks_of_openais_responses() -> None:
    text = {"type": "input_text", "text": "a\n4"}
    url = f"data:image/png;base64,{BASE64}"
    image = {"type": "input_image", "image_url": url, "detail": "auto"}
    assert ci.to_openai(PARTS) == ci.to_openai(PARTS, "responses") == [text, image]
    words = {"type": "input_text", "text": WORDS}
    assert ci.to_openai(PARTS, images=False) == [text, words]


def test_blocks_of_openais_chat() -> None:
    text = {"type": "text", "text": "a\n4"}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}}
    assert ci.to_openai(PARTS, "chat") == [text, image]
    words = {"type": "text", "text": WORDS}
    assert ci.to_openai(PARTS, "chat", images=False) == [text, words]


def test_blocks_of_mcp() -> None:
    assert ci.to_mcp(PARTS) == [
        {"type": "text", "text": "a\n4"},
        {"type": "image", "data": BASE64, "mimeType": "image/png"},
    ]


def tools() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each form of the tool: what names it, and its schema."""
    anthropic = ci.tool_schema("anthropic")
    responses = ci.tool_schema("openai")
    chat = ci.tool_schema("openai", "chat")
    mcp = ci.tool_schema("mcp")
    assert set(anthropic) == {"name", "description", "input_schema"}
    assert set(responses) == {"type", "name", "description", "parameters", "strict"}
    assert set(chat) == {"type", "function"}
    assert set(chat["function"]) == {"name", "description", "parameters", "strict"}
    assert (responses["type"], chat["type"]) == ("function", "function")
    assert set(mcp) == {"name", "description", "inputSchema"}
    return [
        (anthropic, anthropic["input_schema"]),
        (responses, responses["parameters"]),
        (chat["function"], chat["function"]["parameters"]),
        (mcp, mcp["inputSchema"]),
    ]


@pytest.mark.parametrize(("tool", "schema"), tools())
def test_a_tool_takes_the_arguments_of_a_run(tool: dict[str, Any], schema: dict[str, Any]) -> None:
    assert json.loads(json.dumps(tool)) == tool
    assert tool["name"] == "run_code"
    assert schema["properties"]["language"]["enum"] == list(LANGUAGES)
    assert set(schema["properties"]) <= set(inspect.signature(CodesSync.run).parameters)


def test_a_strict_tool_requires_all_of_its_arguments_and_no_others() -> None:
    schema = ci.tool_schema("openai")["parameters"]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False


def test_a_tool_can_have_another_name_and_fewer_languages() -> None:
    tool = ci.tool_schema("anthropic", name="python", languages=["py", "node"])
    assert tool["name"] == "python"
    assert tool["input_schema"]["properties"]["language"]["enum"] == ["python", "javascript"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: ci.tool_schema("claude"), "protocol"),  # type: ignore[arg-type]
        (lambda: ci.tool_schema("openai", "assistants"), "form"),  # type: ignore[arg-type]
        (lambda: ci.to_openai(PARTS, "assistants"), "form"),  # type: ignore[arg-type]
        (lambda: ci.tool_schema("mcp", languages=["cobol"]), "cobol"),
        (lambda: ci.tool_schema("mcp", languages=[]), "languages"),
        (lambda: ci.tool_schema("mcp", languages="python"), "languages"),
    ],
)
def test_what_is_unknown_is_refused(call: Any, named: str) -> None:
    with pytest.raises(ci.InvalidArgumentError, match=named):
        call()
