"""scripts/record.sh: what it records can be replayed and published, and nothing is left behind."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.execd.server import TOKEN, Server
from tests.execd_client.raw_server import STREAM_HEAD, Peer, Request, answer, chunk, serve
from tests.execd_client.replay import play
from tests.execd_client.tour import tour

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "record.sh"
METRICS = b'{"cpu_count":2,"cpu_used_pct":0,"mem_total_mib":9,"mem_used_mib":1,"timestamp":%d}\n'
CONTEXT = b'{"id":"context-of-the-tour","language":"python"}'


def record(
    url: str, output: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), url, "--output", str(output), *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        cwd=output.parent,  # it works from anywhere
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_recording_can_be_replayed(tmp_path: Path) -> None:
    server = Server(tmp_path / "work")
    try:
        access = f"X-EXECD-ACCESS-TOKEN: {TOKEN}"
        result = record(server.url, tmp_path / "out", EXECD_HEADERS=access)
        assert result.returncode == 0, result.stderr
        assert server.client.get("/code/contexts").json() == []
    finally:
        server.close()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{tag}.yaml" for tag in tour()}
    for tag, calls in tour().items():
        path = tmp_path / "out" / f"{tag}.yaml"
        assert TOKEN not in path.read_text()
        asyncio.run(play(path, calls, "sync_detailed"))


def test_no_secret_gets_into_a_cassette(tmp_path: Path) -> None:
    def play(peer: Peer, request: Request) -> None:
        """Give away all that the client sent."""
        said = json.dumps({"code": server.url, "message": f"session_id {request.headers}"})
        sent = {"set-cookie": secrets[0], "x-seen": secrets[1], "retry-after": secrets[2]}
        peer.send(answer(500, "application/json", said.encode(), **sent))

    secrets = ["0f1e2d3c4b5a6978", 'with+all/of="it"', "c2VjcmV0OnNlY3JldA=="]
    listed = f"Authorization: Basic {secrets[2]}\nOPEN-SANDBOX-API-KEY: {secrets[0]}\n"
    with serve(play, path="/sandboxes/7/44772") as server:
        result = record(
            server.url,
            tmp_path / "out",
            *("--header", f"Cookie: session_id={secrets[0]}; a=b"),
            *("--header", f"X-EXECD-ACCESS-TOKEN: {secrets[1]}"),
            EXECD_HEADERS=listed,
        )
    assert result.returncode == 0, result.stderr
    (sent, *_) = server.requests
    assert sent.headers["x-execd-access-token"] == secrets[1]
    assert sent.headers["authorization"] == f"Basic {secrets[2]}"
    assert sent.headers["open-sandbox-api-key"] == secrets[0]
    for path in (tmp_path / "out").iterdir():
        text = path.read_text()
        assert "REDACTED" in text
        assert "session_id" in text, "no more than the secret is taken out"
        assert not [secret for secret in secrets if secret in text]
        for hidden in ("with+all", "127.0.0.1", "/44772", "set-cookie", "x-seen"):
            assert hidden not in text


def test_an_endless_stream_ends_after_two_events(tmp_path: Path) -> None:
    def play(peer: Peer, request: Request) -> None:
        if "/metrics/watch" not in request.line:
            peer.send(answer(503, None, b""))
            return
        peer.send(STREAM_HEAD)
        for number in range(2):
            peer.send(chunk((METRICS % number)[:9]) + chunk((METRICS % number)[9:]))
        hung_up.append(peer.wait_for_disconnect())

    hung_up: list[bool] = []
    with serve(play) as server:
        result = record(server.url, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert hung_up == [True]
    assert METRICS.decode() % 1 in (tmp_path / "out" / "metric.yaml").read_text()


@pytest.mark.parametrize("failure", ["cut", "unauthorized"])
def test_a_tour_that_fails_cleans_up_and_writes_nothing(tmp_path: Path, failure: str) -> None:
    def play(peer: Peer, request: Request) -> None:
        if request.line.startswith("POST /code/context "):
            peer.send(answer(200, "application/json", CONTEXT))
        elif request.line.startswith("POST /code "):
            failed.append(len(server.requests))
            if failure == "cut":
                peer.close()
            peer.send(answer(401, "application/json", b'{"error":"no"}'))
        else:
            peer.send(answer(200, None, b""))

    failed: list[int] = []
    output = tmp_path / "out"
    output.mkdir()
    (output / "health.yaml").write_text("as it was")
    with serve(play) as server:
        result = record(server.url, output)
    assert result.returncode == 1
    assert "record.sh: " in result.stderr
    assert "Traceback" not in result.stderr
    after = [request.line for request in server.requests[failed[0] :]]
    assert "DELETE /code/contexts/context-of-the-tour HTTP/1.1" in after
    assert all(line.startswith("DELETE ") for line in after)
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [
        ("health.yaml", "as it was")
    ]


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("localhost:8080", "A: b"),
        ("http://localhost:x", "A: b"),
        ("http://localhost/?token=1", "A: b"),
        ("http://localhost", "A"),
    ],
)
def test_what_is_no_url_or_no_header_is_refused(tmp_path: Path, url: str, header: str) -> None:
    result = record(url, tmp_path / "out", "--header", header)
    assert (result.returncode, result.stdout) == (2, "")
    assert not (tmp_path / "out").exists()
