"""One JSON frame becomes one typed event, whatever is missing, null, new or odd in it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter import events as _events
from code_interpreter._errors import ProtocolError
from code_interpreter._wire.decode import decode


def frame(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_each_type_of_event_has_its_own_class() -> None:
    assert decode(frame(type="init", text="run-1", timestamp=5)) == _events.Init(5, "run-1")
    assert decode(frame(type="stdout", text="a\n", timestamp=5)) == _events.Stdout(5, "a\n")
    assert decode(frame(type="stderr", text="b", timestamp=5)) == _events.Stderr(5, "b")
    assert decode(frame(type="execution_count", execution_count=3)) == _events.ExecutionCount(
        None, 3
    )
    assert decode(frame(type="execution_complete", execution_time=12)) == _events.Complete(None, 12)
    assert decode(frame(type="status", text="error")) == _events.Status(None, "error")
    assert decode(frame(type="ping", text="pong")) == _events.Ping()
    assert decode(frame(type="result", results={"text": "4"})) == _events.MimeBundle(
        None, {"text": "4"}
    )
    assert decode(
        frame(type="error", error={"ename": "E", "evalue": "v", "traceback": ["t"]})
    ) == _events.Error(None, _events.ErrorDetails("E", "v", ["t"]))


@pytest.mark.parametrize(
    "kind",
    ["init", "stdout", "stderr", "result", "error", "execution_count", "execution_complete"],
)
def test_every_field_may_be_missing_or_null(kind: str) -> None:
    names = ["text", "timestamp", "execution_count", "execution_time", "results", "error"]
    missing = decode(frame(type=kind))
    null = decode(frame(type=kind, **dict.fromkeys(names)))
    assert missing == null


def test_a_null_traceback_is_real() -> None:
    event = decode(b'{"type":"error","error":{"ename":"E","evalue":"v","traceback":null}}')
    assert event == _events.Error(None, _events.ErrorDetails("E", "v", None))


def test_unknown_fields_do_no_harm() -> None:
    assert decode(frame(type="stdout", text="a", novel={"x": [1]})) == _events.Stdout(None, "a")


def test_unknown_types_do_no_harm() -> None:
    assert decode(frame(type="telemetry", text="a")) == _events.Unknown("telemetry")


def test_an_error_object_is_told_from_an_event() -> None:
    assert decode(frame(code="RUNTIME_ERROR", message="busy")) == _events.ErrorObject(
        "RUNTIME_ERROR", "busy"
    )


def test_a_lone_surrogate_is_text_like_any_other() -> None:
    # msgspec refuses what Node and Python can print.
    assert decode(rb'{"type":"stdout","text":"\ud800!"}') == _events.Stdout(None, "\ud800!")


def test_what_json_of_python_allows_in_results_is_kept() -> None:
    event = decode(b'{"type":"result","results":{"application/json":{"x":NaN,"y":1e999}}}')
    assert isinstance(event, _events.MimeBundle)
    assert event.results is not None
    assert event.results["application/json"]["y"] == float("inf")


@pytest.mark.parametrize(
    "bad",
    [
        b"<html>502 Bad Gateway</html>",
        b"upstream connect error",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"type":7}',
        b'{"type":"stdout","text":5}',
        b'{"type":"stdout","text":"cut',
        b'{"type":"stdout","text":"\xff"}',
        b'{"code":"X"}',
        b'{"type":"result","results":' + b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_a_protocol_error_that_shows_it(bad: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(bad)
    assert repr(bad[:20])[2:10] in str(caught.value)


@given(st.binary())
def test_arbitrary_bytes_give_an_event_or_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# Whatever a busy machine takes to make the first example says nothing about the decoder.
@given(st.dictionaries(st.sampled_from(["type", "text", "code", "message", "error"]), _json))
def test_arbitrary_json_gives_an_event_or_a_protocol_error(fields: dict[str, Any]) -> None:
    with contextlib.suppress(ProtocolError):
        decode(json.dumps(fields).encode())


@pytest.mark.parametrize("inside", [b'"type":"stdout"', b'"type":"error","error":{}', b'"a":1'])
def test_half_of_a_surrogate_pair_in_a_key_is_a_protocol_error(inside: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(b"{" + inside + rb',"\ud800":1}')
