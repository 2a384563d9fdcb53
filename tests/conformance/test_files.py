"""Files and directories, below one new directory of the server."""

import io
import os
from typing import Any

import pytest
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
from execd_client.models import (
    ChmodFilesBody,
    ErrorResponse,
    FileInfoType,
    FileMetadata,
    MakeDirsBody,
    RenameFileItem,
    ReplaceContentBody,
    UploadFileBody,
)
from execd_client.types import File

from tests.conformance.client import Client

pytestmark = pytest.mark.anyio


async def write(client: Client, files: dict[str, bytes], mode: int = 644) -> None:
    bodies = [
        UploadFileBody(FileMetadata(path=path, mode=mode), File(io.BytesIO(data)))
        for path, data in files.items()
    ]
    assert await client.raw.call(upload_file, body=bodies) is None


async def read(client: Client, path: str, **part: Any) -> bytes:
    return b"".join(await client.raw.items(download_file, path=path, **part))


async def test_what_is_uploaded_is_downloaded(client: Client, folder: str) -> None:
    big = os.urandom(3 * 1024 * 1024)
    files = {f"{folder}/ü d/a.txt": b"a\nb\n", f"{folder}/big": big, f"{folder}/empty": b""}
    await write(client, files)
    for path, data in files.items():
        assert await read(client, path) == data
    await write(client, {f"{folder}/big": b"less"})
    assert await read(client, f"{folder}/big") == b"less"


async def test_a_range_of_bytes_is_downloaded(client: Client, folder: str) -> None:
    path = f"{folder}/a"
    await write(client, {path: b"0123456789"})
    assert await read(client, path, range_="bytes=2-4") == b"234"
    assert await read(client, path, range_="bytes=-3") == b"789"


async def test_a_file_is_described(client: Client, folder: str) -> None:
    path = f"{folder}/d/a.txt"
    await write(client, {path: b"12345"}, mode=640)
    infos = await client.raw.call(get_files_info, path=[path, f"{folder}/d"])
    assert (infos[path].path, infos[path].size, infos[path].mode) == (path, 5, 640)
    assert infos[path].owner
    assert infos[path].group
    assert infos[path].modified_at.tzinfo is not None
    assert infos[f"{folder}/d"].size >= 0


async def test_permissions_are_changed(client: Client, folder: str) -> None:
    path = f"{folder}/a"
    await write(client, {path: b""})
    body = ChmodFilesBody.from_dict({path: {"mode": 705}})
    assert await client.raw.call(chmod_files, body=body) is None
    assert (await client.raw.call(get_files_info, path=[path]))[path].mode == 705


async def test_directories_are_made_listed_and_removed(client: Client, folder: str) -> None:
    body = MakeDirsBody.from_dict({f"{folder}/d/e": {"mode": 750}})
    assert await client.raw.call(make_dirs, body=body) is None
    await write(client, {f"{folder}/d/e/deep.txt": b"", f"{folder}/d/a.txt": b""})
    listed = await client.raw.call(list_directory, path=f"{folder}/d")
    assert {info.path for info in listed} == {f"{folder}/d/a.txt", f"{folder}/d/e"}
    assert {info.type_ for info in listed} == {FileInfoType.FILE, FileInfoType.DIRECTORY}
    deep = await client.raw.call(list_directory, path=f"{folder}/d", depth=2)
    assert f"{folder}/d/e/deep.txt" in {info.path for info in deep}
    assert await client.raw.call(remove_dirs, path=[f"{folder}/d"]) is None
    answer = await client.raw.call(list_directory, path=f"{folder}/d")
    assert isinstance(answer, ErrorResponse)


async def test_files_are_found_by_pattern(client: Client, folder: str) -> None:
    names = ("a.txt", "d/b.txt", "d/c.py")
    await write(client, {f"{folder}/{name}": b"" for name in names})
    found = await client.raw.call(search_files, path=folder, pattern="**/*.txt")
    assert {info.path for info in found} == {f"{folder}/a.txt", f"{folder}/d/b.txt"}
    found = await client.raw.call(search_files, path=folder)
    assert {f"{folder}/{name}" for name in names} <= {info.path for info in found}


async def test_content_is_replaced_and_counted(client: Client, folder: str) -> None:
    path = f"{folder}/a"
    await write(client, {path: b"one two three"})
    body = ReplaceContentBody.from_dict({path: {"old": "two", "new": "2"}})
    counts = await client.raw.call(replace_content, body=body, verbose=True)
    assert counts[path].replaced_count == 1
    assert await read(client, path) == b"one 2 three"


async def test_files_are_moved_and_removed(client: Client, folder: str) -> None:
    one, two = f"{folder}/one", f"{folder}/two"
    await write(client, {one: b"data"})
    assert await client.raw.call(rename_files, body=[RenameFileItem(src=one, dest=two)]) is None
    assert await read(client, two) == b"data"
    assert await client.raw.call(remove_files, path=[two, one]) is None
    for path in (one, two):
        assert isinstance(await client.raw.call(get_files_info, path=[path]), ErrorResponse)


async def test_what_is_not_there_is_said(client: Client, folder: str) -> None:
    none = f"{folder}/none"
    answers = [
        await client.raw.call(get_files_info, path=[none]),
        await client.raw.call(download_file, path=none),
        await client.raw.call(search_files, path=none),
        await client.raw.call(list_directory, path=none),
        await client.raw.call(rename_files, body=[RenameFileItem(src=none, dest=f"{none}2")]),
    ]
    assert all(isinstance(answer, ErrorResponse) for answer in answers)
    assert {answer.code for answer in answers} == {"FILE_NOT_FOUND"}
