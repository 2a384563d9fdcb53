"""Every operation, called as users call it, on the recorded answers of a server; see `tour`.

`bash scripts/record.sh URL` records them anew. What a recorded server does not serve is answered
with the description's own examples.
"""

import asyncio
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import execd_client.api
import pytest
from execd_client import Client
from execd_client.api.metric import get_metrics
from execd_client.errors import StreamErrorObject
from execd_client.models import ErrorResponse, FileInfo
from execd_client.types import UNSET

from tests.execd_client.description import resolve
from tests.execd_client.raw_server import answer, serve
from tests.execd_client.replay import (
    DESCRIBED,
    EVENT_STREAM,
    PLAYER,
    ROADS,
    URL,
    NotRecorded,
    judge,
    judge_events,
    name_of,
    outcome_of,
    play,
    read,
)
from tests.execd_client.tour import Call, Ids, tour

CASSETTES = Path(__file__).parents[1] / "recordings" / "local"


def test_the_tour_visits_every_operation() -> None:
    modules = pkgutil.walk_packages(execd_client.api.__path__, f"{execd_client.api.__name__}.")
    everything = {module.name for module in modules if not module.ispkg}
    assert everything == {call.operation.__name__ for calls in tour().values() for call in calls}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("tag", "road"),
    [
        (tag, road)
        for tag, calls in tour().items()
        for road in ROADS
        if any(hasattr(call.operation, road) for call in calls)
    ],
)
def test_every_answer_is_parsed_as_recorded(tag: str, road: str) -> None:
    asyncio.run(play(CASSETTES / f"{tag}.yaml", tour()[tag], road))


@pytest.mark.usefixtures("no_network")
def test_nothing_but_the_recorded_requests_is_answered() -> None:
    with (
        PLAYER.use_cassette(str(CASSETTES / "health.yaml")),
        Client(URL) as client,
        pytest.raises(NotRecorded),
    ):
        get_metrics.sync(client=client)


# --- what the description says, served or not ---


def documented() -> Iterator[Any]:
    """Each operation with each of its answers: status, content type and the example of a body."""
    for name, operation in DESCRIBED.items():
        for status, response in operation.responses.items():
            content = response.get("content", {})
            for media_type, form in content.items():
                body = example(form, of_stream=EVENT_STREAM in content)
                case = f"{name}-{status}-{media_type}"
                yield pytest.param(name, int(status), media_type, body, id=case)
            if not content:
                yield pytest.param(name, int(status), None, b"", id=f"{name}-{status}")


def example(form: dict[str, Any], *, of_stream: bool) -> bytes:
    schema = resolve(form["schema"])
    if of_stream:
        return b"".join(json.dumps(event).encode() + b"\n\n" for event in schema["examples"])
    if schema.get("format") == "binary":
        return b"\0\xff\r\n"
    if "items" in schema:
        value = resolve(schema["items"])["examples"]
    else:
        value = form.get("example") or schema["examples"][0]
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def first_call(name: str) -> Call:
    calls = (call for calls in tour().values() for call in calls)
    return next(call for call in calls if name_of(call.operation) == name)


@pytest.mark.parametrize(("name", "status", "media_type", "body"), list(documented()))
def test_every_documented_answer_is_parsed(
    name: str, status: int, media_type: str | None, body: bytes
) -> None:
    async def outcome(url: str, call: Call, road: str) -> Any:
        with Client(url, verify_ssl=False) as client:
            async with client:
                return await outcome_of(call, road, {"client": client, **Ids().arguments(call)})

    headers = {"content-type": [media_type]} if media_type else {}
    written = {"status": {"code": status}, "headers": headers, "body": {"string": body}}
    with serve(lambda peer, _: peer.send(answer(status, media_type, body))) as server:
        for road in ROADS:
            call = first_call(name)
            if hasattr(call.operation, road):
                judge(call.operation, written, asyncio.run(outcome(server.url, call, road)), road)


# --- the judge ---

FILE_INFO = {"$ref": "#/components/schemas/FileInfo"}
WRITTEN: dict[str, Any] = {
    "path": "/a",
    "size": 1,
    "modified_at": "2026-06-01T12:00:00.123456789Z",
    "created_at": "2026-06-01T14:00:00+02:00",
    "owner": "o",
    "group": "g",
    "mode": 644,
    "type": "file",
}


def misread(**changes: Any) -> FileInfo:
    """WRITTEN as the client reads it, but for some attributes."""
    value = FileInfo.from_dict(WRITTEN)
    for name, change in changes.items():
        setattr(value, name, change)
    return value


@pytest.mark.parametrize(
    "value",
    [
        misread(size=2),
        misread(size=UNSET),
        misread(type_="file"),
        misread(type_=UNSET, additional_properties={"type": "file"}),
        misread(additional_properties={"more": 1}),
        misread(modified_at=WRITTEN["modified_at"]),
        misread(modified_at=misread().created_at),
        ErrorResponse("code", "message"),
        WRITTEN,
        None,
    ],
)
def test_a_misreading_is_noticed(value: object) -> None:
    read(FILE_INFO, WRITTEN, misread())
    with pytest.raises(AssertionError):
        read(FILE_INFO, WRITTEN, value)


def test_a_lost_event_is_noticed() -> None:
    frames = [WRITTEN, {**WRITTEN, "size": 2}, {"code": "RUNTIME_ERROR", "message": "busy"}]
    body = b"\n\n".join(json.dumps(frame).encode() for frame in frames)
    first, second, error = misread(), misread(size=2), StreamErrorObject("RUNTIME_ERROR", "busy")
    judge_events(FILE_INFO, body, [first, second, error], streamed=True)
    judge_events(FILE_INFO, body, error, streamed=False)
    for value in (
        [first, second],
        [first, error],
        [second, first, error],
        [first, second, second, error],
        [first, second, StreamErrorObject("RUNTIME_ERROR", "bus")],
    ):
        with pytest.raises(AssertionError):
            judge_events(FILE_INFO, body, value, streamed=True)
