"""The generated client against a real server: typed answers for every operation but code's.

Each flow is written once and runs by both of the client's roads.
"""

import asyncio
import io
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from execd_client import Client
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
from execd_client.api.isolated_execution import isolated_capabilities, list_isolated_sessions
from execd_client.api.metric import get_metrics, watch_metrics
from execd_client.errors import UnexpectedStatus
from execd_client.models import (
    CapabilitiesResponse,
    ChmodFilesBody,
    CommandStatusResponse,
    CreateSessionRequest,
    CreateSessionResponse,
    ErrorResponse,
    FileInfoType,
    FileMetadata,
    GetFilesInfoResponse200,
    MakeDirsBody,
    Metrics,
    RenameFileItem,
    ReplaceContentBody,
    RunCommandRequest,
    RunInSessionRequest,
    UploadFileBody,
)
from execd_client.types import File

from tests.execd.server import TOKEN, Server
from tests.support.roads import Road

pytestmark = pytest.mark.kernels


async def says(road: Road, operation: ModuleType, **arguments: Any) -> str:
    """The stdout of a good run."""
    events = await road.items(operation, **arguments)
    assert events[-1].type_ == "execution_complete"
    return "\n".join(event.text for event in events if event.type_ == "stdout")


Flow = Callable[[Road], Coroutine[Any, Any, None]]


@pytest.fixture(params=["sync", "asyncio"])
def run(request: pytest.FixtureRequest, server: Server) -> Callable[[Flow], None]:
    async def by_asyncio(road: Road, flow: Flow) -> None:
        async with road.client:
            await flow(road)

    def run(flow: Flow) -> None:
        headers = {"X-EXECD-ACCESS-TOKEN": TOKEN}
        road = Road(server.url, headers, by_asyncio=request.param == "asyncio")
        if road.by_asyncio:
            asyncio.run(by_asyncio(road, flow))
            return
        with road.client:
            asyncio.run(flow(road))

    return run


def test_files(run: Callable[[Flow], None], tmp_path: Path) -> None:
    one, two = str(tmp_path / "d" / "ü.txt"), str(tmp_path / "d" / "big")
    data = os.urandom(10 * 1024 * 1024)

    async def flow(road: Road) -> None:
        bodies = [
            UploadFileBody(FileMetadata(path=one, mode=640), File(io.BytesIO(b"a\nb\nc\n"))),
            UploadFileBody(FileMetadata(path=two), File(io.BytesIO(data))),
        ]
        assert await road.call(upload_file, body=bodies) is None
        infos = await road.call(get_files_info, path=[one, str(tmp_path)])
        assert isinstance(infos, GetFilesInfoResponse200)
        assert (infos[one].type_, infos[one].mode, infos[one].size) == (FileInfoType.FILE, 640, 6)
        assert infos[str(tmp_path)].type_ == FileInfoType.DIRECTORY
        assert infos[one].modified_at.tzinfo is not None
        assert b"".join(await road.items(download_file, path=two)) == data
        part = await road.items(download_file, path=two, range_="bytes=-7")
        assert b"".join(part) == data[-7:]
        lines = await road.call(download_file, path=one, offset=2, limit=1)
        assert lines.payload.read() == b"b\n"
        outside = await road.call(download_file, path=one, range_="bytes=6-")
        assert isinstance(outside, ErrorResponse)
        assert outside.code == "INVALID_RANGE"
        missing = await road.call(download_file, path=str(tmp_path / "none"))
        assert missing.code == "FILE_NOT_FOUND"
        body = ReplaceContentBody.from_dict({one: {"old": "b", "new": "B"}})
        counts = await road.call(replace_content, body=body, verbose=True)
        assert counts[one].replaced_count == 1
        assert await road.call(replace_content, body=body) is None
        assert (await road.call(download_file, path=one)).payload.read() == b"a\nB\nc\n"
        await road.call(remove_dirs, path=[str(tmp_path / "d")])

    run(flow)


def test_directories(run: Callable[[Flow], None], tmp_path: Path) -> None:
    root, moved = str(tmp_path / "d"), str(tmp_path / "m" / "n")

    async def flow(road: Road) -> None:
        inner = f"{root}/inner"
        made = MakeDirsBody.from_dict({inner: {"mode": 750}})
        assert await road.call(make_dirs, body=made) is None
        file = UploadFileBody(FileMetadata(path=f"{inner}/a.py"), File(io.BytesIO(b"")))
        await road.call(upload_file, body=file)
        await says(road, run_command, body=RunCommandRequest(command=f"ln -s none {root}/link"))
        mode = ChmodFilesBody.from_dict({inner: {"mode": 700}})
        assert await road.call(chmod_files, body=mode) is None
        listed = await road.call(list_directory, path=root, depth=2)
        assert [(info.path, info.type_) for info in listed] == [
            (inner, FileInfoType.DIRECTORY),
            (f"{inner}/a.py", FileInfoType.FILE),
            (f"{root}/link", FileInfoType.SYMLINK),
        ]
        assert listed[0].mode == 700
        found = await road.call(search_files, path=root, pattern="*.py")
        assert [info.path for info in found] == [f"{inner}/a.py"]
        assert await road.call(rename_files, body=[RenameFileItem(src=root, dest=moved)]) is None
        assert await road.call(remove_files, path=[f"{moved}/link", f"{moved}/none"]) is None
        assert (await road.call(remove_files, path=[moved])).code == "RUNTIME_ERROR"
        assert await road.call(remove_dirs, path=[moved]) is None
        assert (await road.call(get_files_info, path=[moved])).code == "FILE_NOT_FOUND"

    run(flow)


def test_commands(run: Callable[[Flow], None]) -> None:
    async def flow(road: Road) -> None:
        body = RunCommandRequest(argv=["printf", "%s|", "a b", "c"])
        assert await says(road, run_command, body=body) == "a b|c|"
        body = RunCommandRequest(command="echo on; sleep 0.3; exit 4", background=True)
        events = await road.items(run_command, body=body)
        assert [event.type_ for event in events] == ["init", "execution_complete"]
        command_id = events[0].text
        status = await road.call(get_command_status, id=command_id)
        assert isinstance(status, CommandStatusResponse)
        while status.running:
            await asyncio.sleep(0.05)
            status = await road.call(get_command_status, id=command_id)
        assert (status.exit_code, status.error) == (4, "exit status 4")
        assert await road.call(get_background_command_logs, id=command_id, cursor=1) == "n\n"
        refusal = await road.call(interrupt_command, id=command_id)
        assert refusal.code == "RUNTIME_ERROR"
        refusal = await road.call(get_background_command_logs, id="nope")
        assert refusal.message == "command not found: nope"

    run(flow)


def test_sessions(run: Callable[[Flow], None]) -> None:
    async def flow(road: Road) -> None:
        made = await road.call(create_session, body=CreateSessionRequest(cwd="/usr"))
        assert isinstance(made, CreateSessionResponse)
        session: dict[str, Any] = {"session_id": made.session_id}
        await says(road, run_in_session, **session, body=RunInSessionRequest(command="a=1"))
        said = await says(
            road, run_in_session, **session, body=RunInSessionRequest(command="pwd; echo $a")
        )
        assert said == "/usr\n1"
        body = RunInSessionRequest(command="sleep 1000", timeout=300)
        events = await road.items(run_in_session, **session, body=body)
        assert (events[-1].error.ename, events[-1].error.evalue) == ("CommandExecError", "-1")
        assert await road.call(delete_session, **session) is None
        assert (await road.call(delete_session, **session)).code == "CONTEXT_NOT_FOUND"
        assert (await road.call(create_session)).session_id

    run(flow)


def test_metrics_and_what_there_is_not(run: Callable[[Flow], None]) -> None:
    async def flow(road: Road) -> None:
        metrics = [await road.call(get_metrics), *(await road.items(watch_metrics, most=2))]
        assert all(isinstance(item, Metrics) for item in metrics)
        assert all(0 < item.mem_used_mib < item.mem_total_mib for item in metrics)
        capabilities = await road.call(isolated_capabilities)
        assert isinstance(capabilities, CapabilitiesResponse)
        assert capabilities.available is False
        assert (await road.call(list_isolated_sessions)).code == "SERVICE_UNAVAILABLE"

    run(flow)


def test_a_wrong_token_is_an_unexpected_status(server: Server) -> None:
    with Client(server.url, headers={"X-EXECD-ACCESS-TOKEN": "wrong"}) as client:
        with pytest.raises(UnexpectedStatus) as caught:
            get_metrics.sync(client=client)
        assert caught.value.status_code == 401
