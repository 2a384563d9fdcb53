"""FrameDecoder: every spelling of an event stream, cut anywhere, gives the same frames."""

import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from execd_client.errors import MalformedFrame, StreamErrorObject
from execd_client.models import ServerStreamEvent
from execd_client.streaming import FrameDecoder, decode_frame, parse_events
from execd_client.types import UNSET
from hypothesis import given, settings
from hypothesis import strategies as st

RECORDINGS = Path(__file__).parents[1] / "recordings" / "streams"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))

# Line breaks to a text splitter, but not to us: legal inside JSON strings, some only escaped.
NOT_BREAKS = "\u0085\u2028\u2029\x7f\xa0"


def frames_of(chunks: Iterable[bytes]) -> list[bytes]:
    decoder = FrameDecoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames + decoder.finish()


def single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def every_split(data: bytes) -> Iterator[list[bytes]]:
    """Whole, one byte at a time, and cut at each pair of places."""
    yield [data]
    yield single_bytes(data)
    for i in range(len(data) + 1):
        for j in range(i, len(data) + 1):
            yield [data[:i], data[i:j], data[j:]]


def assert_frames(data: bytes, *expected: bytes) -> None:
    for chunks in every_split(data):
        assert frames_of(chunks) == list(expected), chunks


# --- one test for each trap of the wire ---


def test_bare_objects_with_blank_lines() -> None:
    assert_frames(b'{"a":1}\n\n{"b":2}\n\n', b'{"a":1}', b'{"b":2}')


def test_one_object_a_line() -> None:
    assert_frames(b'{"a":1}\n{"b":2}\n', b'{"a":1}', b'{"b":2}')


def test_true_sse_with_and_without_a_space() -> None:
    assert_frames(b'data: {"a":1}\n\ndata:{"b":2}\n\n', b'{"a":1}', b'{"b":2}')


def test_only_one_space_after_data_belongs_to_the_field() -> None:
    assert frames_of([b"data:  x\n\n"]) == [b" x"]


def test_several_data_lines_are_one_frame() -> None:
    assert_frames(b'data: {"a":\ndata: 1}\n\n', b'{"a":\n1}')


def test_several_data_lines_of_whole_objects_are_several_frames() -> None:
    assert_frames(b'data: {"a":1}\ndata: {"b":2}\n\n', b'{"a":1}', b'{"b":2}')


def test_fields_and_comments_of_sse_mean_nothing() -> None:
    data = b': hi\nid: 7\nevent: message\nretry: 10\ndata: {"a":1}\nid\n:\n\n'
    assert frames_of([data]) == [b'{"a":1}']
    assert frames_of(single_bytes(data)) == [b'{"a":1}']


def test_sse_frames_without_data_are_no_frames() -> None:
    assert_frames(b"event: x\n\ndata:\n\ndata\n\n")


def test_both_spellings_on_one_stream() -> None:
    assert_frames(b'data: {"a":1}\n\n{"b":2}\n\ndata:{"c":3}\n{"d":4}', *(
        b'{"a":1}', b'{"b":2}', b'{"c":3}', b'{"d":4}',
    ))  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    lines = [b'{"a":1}', b"", b'data: {"b":', b"data: 2}", b"", b""]
    assert_frames(end.join(lines), b'{"a":1}', b'{"b":\n2}')


def test_crlf_across_chunks_is_one_line_end() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b'data: {"a":\r') == []
    assert decoder.feed(b"\ndata: 1}\r") == []  # were it two ends, the frame would be cut here
    assert decoder.feed(b"\n\r") == [b'{"a":\n1}']
    assert decoder.feed(b"\n") == []
    assert decoder.finish() == []


def test_an_event_that_ends_with_cr_does_not_wait_for_more() -> None:
    assert FrameDecoder().feed(b'{"a":1}\r') == [b'{"a":1}']


def test_an_empty_chunk_between_cr_and_lf_changes_nothing() -> None:
    assert frames_of([b'data: {"a":\r', b"", b"\ndata: 1}\n\n"]) == [b'{"a":\n1}']


def test_a_cut_inside_a_utf8_sequence() -> None:
    frame = '{"text":"é€😀"}'.encode()
    assert_frames(frame + b"\n\n", frame)


@pytest.mark.parametrize("separator", NOT_BREAKS)
def test_separators_of_text_do_not_end_a_line(separator: str) -> None:
    frame = f'{{"text":"a{separator}b"}}'.encode()
    assert_frames(frame + b"\n\n", frame)
    assert_frames(b"data: " + frame + b"\n\n", frame)


@pytest.mark.parametrize("control", [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e"])
def test_raw_controls_do_not_end_a_line(control: bytes) -> None:
    frame = b'{"text":"a' + control + b'b"}'
    assert_frames(frame + b"\n\n", frame)


def test_a_byte_order_mark_at_the_start_is_passed_over() -> None:
    assert_frames(b'\xef\xbb\xbf{"a":1}\n\n', b'{"a":1}')
    assert_frames(b'\xef\xbb\xbfdata: {"a":1}\n\n', b'{"a":1}')


def test_a_byte_order_mark_elsewhere_is_content() -> None:
    assert frames_of([b'{"a":1}\n\xef\xbb\xbf{"b":2}\n']) == [b'{"a":1}', b'\xef\xbb\xbf{"b":2}']


def test_the_last_frame_can_lack_its_newline() -> None:
    assert_frames(b'{"a":1}\n\n{"b":2}', b'{"a":1}', b'{"b":2}')
    assert_frames(b'data: {"a":1}', b'{"a":1}')
    assert_frames(b'data: {"a":1}\n', b'{"a":1}')


def test_an_error_object_glued_behind_the_last_event() -> None:
    event, error = b'{"type":"ping"}', b'{"code":"RUNTIME_ERROR","message":"busy"}'
    assert_frames(event + error, event, error)
    assert frames_of([b"data: " + event + error + b"\n\n"]) == [event, error]


def test_braces_inside_a_string_do_not_split() -> None:
    frame = b'{"text":"}{ \\"}{"}'
    assert_frames(frame + b"\n\n", frame)
    assert frames_of([frame + frame]) == [frame, frame]


def test_glued_objects_that_are_broken_stay_in_one_piece() -> None:
    assert frames_of([b'{"a":}{"b":1}\n']) == [b'{"a":}{"b":1}']
    assert frames_of([b'{"a":1}{"b"\n']) == [b'{"a":1}', b'{"b"']
    assert frames_of([b'{"a":1}{"b":"\xff"}\n']) == [b'{"a":1}', b'{"b":"\xff"}']


def test_several_events_in_one_chunk() -> None:
    events = [b'{"n":%d}' % n for n in range(100)]
    assert FrameDecoder().feed(b"\n\n".join(events) + b"\n\n") == events


def test_an_event_is_there_as_soon_as_its_line_ends() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b'{"a":1}') == []
    assert decoder.feed(b"\n") == [b'{"a":1}']


@pytest.mark.parametrize(
    "line",
    [
        b"upstream connect error or disconnect/reset before headers. reason: x",
        b"<html><body>502 Bad Gateway</body></html>",
        b"Error: gateway timeout",
        b"error: upstream timed out",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
    ],
)
def test_garbage_is_not_lost(line: bytes) -> None:
    assert frames_of([b'{"a":1}\n\n', line, b'\n\n{"b":2}\n\n']) == [b'{"a":1}', line, b'{"b":2}']
    assert frames_of([b'data: {"a":1}\n', line]) == [b'{"a":1}', line]
    with pytest.raises(MalformedFrame) as caught:
        decode_frame(line)
    assert caught.value.frame == line


def test_an_event_of_many_megabytes_in_small_chunks() -> None:
    frame = b'{"text":"' + b"x" * 50_000_000 + b'"}'
    size = 16 * 1024
    chunks = (frame[i : i + size] for i in range(0, len(frame), size))
    assert frames_of([*chunks, b"\n\n"]) == [frame]


@pytest.mark.parametrize(
    ("piece", "end"),
    [(b"x", b"\n"), (b"xy", b"\n"), (b"data:xy\n", b"\n"), (b"data\n", b"}{\n")],
)
def test_memory_is_bounded_by_the_bytes_that_came(piece: bytes, end: bytes) -> None:
    count = 50_000
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        for _ in range(count):
            decoder.feed(piece)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 1.5 * count * len(piece)
    assert peak < 3 * count * len(piece)
    assert len(decoder.feed(end)) == 1


def test_nesting_that_exhausts_a_parser_is_left_to_whoever_parses() -> None:
    deep = b"{" + b'"a":{' * 100_000 + b"}{"
    assert frames_of([deep]) == [deep]
    with pytest.raises(MalformedFrame):
        decode_frame(deep)


@pytest.mark.parametrize(
    ("data", "unfinished"),
    [
        (b"", False),
        (b'{"a":1}\n\n', False),
        (b'{"a":1}\r', False),
        (b'{"a":1}\n{"code"', True),
        (b"data: x\n", True),
        (b"data: x\n\n", False),
    ],
)
def test_unfinished_tells_whether_the_last_event_has_ended(data: bytes, unfinished: bool) -> None:  # noqa: FBT001
    decoder = FrameDecoder()
    decoder.feed(data)
    assert decoder.unfinished is unfinished


# --- parsing frames into events ---


@pytest.mark.parametrize(
    "frame",
    [
        rb'{"type":"stdout","text":"a\ud800b"}',
        rb'{"type":"stdout","text":"\uDFFF"}',
        rb'{"type":"stdout","text":"\ude00\ud83d"}',
        rb'{"type":"result","results":{"text/plain":["\ud83d!"]}}',
        rb'{"type":"stdout","\ud800":1}',
    ],
)
def test_half_a_surrogate_pair_is_no_text(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode_frame(frame)
    with pytest.raises(MalformedFrame):
        parse_events(frame, ServerStreamEvent.from_dict)


def test_a_surrogate_pair_is_a_character_and_an_escaped_backslash_is_not_half_of_one() -> None:
    assert decode_frame(rb'{"\uD83D\uDE00":"\\ud800"}') == {"😀": "\\ud800"}


def test_unknown_types_and_fields_do_no_harm() -> None:
    body = b'{"type":"telemetry","cpu":3}\n\n{"type":"stdout","text":"a","extra":[1]}\n\n'
    telemetry, stdout = parse_events(body, ServerStreamEvent.from_dict)
    assert telemetry.type_ == "telemetry"
    assert telemetry["cpu"] == 3
    assert stdout.to_dict() == {"type": "stdout", "text": "a", "extra": [1]}


def test_any_field_of_an_event_can_be_null() -> None:
    names = ["type", "text", "timestamp", "execution_count", "execution_time", "results", "error"]
    body = json.dumps(dict.fromkeys(names)).encode()
    (event,) = parse_events(body, ServerStreamEvent.from_dict)
    assert event.type_ is UNSET
    assert event.text is event.results is event.error is None


def test_a_null_traceback() -> None:
    body = b'{"type":"error","error":{"ename":"E","evalue":"v","traceback":null}}'
    (event,) = parse_events(body, ServerStreamEvent.from_dict)
    assert event.error
    assert (event.error.ename, event.error.traceback) == ("E", None)


def test_an_error_object_among_events_is_raised() -> None:
    body = b'{"type":"init"}\n\n{"code":"RUNTIME_ERROR","message":"session is busy"}'
    with pytest.raises(StreamErrorObject) as caught:
        parse_events(body, ServerStreamEvent.from_dict)
    assert (caught.value.code, caught.value.message) == ("RUNTIME_ERROR", "session is busy")


# --- all chunkings ---

characters = st.characters(exclude_categories=["Cs"])
keys = st.sampled_from(["type", "text", "}{", '"', "\\", "\u0085"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(characters) | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(keys, json_values, max_size=3)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def spelled(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An object as the frame that it should become, and as it is written on the stream."""
    frame = json.dumps(draw(objects), ensure_ascii=draw(st.booleans())).encode()
    end = draw(line_ends)
    noise = b"".join(
        line + end for line in draw(st.lists(st.sampled_from([b": hi", b"id: 1", b"event: x"])))
    )
    match draw(st.sampled_from(["bare", "line", "sse", "sse, no space"])):
        case "bare":
            return frame, noise + frame + end + end
        case "line":
            return frame, frame + end
        case "sse":
            return frame, noise + b"data: " + frame + end + noise + end
        case _:
            return frame, noise + b"data:" + frame + end + end


@st.composite
def chunked(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(st.lists(spelled(), max_size=5), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.data())
def test_any_mix_of_spellings_in_any_chunks(
    events: list[tuple[bytes, bytes]], bom: bytes, data: st.DataObject
) -> None:
    stream = bom + b"".join(text for _, text in events)
    expected = [frame for frame, _ in events]
    assert frames_of([stream]) == expected
    assert frames_of(single_bytes(stream)) == expected
    assert frames_of(data.draw(chunked(stream))) == expected


@given(st.lists(objects, min_size=1, max_size=5), st.data())
def test_glued_objects_in_any_chunks(values: list[dict[str, Any]], data: st.DataObject) -> None:
    expected = [json.dumps(value, separators=(",", ":")).encode() for value in values]
    assert frames_of(data.draw(chunked(b"".join(expected)))) == expected


@given(st.binary(), st.data())
def test_no_bytes_make_it_fail_and_chunks_do_not_matter(junk: bytes, data: st.DataObject) -> None:
    whole = frames_of([junk])
    assert frames_of(data.draw(chunked(junk))) == whole
    assert frames_of(single_bytes(junk)) == whole


@given(st.lists(st.sampled_from([b"data:", b" ", b"{}", b"\r", b"\n", b"x", b":", b"id"])))
def test_no_pieces_of_sse_make_it_fail(pieces: list[bytes]) -> None:
    assert frames_of(pieces) == frames_of([b"".join(pieces)])


# --- a slow and obvious reading of the same rules ---

pieces = st.sampled_from([
    b'{"a":1}', b'{"a":1}\n\n', b'{"a":{"b":2}}\n\n{"c":"}{"}\n\n', b'{"a":1}{"b":', b"}{",
    b"{", b"}", b"data:", b"data: 1\n", b"data", b"id: 1", b":", b" ", b"\t", b"x\n", b"12", b'"',
    b"\xef\xbb\xbf", b"\n", b"\n\n", b"\r", b"\r\n",
])  # fmt: skip


def read_values(data: bytes) -> list[bytes]:
    """JSON values that stand side by side; what is none stays in one piece with what follows."""
    data = data.lstrip(b" \t\r\n")
    for end in range(len(data), 0, -1):
        try:
            json.loads(data[:end].decode())
        except ValueError:
            continue
        return [data[:end].rstrip(b" \t\r\n"), *read_values(data[end:])]
    return [data] if data else []


def read_slowly(body: bytes) -> list[bytes]:
    frames: list[bytes] = []
    open_data: list[bytes] = []

    def end_frame() -> None:
        if len(open_data) > 1 or b"}{" in b"".join(open_data):
            frames.extend(read_values(b"\n".join(open_data)))
        else:
            frames.extend(value for value in open_data if value.strip())
        open_data.clear()

    for line in [*re.split(rb"\r\n|\r|\n", body.removeprefix(b"\xef\xbb\xbf")), b""]:
        name, colon, value = line.partition(b":")
        if name == b"data":
            open_data.append(value.removeprefix(b" "))
        elif name in {b"event", b"id", b"retry"} or (colon and not name):
            continue
        else:
            end_frame()
            open_data.append(line)
            end_frame()
    return frames


@settings(max_examples=500)
@given(st.lists(pieces, max_size=12), st.data())
def test_it_reads_what_a_slow_reading_reads(parts: list[bytes], data: st.DataObject) -> None:
    body = b"".join(parts)
    expected = read_slowly(body)
    assert frames_of([body]) == expected
    assert frames_of([b"\n", body]) == read_slowly(b"\n" + body)
    assert frames_of(parts) == frames_of(single_bytes(body)) == expected
    assert frames_of(data.draw(chunked(body))) == expected


# --- recordings of a real execd ---


def fold(frames: list[bytes]) -> dict[str, Any]:  # noqa: C901  # one case for each kind
    """What a stream holds, in the shape of the recordings' `expected`."""
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    folded: dict[str, Any] = {
        "init": None, "results": [], "execution_count": None, "error": None,
        "execution_time_ms": None, "pings": 0, "error_object": None, "order": [],
    }  # fmt: skip
    for frame in frames:
        event = decode_frame(frame)
        kind: str = event.get("type", "error_object")
        match kind:
            case "stdout" | "stderr":
                texts[kind].append(event["text"])
            case "init":
                folded["init"] = event["text"]
            case "result":
                folded["results"].append(event["results"])
            case "error":
                folded["error"] = event["error"]
            case "execution_count":
                folded["execution_count"] = event["execution_count"]
            case "execution_complete":
                folded["execution_time_ms"] = event.get("execution_time", 0)
            case "ping":
                folded["pings"] += 1
                continue
            case "error_object":
                folded["error_object"] = event
            case _:
                pass
        if folded["order"][-1:] != [kind]:
            folded["order"].append(kind)
    return {**folded, **{name: "".join(parts) for name, parts in texts.items()}}


def assert_folds_to(frames: list[bytes], expected: dict[str, Any]) -> None:
    folded = fold(frames)
    for name, value in folded.items():
        wanted = expected[name]
        if isinstance(wanted, dict) and "sha256" in wanted:
            digest = hashlib.sha256(value.encode()).hexdigest()
            assert (len(value), digest) == (wanted["length"], wanted["sha256"])
        else:
            assert value == wanted, name


def test_the_recordings_are_here() -> None:
    assert len(NAMES) == 75


@pytest.mark.parametrize("name", NAMES)
def test_recorded_streams(name: str) -> None:
    data = (RECORDINGS / f"{name}.stream").read_bytes()
    meta: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    expected = meta["expected"]
    arrived: list[bytes] = []
    start = 0
    for _, size in meta["chunks"]:
        arrived.append(data[start : start + size])
        start += size
    assert start == len(data)

    frames = frames_of(arrived)
    assert_folds_to(frames, expected)
    assert frames_of([data]) == frames
    assert frames_of(single_bytes(data)) == frames
    assert frames_of([b"".join(b"data: " + frame + b"\r\n\r\n" for frame in frames)]) == frames
