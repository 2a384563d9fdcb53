"""Files on their way: never whole in memory; downloads through `stream` and `astream`.

Each fact is held for both roads.
"""

import asyncio
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx
import pytest
from execd_client import Client
from execd_client.api.filesystem import download_file, upload_file
from execd_client.bodies import AsyncByteStream, ByteStream
from execd_client.errors import StreamTruncated, UnexpectedStatus
from execd_client.models import FileMetadata, UploadFileBody
from execd_client.types import File

from tests.execd_client.raw_server import Peer, Request, answer, serve

BINARY = "application/octet-stream"
HTML = b"<html><h1>Bad Gateway</h1></html>"
MISSING = b'{"code":"FILE_NOT_FOUND","message":"no such file"}'

T = TypeVar("T")
Save = Callable[..., int]


def save(url: str, target: str | Path | BinaryIO, **query: Any) -> int:
    with Client(url) as client:
        return download_file.stream(client=client, **query).save(target)


def asave(url: str, target: str | Path | BinaryIO, **query: Any) -> int:
    async def run() -> int:
        async with Client(url) as client:
            return await download_file.astream(client=client, **query).save(target)

    return asyncio.run(run())


both = pytest.mark.parametrize("download", [save, asave])


def plays(response: bytes, *, cut: bool = False) -> Callable[[Peer, Request], None]:
    def play(peer: Peer, _: Request) -> None:
        peer.send(response)
        if cut:
            peer.close()

    return play


@both
def test_a_file_is_saved(download: Save, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    target = tmp_path / "a.bin"
    target.write_bytes(b"what was there before, and longer" * 10_000)
    with serve(plays(answer(200, BINARY, content))) as server:
        assert download(server.url, target, path="/srv/a.bin") == len(content)
        assert download(server.url, str(target), path="/srv/a.bin") == len(content)
    assert target.read_bytes() == content
    assert server.requests[0].line == "GET /files/download?path=%2Fsrv%2Fa.bin HTTP/1.1"


@both
def test_a_range_goes_on_where_a_file_ends(download: Save, tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_bytes(b"alp")
    part = answer(206, BINARY, b"ha\n", content_range="bytes 3-5/6")
    with serve(plays(part)) as server, target.open("ab") as file:
        assert download(server.url, file, path="/a.txt", range_="bytes=3-") == 3
        assert not file.closed
    assert target.read_bytes() == b"alpha\n"
    assert server.requests[0].headers["range"] == "bytes=3-"


@both
def test_lines_come_as_text(download: Save) -> None:
    lines = answer(200, "text/plain; charset=utf-8", b"beta\n")
    target = io.BytesIO()
    with serve(plays(lines)) as server:
        assert download(server.url, target, path="/a.txt", offset=2, limit=1) == 5
    assert target.getvalue() == b"beta\n"
    assert server.requests[0].line == "GET /files/download?path=%2Fa.txt&offset=2&limit=1 HTTP/1.1"


@both
def test_a_file_of_any_type_is_one_if_it_is_sent_as_one(download: Save) -> None:
    file = answer(200, "text/html", HTML, content_disposition='attachment; filename="a.html"')
    target = io.BytesIO()
    with serve(plays(file)) as server:
        download(server.url, target, path="/a.html")
    assert target.getvalue() == HTML


@both
def test_an_empty_file_is_saved(download: Save, tmp_path: Path) -> None:
    with serve(plays(answer(200, BINARY, b""))) as server:
        assert download(server.url, tmp_path / "empty", path="/empty") == 0
    assert (tmp_path / "empty").read_bytes() == b""


@both
@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (404, "application/json", MISSING),
        (416, "text/plain", b"invalid range"),
        (502, "text/html", HTML),
        (200, "text/html", HTML),
        (200, "application/json", MISSING),
        (206, None, b"part"),
        (304, BINARY, b""),
    ],
)
def test_what_is_no_file_raises_and_leaves_the_target_alone(
    download: Save, tmp_path: Path, status: int, content_type: str | None, body: bytes
) -> None:
    target = tmp_path / "a.txt"
    target.write_bytes(b"before")
    with (
        serve(plays(answer(status, content_type, body))) as server,
        pytest.raises(UnexpectedStatus) as caught,
    ):
        download(server.url, target, path="/a.txt")
    assert (caught.value.status_code, caught.value.content) == (status, body)
    assert caught.value.code == ("FILE_NOT_FOUND" if body == MISSING else None)
    assert target.read_bytes() == b"before"


@both
def test_a_cut_download_raises_and_the_file_holds_what_came(download: Save, tmp_path: Path) -> None:
    whole = answer(200, BINARY, b"x" * 100_000)
    with (
        serve(plays(whole[:-1], cut=True)) as server,
        pytest.raises(StreamTruncated) as caught,
    ):
        download(server.url, tmp_path / "a", path="/a")
    assert isinstance(caught.value.__cause__, httpx.TransportError)
    assert (tmp_path / "a").read_bytes() == b"x" * 99_999


@both
def test_a_target_that_fails_closes_the_connection(download: Save, tmp_path: Path) -> None:
    left: list[bool] = []

    def play(peer: Peer, _: Request) -> None:
        peer.send(answer(200, BINARY, b"x" * 1000)[:-1])
        left.append(peer.wait_for_disconnect())

    with serve(play) as server, pytest.raises(FileNotFoundError):
        download(server.url, tmp_path / "none" / "a", path="/a")
    assert left == [True]


@both
def test_a_large_file_is_never_whole_in_memory(download: Save, tmp_path: Path) -> None:
    size = 64 * 1024 * 1024
    block = b"x" * 65_536

    def play(peer: Peer, _: Request) -> None:
        peer.send(answer(200, BINARY, b"").replace(b"length: 0", b"length: %d" % size))
        for _block in range(size // len(block)):
            peer.send(block)

    with serve(play) as server:
        tracemalloc.start()
        try:
            assert download(server.url, tmp_path / "large", path="/large") == size
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "large").stat().st_size == size
    assert peak < size // 16


def test_chunks_are_handed_out_as_they_come() -> None:
    content = b"alpha\nbeta\n"

    async def by_astream(url: str) -> tuple[int, bytes]:
        async with (
            Client(url) as client,
            download_file.astream(client=client, path="/a") as stream,
        ):
            assert isinstance(stream, AsyncByteStream)
            return stream.response.status_code, b"".join([chunk async for chunk in stream])

    with serve(plays(answer(206, BINARY, content))) as server:
        with (
            Client(server.url) as client,
            download_file.stream(client=client, path="/a") as stream,
        ):
            assert isinstance(stream, ByteStream)
            assert stream.response.status_code == 206
            assert b"".join(stream) == content
            assert b"".join(stream) == b""
        assert asyncio.run(by_astream(server.url)) == (206, content)


def test_leaving_early_closes_the_connection() -> None:
    left: list[bool] = []

    def play(peer: Peer, _: Request) -> None:
        peer.send(answer(200, BINARY, b"x" * 1000)[:-1])
        left.append(peer.wait_for_disconnect())

    async def by_astream(url: str) -> None:
        async with Client(url) as client:
            async with download_file.astream(client=client, path="/a") as stream:
                assert await anext(stream)
            with pytest.raises(httpx.StreamClosed):
                await anext(stream)

    with serve(play) as server:
        with Client(server.url) as client:
            with download_file.stream(client=client, path="/a") as stream:
                assert next(stream)
            with pytest.raises(httpx.StreamClosed):
                next(stream)
        asyncio.run(by_astream(server.url))
    assert left == [True, True]


class Watched(io.BytesIO):
    """A file that knows how much was asked of it at once."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.most = max(self.most, len(data))
        return data


def upload(url: str, bodies: list[UploadFileBody]) -> int:
    with Client(url) as client:
        return upload_file.sync_detailed(client=client, body=bodies).status_code


def aupload(url: str, bodies: list[UploadFileBody]) -> int:
    async def run() -> int:
        async with Client(url) as client:
            return (await upload_file.asyncio_detailed(client=client, body=bodies)).status_code

    return asyncio.run(run())


@pytest.mark.parametrize("send", [upload, aupload])
def test_a_file_is_uploaded_in_blocks(send: Callable[..., int]) -> None:
    contents = [b"a" * 5_000_000, b"b" * 3_000_000]
    files = [Watched(content) for content in contents]
    bodies = [UploadFileBody(FileMetadata(path=f"/srv/{n}"), File(f)) for n, f in enumerate(files)]
    with serve(plays(answer(200, None, b""))) as server:
        assert send(server.url, bodies) == 200
    body = server.requests[0].body
    parts = [b"/srv/0", contents[0], b"/srv/1", contents[1]]
    assert [body.count(part) for part in parts] == [1, 1, 1, 1]
    places = [body.index(part) for part in parts]
    assert places == sorted(places)
    assert [0 < file.most <= 1024 * 1024 for file in files] == [True, True]
