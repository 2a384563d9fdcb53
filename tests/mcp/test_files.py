"""Files of the sandbox: by tools, for models, and as resources, for programs."""

import base64

import pytest
from mcp import MCPError
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    ImageContent,
    ResourceLink,
    TextResourceContents,
)

from tests.mcp.agents import Agent, text_of
from tests.mcp.test_runs import PNG

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


def links(result: CallToolResult) -> list[ResourceLink]:
    return [block for block in result.content if isinstance(block, ResourceLink)]


def test_files_that_a_run_made_or_changed_are_links_that_can_be_read(one: Agent) -> None:
    result = one.run(
        "import os\nos.mkdir('out')\nopen('out/a b.csv', 'w').write('x\\n1\\n')\n"
        "open('raw.bin', 'wb').write(b'\\xff\\x00')\nopen('.hidden', 'w').close()"
    )
    found = {link.name: link for link in links(result)}
    assert found.keys() == {"a b.csv", "raw.bin"}
    assert (found["a b.csv"].mime_type, found["a b.csv"].size) == ("text/csv", 4)
    assert result.structured_content is not None
    assert [file["size"] for file in result.structured_content["files"]] == [4, 2]
    (text,) = one.portal.call(one.client.read_resource, found["a b.csv"].uri).contents
    assert isinstance(text, TextResourceContents)
    assert (text.text, text.mime_type) == ("x\n1\n", "text/csv")
    (blob,) = one.portal.call(one.client.read_resource, found["raw.bin"].uri).contents
    assert isinstance(blob, BlobResourceContents)
    assert base64.b64decode(blob.blob) == b"\xff\x00"
    # Nothing was written since.
    assert links(one.run("1 + 1")) == []
    assert [link.name for link in links(one.run("echo 2 >> 'out/a b.csv'", "bash"))] == ["a b.csv"]


def test_resources_are_listed(one: Agent) -> None:
    one.run("open('listed.txt', 'w').write('hello')")
    listed = one.portal.call(one.client.list_resources).resources
    assert {file.name: file.size for file in listed}["listed.txt"] == 5
    (template,) = one.portal.call(one.client.list_resource_templates).resource_templates
    assert template.uri_template == "sandbox://{+path}"


@pytest.mark.parametrize("uri", ["sandbox:///sandbox/none", "file:///etc/passwd", "sandbox:"])
def test_a_resource_that_there_is_not_is_an_error_of_the_protocol(one: Agent, uri: str) -> None:
    with pytest.raises(MCPError):
        one.portal.call(one.client.read_resource, uri)


def test_what_is_written_is_read_by_code_and_by_the_tool(one: Agent) -> None:
    text = "eins\nzwei ü\n"
    answer = one.call("write_file", path="deep/er/text.txt", content=text)
    assert text_of(answer).startswith("Wrote 13 bytes to /")
    assert text_of(one.run("print(open('deep/er/text.txt').read(), end='')")) == text.rstrip()
    assert text_of(one.call("read_file", path="deep/er/text.txt")) == text
    # A file that the client wrote itself is no news to it.
    assert links(one.run("1")) == []
    binary = base64.b64encode(b"\x00\xff").decode()
    one.call("write_file", path="two.bin", content=binary, encoding="base64")
    assert text_of(one.run("open('two.bin', 'rb').read()")) == r"b'\x00\xff'"
    assert "[2 bytes that are not text" in text_of(one.call("read_file", path="two.bin"))
    one.call("write_file", path="empty", content="")
    assert text_of(one.call("read_file", path="empty")) == "[The file is empty.]"


def test_a_long_file_is_read_in_pieces_that_are_the_whole(one: Agent) -> None:
    one.run("open('long.txt', 'w').write(''.join(f'{i} ü\\n' for i in range(20_000)))")
    one.run("open('line.txt', 'w').write('ü' * 40_000 + 'x')")
    for name, whole in (
        ("long.txt", "".join(f"{i} ü\n" for i in range(20_000))),
        ("line.txt", "ü" * 40_000 + "x"),
    ):
        pieces: list[str] = []
        offset: int | None = 0
        while offset is not None:
            text = text_of(one.call("read_file", path=name, offset=offset))
            piece, _, note = text.rpartition("\n[Bytes ")
            pieces.append(piece)
            offset = int(note.partition("offset=")[2].rstrip(".]")) if "offset=" in note else None
        assert len(pieces) > 1
        assert "".join(pieces) == whole
    beyond = one.call("read_file", path="line.txt", offset=80_001)
    assert beyond.is_error
    assert "beyond the end" in text_of(beyond)


def test_a_picture_is_read_as_a_picture(one: Agent) -> None:
    one.call("write_file", path="dot.png", content=PNG, encoding="base64")
    (image,) = one.call("read_file", path="dot.png").content
    assert isinstance(image, ImageContent)
    assert image.data == PNG
    one.call("write_file", path="not.png", content="words")
    assert text_of(one.call("read_file", path="not.png")) == "words"


def test_a_directory_is_listed_with_sizes(one: Agent) -> None:
    one.call("write_file", path="tree/a.txt", content="1")
    one.call("write_file", path="tree/sub/b.txt", content="22")
    assert text_of(one.call("list_files", path="tree")).splitlines()[1:] == [
        "a.txt  1 bytes",
        "sub/",
    ]
    assert text_of(one.call("list_files", path="tree", depth=2)).splitlines()[1:] == [
        "a.txt  1 bytes",
        "sub/",
        "sub/b.txt  2 bytes",
    ]
    one.run("import os\nos.makedirs('bare')")
    assert text_of(one.call("list_files", path="bare")).endswith("bare:\n[It is empty.]")


def test_what_cannot_be_is_told_to_the_model(one: Agent) -> None:
    for tool, arguments, words in (
        ("read_file", {"path": "none.txt"}, "none.txt"),
        ("list_files", {"path": "none"}, "none"),
        ("read_file", {"path": ""}, "path: "),
        ("write_file", {"path": "x", "content": "?", "encoding": "base64"}, "not base64"),
        ("write_file", {"path": "/usr/x", "content": "?"}, "read-only file system"),
    ):
        result = one.call(tool, **arguments)
        assert result.is_error, tool
        assert words in text_of(result)
