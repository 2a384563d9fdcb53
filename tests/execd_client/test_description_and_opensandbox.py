"""What the public `opensandbox` package sends to execd is what openapi/execd.yaml describes.

No published table has the file operations of an execution identity; this is what establishes their
form, and it holds the isolated operations to the same. The package's public API talks to a server
that knows nothing but the description: it finds the operation of a request, looks for whatever the
description does not have in it, and answers with the description's own example.
"""

import email
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import InvalidArgumentException
from opensandbox.models.filesystem import (
    ContentReplaceEntry,
    DirectoryListEntry,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)
from opensandbox.models.isolated import (
    BindMount,
    CreateIsolatedSessionRequest,
    EnvPassthroughSpec,
    IsolatedOverlaySpec,
    IsolatedRunOpts,
    IsolatedWorkspaceSpec,
)
from opensandbox.sync.services import FilesystemSync, IsolationServiceSync, IsolationSessionSync

from tests.execd_client.description import (
    DESCRIPTION,
    OPERATIONS,
    SCHEMAS,
    Operation,
    capitalised,
    resolve,
)

SESSION_ID = SCHEMAS["IsolatedCreateSessionResponse"]["examples"][0]["session_id"]

# What HTTP and the package put into a request of any kind.
ANY_REQUEST = {
    "accept", "accept-encoding", "cache-control", "connection", "content-length", "content-type",
    "host", "open-sandbox-client-ip", "transfer-encoding", "user-agent",
}  # fmt: skip

# Closed, so that a property that is not described is a problem.
COMPONENTS = {
    **DESCRIPTION["components"],
    "schemas": {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in SCHEMAS.items()
    },
}


def misfits(schema: dict[str, Any], value: Any) -> list[str]:
    validator = OAS31Validator(
        {**schema, "components": COMPONENTS}, format_checker=OAS31Validator.FORMAT_CHECKER
    )
    return [error.message for error in validator.iter_errors(value)]


def read_json(text: bytes) -> Any:
    """JSON as execd reads it: a null is a missing field."""
    return json.loads(
        text, object_pairs_hook=lambda pairs: {key: item for key, item in pairs if item is not None}
    )


def problems_of_parameters(
    operation: Operation, in_path: dict[str, str], request: httpx.Request
) -> Iterator[str]:
    for parameter in operation.parameters:
        name, schema = parameter["name"], parameter["schema"]
        texts = {
            "path": [in_path.get(name, "")],
            "query": request.url.params.get_list(name),
            "header": request.headers.get_list(name),
        }[parameter["in"]]
        if schema["type"] == "array":
            yield from misfits(schema, texts)
        elif texts:
            text = ", ".join(texts)
            yield from misfits(schema, text if schema["type"] == "string" else json.loads(text))
        elif parameter["required"]:
            yield f"{name} is missing"
    described = {(item["in"], item["name"].lower()) for item in operation.parameters}
    sent = {("query", name) for name in request.url.params}
    sent |= {("header", name) for name in request.headers if name not in ANY_REQUEST}
    yield from (f"{name} in {place}" for place, name in sent - described)


def parts_of(request: httpx.Request) -> Iterator[tuple[str, str, bytes]]:
    """The name, the content type and the content of each part, all of which carry a file name."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    for part in email.message_from_bytes(head + request.content).walk():
        if not part.is_multipart():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            assert isinstance(name, str)
            assert isinstance(content, bytes)
            assert part.get_filename()
            yield name, part.get_content_type(), content


def problems_of_body(operation: Operation, request: httpx.Request) -> Iterator[str]:
    if operation.body is None:
        if request.content:
            yield "there is a body"
        return
    media_type = request.headers["content-type"].partition(";")[0]
    schema = operation.body["content"][media_type]["schema"]
    if media_type == "application/json":
        yield from misfits(schema, read_json(request.content))
        return
    parts = list(parts_of(request))
    assert [name for name, _, _ in parts] == ["metadata", "file"] * (len(parts) // 2)
    assert {kind for name, kind, _ in parts if name == "metadata"} == {"application/json"}
    for (_, _, metadata), (_, _, file) in zip(parts[::2], parts[1::2], strict=True):
        value = {"metadata": read_json(metadata), "file": file.decode()}
        yield from misfits(schema, value)


def example_of(schema: dict[str, Any]) -> Any:
    schema = resolve(schema)
    if "examples" in schema:
        return schema["examples"][0]
    return [example_of(schema["items"])] if schema["type"] == "array" else "alpha"


def example_answer(operation: Operation, request: httpx.Request) -> httpx.Response:
    status = min(operation.responses)
    if "range" in request.headers:
        status = "206"
    elif operation.name == "runInIsolatedSession" and json.loads(request.content).get("background"):
        status = "202"
    response = operation.responses[status]
    headers = {
        name: str(resolve(header)["example"])
        for name, header in response.get("headers", {}).items()
    }
    if "content" not in response:
        return httpx.Response(int(status), headers=headers)
    media_type, media = next(iter(response["content"].items()))
    headers["content-type"] = media_type
    if media_type == "text/event-stream":
        events = resolve(media["schema"])["examples"]
        text = "".join(json.dumps(event) + "\n\n" for event in events)
    else:
        value = media["example"] if "example" in media else example_of(media["schema"])
        text = json.dumps(value) if media_type == "application/json" else value
    return httpx.Response(int(status), headers=headers, text=text)


class Described(httpx.BaseTransport):
    """The server that knows nothing but the description.

    Attributes:
        calls: The operations that were asked for, in order.
        problems: What was asked for and is not described.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.problems: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if found := re.fullmatch(r"/v1/sandboxes/some/endpoints/(\d+)", request.url.path):
            return httpx.Response(200, json={"endpoint": f"sandbox.test:{found[1]}"})
        for operation in OPERATIONS:
            path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path)
            found = re.fullmatch(path, request.url.path)
            if found and request.method == operation.method:
                self.calls.append(operation.name)
                self.problems += problems_of_parameters(operation, found.groupdict(), request)
                self.problems += problems_of_body(operation, request)
                return example_answer(operation, request)
        self.problems.append(f"{request.method} {request.url.path}")
        return httpx.Response(404, text="404 page not found")


@pytest.fixture
def execd() -> Described:
    return Described()


@pytest.fixture
def sandbox(execd: Described) -> Iterator[SandboxSync]:
    sandbox = SandboxSync.connect(
        "some", ConnectionConfigSync(domain="sandbox.test", transport=execd)
    )
    assert execd.calls == ["ping"]
    execd.calls.clear()
    yield sandbox
    assert execd.problems == []


def public(service: type) -> set[str]:
    return {name for name in vars(service) if not name.startswith("_")}


A, B = "/workspace/a.txt", "/workspace/b.txt"
FILE_METHODS: dict[str, tuple[str, Callable[[FilesystemSync], object]]] = {
    "read_file": ("downloadFile", lambda files: files.read_file(A, offset=10, limit=100)),
    "read_bytes": ("downloadFile", lambda files: files.read_bytes(A, range_header="bytes=0-4")),
    "read_bytes_stream": ("downloadFile", lambda files: list(files.read_bytes_stream(A))),
    "write_file": (
        "uploadFile",
        lambda files: files.write_file(A, "alpha", mode=644, owner="root", group="root"),
    ),
    "write_files": (
        "uploadFile",
        lambda files: files.write_files(
            [WriteEntry(path=A, data=b"alpha"), WriteEntry(path=B, data=io.BytesIO(b"beta"))]
        ),
    ),
    "create_directories": (
        "makeDirs",
        lambda files: files.create_directories([WriteEntry(path="/workspace/data", mode=755)]),
    ),
    "delete_files": ("removeFiles", lambda files: files.delete_files([A, B])),
    "delete_directories": (
        "removeDirs",
        lambda files: files.delete_directories(["/data", "/tmp/x"]),
    ),
    "move_files": (
        "renameFiles",
        lambda files: files.move_files([MoveEntry(source=A, destination=B)]),
    ),
    "set_permissions": (
        "chmodFiles",
        lambda files: files.set_permissions([SetPermissionEntry(path=A, mode=600, owner="root")]),
    ),
    "replace_contents": (
        "replaceContent",
        lambda files: files.replace_contents(
            [ContentReplaceEntry(path=A, old_content="a", new_content="b")]
        ),
    ),
    "replace_contents_detailed": (
        "replaceContent",
        lambda files: files.replace_contents_detailed(
            [ContentReplaceEntry(path=A, old_content="a", new_content="b")]
        ),
    ),
    "search": (
        "searchFiles",
        lambda files: files.search(SearchEntry(path="/workspace", pattern="**/*.py")),
    ),
    "list_directory": (
        "listDirectory",
        lambda files: files.list_directory(DirectoryListEntry(path="/workspace", depth=2)),
    ),
    "get_file_info": ("getFilesInfo", lambda files: files.get_file_info([A, B])),
}


@pytest.mark.parametrize("kind", ["", "identity", "isolated"])
def test_every_file_method_is_an_operation_of_its_kind(
    execd: Described, sandbox: SandboxSync, kind: str
) -> None:
    assert set(FILE_METHODS) == public(FilesystemSync)
    files: dict[str, FilesystemSync] = {
        "": sandbox.files,
        "identity": sandbox.files_with_identity(1000, 2000),
        "isolated": sandbox.isolation.attach(SESSION_ID).files,
    }

    made: dict[str, list[str]] = {}
    for method, (_, call) in FILE_METHODS.items():
        execd.calls.clear()
        call(files[kind])
        made[method] = execd.calls.copy()

    assert made == {
        method: [kind + capitalised(name) if kind else name]
        for method, (name, _) in FILE_METHODS.items()
    }
    assert len({name for (name,) in made.values()}) == 11


def test_an_identity_has_the_described_range(execd: Described, sandbox: SandboxSync) -> None:
    for number, name in enumerate(["Uid", "Gid"]):
        schema = DESCRIPTION["components"]["parameters"][name]["schema"]
        for inside in (schema["minimum"], schema["maximum"]):
            identity = [1000, 1000]
            identity[number] = inside
            sandbox.files_with_identity(*identity).read_bytes(A)
        for outside in (schema["minimum"] - 1, schema["maximum"] + 1):
            identity = [1000, 1000]
            identity[number] = outside
            with pytest.raises(InvalidArgumentException):
                sandbox.files_with_identity(*identity)
    assert execd.calls == ["identityDownloadFile"] * 4


def test_every_isolation_method_is_an_operation(execd: Described, sandbox: SandboxSync) -> None:
    request = CreateIsolatedSessionRequest(
        profile="strict",
        workspace=IsolatedWorkspaceSpec(path="/workspace", mode="rw"),
        overlays=[IsolatedOverlaySpec(path="/data", mode="overlay", persist=False)],
        extra_writable=["/tmp/cache"],
        binds=[BindMount(source="/opt/models", dest="/models", readonly=True)],
        share_net=False,
        env_passthrough=EnvPassthroughSpec(mode="allow", keys=["LANG"]),
        uid=1000,
        gid=1000,
        uid_mode="userns",
        idle_timeout_seconds=600,
    )
    assert set(request.model_dump(exclude_none=True)) == set(
        SCHEMAS["CreateIsolatedSessionRequest"]["properties"]
    )
    isolation = sandbox.isolation

    assert isolation.capabilities().isolator == "bwrap"
    session = isolation.create(request)
    assert session.session_id == session.info.session_id == SESSION_ID
    assert isolation.attach(SESSION_ID).info.idle_timeout_seconds == 600
    assert [one.session_id for one in isolation.list()] == [SESSION_ID]
    assert session.get().idle_remaining_seconds == 599
    opts = IsolatedRunOpts(envs={"LANG": "C"}, timeout_seconds=60)
    assert [message.text for message in session.run("make", opts=opts).logs.stdout] == ["hi\n"]
    run = session.run_background("./server", opts=opts)
    assert session.run_status(run.run_id).exit_code == 2
    logs = session.run_logs(run.run_id, cursor=7)
    assert (logs.text, logs.cursor) == ("line 1\nline 2\n", 25)
    session.delete()
    isolation.run_once("make", workspace="/workspace")
    with isolation.session(request):
        pass

    assert public(IsolationServiceSync) == {
        "attach", "capabilities", "create", "list", "run_once", "session",
    }  # fmt: skip
    assert public(IsolationSessionSync) == {
        "delete", "files", "get", "info", "run", "run_background", "run_logs", "run_status",
        "session_id",
    }  # fmt: skip
    once = ["createIsolatedSession", "runInIsolatedSession", "deleteIsolatedSession"]
    assert execd.calls == [
        "isolatedCapabilities",
        "createIsolatedSession",
        "getIsolatedSession",
        "listIsolatedSessions",
        "getIsolatedSession",
        "runInIsolatedSession",
        "runInIsolatedSession",
        "getIsolatedRunStatus",
        "getIsolatedRunLogs",
        "deleteIsolatedSession",
        *once,
        once[0],
        once[2],
    ]
    isolated = {operation.name for operation in OPERATIONS if operation.tag == "IsolatedExecution"}
    of_files = {f"isolated{capitalised(name)}" for name, _ in FILE_METHODS.values()}
    assert isolated - of_files - set(execd.calls) == {
        "isolatedSessionCommit",  # nobody calls what no server does
        "isolatedSessionDiff",
    }
