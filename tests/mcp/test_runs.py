"""What an agent gets from code, over each transport, through the client of the SDK."""

import asyncio
import base64
import time

import pytest
from mcp import MCPError
from mcp.types import CallToolResult, ImageContent

from tests.mcp.agents import Agent, text_of

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# A picture of one pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
COUNT = """
import time
n = 0
print("counting", flush=True)
while True:
    n += 1
    time.sleep(0.01)
"""


def said(result: CallToolResult) -> str:
    """The text, which a model reads in either half."""
    assert result.structured_content is not None
    assert result.structured_content["text"] == text_of(result)
    return text_of(result)


def test_state_lasts_from_call_to_call_in_each_language_and_session(one: Agent) -> None:
    assert said(one.run("x = 41")).startswith("[The code ran without visible output")
    assert said(one.run("x + 1")) == "42"
    assert said(one.run("x=bash; echo $x", "bash")) == "bash"
    assert said(one.run("echo $x", "bash")) == "bash"
    other = one.run("x", session="other")
    assert "NameError: name 'x' is not defined" in said(other)
    assert said(one.run("x")) == "41"


def test_all_languages_work_in_one_directory(one: Agent) -> None:
    one.run("echo 7 > number.txt", "bash")
    assert said(one.run("int(open('number.txt').read()) * 6")) == "42"


def test_a_failure_of_the_code_is_a_result(one: Agent) -> None:
    result = one.run("print('before')\n1 / 0")
    assert not result.is_error
    assert said(result).startswith("before\nTraceback")
    assert result.structured_content is not None
    assert result.structured_content["outcome"] == "error"
    assert result.structured_content["error"] == {
        "name": "ZeroDivisionError",
        "value": "division by zero",
    }


def test_what_is_too_long_for_a_model_is_cut_and_said_in_both_halves(one: Agent) -> None:
    result = one.run("print('x' * 10**7)\nraise ValueError('\\x1b[31m' + 'y' * 10**7)")
    assert len(said(result)) <= 20_000
    assert "characters left out" in said(result)
    assert result.structured_content is not None
    value = result.structured_content["error"]["value"]
    assert value.startswith("yyy")
    assert "characters left out" in value
    assert len(value) <= 2_000


def test_time_that_is_up_is_a_result_and_the_state_stays(one: Agent) -> None:
    result = one.run(f"kept = 'kept'\nprint('so far', flush=True)\n{COUNT}", timeout=2)
    assert not result.is_error
    assert result.structured_content is not None
    assert result.structured_content["outcome"] == "timed_out"
    assert said(result).startswith("so far")
    assert "took longer than its time limit" in said(result)
    assert said(one.run("kept")) == "'kept'"


def test_a_picture_is_an_image_and_keeps_clients_from_hiding_it(one: Agent) -> None:
    result = one.run(
        "from IPython.display import Image\nimport base64\nprint('look:')\n"
        f"Image(base64.b64decode('{PNG}'))"
    )
    text, image = result.content
    assert text_of(result) == "look:"
    assert text.type == "text"
    assert isinstance(image, ImageContent)
    assert (image.mime_type, base64.b64decode(image.data)) == ("image/png", base64.b64decode(PNG))
    # Several clients would show their models this alone.
    assert result.structured_content is None
    assert result.meta is not None
    data = result.meta["opensandbox.code-interpreter/run"]
    assert data["outcome"] == "ok"
    assert data["text"] == "look:"


def test_arguments_that_are_not_valid_are_told_to_the_model(one: Agent) -> None:
    for arguments, words in (
        ({"language": "perl", "code": "1"}, "unknown language 'perl'"),
        ({"language": "python", "code": ""}, "code: "),
        ({"language": "python", "code": "1", "timeout": 0}, "timeout: "),
        ({"language": "python", "code": "1", "more": 1}, "more: "),
        ({}, "language: Field required; code: Field required"),
    ):
        result = one.call("run_code", **arguments)
        assert result.is_error
        assert words in text_of(result)


def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(one: Agent) -> None:
    with pytest.raises(MCPError, match="there is no tool 'run_coed'; there are run_code"):
        one.call("run_coed")


def test_progress_is_told_while_code_runs(one: Agent) -> None:
    heard: list[tuple[float, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        heard.append((progress, message))

    async def call() -> CallToolResult:
        code = (
            "import time\nfor i in range(4):\n    print('step', i, flush=True)\n    time.sleep(1)"
        )
        arguments = {"language": "python", "code": code}
        return await one.client.call_tool("run_code", arguments, progress_callback=on_progress)

    assert said(one.portal.call(call)) == "step 0\nstep 1\nstep 2\nstep 3"
    assert len(heard) >= 2
    assert heard == sorted(heard)
    assert all(message and message.startswith("step ") for _, message in heard)


async def counting(one: Agent, session: str) -> "asyncio.Task[CallToolResult]":
    """A call whose code runs, and would run for ever."""
    is_counting = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        assert (progress > 0, total) == (True, None)
        if message == "counting":
            is_counting.set()

    arguments = {"language": "python", "code": COUNT, "session": session}
    call = one.client.call_tool("run_code", arguments, progress_callback=on_progress)
    task = asyncio.create_task(call)
    await is_counting.wait()
    return task


def test_a_cancelled_call_stops_the_code_and_keeps_the_state(one: Agent) -> None:
    async def begin_and_cancel() -> None:
        task = await counting(one, "main")
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    one.portal.call(begin_and_cancel)
    counted = int(said(one.run("n")))
    assert counted > 0
    time.sleep(0.1)
    assert int(said(one.run("n"))) == counted


def test_definitions_say_what_each_tool_may_do(one: Agent) -> None:
    tools = {tool.name: tool for tool in one.portal.call(one.client.list_tools).tools}
    run = tools["run_code"]
    assert run.input_schema["required"] == ["language", "code"]
    assert run.input_schema["properties"]["language"]["enum"] == [
        "bash",
        "go",
        "java",
        "javascript",
        "python",
        "typescript",
    ]
    for tool in tools.values():
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.title
        hints = tool.annotations.model_dump(exclude={"title"})
        assert None not in hints.values()
        for argument in tool.input_schema["properties"].values():
            assert argument["description"]


def test_a_table_is_markdown_for_the_model_and_data_for_programs(one: Agent) -> None:
    frame = (
        "class Frame:\n"
        "    def _repr_html_(self):\n"
        '        return \'<table class="dataframe"><thead><tr><th></th><th>city</th><th>people</th>'
        "</tr></thead><tbody><tr><th>0</th><td>Bonn</td><td>330000</td></tr></tbody></table>'\n"
        "    def __repr__(self):\n"
        "        return 'city people'\n"
        "Frame()"
    )
    result = one.run(frame)
    assert "| 0 | Bonn | 330000 |" in said(result)
    assert result.structured_content is not None
    assert result.structured_content["tables"] == [
        {
            "columns": ["", "city", "people"],
            "rows": [["0", "Bonn", "330000"]],
            "shape": "1 row x 2 columns",
        }
    ]


def test_a_restart_ends_the_state_of_one_session_alone(one: Agent) -> None:
    for session in ("one", "two"):
        one.run("x = 1", session=session)
        one.run("x=1", "bash", session=session)
    answer = one.call("restart", session="one", language="python")
    assert text_of(answer) == "The state of python is gone. Files are still there."
    assert "NameError" in said(one.run("x", session="one"))
    assert said(one.run("echo $x", "bash", session="one")) == "1"
    assert said(one.run("x", session="two")) == "1"
    assert "bash, python is gone" in text_of(one.call("restart", session="two"))
    assert text_of(one.call("restart", session="two")) == "Nothing had state there."


def test_a_restart_ends_code_that_runs(one: Agent) -> None:
    async def both() -> list[CallToolResult]:
        task = await counting(one, "busy")
        arguments = {"language": "python", "session": "busy"}
        return [await one.client.call_tool("restart", arguments), await task]

    restarted, ran = one.portal.call(both)
    assert text_of(restarted).startswith("The state of python is gone")
    assert "the context was deleted while this ran" in said(ran)
    assert "NameError" in said(one.run("n", session="busy"))
