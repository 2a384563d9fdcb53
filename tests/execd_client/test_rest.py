"""REST calls on real sockets: uploads, and answers that nobody documented.

Every call is made twice, with `sync_detailed` and with `asyncio_detailed`.
"""

import asyncio
import datetime as dt
import io
from collections.abc import MutableMapping
from types import ModuleType
from typing import Any, NamedTuple

import httpx
import pytest
from execd_client import Client, errors
from execd_client.api.code_interpreting import delete_context, get_context, list_contexts
from execd_client.api.command import get_command_status
from execd_client.api.filesystem import download_file, upload_file
from execd_client.api.health import ping
from execd_client.api.metric import get_metrics
from execd_client.models import (
    CommandStatusResponse,
    FileInfo,
    FileInfoType,
    FileMetadata,
    RunCodeRequest,
    RunCommandRequest,
    UploadFileBody,
)
from execd_client.types import UNSET, File, Response

from tests.execd_client.raw_server import Peer, Request, answer, serve


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


def test_files_are_uploaded_as_pairs_in_order() -> None:
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

    async def by_asyncio(url: str) -> None:
        async with Client(url) as client:
            assert await upload_file.asyncio(client=client, body=bodies()) is None

    with serve(lambda peer, _: peer.send(answer(200, None, b""))) as server:
        with Client(server.url) as client:
            assert upload_file.sync(client=client, body=bodies()) is None
            assert upload_file.sync(client=client, body=bodies()[0]) is None
        asyncio.run(by_asyncio(server.url))
    several, one, again = server.requests
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
