"""The requests of a real execd's recordings, sent to ours: its answers have the same form.

Where ours is meant to be different, `DIFFERENT` says so, request by request.
"""

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
import yaml

from tests.execd.conftest import StartServer
from tests.execd.server import Server, decode, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

CASSETTES = Path(__file__).parents[1] / "recordings" / "cassettes"
THERE = "http://127.0.0.1:44772"

# (cassette, number of the interaction): the status of our answer, and why it is not the same.
DIFFERENT = {
    ("commands", 3): (200, "argv is newer than the recording"),
    ("files", 6): (416, "an ErrorResponse in place of plain text"),
    ("files", 7): (200, "these lines alone, in place of the whole file"),
    ("unknown", 0): (404, "an ErrorResponse in place of plain text"),
    ("unknown", 1): (200, "an operation that is newer than the recording"),
}


class Replay:
    """Sends recorded requests to a server, with names of today in place of those of then."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._names = {"/srv/demo": str(folder / "demo")}

    def send(self, request: dict[str, Any]) -> httpx.Response:
        body = request["body"] or ""
        uri = request["uri"].removeprefix(THERE)
        for then, now in self._names.items():
            body = body.replace(then, now)
            uri = uri.replace(quote(then, safe=""), quote(now, safe="")).replace(then, now)
        headers = {
            name: values[0]
            for name, values in request["headers"].items()
            if name in {"content-type", "range"}
        }
        return self._server.client.request(
            request["method"], uri, content=body.encode(), headers=headers
        )

    def learn(self, there: str, here: httpx.Response) -> None:
        """Remember what an id of then is called now."""
        value = json_of(there)
        if isinstance(value, dict) and "session_id" in value:
            self._names[value["session_id"]] = here.json()["session_id"]
        if there.startswith('{"type":"init"'):
            was = json.loads(there.partition("\n")[0])["text"]
            self._names.setdefault(was, decode(here.content)[0]["text"])


def json_of(text: str) -> dict[str, Any] | list[Any] | None:
    try:
        value: dict[str, Any] | list[Any] = json.loads(text)
    except ValueError:
        return None
    return value


def form(body: str, kind: str) -> object:
    """What has to be the same about a body."""
    if kind.startswith("text/event-stream") and body.startswith('{"type"'):
        if not body.endswith("\n\n"):
            # An error that the real server writes behind its events, ours in place of the last.
            body = body.rpartition("\n\n")[0] + '\n\n{"type":"error"}\n\n'
        events = [event for event in decode(body.encode()) if event["type"] != "ping"]
        return sorted(
            (event["type"], "" if event["type"] == "init" else event.get("text", ""))
            for event in events
        )
    value = json_of(body)
    if value is None:
        return body
    if isinstance(value, dict) and set(value) == {"code", "message"}:
        return value["code"]
    return skeleton(value)


def skeleton(value: Any) -> object:
    """Names and types of a JSON value; of texts that do not change, the text."""
    if isinstance(value, dict):
        return {
            "path" if "/" in name else name: member if name == "type" else skeleton(member)
            for name, member in cast("dict[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [skeleton(item) for item in cast("list[object]", value)]
    if isinstance(value, bool) or value is None:
        return value
    return "number" if isinstance(value, (int, float)) else "text"


@pytest.mark.parametrize("name", ["commands", "files", "health", "metrics", "sessions", "unknown"])
def test_answers_have_the_form_of_a_real_servers(
    start: StartServer, tmp_path: Path, name: str
) -> None:
    replay = Replay(start(), tmp_path)
    recording = yaml.safe_load((CASSETTES / f"{name}.yaml").read_text())
    for number, interaction in enumerate(recording["interactions"]):
        there = interaction["response"]
        if '"running":false' in there["body"]["string"]:
            # Whoever recorded this had waited.
            wait_until(lambda: "false" in replay.send(interaction["request"]).text)  # noqa: B023
        here = replay.send(interaction["request"])
        what = f"{number}: {interaction['request']['method']} {interaction['request']['uri']}"
        status, _ = DIFFERENT.get((name, number), (there["status"]["code"], ""))
        assert here.status_code == status, f"{what}: {here.text}"
        if (name, number) in DIFFERENT:
            continue
        kind = there["headers"].get("content-type", [""])[0]
        assert here.headers.get("content-type", "").partition(";")[0] == kind.partition(";")[0]
        assert form(here.text, kind) == form(there["body"]["string"], kind), what
        for header in ("content-range", "content-disposition", "accept-ranges"):
            assert here.headers.get(header, "") == there["headers"].get(header, [""])[0], what
        replay.learn(there["body"]["string"], here)
