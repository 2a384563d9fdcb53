"""From bytes to an Execution: however they are written and cut, the events are what was sent."""

import json
from typing import Any

import pytest
from execd_client.streaming import FrameDecoder
from hypothesis import example, given
from hypothesis import strategies as st

from code_interpreter import events as e
from code_interpreter._call.code_context import CodeContext
from code_interpreter._call.plan import plan_run
from code_interpreter._errors import CodeInterpreterError, ProtocolError
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution
from code_interpreter._run.run import Run
from tests.support.replay import STREAMS

Fields = dict[str, Any]

PLAN = plan_run(
    "1",
    None,
    CodeContext(language="python"),
    timeout=None,
    idle_timeout=None,
    on_busy="queue",
    max_output=None,
)

text = st.one_of(
    st.text(), st.sampled_from(["a\n", "\u0085\u2028\x0b", "}{", "data: x", '"\\', "é😀"])
)
optional_text = st.one_of(st.none(), text)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
bundles = st.dictionaries(
    st.sampled_from(["text", "text/plain", "text/html", "image/png"]), st.text(max_size=5)
) | st.fixed_dictionaries({"application/json": json_values})
times = st.one_of(st.none(), st.integers(0, 2**53))


def an_event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Fields]:
    """An event with some of its fields: any of them can be missing."""
    return st.fixed_dictionaries({"type": st.just(kind)}, optional={**fields, "timestamp": times})


events = st.one_of(
    an_event("init", text=st.one_of(st.none(), st.text(max_size=8))),
    an_event("stdout", text=optional_text),
    an_event("stderr", text=optional_text),
    an_event("result", results=st.one_of(st.none(), bundles), display=st.booleans()),
    an_event(
        "result",
        results=bundles,
        display=st.just(True),  # hypothesis has it so
        display_id=st.sampled_from(["a", "b"]),
        update=st.booleans(),
    ),
    an_event("execution_count", execution_count=st.one_of(st.none(), st.integers(1, 99))),
    an_event("execution_complete", execution_time=st.one_of(st.none(), st.integers(0, 10**6))),
    an_event(
        "error",
        error=st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={
                    "ename": optional_text,
                    "evalue": optional_text,
                    "traceback": st.one_of(st.none(), st.lists(st.text(max_size=5), max_size=3)),
                },
            ),
        ),
    ),
)
noise = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b": a comment\n\n",
        b"event: message\n",
        b"id: 7\n",
        b"retry: 10\n\n",
        b'{"type":"ping","timestamp":1}\n\n',
        b'data: {"type":"ping"}\n\n',
        b'{"type":"status","text":"ok"}\n\n',
        b'{"type":"from the future","text":{"a":1}}\n\n',
    ]
)


@st.composite
def written(draw: st.DrawFn, fields: Fields) -> bytes:
    """An event in one of the spellings that servers use."""
    later: Fields = {"later": [1]} if draw(st.booleans()) else {}
    body = json.dumps({**fields, **later}, ensure_ascii=draw(st.booleans()))
    data = body.encode("utf-8", "surrogatepass")
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    spelling = draw(st.sampled_from(["bare", "line", "sse", "lines"]))
    if spelling == "bare":
        return data + end * 2
    if spelling == "line":
        return data + end
    if spelling == "sse":
        return b"data: " + data + end * 2
    middle = draw(st.sampled_from([1, len(data) - 1]))  # a line end inside of a string is none
    return b"data:" + data[:middle] + end + b"data:" + data[middle:] + end * 2


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Fields], list[bytes]]:
    """Some events, and the bytes of a stream of them, cut anywhere."""
    sent = draw(st.lists(events, max_size=12))
    pieces: list[bytes] = []
    for fields in sent:
        pieces += draw(st.lists(noise, max_size=2))
        pieces.append(draw(written(fields)))
    body = b"".join(pieces)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return sent, [body[i:j] for i, j in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def taken(chunks: list[bytes]) -> Run:
    """A run that has taken a body in, as far as it was good."""
    run = Run(PLAN, 0)
    decoder = FrameDecoder()
    for chunk in (*chunks, None):
        frames = decoder.finish() if chunk is None else decoder.feed(chunk)
        if frames and not is_broken(run):
            for event in run.take(frames, 0):
                run.builder.take(event)
    return run


def is_broken(run: Run) -> bool:
    try:
        run.check()
    except ProtocolError:
        return True
    return False


def folded(chunks: list[bytes]) -> Execution:
    """What a client makes of a body."""
    run = taken(chunks)
    run.check()
    return run.conclude()


def built(sent: list[Fields]) -> Execution:
    """What the events are when nothing is written or read."""
    builder = ExecutionBuilder()
    kinds: dict[str, Any] = {
        "init": e.Init,
        "stdout": e.Stdout,
        "stderr": e.Stderr,
        "result": e.MimeBundle,
        "execution_count": e.ExecutionCount,
        "execution_complete": e.Complete,
        "error": e.Error,
    }
    renamed = {("init", "text"): "id", ("execution_count", "execution_count"): "count"}
    for fields in sent:
        kind = fields["type"]
        values = {renamed.get((kind, k), k): v for k, v in fields.items() if k != "type"}
        if values.get("error") is not None:
            values["error"] = e.ErrorDetails(**values["error"])
        builder.take(kinds[kind](**values))
    return builder.finish()


def outcome(make: Any, *arguments: Any) -> Any:
    try:
        return make(*arguments).model_dump()
    except CodeInterpreterError as error:
        return type(error)


# A stream is made of many small choices; on a busy machine that can take its time.
@given(streams())
def test_a_stream_folds_to_what_was_sent(stream: tuple[list[Fields], list[bytes]]) -> None:
    sent, chunks = stream
    assert outcome(folded, chunks) == outcome(built, sent)


@given(st.lists(st.binary(max_size=80), max_size=8))
@example([b'{"type":"stdout","text":"a"}\n\n{"type":"stdout"', b"\n\n"])
@example([b"[" * 100_000])
@example([b'{"type":"stdout","text":1}\n'])
@example([b'{"type":"result","results":[]}\n'])
@example([b'{"type":"error","error":"text"}\n'])
@example([b'data: {"type":\ndata: "ping"}\n\n'])
@example([b'{"type":"ping"', b',"timestamp":1}'])
@example([b'{"type":"ping"\n,"timestamp":1}\n'])
def test_arbitrary_bytes_are_events_or_a_protocol_error(chunks: list[bytes]) -> None:
    is_broken(taken(chunks))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 30])
@pytest.mark.parametrize("name", sorted(path.stem for path in STREAMS.glob("*.json")))
@pytest.mark.filterwarnings("ignore::code_interpreter.OutputLostWarning")
def test_a_recording_folds_to_what_it_holds_however_it_is_cut(name: str, size: int) -> None:
    expected = json.loads((STREAMS / f"{name}.json").read_text())["expected"]
    body = (STREAMS / f"{name}.stream").read_bytes()
    if size < 4096 < len(body) // 50:
        pytest.skip("a large body in tiny pieces takes minutes")
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    run = taken(chunks)
    assert not is_broken(run)
    execution = run.execution
    assert execution.output_lost is expected["output_lost"]
    assert [result.text for result in execution.result] == [
        result.get("text", "") for result in expected["results"]
    ]
    assert (run.refusal is not None) == (expected["error_object"] is not None)
    if expected["outcome"] in {"ok", "error"}:
        outcome = str(run.conclude().outcome)
        assert outcome == expected["outcome"] or (
            outcome == "interrupted" and expected["error"]["ename"] == "KeyboardInterrupt"
        )
