"""The conformance suite passes on a server that is as unlike ours as the reference daemon is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.likeness import Event, as_recorded, likeness
from tests.support.replay import STREAMS
from tests.support.serve import running_execd

ROOT = Path(__file__).parent.parent.parent


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


@pytest.mark.timeout(600)
def test_the_conformance_suite_passes_on_it() -> None:
    with running_execd() as (upstream, header), likeness(upstream) as url:
        done = subprocess.run(
            # One kind of client: both see the same bytes.
            [sys.executable, "-m", "pytest", "-q", "tests/conformance", "-k", "async"],
            cwd=ROOT,
            env={**os.environ, "EXECD_URL": url, "EXECD_HEADERS": header},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
    assert done.returncode == 0, done.stdout
