"""A walk through every operation of the generated client, as data: what is recorded and replayed.

One line is one call. Each tag has a cassette of its own, so its calls need nothing that another
tag made, and they end by deleting what they made. What must stay true:

- All files lie below one directory, which the tour makes and removes.
- Nobody else's contexts, sessions or files are touched.
- What depends on chance or on time comes in an order that does not: a command in the background is
  given the time of one in the foreground to end.
"""
# ruff: noqa: E501  # one call, one line

import importlib
import io
from types import ModuleType
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import attrs
from execd_client import models
from execd_client.api.code_interpreting import (
    create_code_context,
    delete_context,
    delete_contexts_by_language,
    get_context,
    interrupt_code,
    list_contexts,
    run_code,
)
from execd_client.api.command import (
    create_session,
    delete_session,
    get_background_command_logs,
    get_command_status,
    interrupt_command,
    run_command,
    run_in_session,
)
from execd_client.api.filesystem import make_dirs, remove_dirs
from execd_client.api.health import ping
from execd_client.api.isolated_execution import (
    create_isolated_session,
    delete_isolated_session,
    get_isolated_run_logs,
    get_isolated_run_status,
    get_isolated_session,
    isolated_capabilities,
    isolated_session_commit,
    isolated_session_diff,
    list_isolated_sessions,
    run_in_isolated_session,
)
from execd_client.api.metric import get_metrics, watch_metrics
from execd_client.models import (
    CodeContext,
    CodeContextRequest,
    CreateIsolatedSessionRequest,
    CreateSessionRequest,
    FileMetadata,
    IsolatedRunRequest,
    IsolatedRunRequestEnvs,
    IsolatedWorkspaceSpec,
    IsolatedWorkspaceSpecMode,
    MakeDirsBody,
    Permission,
    RenameFileItem,
    ReplaceFileContentItem,
    RunCodeRequest,
    RunCommandRequest,
    RunCommandRequestEnvs,
    RunInSessionRequest,
)
from execd_client.types import File

ROOT = "/tmp/execd-client-tour"

T = TypeVar("T")

# Each of these stands for the id that an earlier answer gave, and is sent as it is if none did.
PYTHON = "00000000-0000-4000-8000-000000000001"
PYTHON_IN_TMP = "00000000-0000-4000-8000-000000000002"
COMMAND = "00000000000040008000000000000003"
SLEEPER = "00000000000040008000000000000004"
SESSION = "00000000-0000-4000-8000-000000000005"
BARE_SESSION = "00000000-0000-4000-8000-000000000006"
ISOLATED = UUID("00000000-0000-4000-8000-000000000007")
RUN = UUID("00000000-0000-4000-8000-000000000008")
# And nobody gives these.
UNKNOWN = "unknown"
UNKNOWN_UUID = UUID("00000000-0000-4000-8000-000000000009")
# Deleting the contexts of a language must not hit anybody's.
NO_LANGUAGE = "no-such-language"


class Call(NamedTuple):
    """One call.

    Attributes:
        operation: A module of `execd_client.api`.
        arguments: What its functions are called with, besides the client.
        status: What the server of the committed cassettes answers.
        gives: One of the ids above, and the field of the answer that it stands for from here on; of
            a stream, the field of its first event.
    """

    operation: ModuleType
    arguments: dict[str, Any]
    status: int
    gives: tuple[str | UUID, str] | None


def call(
    operation: ModuleType,
    *,
    status: int = 200,
    gives: tuple[str | UUID, str] | None = None,
    **arguments: Any,
) -> Call:
    return Call(operation, arguments, status, gives)


class Ids:
    """What the ids above stand for, on one walk."""

    def __init__(self) -> None:
        self._found: dict[str | UUID, Any] = {}

    def arguments(self, call: Call) -> dict[str, Any]:
        """The call's arguments, with the ids that were found; bodies are changed in place."""
        return {name: self._filled(value) for name, value in call.arguments.items()}

    def learn(self, call: Call, answer: object) -> None:
        """Take an id from an answer, if it is of the kind that has one."""
        if call.gives is not None:
            stands, field = call.gives
            events = cast("list[object]", answer) if isinstance(answer, list) else [answer]
            if given := getattr(next(iter(events), None), field, None):
                self._found[stands] = given

    def _filled(self, value: Any) -> Any:
        if isinstance(value, (str, UUID)):
            return self._found.get(value, value)
        if attrs.has(value.__class__):
            for name in attrs.fields_dict(value.__class__):
                setattr(value, name, self._filled(getattr(value, name)))
        return value


def python(code: str, context: str = PYTHON) -> RunCodeRequest:
    return RunCodeRequest(code, CodeContext("python", context))


def keyed(kind: type[T], items: dict[str, Any]) -> T:
    """A body that is a map: such a model holds nothing but what its description does not name."""
    body: Any = kind()
    body.additional_properties = items
    return cast("T", body)


def file_operations(
    tag: str, prefix: str = "", *, root: str, served: bool = True, **who: Any
) -> list[Call]:
    """The file operations, which the API has three times.

    Args:
        tag: Which of them.
        prefix: How the names of these operations begin.
        root: A directory to make and to remove.
        served: Whether the server of the committed cassettes has them.
        **who: The arguments that all of them take.
    """

    def at(name: str, *, status: int = 200, **arguments: Any) -> Call:
        operation = importlib.import_module(f"execd_client.api.{tag}.{prefix}{name}")
        return call(operation, status=status if served else 503, **who, **arguments)

    def model(name: str) -> Any:
        return getattr(models, f"{prefix.rstrip('_').capitalize()}{name}")

    def body(name: str, items: dict[str, Any]) -> Any:
        return keyed(model(name), items)

    def upload(path: str, mode: int, content: bytes, *named: str) -> Any:
        metadata = FileMetadata(path=path, mode=mode)
        return model("UploadFileBody")(metadata, File(io.BytesIO(content), *named))

    a, b, c, sub, none = (f"{root}/{name}" for name in ("a.txt", "sub/b.bin", "c.txt", "sub", "no"))
    two = [upload(a, 644, b"alpha\nbeta\n"), upload(c, 640, b"gamma\n", "c.txt", "text/plain")]
    return [
        at("make_dirs", body=body("MakeDirsBody", {root: Permission(755), sub: Permission(700)})),
        at("upload_file", body=two),
        at("upload_file", body=upload(b, 600, b"\0\xff\r\n--")),
        at("get_files_info", path=[a, sub]),
        at("get_files_info", path=[none], status=404),
        at("list_directory", path=root),
        at("list_directory", path=root, depth=2),
        at("list_directory", path=none, status=404),
        at("search_files", path=root),
        at("search_files", path=root, pattern="**/*.txt"),
        at("search_files", path=none, status=404),
        at("download_file", path=a),
        at("download_file", path=b),
        at("download_file", path=a, range_="bytes=2-6", status=206),
        at("download_file", path=a, range_="bytes=900-", status=416),
        at("download_file", path=a, offset=2, limit=1),
        at("download_file", path=none, status=404),
        at("replace_content", body=body("ReplaceContentBody", {a: ReplaceFileContentItem("beta", "BETA")})),
        at("replace_content", body=body("ReplaceContentBody", {a: ReplaceFileContentItem("a", "A"), c: ReplaceFileContentItem("x", "y")}), verbose=True),
        at("replace_content", body=body("ReplaceContentBody", {none: ReplaceFileContentItem("a", "b")}), status=404),
        at("chmod_files", body=body("ChmodFilesBody", {a: Permission(600), sub: Permission(755)})),
        at("chmod_files", body=body("ChmodFilesBody", {none: Permission(600)}), status=500),
        at("rename_files", body=[RenameFileItem(a, f"{sub}/a.txt"), RenameFileItem(c, f"{root}/d")]),
        at("rename_files", body=[RenameFileItem(none, f"{root}/e")], status=404),
        at("remove_files", path=[f"{root}/d", none]),
        at("remove_dirs", path=[root]),
        at("get_files_info", path=[root], status=404),
    ]  # fmt: skip


def environment(**variables: str) -> RunCommandRequestEnvs:
    return RunCommandRequestEnvs.from_dict(variables)


def tour(root: str = ROOT) -> dict[str, list[Call]]:
    """The calls in their order, by tag. Bodies can be sent once: each walk takes a tour anew.

    Args:
        root: The directory of all files.
    """
    return {
        "health": [
            call(ping),
        ],
        "code_interpreting": [
            call(create_code_context, body=CodeContextRequest("python"), gives=(PYTHON, "id")),
            call(create_code_context, body=CodeContextRequest("python", cwd="/tmp"), gives=(PYTHON_IN_TMP, "id")),
            call(create_code_context, body=CodeContextRequest("python", cwd="/dev/null/no"), status=400),
            call(list_contexts),
            call(list_contexts, language="python"),
            call(list_contexts, language=NO_LANGUAGE),
            call(get_context, context_id=PYTHON),
            call(get_context, context_id=UNKNOWN, status=404),
            call(run_code, body=python("x = 41\nprint('caf\xe9')\nx + 1")),
            call(run_code, body=python("import os, sys\nprint(os.getcwd(), file=sys.stderr)", PYTHON_IN_TMP)),
            call(run_code, body=python("from IPython.display import HTML\nHTML('<b>bold</b>')")),
            call(run_code, body=python("1/0")),
            call(run_code, body=RunCodeRequest("echo a; echo b")),
            call(run_code, body=python(""), status=400),
            call(run_code, body=python("1", UNKNOWN), status=500),
            call(interrupt_code, id=PYTHON),
            call(interrupt_code, id=UNKNOWN, status=500),
            call(delete_contexts_by_language, language=NO_LANGUAGE),
            call(delete_context, context_id=PYTHON_IN_TMP),
            call(delete_context, context_id=PYTHON),
            call(delete_context, context_id=PYTHON, status=404),
        ],
        "command": [
            call(run_command, body=RunCommandRequest("echo out; echo error >&2; printf end")),
            call(run_command, body=RunCommandRequest('pwd; echo "$A"', cwd="/tmp", envs=environment(A="b c"))),
            call(run_command, body=RunCommandRequest("exit 3")),
            call(run_command, body=RunCommandRequest("sleep 30", timeout=300)),
            call(run_command, body=RunCommandRequest(argv=["printf", "%s|", "a b", "c"])),
            call(run_command, body=RunCommandRequest("pwd", cwd="/dev/null/no"), status=400),
            call(run_command, body=RunCommandRequest(""), status=400),
            call(run_command, body=RunCommandRequest("echo one; echo two; exit 4", background=True), gives=(COMMAND, "text")),
            call(run_command, body=RunCommandRequest("sleep 1")),
            call(get_command_status, id=COMMAND),
            call(get_command_status, id=UNKNOWN, status=404),
            call(get_background_command_logs, id=COMMAND),
            call(get_background_command_logs, id=COMMAND, cursor=4),
            call(get_background_command_logs, id=UNKNOWN, status=400),
            call(run_command, body=RunCommandRequest("sleep 60", background=True), gives=(SLEEPER, "text")),
            call(get_command_status, id=SLEEPER),
            call(interrupt_command, id=SLEEPER),
            call(run_command, body=RunCommandRequest("sleep 1")),
            call(get_command_status, id=SLEEPER),
            call(interrupt_command, id=UNKNOWN, status=500),
            call(create_session, body=CreateSessionRequest(cwd="/tmp"), gives=(SESSION, "session_id")),
            call(create_session, gives=(BARE_SESSION, "session_id")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("cd /usr; export Q=1")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("pwd; echo $Q; echo error >&2")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("pwd", cwd="/etc")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("false")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("sleep 30", timeout=300)),
            call(run_in_session, session_id=UNKNOWN, body=RunInSessionRequest("pwd"), status=500),
            call(delete_session, session_id=BARE_SESSION),
            call(delete_session, session_id=SESSION),
            call(delete_session, session_id=SESSION, status=404),
        ],
        "filesystem": file_operations("filesystem", root=root),
        "metric": [
            call(get_metrics),
            call(watch_metrics),
        ],
        "isolated_execution": [
            call(isolated_capabilities),
            call(make_dirs, body=keyed(MakeDirsBody, {root: Permission(755)})),
            call(create_isolated_session, body=CreateIsolatedSessionRequest(workspace=IsolatedWorkspaceSpec(root, IsolatedWorkspaceSpecMode.RW)), gives=(ISOLATED, "session_id"), status=503),
            call(create_isolated_session, body=CreateIsolatedSessionRequest(), status=503),
            call(list_isolated_sessions, status=503),
            call(get_isolated_session, session_id=ISOLATED, status=503),
            call(get_isolated_session, session_id=UNKNOWN_UUID, status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest('echo "$A"; pwd', envs=IsolatedRunRequestEnvs.from_dict({"A": "b c"})), status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest("echo error >&2; exit 3"), status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest("sleep 30", timeout_seconds=1), status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest(""), status=503),
            call(run_in_isolated_session, session_id=UNKNOWN_UUID, body=IsolatedRunRequest("pwd"), status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest("echo one; exit 4", background=True), gives=(RUN, "run_id"), status=503),
            call(run_in_isolated_session, session_id=ISOLATED, body=IsolatedRunRequest("sleep 1"), status=503),
            call(get_isolated_run_status, session_id=ISOLATED, run_id=RUN, status=503),
            call(get_isolated_run_status, session_id=ISOLATED, run_id=UNKNOWN_UUID, status=503),
            call(get_isolated_run_logs, session_id=ISOLATED, run_id=RUN, status=503),
            call(get_isolated_run_logs, session_id=ISOLATED, run_id=RUN, cursor=4, status=503),
            call(get_isolated_run_logs, session_id=ISOLATED, run_id=UNKNOWN_UUID, status=503),
            *file_operations("isolated_execution", "isolated_", root=f"{root}/files", served=False, session_id=ISOLATED),
            call(isolated_session_diff, session_id=ISOLATED, status=503),
            call(isolated_session_commit, session_id=ISOLATED, status=503),
            call(delete_isolated_session, session_id=ISOLATED, status=503),
            call(delete_isolated_session, session_id=ISOLATED, status=503),
            call(remove_dirs, path=[root]),
        ],
        "identity_filesystem": file_operations("identity_filesystem", "identity_", root=root, served=False, uid=1000, gid=1001),
    }  # fmt: skip
