"""REST calls: the cassettes of a real execd, and answers that nobody documented, on real sockets.

Every call is made twice, with `sync_detailed` and with `asyncio_detailed`.
"""

import asyncio
import datetime as dt
import functools
import io
import json
import urllib.parse
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from execd_client import Client, errors
from execd_client.api.code_interpreting import (
    create_code_context,
    delete_context,
    delete_contexts_by_language,
    get_context,
    interrupt_code,
    list_contexts,
)
from execd_client.api.command import (
    create_session,
    delete_session,
    get_background_command_logs,
    get_command_status,
    interrupt_command,
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
from execd_client.api.metric import get_metrics
from execd_client.models import (
    ChmodFilesBody,
    CodeContext,
    CodeContextRequest,
    CommandStatusResponse,
    CreateSessionRequest,
    CreateSessionResponse,
    ErrorResponse,
    FileInfo,
    FileInfoType,
    FileMetadata,
    GetFilesInfoResponse200,
    MakeDirsBody,
    Metrics,
    RenameFileItem,
    ReplaceContentBody,
    ReplaceContentResponse200,
    RunCodeRequest,
    RunCommandRequest,
    UploadFileBody,
)
from execd_client.types import UNSET, File, Response

from tests.execd_client.raw_server import Peer, Request, answer, serve

CASSETTES = Path(__file__).parents[1] / "recordings" / "cassettes"
PYTHON_ID = "61212251-4bef-4545-9823-691270e30689"
COMMAND_ID = "12514fbfd4654149baf9f77daed0a12b"
# What the client sends although the cassettes' requests left it out.
DEFAULTS = {("depth", "1"), ("pattern", "**"), ("verbose", "false")}


class Answer(NamedTuple):
    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: Any


def call(operation: ModuleType, url: str, *args: Any, **kwargs: Any) -> Answer:
    """The answer to an operation, the same by both roads."""

    async def by_asyncio() -> Response[Any]:
        async with Client(url, **options) as client:
            found: Response[Any] = await operation.asyncio_detailed(*args, client=client, **kwargs)
            return found

    options = kwargs.pop("options", {})
    with Client(url, **options) as client:
        by_sync: Response[Any] = operation.sync_detailed(*args, client=client, **kwargs)
    other = asyncio.run(by_asyncio())
    assert (by_sync.status_code, by_sync.content) == (other.status_code, other.content)
    if not isinstance(by_sync.parsed, File):
        assert by_sync.parsed == other.parsed
    return Answer(by_sync.status_code, by_sync.content, by_sync.headers, by_sync.parsed)


# --- a real execd ---


@functools.cache
def interactions() -> list[Any]:
    return [
        interaction
        for path in CASSETTES.glob("*.yaml")
        for interaction in yaml.safe_load(path.read_text())["interactions"]
    ]


class Cassette:
    """Answers each request with the recorded answer to the same request."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def play(self, peer: Peer, request: Request) -> None:
        self.requests.append(request)
        method, target, _ = request.line.split()
        for interaction in interactions():
            recorded, response = interaction["request"], interaction["response"]
            url = httpx.URL(recorded["uri"])
            if (
                recorded["method"] == method
                and self._target(url.raw_path.decode()) == self._target(target)
                and recorded["headers"].get("range", [None])[0] == request.headers.get("range")
                and self._same_body(recorded["body"], request)
            ):
                headers = {name: values[0] for name, values in response["headers"].items()}
                headers.pop("content-length", None)
                content_type = headers.pop("content-type", None)
                body = response["body"]["string"].encode()
                peer.send(answer(response["status"]["code"], content_type, body, **headers))
                return
        raise AssertionError(f"not recorded: {request}")

    @staticmethod
    def _target(target: str) -> tuple[str, list[tuple[str, str]]]:
        path, _, query = target.partition("?")
        return path, [pair for pair in urllib.parse.parse_qsl(query) if pair not in DEFAULTS]

    @staticmethod
    def _same_body(recorded: str, request: Request) -> bool:
        if request.headers.get("content-type", "").startswith("multipart/"):
            return recorded.startswith("--")
        if not recorded or not request.body:
            return recorded.encode() == request.body
        return recorded[-1:] in "}]" and json.loads(recorded) == json.loads(request.body)


@pytest.fixture
def cassette() -> Cassette:
    return Cassette()


@pytest.fixture
def execd(cassette: Cassette) -> Iterator[str]:
    with serve(cassette.play) as server:
        yield server.url


def test_ping_has_no_body(execd: str) -> None:
    response = call(ping, execd)
    assert (response.status_code, response.content, response.parsed) == (200, b"", None)


def test_contexts_are_created(execd: str) -> None:
    python = call(create_code_context, execd, body=CodeContextRequest(language="python")).parsed
    assert python == CodeContext(language="python", id=PYTHON_ID)
    assert python.cwd is UNSET
    bash = CodeContextRequest(language="bash", cwd="/tmp")
    assert call(create_code_context, execd, body=bash).parsed.cwd == "/tmp"


def test_contexts_are_listed(execd: str) -> None:
    assert len(call(list_contexts, execd).parsed) == 7
    of_python = call(list_contexts, execd, language="python").parsed
    assert {context.language for context in of_python} == {"python"}
    assert len(of_python) == 6


def test_contexts_are_looked_up_and_deleted(execd: str) -> None:
    assert call(get_context, execd, PYTHON_ID).parsed.id == PYTHON_ID
    bash = "2f96b48a-e71c-41c6-bf78-389a86f56aaf"
    assert call(delete_context, execd, bash).parsed is None
    assert call(delete_contexts_by_language, execd, language="python").parsed is None


@pytest.mark.parametrize("operation", [get_context, delete_context])
def test_an_unknown_context_is_an_error_response(execd: str, operation: ModuleType) -> None:
    response = call(operation, execd, "nope")
    assert response.status_code == 404
    assert response.parsed == ErrorResponse("CONTEXT_NOT_FOUND", "context nope not found")


def test_code_is_interrupted(execd: str) -> None:
    assert call(interrupt_code, execd, id=PYTHON_ID).parsed is None
    response = call(interrupt_code, execd, id="nope")
    assert (response.status_code, response.parsed.code) == (500, "RUNTIME_ERROR")


def test_the_status_of_a_command_has_dates_of_nine_digits(execd: str) -> None:
    status = call(get_command_status, execd, COMMAND_ID).parsed
    assert isinstance(status, CommandStatusResponse)
    assert (status.running, status.exit_code, status.error) == (False, 4, "exit status 4")
    assert isinstance(status.started_at, dt.datetime)
    assert isinstance(status.finished_at, dt.datetime)
    assert status.started_at == dt.datetime(2026, 11, 23, 8, 37, 43, 844092, tzinfo=dt.timezone.utc)
    assert status.finished_at - status.started_at == dt.timedelta(seconds=1, microseconds=7499)
    assert call(interrupt_command, execd, id="fd19db4f10864c6599a174dd78eda2d5").parsed is None
    assert call(get_command_status, execd, "nope").parsed.code == "INVALID_REQUEST_BODY"


def test_logs_are_text_with_a_cursor(execd: str) -> None:
    response = call(get_background_command_logs, execd, COMMAND_ID)
    assert response.parsed == "line 1\nline 2\nline 3\nend\n"
    assert response.headers["EXECD-COMMANDS-TAIL-CURSOR"] == "25"
    assert call(get_background_command_logs, execd, COMMAND_ID, cursor=25).parsed == ""
    assert call(get_background_command_logs, execd, "nope").status_code == 400


def test_sessions_are_created_with_and_without_a_body(execd: str, cassette: Cassette) -> None:
    response = call(create_session, execd, body=CreateSessionRequest(cwd="/tmp"))
    assert response.parsed == CreateSessionResponse("4df0c919-b9de-4a43-8051-a5d389d04b94")
    assert call(create_session, execd).parsed.session_id == "0e25b399-cede-475b-88a1-d05d7003545f"
    assert "content-type" not in cassette.requests[-1].headers
    assert call(delete_session, execd, response.parsed.session_id).parsed is None


def test_files_are_described(execd: str) -> None:
    info = call(get_files_info, execd, path=["/srv/demo/a.txt", "/srv/demo/sub"]).parsed
    assert isinstance(info, GetFilesInfoResponse200)
    assert info.additional_keys == ["/srv/demo/a.txt", "/srv/demo/sub"]
    file = info["/srv/demo/a.txt"]
    assert (file.type_, file.size, file.mode) == (FileInfoType.FILE, 17, 644)
    assert file.modified_at.microsecond == 912248
    missing = call(get_files_info, execd, path=["/srv/demo/none"])
    assert (missing.status_code, missing.parsed.code) == (404, "FILE_NOT_FOUND")


def test_files_are_found(execd: str) -> None:
    found = call(search_files, execd, path="/srv/demo").parsed
    assert [file.path for file in found] == ["/srv/demo/a.txt", "/srv/demo/sub/b.txt"]
    assert len(call(search_files, execd, path="/srv/demo", pattern="**/*.txt").parsed) == 2
    assert len(call(list_directory, execd, path="/srv/demo").parsed) == 2
    assert len(call(list_directory, execd, path="/srv/demo", depth=2).parsed) == 3
    assert call(list_directory, execd, path="/srv/demo/none").parsed.code == "FILE_NOT_FOUND"


def test_files_are_downloaded(execd: str) -> None:
    whole = call(download_file, execd, path="/srv/demo/a.txt")
    assert whole.parsed.payload.read() == b"alpha\nbeta\ngamma\n"
    part = call(download_file, execd, path="/srv/demo/a.txt", range_="bytes=2-6")
    assert (part.status_code, part.parsed.payload.read()) == (206, b"pha\nb")
    assert part.headers["content-range"] == "bytes 2-6/17"
    assert call(download_file, execd, path="/srv/demo/none").parsed.code == "FILE_NOT_FOUND"


def test_a_range_outside_of_the_file_is_answered_in_plain_text(execd: str) -> None:
    with pytest.raises(errors.UnexpectedStatus, match="failed to overlap") as caught:
        call(download_file, execd, path="/srv/demo/a.txt", range_="bytes=900-")
    assert caught.value.status_code == 416
    assert caught.value.headers["content-range"] == "bytes */17"


def test_files_are_uploaded_as_pairs_in_order(execd: str, cassette: Cassette) -> None:
    def bodies() -> list[UploadFileBody]:
        return [
            UploadFileBody(
                FileMetadata(path="/srv/demo/a.txt", mode=644), File(io.BytesIO(b"a\0"))
            ),
            UploadFileBody(
                FileMetadata(path="/srv/demo/sub/b.txt", mode=600),
                File(io.BytesIO("--é\r\n".encode()), "b.txt", "text/plain"),
            ),
        ]

    with Client(execd) as client:
        assert upload_file.sync(client=client, body=bodies()) is None
        assert upload_file.sync(client=client, body=bodies()[0]) is None

    async def by_asyncio() -> None:
        async with Client(execd) as client:
            assert await upload_file.asyncio(client=client, body=bodies()) is None

    asyncio.run(by_asyncio())
    several, one, again = cassette.requests
    assert parts_of(several) == parts_of(again)
    assert parts_of(several) == [
        ('form-data; name="metadata"; filename="metadata"', "application/json",
         b'{"path": "/srv/demo/a.txt", "mode": 644}'),
        ('form-data; name="file"; filename="file"', "application/octet-stream", b"a\0"),
        ('form-data; name="metadata"; filename="metadata"', "application/json",
         b'{"path": "/srv/demo/sub/b.txt", "mode": 600}'),
        ('form-data; name="file"; filename="b.txt"', "text/plain", "--é\r\n".encode()),
    ]  # fmt: skip
    assert parts_of(one) == parts_of(several)[:2]


def parts_of(request: Request) -> list[tuple[str, str, bytes]]:
    """Disposition, type and content of each part of a multipart body."""
    boundary = b"--" + request.headers["content-type"].partition("boundary=")[2].encode()
    first, *parts, last = request.body.split(boundary)
    assert (first, last) == (b"", b"--\r\n")
    found: list[tuple[str, str, bytes]] = []
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        assert content.endswith(b"\r\n")
        found.append((headers["Content-Disposition"], headers["Content-Type"], content[:-2]))
    return found


def test_files_and_directories_are_changed(execd: str) -> None:
    replacement = {"/srv/demo/a.txt": {"old": "gamma", "new": "g"}}
    replaced = call(
        replace_content, execd, body=ReplaceContentBody.from_dict(replacement), verbose=True
    ).parsed
    assert isinstance(replaced, ReplaceContentResponse200)
    assert replaced["/srv/demo/a.txt"].replaced_count == 1
    quiet = ReplaceContentBody.from_dict({"/srv/demo/a.txt": {"old": "beta", "new": "BETA"}})
    assert call(replace_content, execd, body=quiet).parsed is None

    chmod = ChmodFilesBody.from_dict({"/srv/demo/a.txt": {"mode": 600}})
    assert call(chmod_files, execd, body=chmod).parsed is None
    dirs = {"/srv/demo": {"mode": 755}, "/srv/demo/sub": {"mode": 700}}
    assert call(make_dirs, execd, body=MakeDirsBody.from_dict(dirs)).parsed is None
    moves = [RenameFileItem("/srv/demo/a.txt", "/srv/demo/c.txt")]
    assert call(rename_files, execd, body=moves).parsed is None
    moves = [RenameFileItem("/srv/demo/none", "/srv/demo/d.txt")]
    assert call(rename_files, execd, body=moves).parsed.code == "FILE_NOT_FOUND"
    paths = ["/srv/demo/c.txt", "/srv/demo/none"]
    assert call(remove_files, execd, path=paths).parsed is None
    assert call(remove_dirs, execd, path=["/srv/demo"]).parsed is None


def test_metrics_are_measured(execd: str) -> None:
    metrics = call(get_metrics, execd).parsed
    assert isinstance(metrics, Metrics)
    assert (metrics.cpu_count, metrics.timestamp) == (2, 1795423072991)


@pytest.mark.parametrize("written", ["12:00:00.123456789Z", "14:00:00.123456789+02:00"])
def test_dates_of_nine_digits_in_any_zone(written: str) -> None:
    written = f"2026-06-01T{written}"
    file = {"path": "/a", "size": 1, "modified_at": written, "created_at": written,
            "owner": "o", "group": "g", "mode": 644}  # fmt: skip
    assert FileInfo.from_dict(file).modified_at == dt.datetime(
        2026, 6, 1, 12, 0, 0, 123456, tzinfo=dt.timezone.utc
    )


def test_a_type_of_file_that_came_later_does_no_harm() -> None:
    assert FileInfoType("socket") == "socket"
    assert FileInfoType("socket").value == "socket"
    assert FileInfoType("file") is FileInfoType.FILE


# --- answers that are not as documented ---

HTML = b"<html><h1>Bad Gateway</h1></html>"
BARE: dict[str, Any] = {"options": {"raise_on_unexpected_status": False}}


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", HTML),
        (200, "text/plain", b'{"language":"python"}'),
        (200, None, b'{"language":"python"}'),
        (204, None, b""),
        (401, "application/json", b'{"error":"token"}'),
        (404, "text/html", HTML),
        (404, "text/plain", b"404 page not found"),
        (429, "application/json", b"{}"),
        (500, "text/html; charset=utf-8", HTML),
        (502, "text/html", HTML),
        (502, "application/json", b"{"),
        (520, "text/html", HTML),
        (599, "application/json", b'{"code":"X","message":"y"}'),
    ],
)
def test_an_answer_that_is_not_documented(
    status: int, content_type: str | None, body: bytes
) -> None:
    response = answer(status, content_type, body, retry_after="7")
    with serve(lambda peer, _: peer.send(response)) as server:
        with pytest.raises(errors.UnexpectedStatus) as caught:
            call(get_context, server.url, "x")
        quiet = call(get_context, server.url, "x", **BARE)
    assert type(caught.value) is errors.UnexpectedStatus
    assert (caught.value.status_code, caught.value.content) == (status, body)
    assert caught.value.headers["retry-after"] == "7"
    assert (quiet.status_code, quiet.content, quiet.parsed) == (status, body, None)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{"),
        (200, b'{"id":"x"}'),
        (200, b'{"language":null}'),
        (200, b"[]"),
        (200, b"null"),
        (200, b'"text"'),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (404, b'{"error":"shape"}'),
        (500, b"oops"),
    ],
)
def test_a_documented_answer_with_a_broken_body(status: int, body: bytes) -> None:
    response = answer(status, "application/json; charset=utf-8", body)
    with serve(lambda peer, _: peer.send(response)) as server:
        with pytest.raises(errors.InvalidBody) as caught:
            call(get_context, server.url, "x")
        quiet = call(get_context, server.url, "x", **BARE)
    assert (caught.value.status_code, caught.value.content) == (status, body)
    assert isinstance(caught.value, errors.UnexpectedStatus)
    assert quiet.parsed is None


def test_a_null_where_none_should_be_reads_as_missing() -> None:
    status = CommandStatusResponse.from_dict(dict.fromkeys(("id", "running", "started_at")))
    assert (status.id, status.running, status.started_at) == (UNSET, UNSET, UNSET)
    assert status.to_dict() == {}
    written = "2026-06-01T12:00:00Z"
    file = {"path": "/a", "type": None, "size": 1, "modified_at": written, "created_at": written,
            "owner": "o", "group": "g", "mode": 644}  # fmt: skip
    assert FileInfo.from_dict(file).type_ is UNSET
    assert RunCodeRequest.from_dict({"code": "1", "context": None}).context is UNSET
    assert RunCommandRequest.from_dict({"argv": None, "envs": None}) == RunCommandRequest()


def test_a_null_that_is_documented_is_none() -> None:
    nulls: dict[str, Any] = {"exit_code": None, "finished_at": None}
    status = CommandStatusResponse.from_dict(nulls)
    assert (status.exit_code, status.finished_at) == (None, None)
    assert status.to_dict() == nulls
    assert CommandStatusResponse.from_dict({}).exit_code is UNSET


@pytest.mark.parametrize("name", ["started_at", "finished_at"])
@pytest.mark.parametrize("value", [b'"yesterday"', b"1780315200", b"{}"])
def test_a_date_that_is_none_is_not_handed_out(name: str, value: bytes) -> None:
    response = answer(200, "application/json", b'{"%b":%b}' % (name.encode(), value))
    with (
        serve(lambda peer, _: peer.send(response)) as server,
        pytest.raises(errors.InvalidBody),
    ):
        call(get_command_status, server.url, "x")


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"[null]", b'[{"id":"x"}]'])
def test_a_list_that_is_none(body: bytes) -> None:
    response = answer(200, "application/json", body)
    with (
        serve(lambda peer, _: peer.send(response)) as server,
        pytest.raises(errors.InvalidBody),
    ):
        call(list_contexts, server.url)


@pytest.mark.parametrize("operation", [ping, get_metrics])
def test_a_log_in_page_is_not_health(operation: ModuleType) -> None:
    response = answer(200, "text/html", HTML)
    with (
        serve(lambda peer, _: peer.send(response)) as server,
        pytest.raises(errors.UnexpectedStatus, match="Bad Gateway"),
    ):
        call(operation, server.url)


def test_a_page_is_not_a_file_unless_it_is_sent_as_one() -> None:
    page = answer(200, "text/html", HTML)
    with (
        serve(lambda peer, _: peer.send(page)) as server,
        pytest.raises(errors.UnexpectedStatus),
    ):
        call(download_file, server.url, path="/a.html")
    lines = answer(200, "text/plain; charset=utf-8", b"alpha\n")
    with serve(lambda peer, _: peer.send(lines)) as server:
        assert call(download_file, server.url, path="/a", offset=1).parsed.payload.read()
    file = answer(200, "text/html", HTML, content_disposition='attachment; filename="a.html"')
    with serve(lambda peer, _: peer.send(file)) as server:
        assert call(download_file, server.url, path="/a.html").parsed.payload.read() == HTML


def test_an_error_says_what_the_server_said() -> None:
    error = errors.UnexpectedStatus(500, b'{"code":"RUNTIME_ERROR","message":"no kernel"}')
    assert (error.code, error.message) == ("RUNTIME_ERROR", "no kernel")
    assert str(error) == "unexpected answer with status 500: no kernel"
    assert errors.UnexpectedStatus(502, b'{"code":1,"message":[]}').code is None
    assert errors.UnexpectedStatus(502, b"").message is None
    assert str(errors.UnexpectedStatus(502, b"")) == "unexpected answer with status 502: empty body"


def test_a_path_in_the_base_url_and_the_callers_http_clients_are_kept() -> None:
    def play(peer: Peer, request: Request) -> None:
        peer.send(answer(200, None, b"", x_seen=request.headers.get("x-mine", "")))

    async def by_asyncio(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, headers={"x-mine": "2"}) as http:
            client = Client(url).set_async_httpx_client(http)
            assert (await ping.asyncio_detailed(client=client)).headers["x-seen"] == "2"

    with serve(play, path="/44772") as server:
        with httpx.Client(base_url=server.url, headers={"x-mine": "1"}) as http:
            client = Client(server.url).set_httpx_client(http)
            assert ping.sync_detailed(client=client).headers["x-seen"] == "1"
        asyncio.run(by_asyncio(server.url))
    assert [request.line for request in server.requests] == ["GET /44772/ping HTTP/1.1"] * 2


def test_identifiers_are_quoted_in_paths() -> None:
    with serve(lambda peer, _: peer.send(answer(200, None, b""))) as server:
        call(delete_context, server.url, "../a b")
    assert server.requests[0].line == "DELETE /code/contexts/..%2Fa%20b HTTP/1.1"


def test_silence_is_a_timeout_of_httpx() -> None:
    def play(peer: Peer, _: Request) -> None:
        peer.wait_for_disconnect()

    with serve(play) as server, pytest.raises(httpx.ReadTimeout):
        call(ping, server.url, options={"timeout": httpx.Timeout(5, read=0.1)})
