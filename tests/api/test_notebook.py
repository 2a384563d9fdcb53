"""An Execution as the last line of a notebook's cell, in a real kernel of IPython's."""

from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

MADE = """
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter.events import Complete, Error, ErrorDetails, MimeBundle, Stderr, Stdout
builder = ExecutionBuilder(max_output=MAX)
for event in (
    Stdout(1, "one\\n"),
    MimeBundle(1, {"text/plain": "<Figure>", "image/png": "iVBORw0KGgo="}, True),
    Stderr(1, "two\\n"),
    MimeBundle(1, {"text/plain": "a", "text/html": "<b>a</b>"}, True),
    Stdout(1, "three\\n"),
    Error(1, ErrorDetails("ValueError", "no", ["\\033[31mValueError\\033[0m: no"])),
    Complete(1, 1),
):
    builder.take(event)
execution = builder.finish()
execution
"""


def outputs(client: Any, code: str) -> list[tuple[str, Any]]:
    """Run a cell; return what a notebook would show below it."""
    shown: list[tuple[str, Any]] = []

    def take(message: Any) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            shown.append((content["name"], content["text"]))
        elif kind in {"display_data", "execute_result"}:
            shown.append((kind, content["data"]))
        elif kind == "error":
            shown.append((kind, content["evalue"]))

    client.execute_interactive(code, output_hook=take, timeout=60)
    return shown


def test_it_shows_itself_whole_and_in_order() -> None:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        assert outputs(client, MADE.replace("MAX", "None")) == [
            ("stdout", "one\n"),
            ("display_data", {"text/plain": "<Figure>", "image/png": "iVBORw0KGgo="}),
            ("stderr", "two\n"),
            ("display_data", {"text/plain": "a", "text/html": "<b>a</b>"}),
            ("stdout", "three\n"),
            ("stderr", "\033[31mValueError\033[0m: no\n"),
        ]
        shown = outputs(client, "from code_interpreter import Execution\nExecution()")
        assert shown == []
        long = MADE.replace("MAX", "40").replace('"three', '"x" * 1000 + "three')
        text = "".join(said for kind, said in outputs(client, long) if kind == "stdout")
        assert "bytes of output left out" in text
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
