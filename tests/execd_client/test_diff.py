"""scripts/regen.sh --diff: what changed for callers, in plain words, and whether it breaks them.

Each case edits the real description, which is the old one, and compares it with what came out.
"""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from scripts._diff import Description, Fact, main, report
from tests.execd_client.environments import ROOT, copy_repository

OLD = ROOT / "openapi" / "execd.yaml"
OLD_CONTENT = yaml.safe_load(OLD.read_text())

GONE = object()
Keys = tuple[str | int, ...]
Edits = dict[Keys, Any]
Facts = Mapping[str, Fact]


class Compared(NamedTuple):
    """What was told: the status, and the lines."""

    status: int
    lines: list[str]


Compare = Callable[..., Compared]


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


@pytest.fixture(scope="module")
def old() -> Facts:
    return Description(str(OLD)).facts


@pytest.fixture
def compare(old: Facts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Compares the real description, or an edited one, with an edited one."""

    def facts_of(edits: Edits) -> Facts:
        path = tmp_path / "edited.yaml"
        path.write_text(edited(edits))
        return Description(str(path)).facts

    def compare(new: Edits, before: Edits | None = None) -> Compared:
        status = report(facts_of(before) if before else old, facts_of(new))
        return Compared(status, capsys.readouterr().out.splitlines())

    return compare


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return copy_repository(tmp_path / "repo", "openapi/execd.yaml", "pyproject.toml", "scripts")


def diff(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, as it is typed."""
    return subprocess.run(
        ["bash", str(root / "scripts" / "regen.sh"), "--diff", *map(str, arguments)],
        env={**os.environ, "PYTHON": sys.executable},
        cwd=ROOT,
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


def test_words_are_no_change_for_callers(compare: Compare) -> None:
    places: list[Keys] = [("info", "description"), (*PING, "summary"), (*METRICS, "description")]
    places += [(*METRICS, "properties", "timestamp", "description")]
    found = compare(dict.fromkeys(places, "other words"))
    assert found == (0, ["changes for callers: 0, BREAKING: 0"])


def test_what_harms_no_caller_is_told_and_is_no_failure(compare: Compare) -> None:
    edits = {keys: value for some in HARMLESS.values() for keys, value in some.items()}
    status, (*lines, summary) = compare(edits)
    assert sorted(lines) == sorted(HARMLESS)
    assert summary == f"changes for callers: {len(HARMLESS)}, BREAKING: 0"
    assert status == 0


@pytest.mark.parametrize("line", BREAKING)
def test_what_breaks_a_caller_is_marked_and_is_a_failure(compare: Compare, line: str) -> None:
    lines = f"BREAKING {line}".splitlines()
    summary = f"changes for callers: {len(lines)}, BREAKING: 1"
    assert compare(BREAKING[line]) == (3, [*lines, summary])


def test_a_value_that_may_be_sent_no_more_breaks(compare: Compare) -> None:
    values: Keys = (*RUN, "properties", "cwd", "enum")
    assert compare({values: ["/", "/srv"]}, {values: ["/", "/tmp"]}) == (
        3,
        [
            'schema RunInSessionRequest.cwd: value "/srv" added (enums are open)',
            'BREAKING schema RunInSessionRequest.cwd: value "/tmp" removed',
            "changes for callers: 2, BREAKING: 1",
        ],
    )


def test_lines_of_one_operation_or_schema_stand_together(compare: Compare) -> None:
    added: Edits = {
        (*METRICS, "properties", "load"): TEXT,
        (*SCHEMAS, "A"): TEXT,
        (*CONTEXTS, "parameters", "-"): OWNER,
        (*STATUS, "load"): TEXT,
        (*PING, "responses", "503"): {"description": ""},
        (*METRICS, "properties", "more"): TEXT,
    }
    assert [re.split("[,.:]", line)[0] for line in compare(added).lines[:-1]] == [
        "operation ping",
        "operation listContexts",
        "schema CommandStatusResponse",
        "schema Metrics",
        "schema Metrics",
        "schema A",
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("openapi: 3.1.1", "openapi: [", "did not find"),
        ("openapi: 3.1.1", "openapi: 3.0.3", "3.0.3"),
        ("in: query", "in: nowhere", "is not one of"),
        ("schemas/Metrics", "schemas/None", "/components/schemas/None leads nowhere"),
    ],
)
def test_what_is_no_description_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[str, str, str],
) -> None:
    find, put, reason = case
    (tmp_path / "old.yaml").write_text(OLD.read_text().replace(find, put))
    # Named as it was typed, which is from where the caller is.
    monkeypatch.chdir(tmp_path)
    assert main("old.yaml", str(OLD)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("regen.sh: old.yaml cannot be read: ")
    assert reason in said.err
    assert said.err.count("\n") == 1


@pytest.mark.slow
def test_the_command_compares_and_tells_by_its_status(repository: Path) -> None:
    line, edits = next(iter(BREAKING.items()))
    unchanged = diff(repository, OLD)
    assert (unchanged.returncode, unchanged.stderr) == (0, "")
    assert unchanged.stdout == "changes for callers: 0, BREAKING: 0\n"
    (repository / "openapi" / "execd.yaml").write_text(edited(edits))
    changed = diff(repository, OLD)
    assert (changed.returncode, changed.stderr) == (3, "")
    assert changed.stdout.splitlines()[0] == f"BREAKING {line}"


def test_wrong_use_is_refused(repository: Path) -> None:
    for arguments in ([], [OLD, OLD]):
        result = diff(repository, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert "usage: bash scripts/regen.sh [--check | --diff OLD.yaml]" in result.stderr


def test_what_cannot_be_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for missing in (tmp_path / "none.yaml", tmp_path):
        assert main(str(missing), str(OLD)) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert f"{missing} cannot be read" in said.err


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
