"""`max_output` keeps the head and the tail, and counts what it leaves out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opensandbox.models.execd import OutputMessage

from code_interpreter import events as e
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution, Outcome
from code_interpreter._output.window import PICTURES

texts = st.lists(st.text(alphabet="abcdé€😀", max_size=12), max_size=30)


def kept(chunks: list[str], limit: int) -> Execution:
    builder = ExecutionBuilder(max_output=limit)
    for chunk in chunks:
        builder.take(e.Stdout(1, chunk))
    builder.take(e.Complete(1, 1))
    return builder.finish()


def joined(execution: Execution) -> str:
    return "".join(message.text for message in execution.logs.stdout)


def size(text: str) -> int:
    return len(text.encode())


@given(texts, st.integers(0, 200))
def test_what_fits_is_kept_whole(chunks: list[str], limit: int) -> None:
    text = "".join(chunks)
    execution = kept(chunks, limit)
    if size(text) <= limit:
        assert joined(execution) == text
        assert (execution.truncated, execution.omitted_bytes) == (False, 0)
        assert execution.text == text.rstrip("\n")
    else:
        assert execution.truncated


@given(texts, st.integers(0, 100))
def test_head_and_tail_are_kept_and_the_rest_is_counted(chunks: list[str], limit: int) -> None:
    text = "".join(chunks)
    execution = kept(chunks, limit)
    left = joined(execution)
    assert size(left) <= limit
    assert size(left) + execution.omitted_bytes == size(text)
    if execution.truncated:
        # A character that the cut would split is left out: up to three bytes at each edge.
        assert size(left) >= limit - 6
        omitted = text.encode()
        head = next(n for n in range(len(left), -1, -1) if text.startswith(left[:n]))
        assert text.endswith(left[head:]) or omitted
        assert size(left[:head]) >= min(limit // 2 - 3, size(text))
        assert f"[... {execution.omitted_bytes} bytes of output left out ...]" in execution.text


def test_one_large_chunk_is_cut_in_the_middle() -> None:
    execution = kept(["0123456789"], 4)
    assert joined(execution) == "0189"
    assert execution.omitted_bytes == 6
    assert execution.text == "01\n[... 6 bytes of output left out ...]\n89"


def test_nothing_at_all_can_be_kept() -> None:
    execution = kept(["abc", "def"], 0)
    assert execution.outputs == []
    assert execution.omitted_bytes == 6
    assert execution.text == "[... 6 bytes of output left out ...]"


def test_results_count_with_all_their_forms_and_are_left_out_whole() -> None:
    builder = ExecutionBuilder(max_output=20)
    builder.take(e.Stdout(1, "0123456789"))
    builder.take(e.MimeBundle(2, {"text": "abcde", "text/html": "x" * 50}))
    builder.take(e.Stderr(3, "end"))
    builder.take(e.Complete(4, 1))
    execution = builder.finish()
    assert [output.text for output in execution.outputs] == ["0123456789", "end"]
    assert execution.result == []
    assert execution.omitted_bytes == 55
    assert [message.text for message in execution.logs.stderr] == ["end"]


def test_a_display_in_the_tail_is_updated() -> None:
    builder = ExecutionBuilder(max_output=10)
    builder.take(e.Stdout(1, "01234"))
    builder.take(e.MimeBundle(2, {"text": "a"}, display=True, display_id="d"))
    builder.take(e.MimeBundle(3, {"text": "b"}, display=True, display_id="d", update=True))
    builder.settle(Outcome.STREAM_LOST)
    assert [result.text for result in builder.execution.result] == ["b"]


def test_what_has_arrived_is_there_after_a_failure() -> None:
    builder = ExecutionBuilder(max_output=4)
    for text in "abcdef":
        builder.take(e.Stdout(1, text))
    builder.settle(Outcome.STREAM_LOST)
    assert joined(builder.execution) == "abef"
    assert isinstance(builder.execution.outputs[0], OutputMessage)


def test_pictures_have_a_room_of_their_own() -> None:
    builder = ExecutionBuilder(max_output=10)
    plot = {"text": "<Figure size 640x480 with 1 Axes>", "image/png": "x" * 100_000}
    builder.take(e.Stdout(1, "0123"))
    builder.take(e.MimeBundle(2, {**plot, "text": ""}, display=True))
    builder.take(e.Complete(3, 1))
    execution = builder.finish()
    assert execution.result[0].mime["image/png"] == "x" * 100_000
    assert not execution.truncated
    assert execution.text == "0123"


def test_pictures_are_bounded_too_and_what_is_left_out_is_counted() -> None:
    builder = ExecutionBuilder(max_output=1000)
    picture = "x" * (PICTURES // 2)
    for n in range(3):
        builder.take(e.MimeBundle(n, {"text": f"plot {n}", "image/png": picture}, display=True))
    builder.take(e.Complete(3, 1))
    execution = builder.finish()
    assert ["image/png" in result.mime for result in execution.result] == [True, True, False]
    assert ["image/png" in result.extra_properties for result in execution.result][-1] is False
    assert execution.text == "plot 0\nplot 1\nplot 2"
    assert execution.truncated
    assert execution.omitted_bytes == len(picture)


@pytest.mark.parametrize("limit", [0, 1, 1000])
def test_an_error_is_bounded_too(limit: int) -> None:
    builder = ExecutionBuilder(max_output=limit)
    value = "a" * 5000 + "z"
    builder.take(e.Error(1, e.ErrorDetails("ValueError", value, ["line"] * 5000 + [value])))
    execution = builder.finish()
    error = execution.error
    assert error is not None
    assert error.name == "ValueError"
    assert f"[... {5001 - limit} bytes left out ...]" in error.value
    assert len(error.value) < limit + 50
    assert len("\n".join(error.traceback)) < limit + 50
    if limit:
        assert error.value[-1] == error.traceback[-1][-1] == "z"
    assert execution.truncated
    assert execution.omitted_bytes == 5001 - limit + 5 * 5000 + 5001 - limit
    assert execution.text == ""


def test_an_error_is_whole_where_no_bound_was_asked_for() -> None:
    builder = ExecutionBuilder()
    builder.take(e.Error(1, e.ErrorDetails("FinalAnswer", "x" * 5_000_000, ["t"])))
    error = builder.finish().error
    assert error is not None
    assert len(error.value) == 5_000_000


def test_what_was_cleared_does_not_count() -> None:
    builder = ExecutionBuilder(max_output=10)
    for n in range(100):
        builder.take(e.Stdout(1, f"step {n}\n"))
        builder.take(e.ClearOutput(1, wait=True))
    builder.take(e.Stdout(1, "done"))
    builder.take(e.Complete(1, 1))
    execution = builder.finish()
    assert execution.text == "done"
    assert not execution.truncated
