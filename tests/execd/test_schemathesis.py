"""openapi/execd.yaml against a real execd: schemathesis asks, and holds the answers to it.

What must stay true:

- Every operation that the application routes is asked; none that was served may go missing.
- The description is taken as it is, but for what `_as_served` changes, each with its reason.
- Whatever is generated, nothing outside of the server's directory is touched: `_harm_nothing`.

The same requests are sent each time. `EXECD_FUZZ_EXAMPLES=500` sends that many for each operation,
and others each time.
"""

# schemathesis leaves the arguments of its generic types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false
# pyright: reportUntypedFunctionDecorator=false

import copy
import grp
import inspect
import json
import os
import pwd
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import hypothesis
import pytest
import schemathesis
import yaml
from execd_client.models import ServerStreamEvent
from execd_client.streaming import parse_events
from openapi_schema_validator import OAS31Validator
from schemathesis.core.failures import AcceptedNegativeData, MalformedJson
from schemathesis.openapi.checks import MissingContentType

from code_interpreter.execd.app import Execd
from tests.execd.server import TOKEN, Server

Json = dict[str, Any]
Case = schemathesis.Case[Any]
Response = schemathesis.Response

EXAMPLES = os.environ.get("EXECD_FUZZ_EXAMPLES")
pytestmark = [pytest.mark.timeout(0 if EXAMPLES else 120), pytest.mark.kernels, pytest.mark.slow]

HEADERS = {"X-EXECD-ACCESS-TOKEN": TOKEN}
TIMEOUT = 30

# What a server may not unlearn. What it learns is taken in by itself.
AT_LEAST = {
    *("ping", "runCode", "interruptCode", "createCodeContext", "getContext", "deleteContext"),
    *("listContexts", "deleteContextsByLanguage"),
    *("runCommand", "interruptCommand", "getCommandStatus", "getBackgroundCommandLogs"),
    *("createSession", "runInSession", "deleteSession"),
    *("getFilesInfo", "searchFiles", "downloadFile", "uploadFile", "replaceContent", "renameFiles"),
    *("chmodFiles", "removeFiles", "makeDirs", "listDirectory", "removeDirs"),
    *("getMetrics", "watchMetrics", "isolatedCapabilities"),
}

# Where a 500 is a documented answer, and to what; see `server_errors_are_named`.
RUNTIME_ERRORS = {
    "runCode": "no context has the id; the context is busy",
    "interruptCode": "nothing that runs has the id",
    "interruptCommand": "nothing that runs has the id",
    "runInSession": "no session has the id",
    "chmodFiles": "nothing is there; it is somebody else's",
    "downloadFile": "the system does not let it be read",
    "getFilesInfo": "the system does not let it be looked at",
    "listDirectory": "the system does not let it be read",
    "makeDirs": "something else is there",
    "removeDirs": "it is no directory",
    "removeFiles": "it is a directory",
    "renameFiles": "something is there already",
    "replaceContent": "the system does not let it be read or written",
    "searchFiles": "the system does not let it be read",
    "uploadFile": "something else is there; the owner is somebody else",
}

# Where a request that fits the description can be a 400 (416) nevertheless.
REFUSALS = {
    "getBackgroundCommandLogs": "no command has the id, as with real servers",
    "chmodFiles": "a mode that is not octal; no such user or group",
    "createCodeContext": "the context to start anew has another language",
    "downloadFile": "lines do not go with a `Range`; no content is there, or none in that range",
    "listDirectory": "it is no directory",
    "makeDirs": "a mode that is not octal; no such user or group",
    "replaceContent": "it is no file; two paths are the same",
    "runCommand": "no process can have such a variable",
    "runInSession": "no process can have such a variable",
    "searchFiles": "the pattern is none",
    "uploadFile": "a mode that is not octal; no such user or group; no file is there",
}

# What the published tables leave out, so that the description has to.
UNLISTED = {
    "getFilesInfo": {"400": "the path is missing"},
    "removeFiles": {"400": "the path is missing"},
    "removeDirs": {"400": "the path is missing"},
    "replaceContent": {"404": "there is no such file"},
}

# Requests that fit with null in what they could leave out.
NULLABLE = {
    *("RunCodeRequest", "CodeContextRequest", "RunCommandRequest", "CreateSessionRequest"),
    *("RunInSessionRequest", "Permission", "FileMetadata"),
}

# Every run of generated text prints it, shows it or fails with it, in turns.
SHELL = ("printf %s {}", "printf %s {} >&2", "printf %s {}; exit 3")
PYTHON = ("print({})", "{}", "raise ValueError({})")

# What every second path, mode and owner is, in turns. Paths lead below the server's directory.
PLACES = ("/file", "/folder", "/folder/file", "/none/file")
TARGETS: Mapping[str, Sequence[str | int]] = {
    "path": PLACES,
    "src": PLACES,
    "mode": (644, 755, 1777, 0),
    "owner": (pwd.getpwuid(os.getuid()).pw_name, str(os.getuid())),
    "group": (grp.getgrgid(os.getgid()).gr_name, str(os.getgid())),
}


def _without_names(path: str) -> str:
    """The path with nothing between its braces: both sides name parameters as they like."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _routes() -> set[tuple[str, str]]:
    # Looking at the routes needs none of what answers them.
    parts = cast("dict[str, Any]", dict.fromkeys(inspect.signature(Execd).parameters))
    routes = cast("list[Any]", Execd(**parts).app.routes)
    implied = {"HEAD"}  # comes with every GET
    return {
        (method.lower(), _without_names(route.path))
        for route in routes
        if ":path}" not in route.path  # refuses a family of operations, and is none itself
        for method in route.methods - implied
    }


def _description() -> Json:
    file = Path(__file__).parents[2] / "openapi" / "execd.yaml"
    loaded: Json = yaml.safe_load(file.read_text())
    return loaded


def _operations(description: Json) -> dict[tuple[str, str], Json]:
    return {
        (method, path): operation
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if "operationId" in operation
    }


def _as_served(description: Json) -> Json:
    """The description of the operations that this server has, as it keeps them."""
    operations = {each["operationId"]: each for each in _operations(description).values()}
    schemas = description["components"]["schemas"]

    # It was started with a token: nobody comes in without.
    description["security"] = [{"accessToken": []}]

    for name, answers in UNLISTED.items():
        for status, reason in answers.items():
            like = {"400": "BadRequest", "404": "NotFound"}[status]
            answer = {**description["components"]["responses"][like], "description": reason}
            operations[name]["responses"][status] = answer

    _say_what_is_missing(description["components"], operations)
    _say_what_contexts_are(schemas)
    _say_what_commands_are(schemas["RunCommandRequest"])
    _let_null_be_nothing(schemas)
    _link(operations)

    routes = _routes()
    for method, path in _operations(description):
        if (method, _without_names(path)) not in routes:
            del description["paths"][path][method]
    return description


SOME_TEXT = {"type": "string", "minLength": 1}


def _say_what_is_missing(components: Json, operations: Json) -> None:
    """An empty value is a missing one, as with real servers."""
    for name in ("interruptCode", "interruptCommand", "deleteContextsByLanguage"):
        (parameter,) = operations[name]["parameters"]
        parameter["schema"] = SOME_TEXT
    for name in ("SearchRoot", "FileToRead", "DirectoryToList"):
        components["parameters"][name]["schema"] = SOME_TEXT
    for name in ("InfoPaths", "FilesToDelete", "DirectoriesToDelete"):
        components["parameters"][name]["schema"].update(items=SOME_TEXT, minItems=1)
    for name in ("Permissions", "Directories", "Replacements"):
        (media,) = components["requestBodies"][name]["content"].values()
        media["schema"]["propertyNames"] = SOME_TEXT
    for kind, name in (
        ("RunCodeRequest", "code"),
        ("RunInSessionRequest", "command"),
        ("RenameFileItem", "src"),
        ("RenameFileItem", "dest"),
        ("ReplaceFileContentItem", "old"),
        ("FileMetadata", "path"),
    ):
        schema = components["schemas"][kind]
        schema["properties"][name] = SOME_TEXT
        schema["required"] = sorted({*schema.get("required", []), name})


def _say_what_contexts_are(schemas: Json) -> None:
    # One language so far; others are refused at once, where real servers hang.
    creation = schemas["CodeContextRequest"]
    creation["required"] = ["language"]
    creation["properties"]["language"]["enum"] = ["python"]
    # The context that a run names need not name its language (nothing, or an empty text), as with
    # real servers: its id decides, and with neither the code is a shell command.
    context = copy.deepcopy(schemas["CodeContext"])
    del context["required"]
    context["properties"]["language"]["enum"] = ["python", ""]
    schemas["RunCodeRequest"]["properties"]["context"] = context


def _say_what_commands_are(command: Json) -> None:
    # It comes in one form, for a shell or as a program and its arguments.
    command["anyOf"] = [
        {
            "required": ["command"],
            "properties": {"command": SOME_TEXT, "argv": {"enum": [None, []]}},
        },
        {
            "required": ["argv"],
            "properties": {
                "argv": {"type": "array", "minItems": 1, "prefixItems": [SOME_TEXT]},
                "command": {"enum": [None, ""]},
            },
        },
    ]
    # No process can be given another name.
    command["properties"]["envs"]["propertyNames"] = {"pattern": "^[^=]*$"}


def _let_null_be_nothing(schemas: Json) -> None:
    """As it is to real servers, in what a request need not have."""
    for schema in (
        schemas["RunCodeRequest"]["properties"]["context"],
        *(schemas[kind] for kind in NULLABLE),
    ):
        for name, each in schema["properties"].items():
            if name not in schema.get("required", []):
                each["type"] = [each["type"], "null"]
                each.get("enum", []).append(None)


def _link(operations: Json) -> None:
    """What can be done with a new context, and with a new session."""
    context, session = "$response.body#/id", "$response.body#/session_id"
    operations["createCodeContext"]["responses"]["200"]["links"] = {
        "get": {"operationId": "getContext", "parameters": {"context_id": context}},
        "delete": {"operationId": "deleteContext", "parameters": {"context_id": context}},
        "interrupt": {"operationId": "interruptCode", "parameters": {"id": context}},
        "run": {
            "operationId": "runCode",
            "requestBody": {"code": "6 * 7", "context": {"id": context}},
        },
    }
    operations["createSession"]["responses"]["200"]["links"] = {
        "run": {"operationId": "runInSession", "parameters": {"sessionId": session}},
        "delete": {"operationId": "deleteSession", "parameters": {"sessionId": session}},
    }


DESCRIPTION = _as_served(_description())
EVENT = OAS31Validator({**DESCRIPTION, "$ref": "#/components/schemas/ServerStreamEvent"})
METRICS = OAS31Validator({**DESCRIPTION, "$ref": "#/components/schemas/Metrics"})


def _checks(operation: str) -> Json:
    checks: Json = {}
    if operation in RUNTIME_ERRORS:
        checks["not_a_server_error"] = {"expected-statuses": ["2xx", "4xx", "500"]}
    if operation in REFUSALS:
        checks["positive_data_acceptance"] = {
            "expected-statuses": ["2xx", "400", "404", "416", "500"]
        }
    return checks


SCHEMA = schemathesis.openapi.from_dict(
    DESCRIPTION,
    config=schemathesis.Config.from_dict(
        {
            "generation": {
                "max-examples": int(EXAMPLES or 30),
                "deterministic": EXAMPLES is None,
                "database": "none",
                # The right token is sent with every request; what wrong ones do is asked apart.
                "with-security-parameters": False,
            },
            "phases": {
                # Only the links above, and no steps that are known to be refused.
                "stateful": {"inference": {"algorithms": []}, "generation": {"mode": "positive"}}
            },
            "operations": [
                {"include-operation-id": operation["operationId"], "checks": checks}
                for operation in _operations(DESCRIPTION).values()
                if (checks := _checks(operation["operationId"]))
            ],
        }
    ),
)


@SCHEMA.hook
def filter_failure(context: object, failure: object, case: Case, response: Response) -> bool:
    """Whether a failure is one: false for what the description cannot put into words."""
    del context
    operation = case.operation.definition.raw
    if isinstance(failure, MissingContentType | MalformedJson) and not response.content:
        described = operation["responses"][str(response.status_code)]
        name = described.get("$ref", "").rpartition("/")[2]
        described = DESCRIPTION["components"]["responses"].get(name, described)
        return not described.get("x-may-be-empty")
    if isinstance(failure, AcceptedNegativeData):
        request = response.request
        # An empty parameter is a missing one, as with real servers.
        sent = parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)
        if any("" in values for values in sent.values()):
            return False
        # schemathesis takes a body that was left out for a wrong one, required or not.
        return request.body is not None or operation.get("requestBody", {}).get("required", True)
    return True


def _id(case: Case) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def _harm_nothing(case: Case, directory: Path) -> None:
    """Turn what was generated into something of its kind that can be let loose."""
    generated = case.body
    case.query = _tame(case.query, directory)
    case.body = tame = _tame(generated, directory)
    if not isinstance(generated, dict):
        return
    code, command, argv, cwd = (generated.get(each) for each in ("code", "command", "argv", "cwd"))
    if isinstance(code, str):
        context = tame.get("context")
        context = cast("Json", context) if isinstance(context, dict) else {}
        in_kernel = context.get("id") or context.get("language")  # else in a shell
        tame["code"] = _quoted(code, PYTHON, repr) if in_kernel else _quoted(code, SHELL)
    if isinstance(command, str):
        tame["command"] = _quoted(command, SHELL)
    if isinstance(argv, list) and argv and argv[0]:
        tame["argv"] = ["printf", "%s", *tame["argv"]]
    if isinstance(cwd, str):
        # It has to be there, but for a context; and must not be too long for the file system.
        tame["cwd"] = _tame(cwd[:40], directory) if _id(case) == "createCodeContext" else "."
    who = [tame[each] for each in ("uid", "gid") if tame.get(each) is not None]
    if who and all(type(each) is int and each >= 0 for each in who):
        # Only root can be somebody else.
        tame.update(uid=os.getuid(), gid=os.getgid())
    case.body = tame


def _quoted(
    text: str, templates: tuple[str, ...], quote: Callable[[str], str] = shlex.quote
) -> str:
    text = text.replace("\0", "")
    return text and templates[len(text) % len(templates)].format(quote(text))


def _tame(value: Any, directory: Path) -> Any:
    """The value, with every text in it that leads somewhere leading below the directory.

    And without what only JSON can hold, which the server refuses: test_api has tests of that.
    """
    if isinstance(value, dict):
        items = cast("Json", value).items()
        return {_tame(name, directory): _tame(each, directory) for name, each in items}
    if isinstance(value, list):
        return [_tame(each, directory) for each in cast("list[object]", value)]
    if isinstance(value, str):
        text = value.replace("\0", "")
        leads = "/" in text or text.startswith("~") or text in {".", ".."}
        return f"{directory}/below{os.path.normpath('/' + text)}" if leads else text
    # 1.0 is an integer in JSON Schema, and none to the readers of JSON in Go and msgspec.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _lead_somewhere(case: Case, server: Server) -> None:
    """Let every second id, path, mode and owner be one that is there."""
    for name, make in (("sessionId", _new_session), ("id", _new_command)):
        if len(case.path_parameters.get(name, "x")) % 2 == 0:
            case.path_parameters = {**case.path_parameters, name: make(server)}
    case.query, case.body = _aimed(case.query), _aimed(case.body)
    if _id(case) in {"chmodFiles", "makeDirs", "replaceContent"} and isinstance(case.body, dict):
        case.body = {_aimed(name, "path"): each for name, each in case.body.items()}
    if case.path.startswith(("/files", "/directories")):
        below = server.workdir / "below"
        shutil.rmtree(below / "none", ignore_errors=True)
        for directory in (below, below / "folder"):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)  # whatever the last request has made of it
        for file in ("file", "folder/file"):
            (below / file).unlink(missing_ok=True)
            (below / file).write_text("some text\nand more\n")


def _aimed(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {each: _aimed(what, each) for each, what in cast("Json", value).items()}
    if isinstance(value, list):
        return [_aimed(each, name) for each in cast("list[object]", value)]
    targets = TARGETS.get(name, ())
    size = len(value) if isinstance(value, str) else value
    if (
        targets
        and type(size) is int
        and size
        and size % 2 == 0
        and isinstance(value, type(targets[0]))
    ):
        return targets[size // 2 % len(targets)]
    return value


def _new_session(server: Server) -> str:
    session_id: str = server.client.post("/session").json()["session_id"]
    return session_id


def _new_command(server: Server) -> str:
    return server.command("echo some; exit 3", background=True).run_id


def events_fit_their_schema(ctx: schemathesis.CheckContext, response: Response, case: Case) -> None:
    """A stream decodes into events of their schema, from `init` to the one that ends the run."""
    del ctx, case
    if response.headers.get("content-type") != ["text/event-stream"] or response.stream_cut_short:
        return
    events = parse_events(response.content, dict)
    for event in events:
        EVENT.validate(event)
        assert ServerStreamEvent.from_dict(event).to_dict() == event
    kinds = [event["type"] for event in events]
    assert kinds[0] == "init", kinds
    assert kinds[-1] in {"execution_complete", "error"}, kinds
    assert not {"init", "execution_complete", "error"} & {*kinds[1:-1]}, kinds


def server_errors_are_named(ctx: schemathesis.CheckContext, response: Response, case: Case) -> None:
    """The 500 that `RUNTIME_ERRORS` allows for is the documented one and no accident."""
    del ctx
    if response.status_code == 500:  # any other is a failure already
        assert response.json()["code"] == "RUNTIME_ERROR", case.operation.label


CHECKS: list[schemathesis.CheckFunction] = [events_fit_their_schema, server_errors_are_named]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that must not complain, whatever it is asked."""
    directory = tmp_path_factory.mktemp("asked")
    with (directory / "stderr").open("w+b") as stderr:
        server = Server(directory / "work", stderr=stderr)
        yield server
        server.close()
        stderr.seek(0)
        assert stderr.read().decode() == ""


def test_what_is_served_is_described_and_grows_only() -> None:
    operations = _operations(DESCRIPTION)
    assert {(method, _without_names(path)) for method, path in operations} == _routes()
    assert {each["operationId"] for each in operations.values()} >= AT_LEAST


@SCHEMA.parametrize()
def test_answers_are_as_described(case: Case, asked: Server) -> None:
    _lead_somewhere(case, asked)
    _harm_nothing(case, asked.workdir)
    # Measurements have no end.
    timeout = (TIMEOUT, 0.5) if _id(case) == "watchMetrics" else TIMEOUT
    answer = case.call_and_validate(
        asked.url, headers=HEADERS, timeout=timeout, additional_checks=CHECKS
    )
    if _id(case) == "createCodeContext" and answer.status_code == 200:
        # Each costs a kernel.
        asked.client.delete(f"/code/contexts/{answer.json()['id']}")


def test_measurements_fit_their_schema(asked: Server) -> None:
    with asked.client.stream("GET", "/metrics/watch") as answer:
        lines = answer.iter_lines()
        for _ in range(2):
            METRICS.validate(json.loads(next(lines)))


@pytest.mark.parametrize(("method", "path"), _operations(DESCRIPTION))
@pytest.mark.parametrize("headers", [{}, {"X-EXECD-ACCESS-TOKEN": "wrong"}])
def test_nobody_comes_in_without_the_token(
    asked: Server, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.request(method, asked.url + re.sub(r"\{.*?\}", "x", path), headers=headers)
    assert answer.status_code == 401
    assert isinstance(answer.json()["error"], str)


class ContextSteps(schemathesis.stateful.APIStateMachine):
    """What can be done with contexts and sessions, as schemathesis strings it together."""

    server: ClassVar[Server]

    def __init__(self) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.deleted: set[str] = set()

    def get_call_kwargs(self, case: Case) -> Json:
        del case
        return {"base_url": self.server.url, "headers": HEADERS, "timeout": TIMEOUT}

    def before_call(self, case: Case) -> None:
        _harm_nothing(case, self.server.workdir)

    def after_call(self, response: Response, case: Case) -> None:
        super().after_call(response, case)
        done = _id(case) if response.status_code == 200 else None
        if done == "createCodeContext":
            self.made.add(response.json()["id"])
        elif done == "deleteContext":
            self.deleted.add(case.path_parameters["context_id"])
        elif done == "runCode":
            context = cast("Json", case.body).get("context") or {}
            assert context.get("id") not in self.deleted

    def validate_response(
        self,
        response: Response,
        case: Case,
        additional_checks: list[schemathesis.CheckFunction] | None = None,
        **kwargs: Any,
    ) -> None:
        checks = [*CHECKS, *(additional_checks or [])]
        super().validate_response(response, case, checks, **kwargs)

    def teardown(self) -> None:
        listed = {each["id"] for each in self.server.client.get("/code/contexts").json()}
        self.server.client.delete("/code/contexts", params={"language": "python"})
        assert self.made - self.deleted <= listed
        assert not self.deleted & listed


def test_contexts_live_from_creation_to_deletion_in_any_order(asked: Server) -> None:
    bases = (ContextSteps, SCHEMA.as_state_machine())
    steps = cast("type[ContextSteps]", type("Steps", bases, {"server": asked}))
    steps.run(
        settings=hypothesis.settings(
            max_examples=int(EXAMPLES or 10),
            stateful_step_count=8,
            derandomize=EXAMPLES is None,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],  # a failure's story is short enough as it is
            suppress_health_check=[
                hypothesis.HealthCheck.too_slow,
                hypothesis.HealthCheck.filter_too_much,
            ],
        )
    )
