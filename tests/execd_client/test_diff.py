"""scripts/regen.sh --diff: what changed for callers, in plain words, and whether it breaks them.

Each case edits the real description, which is the old one, and compares it with what came out.
"""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.execd_client.environments import ROOT, copy_repository

OLD = ROOT / "openapi" / "execd.yaml"
OLD_CONTENT = yaml.safe_load(OLD.read_text())

GONE = object()
Keys = tuple[str | int, ...]
Edits = dict[Keys, Any]


class Old(NamedTuple):
    """Stands for what the old description has there."""

    keys: Keys


def at(node: Any, keys: Keys) -> Any:
    for key in keys:
        node = node[key]
    return node


def edited(edits: Edits) -> str:
    """The description with a value put at each place; GONE deletes, the key "-" appends."""
    new = copy.deepcopy(OLD_CONTENT)
    for keys, value in edits.items():
        place, key = at(new, keys[:-1]), keys[-1]
        if value is GONE:
            del place[key]
        elif key == "-":
            place.append(value)
        else:
            found = at(OLD_CONTENT, value.keys) if isinstance(value, Old) else value
            place[key] = copy.deepcopy(found)
    return json.dumps(new)  # which is YAML too


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return copy_repository(tmp_path / "repo", "openapi/execd.yaml", "pyproject.toml", "scripts")


def diff(root: Path, *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(root / "scripts" / "regen.sh"), "--diff", *map(str, arguments)],
        env={**os.environ, "PYTHON": sys.executable},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


SCHEMAS: Keys = ("components", "schemas")
METRICS: Keys = (*SCHEMAS, "Metrics")
RUN: Keys = (*SCHEMAS, "RunInSessionRequest")
STATUS: Keys = (*SCHEMAS, "CommandStatusResponse", "properties")
FILE_TYPE: Keys = (*SCHEMAS, "FileInfo", "properties", "type")
PING: Keys = ("paths", "/ping", "get")
CONTEXT: Keys = ("paths", "/code/contexts/{context_id}")
CONTEXTS: Keys = ("paths", "/code/contexts", "get")
LOGS: Keys = ("paths", "/command/{id}/logs", "get", "responses", "200")
TEXT = {"type": "string"}
ANSWERED = {"200": {"description": ""}}
LANGUAGE = {"name": "language", "in": "query", "schema": TEXT}
OWNER = {"name": "owner", "in": "query", "schema": TEXT}
KEY = {"name": "key", "in": "path", "required": True, "schema": TEXT}

HARMLESS: dict[str, Edits] = {
    "operation ping: is now deprecated": {(*PING, "deprecated"): True},
    "operation pong: added": {
        ("paths", "/pong"): {"get": {"operationId": "pong", "responses": ANSWERED}}
    },
    "operation listContexts, query parameter owner: added, optional": {
        (*CONTEXTS, "parameters", "-"): OWNER
    },
    "operation getContext, answer 503: added": {
        (*CONTEXT, "get", "responses", "503"): {"description": ""}
    },
    'operation listContexts, query parameter language: default is now "go"': {
        (*CONTEXTS, "parameters", 0): {**LANGUAGE, "schema": {**TEXT, "default": "go"}}
    },
    "schema RunInSessionRequest.shell: added, optional": {(*RUN, "properties", "shell"): TEXT},
    "schema RunInSessionRequest.command: is now null at times": {
        (*RUN, "properties", "command", "type"): ["string", "null"]
    },
    "schema RunInSessionRequest.timeout: minimum is gone, was 0": {
        (*RUN, "properties", "timeout", "minimum"): GONE
    },
    "schema CommandStatusResponse.exit_code: is now never null": {
        (*STATUS, "exit_code", "type"): "integer"
    },
    'schema FileInfo.type: value "socket" added (enums are open)': {
        (*FILE_TYPE, "enum", "-"): "socket"
    },
    "schema Metrics.load: added, required": {
        (*METRICS, "properties", "load"): {"type": "number"},
        (*METRICS, "required", "-"): "load",
    },
    "schema New: added": {(*SCHEMAS, "New"): {"type": "object", "properties": {"a": TEXT}}},
}

BREAKING: dict[str, Edits] = {
    "operation deleteContext: removed": {(*CONTEXT, "delete"): GONE},
    "operation ping: removed\noperation pong: added": {(*PING, "operationId"): "pong"},
    'operation ping: request changed from "GET /ping" to "GET /pong"': {
        ("paths", "/pong"): Old(("paths", "/ping")),
        ("paths", "/ping"): GONE,
    },
    'operation ping: tag changed from "Health" to "Metric"': {(*PING, "tags"): ["Metric"]},
    'operation runInSession, path parameter 1: name changed from "sessionId" to "key"': {
        ("paths", "/session/{key}/run"): Old(("paths", "/session/{sessionId}/run")),
        ("paths", "/session/{key}/run", "parameters", 0): KEY,
        ("paths", "/session/{sessionId}/run"): GONE,
    },
    "operation listContexts, query parameter language: removed": {(*CONTEXTS, "parameters"): []},
    "operation listContexts, query parameter owner: added, required": {
        (*CONTEXTS, "parameters", "-"): {**OWNER, "required": True}
    },
    "operation listContexts, query parameter language: explode changed from true to false": {
        (*CONTEXTS, "parameters", 0): {**LANGUAGE, "explode": False}
    },
    "operation createSession, body: is now required": {
        ("paths", "/session", "post", "requestBody", "required"): True
    },
    "operation getContext, answer 404: removed": {(*CONTEXT, "get", "responses", "404"): GONE},
    "operation getBackgroundCommandLogs, answer 200, text/plain: removed\n"
    "operation getBackgroundCommandLogs, answer 200, application/json: added": {
        (*LOGS, "content"): {"application/json": {"schema": TEXT}}
    },
    "operation getBackgroundCommandLogs, answer 200, header EXECD-COMMANDS-TAIL-CURSOR: removed": {
        (*LOGS, "headers"): GONE
    },
    "operation ping, answer 200: x-may-be-empty is now true": {
        (*PING, "responses", "200", "x-may-be-empty"): True
    },
    "every operation: security changed from accessToken or nothing to accessToken": {
        ("security",): [{"accessToken": []}]
    },
    "schema RunInSessionRequest.shell: added, required": {
        (*RUN, "properties", "shell"): TEXT,
        (*RUN, "required", "-"): "shell",
    },
    "schema RunInSessionRequest.timeout: minimum changed from 0 to 1": {
        (*RUN, "properties", "timeout", "minimum"): 1
    },
    'schema RunInSessionRequest.cwd: enum is now "/" or "/tmp"': {
        (*RUN, "properties", "cwd", "enum"): ["/", "/tmp"]
    },
    'schema FileInfo.type: value "other" removed': {(*FILE_TYPE, "enum", 3): GONE},
    "schema CommandStatusResponse.exit_code: removed": {(*STATUS, "exit_code"): GONE},
    "schema CommandStatusResponse.started_at: type changed from string (date-time) to string": {
        (*STATUS, "started_at", "format"): GONE
    },
    "schema Metrics.timestamp: is now optional": {
        (*METRICS, "required"): ["cpu_count", "cpu_used_pct", "mem_total_mib", "mem_used_mib"]
    },
    "schema Metrics.cpu_count: is now null at times": {
        (*METRICS, "properties", "cpu_count", "type"): ["number", "null"]
    },
    "schema Metrics.timestamp: type changed from integer to string": {
        (*METRICS, "properties", "timestamp"): TEXT
    },
    "schema ServerStreamEventError.traceback[]: type changed from string to integer": {
        (*SCHEMAS, "ServerStreamEventError", "properties", "traceback", "items", "type"): "integer"
    },
    "schema Metrics: x-new is now 1": {(*METRICS, "x-new"): 1},
}


def change(repository: Path, edits: Edits) -> subprocess.CompletedProcess[str]:
    (repository / "openapi" / "execd.yaml").write_text(edited(edits))
    return diff(repository, OLD)


def test_words_are_no_change_for_callers(repository: Path) -> None:
    places: list[Keys] = [("info", "description"), (*PING, "summary"), (*METRICS, "description")]
    places += [(*METRICS, "properties", "timestamp", "description")]
    result = change(repository, dict.fromkeys(places, "other words"))
    assert (result.returncode, result.stdout) == (0, "changes for callers: 0, BREAKING: 0\n")


def test_what_harms_no_caller_is_told_and_is_no_failure(repository: Path) -> None:
    edits = {keys: value for some in HARMLESS.values() for keys, value in some.items()}
    result = change(repository, edits)
    assert result.returncode == 0, result.stdout + result.stderr
    *lines, summary = result.stdout.splitlines()
    assert sorted(lines) == sorted(HARMLESS)
    assert summary == f"changes for callers: {len(HARMLESS)}, BREAKING: 0"


@pytest.mark.parametrize("line", BREAKING)
def test_what_breaks_a_caller_is_marked_and_is_a_failure(repository: Path, line: str) -> None:
    result = change(repository, BREAKING[line])
    lines = f"BREAKING {line}".splitlines()
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        *lines,
        f"changes for callers: {len(lines)}, BREAKING: 1",
    ]
    assert result.returncode == 3


def test_a_value_that_may_be_sent_no_more_breaks(repository: Path, tmp_path: Path) -> None:
    values: Keys = (*RUN, "properties", "cwd", "enum")
    old = tmp_path / "old.yaml"
    old.write_text(edited({values: ["/", "/tmp"]}))
    (repository / "openapi" / "execd.yaml").write_text(edited({values: ["/", "/srv"]}))
    result = diff(repository, old)
    assert result.returncode == 3
    assert result.stdout.splitlines() == [
        'schema RunInSessionRequest.cwd: value "/srv" added (enums are open)',
        'BREAKING schema RunInSessionRequest.cwd: value "/tmp" removed',
        "changes for callers: 2, BREAKING: 1",
    ]


def test_lines_of_one_operation_or_schema_stand_together(repository: Path) -> None:
    added: Edits = {
        (*METRICS, "properties", "load"): TEXT,
        (*SCHEMAS, "A"): TEXT,
        (*CONTEXTS, "parameters", "-"): OWNER,
        (*STATUS, "load"): TEXT,
        (*PING, "responses", "503"): {"description": ""},
        (*METRICS, "properties", "more"): TEXT,
    }
    lines = change(repository, added).stdout.splitlines()
    assert [re.split("[,.:]", line)[0] for line in lines[:-1]] == [
        "operation ping",
        "operation listContexts",
        "schema CommandStatusResponse",
        "schema Metrics",
        "schema Metrics",
        "schema A",
    ]


@pytest.mark.parametrize(
    ("find", "put", "reason"),
    [
        ("openapi: 3.1.1", "openapi: [", "did not find"),
        ("openapi: 3.1.1", "openapi: 3.0.3", "3.0.3"),
        ("in: query", "in: nowhere", "is not one of"),
        ("schemas/Metrics", "schemas/None", "/components/schemas/None leads nowhere"),
    ],
)
def test_what_is_no_description_is_refused(
    repository: Path, tmp_path: Path, find: str, put: str, reason: str
) -> None:
    old = tmp_path / "old.yaml"
    old.write_text(OLD.read_text().replace(find, put))
    # Named as it was typed, which is from where the caller is.
    result = diff(repository, "old.yaml", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("regen.sh: old.yaml cannot be read: ")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1


def test_wrong_use_is_refused(repository: Path, tmp_path: Path) -> None:
    for arguments in ([], [OLD, OLD]):
        result = diff(repository, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert "usage: bash scripts/regen.sh [--check | --diff OLD.yaml]" in result.stderr
    for missing in (tmp_path / "none.yaml", tmp_path):
        result = diff(repository, missing)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"{missing} cannot be read" in result.stderr


def test_a_different_tool_is_named_with_its_pin(repository: Path) -> None:
    pyproject = repository / "pyproject.toml"
    text = re.sub(
        '"openapi-spec-validator==[^"]+"', '"openapi-spec-validator==0.0.1"', pyproject.read_text()
    )
    pyproject.write_text(text)
    result = diff(repository, OLD)
    assert result.returncode == 2
    assert "pins openapi-spec-validator==0.0.1" in result.stderr
    assert "uv sync --group regen" in result.stderr
