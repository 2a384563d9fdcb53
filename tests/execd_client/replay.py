"""Plays cassettes to the generated client, and judges what it makes of the answers.

There is no network: a request that is not recorded is vcrpy's error, and the host of the client's
URL never resolves. What must stay true: the judge takes nothing from the client's own reading. It
knows from `openapi/execd.yaml` which form an answer has and from the cassette which bytes it has,
and reads both by itself.
"""

import datetime as dt
import importlib
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast
from uuid import UUID

import attrs
import httpx
from execd_client import Client, errors
from execd_client.types import Response, Unset

from tests.execd_client.description import OPERATIONS, resolve
from tests.execd_client.tour import Call, Ids

# No types come with vcrpy.
VCR: Any = importlib.import_module("vcr").VCR
NotRecorded: Any = importlib.import_module("vcr.errors").CannotOverwriteExistingCassetteException
URL = "http://execd.invalid"
EVENT_STREAM = "text/event-stream"
# What the client sends although the real cassettes' requests left it out.
DEFAULTS = {("depth", "1"), ("pattern", "**"), ("verbose", "false")}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


DESCRIBED = {snake(operation.name): operation for operation in OPERATIONS}


def name_of(operation: ModuleType) -> str:
    return operation.__name__.rpartition(".")[2]


# --- roads ---


async def _sync(operation: ModuleType, **arguments: Any) -> Any:
    return operation.sync(**arguments)


async def _sync_detailed(operation: ModuleType, **arguments: Any) -> Any:
    return operation.sync_detailed(**arguments)


async def _asyncio(operation: ModuleType, **arguments: Any) -> Any:
    return await operation.asyncio(**arguments)


async def _asyncio_detailed(operation: ModuleType, **arguments: Any) -> Any:
    return await operation.asyncio_detailed(**arguments)


async def _stream(operation: ModuleType, **arguments: Any) -> Any:
    items: list[Any] = []
    with operation.stream(**arguments) as stream:
        try:
            for item in stream:
                items.append(item)  # noqa: PERF402  # what came before an error counts
        except errors.StreamError as error:
            items.append(error)
    return items


async def _astream(operation: ModuleType, **arguments: Any) -> Any:
    items: list[Any] = []
    async with operation.astream(**arguments) as stream:
        try:
            async for item in stream:
                items.append(item)  # noqa: PERF401  # as above
        except errors.StreamError as error:
            items.append(error)
    return items


ROADS: dict[str, Callable[..., Awaitable[Any]]] = {
    "sync": _sync,
    "sync_detailed": _sync_detailed,
    "asyncio": _asyncio,
    "asyncio_detailed": _asyncio_detailed,
    "stream": _stream,
    "astream": _astream,
}


async def outcome_of(call: Call, road: str, arguments: dict[str, Any]) -> Any:
    """What a call returns by a road, or raises."""
    try:
        return await ROADS[road](call.operation, **arguments)
    except (errors.UnexpectedStatus, errors.NotStreamed, errors.StreamError) as error:
        return error


# --- cassettes ---


class CannotBeMade(NamedTuple):
    """A recorded request that the client has no way to make."""

    method: str
    path: str
    reason: str


def _target(request: Any) -> tuple[str, str, list[tuple[str, str]]]:
    url = httpx.URL(request.uri)
    query = [pair for pair in url.params.multi_items() if pair not in DEFAULTS]
    return request.method, url.path, query


def _content(request: Any) -> tuple[str, str | None, Any]:
    content_type = request.headers.get("content-type", "")
    body: bytes = request.body or b""
    if boundary := content_type.partition("boundary=")[2]:
        content_type = content_type.replace(boundary, "")
        body = body.replace(boundary.encode(), b"")
    content: Any = json.loads(body) if content_type == "application/json" else body
    return content_type, request.headers.get("range"), content


def same_target(one: Any, other: Any) -> None:
    assert _target(one) == _target(other)


def same_content(one: Any, other: Any) -> None:
    assert _content(one) == _content(other)


PLAYER = VCR(record_mode="none", match_on=("target", "content"))
PLAYER.register_matcher("target", same_target)
PLAYER.register_matcher("content", same_content)


async def play(path: Path, calls: Sequence[Call | CannotBeMade], road: str) -> None:
    """Make the calls, in whose order the cassette was recorded, and judge what comes of each."""
    ids = Ids()
    client = Client(URL, verify_ssl=False)  # to load certificates takes longer than a cassette
    with PLAYER.use_cassette(str(path)) as cassette, client:
        async with client:
            assert len(cassette) == len(calls)
            played: set[int] = set()
            for number, call in enumerate(calls):
                if isinstance(call, CannotBeMade):
                    assert _target(cassette.requests[number]) == (call.method, call.path, [])
                    continue
                by = road if hasattr(call.operation, road) else "sync_detailed"
                arguments = ids.arguments(call)
                outcome = await outcome_of(call, by, {"client": client, **arguments})
                played.add(number)
                where = f"{path.stem} {number}: {name_of(call.operation)} by {by}"
                assert set(cassette.play_counts) == played, where
                assert cassette.responses[number]["status"]["code"] == call.status, where
                judge_request(call.operation, cassette.requests[number], arguments)
                judge(call.operation, cassette.responses[number], outcome, by)
                ids.learn(call, getattr(outcome, "parsed", outcome))


# --- the judge ---


def judge_request(operation: ModuleType, sent: Any, arguments: dict[str, Any]) -> None:
    """Compare what the client sent with what it was called with; test_rest does it for uploads."""
    described = DESCRIBED[name_of(operation)]
    given = {name.rstrip("_"): value for name, value in arguments.items()}
    query = [
        (parameter["name"], item if isinstance(item, str) else json.dumps(item))
        for parameter in described.parameters
        if parameter["in"] == "query"
        for item in listed(given.get(parameter["name"], []))
    ]
    assert _target(sent) == (
        described.method,
        re.sub(r"{(\w+)}", lambda name: str(given[snake(name[1])]), described.path),
        [pair for pair in query if pair not in DEFAULTS],
    )
    assert sent.headers.get("range") == given.get("range")
    form = described.body["content"].get("application/json") if described.body else None
    if form and "body" in given:
        read(form["schema"], json.loads(sent.body), given["body"])


def listed(value: object) -> list[Any]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def judge(operation: ModuleType, recorded: Any, outcome: Any, road: str) -> None:
    """Compare what the client made of an answer with what there was to be made of it."""
    value: Any = getattr(outcome, "parsed", outcome)
    status, body = recorded["status"]["code"], recorded["body"]["string"]
    headers = httpx.Headers({name: values[0] for name, values in recorded["headers"].items()})
    if isinstance(outcome, (Response, errors.UnexpectedStatus)):
        assert (outcome.status_code, outcome.content) == (status, body)
        assert dict(outcome.headers).items() >= dict(headers).items()

    documented = DESCRIBED[name_of(operation)].responses.get(str(status), {})
    content = documented.get("content", {})
    media_type = headers.get("content-type", "").partition(";")[0]
    binary = any(form["schema"].get("format") == "binary" for form in content.values())
    empty = not content or (documented.get("x-may-be-empty") and not body)
    known = media_type in content or (binary and "content-disposition" in headers)
    streamed = road in {"stream", "astream"}
    refused = not documented or not (empty or known) or (streamed and status >= 300)
    whole = streamed and not (refused or binary or EVENT_STREAM in content)
    assert isinstance(outcome, errors.NotStreamed) == whole

    if refused:
        assert type(value) is errors.UnexpectedStatus
        if media_type == "application/json":
            wire = json.loads(body)
            assert value.code == wire.get("code")
            assert value.message == wire.get("message", wire.get("error"))
    elif empty:
        assert value is None
    elif EVENT_STREAM in content:
        judge_events(content[media_type]["schema"], body, value, streamed=streamed)
    elif binary:
        assert (b"".join(value) if streamed else value.payload.read()) == body
    elif media_type == "text/plain":
        assert value == body.decode()
    else:
        read(content[media_type]["schema"], json.loads(body), value)


def judge_events(schema: dict[str, Any], body: bytes, value: Any, *, streamed: bool) -> None:
    events = [json.loads(line) for line in re.findall(rb"(?m)^(?:data: ?)?({.*})\r?$", body)]
    if events and events[-1].keys() == {"code", "message"}:
        failure = events.pop()
        error = value.pop() if streamed else value
        assert type(error) is errors.StreamErrorObject
        assert (error.code, error.message) == (failure["code"], failure["message"])
        if not streamed:
            return
    read({"type": "array", "items": schema}, events, value)


def read(schema: dict[str, Any], wire: Any, value: Any) -> None:
    """Assert that a value of the client is what a schema and its JSON say."""
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = resolve(schema)
    if wire is None:
        assert value is None or isinstance(value, Unset)
    elif "oneOf" in schema:
        read(schema["oneOf"][0], wire, value)
    elif "enum" in schema:
        assert isinstance(value, Enum)
        assert value.value == wire
    elif schema.get("format") == "date-time":
        assert isinstance(value, dt.datetime)
        assert value == instant(wire)
    elif schema.get("format") == "uuid":
        assert isinstance(value, UUID)
        assert str(value) == wire
    elif "items" in schema:
        assert len(value) == len(wire)
        for item, part in zip(wire, value, strict=True):
            read(schema["items"], item, part)
    elif "object" in schema.get("type", ()):
        assert not name or type(value).__name__ == name
        read_object(schema, wire, value)
    else:
        assert value == wire


def read_object(schema: dict[str, Any], wire: dict[str, Any], value: Any) -> None:
    fields = attrs.fields_dict(value.__class__)
    properties = schema.get("properties", {})
    for key, property_schema in properties.items():
        name = snake(key) if snake(key) in fields else f"{snake(key)}_"
        if key in wire:
            read(property_schema, wire[key], getattr(value, name))
        else:
            assert isinstance(getattr(value, name), Unset)
    others = {key: item for key, item in wire.items() if key not in properties}
    assert value.additional_properties.keys() == others.keys()
    for key, item in others.items():
        form = schema.get("additionalProperties", True)
        read({} if form is True else form, item, value.additional_properties[key])


def instant(text: str) -> dt.datetime:
    """A date-time of RFC 3339, without the digits that Python has no room for."""
    parts = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    assert parts
    seconds, fraction, zone = parts.groups("")
    fraction = fraction.ljust(6, "0")[:6]
    return dt.datetime.fromisoformat(f"{seconds}.{fraction}{zone.replace('Z', '+00:00')}")
