"""Every recorded interaction with a real execd, replayed to the generated client.

The requests in these cassettes were not made by the client, so they also say whether its own are
what a real server takes.
"""
# ruff: noqa: E501  # one call, one line

import asyncio
import io
from pathlib import Path

import pytest
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
from execd_client.api.filesystem import (
    chmod_files,
    download_file,
    get_files_info,
    list_directory,
    make_dirs,
    remove_dirs,
    remove_files,
    rename_files,
    replace_content,
    search_files,
    upload_file,
)
from execd_client.api.health import ping
from execd_client.api.isolated_execution import isolated_capabilities
from execd_client.api.metric import get_metrics
from execd_client.models import (
    ChmodFilesBody,
    CodeContext,
    CodeContextRequest,
    CreateSessionRequest,
    FileMetadata,
    MakeDirsBody,
    Permission,
    RenameFileItem,
    ReplaceContentBody,
    ReplaceFileContentItem,
    RunCodeRequest,
    RunCommandRequest,
    RunInSessionRequest,
    UploadFileBody,
)
from execd_client.types import File

from tests.execd_client.replay import ROADS, CannotBeMade, play
from tests.execd_client.tour import Call, call, environment, keyed

CASSETTES = Path(__file__).parents[1] / "recordings" / "cassettes"

PYTHON = "61212251-4bef-4545-9823-691270e30689"
BASH = "2f96b48a-e71c-41c6-bf78-389a86f56aaf"
COMMAND = "12514fbfd4654149baf9f77daed0a12b"
SLEEPER = "fd19db4f10864c6599a174dd78eda2d5"
SESSION = "4df0c919-b9de-4a43-8051-a5d389d04b94"
A = "/srv/demo/a.txt"
NONE = "/srv/demo/none"


def python(code: str, context_id: str | None = None) -> RunCodeRequest:
    context = CodeContext("python", context_id) if context_id else CodeContext("python")
    return RunCodeRequest(code, context)


def upload(path: str, mode: int, content: bytes) -> UploadFileBody:
    name = path.rpartition("/")[2]
    return UploadFileBody(FileMetadata(path=path, mode=mode), File(io.BytesIO(content), name))


def calls() -> dict[str, list[Call | CannotBeMade]]:
    """What to call for each interaction, in order. Bodies can be sent once: made anew each time."""
    return {
        "health": [
            call(ping),
        ],
        "contexts": [
            call(create_code_context, body=CodeContextRequest("python")),
            call(create_code_context, body=CodeContextRequest("bash", cwd="/tmp")),
            call(list_contexts),
            call(list_contexts, language="python"),
            call(get_context, context_id=PYTHON),
            call(get_context, context_id="nope", status=404),
            call(delete_context, context_id="nope", status=404),
            call(delete_context, context_id=BASH),
            CannotBeMade("POST", "/code/context", "the body is not JSON"),
        ],
        "contexts_delete_by_language": [
            call(delete_contexts_by_language, language="python"),
            CannotBeMade("DELETE", "/code/contexts", "`language` is required"),
            call(list_contexts),
        ],
        "code": [
            call(run_code, body=python("x = 41\nprint('hi')\nx + 1", PYTHON)),
            call(run_code, body=python("x", PYTHON)),
            call(run_code, body=python("1/0", PYTHON)),
            call(run_code, body=python("y = 7")),
            call(run_code, body=python("y")),
            call(run_code, body=python(""), status=400),
            call(run_code, body=python("1", "nope"), status=500),
            call(run_code, body=RunCodeRequest("echo a; echo b")),
            call(interrupt_code, id="nope", status=500),
            CannotBeMade("DELETE", "/code", "`id` is required"),
            call(interrupt_code, id=PYTHON),
        ],
        "commands": [
            call(run_command, body=RunCommandRequest("echo hi; echo err >&2; printf 'no newline'")),
            call(run_command, body=RunCommandRequest("echo $A; pwd", cwd="/tmp", envs=environment(A="b c"))),
            call(run_command, body=RunCommandRequest("exit 3")),
            call(run_command, body=RunCommandRequest(argv=["printf", "%s|", "a b", "c"]), status=400),
            call(run_command, body=RunCommandRequest("sleep 5", timeout=500)),
            call(run_command, body=RunCommandRequest("for i in 1 2 3; do echo line $i; done; sleep 1; echo end >&2; exit 4", background=True)),
            call(get_command_status, id=COMMAND),
            call(get_background_command_logs, id=COMMAND),
            call(get_background_command_logs, id=COMMAND, cursor=25),
            call(get_command_status, id=COMMAND),
            call(run_command, body=RunCommandRequest("sleep 60", background=True)),
            call(interrupt_command, id=SLEEPER),
            call(get_command_status, id=SLEEPER),
            call(get_command_status, id="nope", status=404),
            call(get_background_command_logs, id="nope", status=400),
            call(interrupt_command, id="nope", status=500),
            call(run_command, body=RunCommandRequest(), status=400),
            call(run_command, body=RunCommandRequest("pwd", cwd="/nonexistent"), status=400),
        ],
        "sessions": [
            call(create_session, body=CreateSessionRequest(cwd="/tmp")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("cd /usr; export Q=1")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("pwd; echo $Q")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("false")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("pwd", cwd="/etc")),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("sleep 5", timeout=300)),
            call(delete_session, session_id=SESSION),
            call(delete_session, session_id=SESSION, status=404),
            call(run_in_session, session_id=SESSION, body=RunInSessionRequest("pwd"), status=500),
            call(create_session),
        ],
        "files": [
            call(make_dirs, body=keyed(MakeDirsBody, {"/srv/demo": Permission(755), "/srv/demo/sub": Permission(700)})),
            call(upload_file, body=[upload(A, 644, b"alpha\nbeta\ngamma\n"), upload("/srv/demo/sub/b.txt", 600, "caf\xe9\n".encode())]),
            call(get_files_info, path=[A, "/srv/demo/sub"]),
            call(get_files_info, path=[NONE], status=404),
            call(download_file, path=A),
            call(download_file, path=A, range_="bytes=2-6", status=206),
            call(download_file, path=A, range_="bytes=900-", status=416),
            call(download_file, path=A, offset=2, limit=1),
            call(download_file, path=NONE, status=404),
            CannotBeMade("GET", "/files/download", "`path` is required"),
            call(search_files, path="/srv/demo", pattern="**/*.txt"),
            call(search_files, path="/srv/demo"),
            call(search_files, path=NONE, status=404),
            call(list_directory, path="/srv/demo"),
            call(list_directory, path="/srv/demo", depth=2),
            call(list_directory, path=NONE, status=404),
            call(chmod_files, body=keyed(ChmodFilesBody, {A: Permission(600)})),
            call(replace_content, body=keyed(ReplaceContentBody, {A: ReplaceFileContentItem("beta", "BETA")})),
            call(replace_content, body=keyed(ReplaceContentBody, {A: ReplaceFileContentItem("gamma", "g")}), verbose=True),
            call(rename_files, body=[RenameFileItem(A, "/srv/demo/c.txt")]),
            call(rename_files, body=[RenameFileItem(NONE, "/srv/demo/d.txt")], status=404),
            call(remove_files, path=["/srv/demo/c.txt", NONE]),
            call(remove_dirs, path=["/srv/demo"]),
        ],
        "metrics": [
            call(get_metrics),
        ],
        "unknown": [
            CannotBeMade("GET", "/nope", "there is no such operation"),
            call(isolated_capabilities, status=404),
        ],
    }  # fmt: skip


def test_every_cassette_has_its_calls() -> None:
    assert calls().keys() == {path.stem for path in CASSETTES.glob("*.yaml")}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("name", calls())
def test_every_answer_of_a_real_execd_is_parsed(name: str, road: str) -> None:
    asyncio.run(play(CASSETTES / f"{name}.yaml", calls()[name], road))
