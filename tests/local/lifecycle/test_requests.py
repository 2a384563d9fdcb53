"""Reading requests: pure."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from code_interpreter.local.lifecycle.limits import Limits
from code_interpreter.local.lifecycle.requests import (
    RequestError,
    SandboxSpec,
    read_expiration,
    read_list_query,
    read_metadata_patch,
    read_port,
    read_spec,
    rfc3339,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_an_empty_request_is_a_sandbox_without_an_end() -> None:
    assert read_spec({}) == SandboxSpec()
    assert read_spec({"timeout": None, "env": None}).timeout is None


def test_what_is_asked_for_is_kept() -> None:
    spec = read_spec(
        {
            "image": {"uri": "python:3.12", "auth": {"username": "u", "password": "p"}},
            "timeout": 90,
            "env": {"A": "1"},
            "metadata": {"name": "n"},
            "entrypoint": ["sleep", "9"],
            "extensions": {"a.b": "c"},
            "resourceLimits": {"cpu": "1"},
            "resourceRequests": {"cpu": "1"},
            "platform": {"os": "linux", "arch": "arm64"},
            "secureAccess": True,
        }
    )
    assert spec == SandboxSpec(
        timeout=timedelta(seconds=90),
        image="python:3.12",
        env={"A": "1"},
        metadata={"name": "n"},
        entrypoint=("sleep", "9"),
        extensions={"a.b": "c"},
        limits=Limits(cpu=1.0),
    )


@pytest.mark.parametrize(
    "body",
    [
        {"networkPolicy": {"defaultAction": "deny"}},
        {"volumes": [{"name": "v", "mountPath": "/v", "host": {"path": "/"}}]},
        {"snapshotId": "s"},
        {"templateId": "t"},
        {"credentialProxy": {"enabled": True}},
        {"lifecycle": {"preStart": {"command": ["true"]}}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_cannot_be_honoured_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=next(iter(body))) as caught:
        read_spec(body)
    assert caught.value.code == "NOT_SUPPORTED"


def test_asking_for_nothing_is_not_refused() -> None:
    nothing: dict[str, Any] = {
        "networkPolicy": {},
        "volumes": [],
        "credentialProxy": {"enabled": False},
        "lifecycle": {},
        "snapshotId": None,
    }
    assert read_spec(nothing) == SandboxSpec()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"timeout": 0},
        {"timeout": -5},
        {"timeout": True},
        {"timeout": 1.5},
        {"timeout": "60"},
        {"timeout": 10**30},
        {"env": ["A=1"]},
        {"env": {"A": 1}},
        {"env": {"": "x"}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "x\0"}},
        {"env": {"OPENSANDBOX_SANDBOX_ID": "x"}},
        {"env": {"EXECD_ACCESS_TOKEN": "x"}},
        {"metadata": {"a": None}},
        {"image": "python"},
        {"image": {}},
        {"entrypoint": []},
        {"entrypoint": "sleep"},
        {"entrypoint": ["a", 1]},
        {"extensions": {"a": 1}},
        {"env": {"A": "x" * 200_000}},
        {"env": {f"A{n}": "x" * 100_000 for n in range(50)}},
        {"resourceLimits": {"memory": "1"}},
        {"resourceLimits": "1"},
        {"resourceLimits": {"cpu": 1}},
        {"resourceLimits": {"cpu": "one"}},
        {"resourceLimits": {"memory": "0"}},
    ],
    ids=repr,
)
def test_malformed_requests_are_refused(body: object) -> None:
    with pytest.raises(RequestError) as caught:
        read_spec(body)
    assert caught.value.code == "INVALID_REQUEST_BODY"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:05:05Z",
        "2026-01-02t03:05:05z",
        "2026-01-02T03:05:05.0Z",
        "2026-01-02T03:05:05.000000000Z",
        "2026-01-02T05:05:05+02:00",
        "2026-01-02T03:05:05.000000+00:00",
    ],
)
def test_times_are_read_as_clients_write_them(text: str) -> None:
    assert read_expiration({"expiresAt": text}, NOW) == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    "value",
    [None, 5, "", "tomorrow", "2030-01-01T00:00:00", "0001-01-01T00:00:00+14:00", rfc3339(NOW)],
)
def test_ends_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(RequestError, match="expiresAt"):
        read_expiration({"expiresAt": value}, NOW)


def test_metadata_patches_set_and_remove() -> None:
    assert read_metadata_patch({"a": "1", "b": None}) == {"a": "1", "b": None}
    with pytest.raises(RequestError):
        read_metadata_patch({"a": 1})


def test_list_queries() -> None:
    query = read_list_query(["Running", "PAUSED"], {"metadata": "a%26b=c%3Dd&e=", "page": "3"})
    assert query.states == {"running", "paused"}
    assert query.metadata == {"a&b": "c=d", "e": ""}
    assert (query.page, query.page_size) == (3, 20)


@pytest.mark.parametrize(
    "values",
    [{"page": "0"}, {"page": "-1"}, {"pageSize": "x"}, {"pageSize": "٣"}, {"metadata": "a"}],
    ids=repr,
)
def test_wrong_list_queries_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(RequestError) as caught:
        read_list_query([], values)
    assert caught.value.code == "INVALID_QUERY"


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "9" * 5000])
def test_ports_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        read_port(text)
