"""The likeness of the reference daemon, through which the conformance suite meets our execd."""

from tests.support.likeness import Event, as_recorded
from tests.support.replay import STREAMS


def test_the_likeness_sends_what_was_recorded() -> None:
    """In the order of the recording, for what ours sends for the same code."""
    ours: list[Event] = [
        {"type": "init", "text": "run"},
        {"type": "stderr", "text": "ls: no\n"},
        {"type": "error", "error": {"ename": "ExitStatus", "evalue": "2", "traceback": []}},
    ]
    theirs = [event["type"] for one in ours for event in as_recorded(one, "bash", "context")]
    recorded = (STREAMS / "bash-fail.stream").read_bytes()
    frames = [frame for frame in recorded.split(b"\n\n") if frame and b'"ping"' not in frame]
    kinds = [frame.partition(b'"type":"')[2].partition(b'"')[0].decode() for frame in frames]
    assert theirs == kinds
