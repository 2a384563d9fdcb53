"""The parts without I/O, fed by hand."""

import asyncio
import hashlib
import hmac
import json
import threading
from typing import Any

import pytest

from code_interpreter.execd.code.translate import Cell
from code_interpreter.execd.code.wire import BadMessageError, Message, Wire
from code_interpreter.execd.commands.outlets import Lines
from code_interpreter.execd.runs.spool import PIECE, Piece, Spool

FAR = 1e12


def events(frames: list[bytes]) -> list[dict[str, Any]]:
    assert all(frame.endswith(b"\n\n") for frame in frames)
    found = [json.loads(frame) for frame in frames]
    for event in found:
        assert event.pop("timestamp") > 1_700_000_000_000
    return found


def say(kind: str, parent: str = "me", **content: Any) -> Message:
    return Message(kind, parent, content)


def test_a_cell_has_ended_when_reply_and_idle_are_in() -> None:
    cell = Cell("me", 0.0)
    seen = [cell.ended]
    cell.on_iopub(say("status", execution_state="idle"), 1.0)
    seen.append(cell.ended)
    cell.on_reply(say("execute_reply", status="ok"), 1.0)
    assert [*seen, cell.ended] == [False, False, True]
    assert events([cell.verdict(9.0, interrupted=False)])[0]["type"] == "execution_complete"


def test_a_stale_idle_or_reply_does_not_end_a_cell() -> None:
    cell = Cell("me", 0.0)
    cell.on_iopub(say("status", "other", execution_state="idle"), 1.0)
    cell.on_reply(say("execute_reply", "other", status="ok"), 1.0)
    assert cell.half_ended is None


def test_output_of_an_earlier_cell_belongs_to_the_running_one() -> None:
    assert events(
        Cell("me", 0.0).on_iopub(say("stream", "other", name="stdout", text="late"), 1.0)
    ) == [{"type": "stdout", "text": "late"}]


@pytest.mark.parametrize("kind", ["execute_result", "error", "execute_input"])
def test_results_and_errors_of_others_are_not_ours(kind: str) -> None:
    cell = Cell("me", 0.0)
    assert cell.on_iopub(say(kind, "other", data={"text/plain": "1"}, execution_count=9), 1.0) == []
    assert b"execution_complete" in cell.verdict(9.0, interrupted=False)


def test_the_count_comes_once_and_a_result_keeps_its_types() -> None:
    cell = Cell("me", 0.0)
    frames = cell.on_iopub(say("execute_input", execution_count=3), 1.0)
    data = {"text/plain": "M", "application/json": {"a": [1]}, "image/png": "aGk="}
    frames += cell.on_iopub(say("execute_result", execution_count=3, data=data), 1.0)
    assert events(frames) == [
        {"type": "execution_count", "execution_count": 3},
        {
            "type": "result",
            "results": {"text": "M", "application/json": {"a": [1]}, "image/png": "aGk="},
        },
    ]


def test_a_huge_text_is_cut_into_several_events() -> None:
    text = "é" * 3_000_000
    found = events(Cell("me", 0.0).on_iopub(say("stream", name="stderr", text=text), 1.0))
    assert len(found) > 3
    assert {event["type"] for event in found} == {"stderr"}
    assert "".join(event["text"] for event in found) == text
    assert events(Cell("me", 0.0).on_iopub(say("stream", name="stdout", text=""), 1.0)) == []


def test_displayed_things_say_so() -> None:
    cell = Cell("me", 0.0)
    data = {"text/html": "<b>"}
    frames = cell.on_iopub(say("display_data", data=data), 1.0)
    frames += cell.on_iopub(say("display_data", data=data, transient={"display_id": "x"}), 1.0)
    frames += cell.on_iopub(
        say("update_display_data", data=data, transient={"display_id": "x"}), 1.0
    )
    assert events(frames) == [
        {"type": "result", "results": data, "display": True},
        {"type": "result", "results": data, "display": True, "display_id": "x"},
        {"type": "result", "results": data, "display": True, "display_id": "x", "update": True},
    ]


def test_the_error_is_kept_for_the_end_and_the_broadcast_wins() -> None:
    cell = Cell("me", 0.0)
    assert cell.on_iopub(say("error", ename="E", evalue="v", traceback=["t"]), 1.0) == []
    cell.on_reply(say("execute_reply", status="error", ename="other"), 1.0)
    assert events([cell.verdict(9.0, interrupted=False)]) == [
        {"type": "error", "error": {"ename": "E", "evalue": "v", "traceback": ["t"]}}
    ]


def test_an_error_that_is_only_in_the_reply_counts() -> None:
    cell = Cell("me", 0.0)
    cell.on_reply(say("execute_reply", status="error", ename="E", evalue=None, traceback=None), 1.0)
    assert events([cell.verdict(9.0, interrupted=False)])[0]["error"] == {
        "ename": "E",
        "evalue": "",
        "traceback": [],
    }


def test_an_aborted_cell_is_an_error() -> None:
    cell = Cell("me", 0.0)
    cell.on_reply(say("execute_reply", status="aborted"), 1.0)
    assert events([cell.verdict(9.0, interrupted=False)])[0]["error"]["ename"] == "NotExecuted"


def test_an_interrupt_that_struck_the_kernel_is_still_an_interrupt() -> None:
    cell = Cell("me", 0.0)
    cell.on_iopub(say("status", execution_state="idle"), 1.0)
    assert b"KeyboardInterrupt" in cell.verdict(9.0, interrupted=True)


def test_malformed_messages_of_user_code_do_no_harm() -> None:
    cell = Cell("me", 0.0)
    for kind in ("stream", "display_data", "execute_result", "execute_input", "status", "error"):
        cell.on_iopub(say(kind, text=5, data=[1], transient="x", traceback="x", evalue={}), 1.0)
    cell.on_reply(say("execute_reply", status="ok", payload=[1, {"source": []}]), 1.0)


def test_a_message_survives_the_wire() -> None:
    wire = Wire(b"key")
    frames = wire.request("execute_request", "id", {"code": "é"})
    assert b'"msg_id":"id"' in frames[2]
    assert wire.parse([b"topic", *frames]) == Message("execute_request", "", {"code": "é"})


@pytest.mark.parametrize("case", ["no delimiter", "too few parts", "wrong signature", "changed"])
def test_unsigned_bytes_are_no_message(case: str) -> None:
    wire = Wire(b"key")
    delimiter, signature, *parts = wire.request("x", "id", {})
    frames = {
        "no delimiter": [signature, *parts],
        "too few parts": [delimiter, signature, *parts[:-1]],
        "wrong signature": [delimiter, b"0" * 64, *parts],
        "changed": [delimiter, signature, *parts[:-1], b'{"code": "other"}'],
    }[case]
    with pytest.raises(BadMessageError):
        wire.parse(frames)
    with pytest.raises(BadMessageError):
        Wire(b"other key").parse([delimiter, signature, *parts])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rb'{"text": "a\ud800b"}', {"text": "a\N{REPLACEMENT CHARACTER}b"}),
        (rb'{"text": "\ud83d\ude00"}', {"text": "\U0001f600"}),
        (b'{"text": NaN}', {"text": None}),
        (b'{"text": "a\xffb"}', {"text": "a\N{REPLACEMENT CHARACTER}b"}),
    ],
)
def test_what_strict_json_refuses_is_mended(content: bytes, expected: dict[str, Any]) -> None:
    wire = Wire(b"key")
    parts = [b'{"msg_type": "stream"}', b"{}", b"{}", content]
    signature = hmac.new(b"key", b"".join(parts), hashlib.sha256).hexdigest().encode()
    frames = [b"<IDS|MSG>", signature, *parts]
    assert wire.parse(frames).content == expected


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_lines_are_whole_however_they_arrive(size: int) -> None:
    data = "a\n\nlong é line\nno newline".encode()
    lines = Lines("stdout")
    frames: list[bytes] = []
    for at in range(0, len(data), size):
        frames += lines.feed(data[at : at + size])
    frames += lines.end()
    texts = [event["text"] for event in events(frames)]
    assert texts == ["a", "", "long é line", "no newline"]


def test_a_spool_is_first_in_first_out_across_memory_and_file() -> None:
    async def scenario() -> None:
        spool = Spool(limit=1000)
        sent = [bytes([65 + number % 26]) * (number * 7 % 300) for number in range(1, 200)]
        taken = b""
        most = 0
        for number, data in enumerate(sent):
            spool.put([data])
            most = max(most, spool.spilled)
            if number % 20 in {0, 12, 17}:
                piece = await spool.take(FAR)
                assert piece is not None
                taken += piece.data
        assert most > 1000
        spool.put([], ending=b"end")
        while True:
            piece = await spool.take(FAR)
            assert piece is not None
            taken += piece.data
            if piece.last:
                break
        assert taken == b"".join(sent) + b"end"
        assert spool.spilled == 0

    asyncio.run(scenario())


def test_a_spool_hands_over_the_end_with_what_is_before_it() -> None:
    async def scenario() -> None:
        spool = Spool()
        spool.put([b"a"])
        spool.put([b"b"], ending=b"end")
        spool.put([b"too late"], ending=b"another end")
        assert await spool.take(FAR) == Piece(b"abend", last=True)

    asyncio.run(scenario())


def test_a_spool_wakes_its_reader_from_another_thread() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        spool = Spool()
        assert await spool.take(loop.time()) is None
        threading.Timer(0.05, spool.put, [[b"a"]]).start()
        assert await spool.take(loop.time() + 30) == Piece(b"a", last=False)
        assert await spool.take(loop.time() + 0.01) is None

    asyncio.run(scenario())


def test_small_pieces_wait_for_company_but_the_end_does_not() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        spool = Spool()
        began = loop.time()
        spool.put([b"a"])
        loop.call_later(0.01, spool.put, [b"b"])
        assert await spool.take(FAR, hold_until=began + 0.1) == Piece(b"ab", last=False)
        assert loop.time() - began >= 0.1
        loop.call_later(0.01, lambda: spool.put([b"c"], ending=b"d"))
        assert await spool.take(FAR, hold_until=loop.time() + 30) == Piece(b"cd", last=True)

    asyncio.run(scenario())


def test_a_full_disk_is_reported_and_the_end_still_fits(tmp_path: Any) -> None:
    async def scenario() -> None:
        spool = Spool(limit=10, directory=str(tmp_path / "missing"))
        spool.put([b"0123456789"])
        with pytest.raises(OSError, match="missing"):
            spool.put([b"x"])
        spool.put([], ending=b"lost")
        assert await spool.take(FAR) == Piece(b"0123456789lost", last=True)

    asyncio.run(scenario())


def test_a_discarded_spool_keeps_nothing_but_its_end() -> None:
    async def scenario() -> None:
        spool = Spool(limit=10)
        spool.put([b"x" * 100])
        spool.discard()
        spool.put([b"x" * 100], ending=b"end")
        assert await spool.take(FAR) == Piece(b"end", last=True)

    asyncio.run(scenario())


def test_pieces_are_batched_but_not_without_bound() -> None:
    async def scenario() -> None:
        spool = Spool()
        for _ in range(100):
            spool.put([b"x" * (PIECE // 10)])
        piece = await spool.take(FAR)
        assert piece is not None
        assert PIECE * 0.8 < len(piece.data) <= PIECE

    asyncio.run(scenario())


def test_an_error_that_comes_behind_the_reply_says_more() -> None:
    cell = Cell("me", 0.0)
    cell.on_reply(say("execute_reply", status="error"), 1.0)
    cell.on_iopub(say("error", ename="E", evalue="v", traceback=["line"]), 1.0)
    (event,) = events([cell.verdict(9.0, interrupted=False)])
    assert event["error"] == {"ename": "E", "evalue": "v", "traceback": ["line"]}
