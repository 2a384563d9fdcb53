"""Files and directories over HTTP, against a real server."""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import TOKEN, Server, wait_until

MEGABYTE = 1024 * 1024


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """A folder that is neither the server's nor above it."""
    del server
    return tmp_path


def get(server: Server, operation: str, /, **parameters: Any) -> httpx.Response:
    return server.client.get(operation, params=parameters)


def download(server: Server, path: Path | str, headers: Any = None, **more: Any) -> httpx.Response:
    parameters = {"path": str(path), **more}
    return server.client.get("/files/download", params=parameters, headers=headers or {})


def part(metadata: object) -> tuple[str, tuple[str, str, str]]:
    return ("metadata", ("metadata", json.dumps(metadata), "application/json"))


def content(data: Any, name: str = "any") -> tuple[str, tuple[str, Any, str]]:
    return ("file", (name, data, "application/octet-stream"))


def upload(server: Server, *parts: Any) -> httpx.Response:
    return server.client.post("/files/upload", files=list(parts))


def put(server: Server, path: Path | str, data: bytes, **metadata: Any) -> httpx.Response:
    return upload(server, part({"path": str(path), **metadata}), content(data))


def refused(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return answer.status_code, body["code"]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if "staged" in path.name]


# Up


def test_several_files_go_up_in_one_request_with_their_modes(server: Server, folder: Path) -> None:
    one, two = folder / "new" / "deep" / "one.txt", folder / "zwei ü\u2028.bin"
    answer = upload(
        server,
        part({"path": str(one), "mode": 640}),
        content("été\n".encode(), "other name"),
        part({"path": str(two)}),
        content(bytes(range(256))),
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert one.read_text() == "été\n"
    assert stat.S_IMODE(one.stat().st_mode) == 0o640
    assert two.read_bytes() == bytes(range(256))
    assert leftovers(folder) == []


def test_all_metadata_may_come_before_all_files(server: Server, folder: Path) -> None:
    names = ["a", "b", "c"]
    answer = upload(
        server,
        *(part({"path": str(folder / name)}) for name in names),
        *(content(name.encode()) for name in names),
    )
    assert answer.status_code == 200
    assert [(folder / name).read_text() for name in names] == names


def test_a_relative_path_is_below_the_working_directory(server: Server) -> None:
    assert put(server, "up/relative.txt", b"here").status_code == 200
    assert (server.workdir / "up" / "relative.txt").read_bytes() == b"here"
    assert download(server, "up/../up/relative.txt").content == b"here"


def test_a_tilde_is_the_home(start: StartServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    other = start(env={"HOME": str(home)})
    assert put(other, "~/at home.txt", b"cosy").status_code == 200
    assert (home / "at home.txt").read_bytes() == b"cosy"
    assert get(other, "/files/info", path="~").json()["~"]["path"] == str(home)


def test_a_malformed_upload_is_the_clients_affair(start: StartServer, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        server = start(stderr=stderr)
    form = {"content-type": "multipart/form-data; boundary=x"}
    for body in (b"no form", b"--x\r\nWith a \0: header\r\n\r\nfoo\r\n--x--\r\n"):
        answer = server.client.post("/files/upload", content=body, headers=form)
        assert refused(answer) == (400, "INVALID_FILE")
    deep = (None, b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json")
    answer = upload(server, ("metadata", deep), content(b"x"))
    assert refused(answer) == (400, "INVALID_FILE_METADATA")
    server.close()
    assert (tmp_path / "stderr").read_text() == ""


def test_too_many_levels_are_refused(server: Server, folder: Path) -> None:
    deep = "x/" * 1500
    answers = [
        server.client.post("/directories", json={f"{folder}/{deep}": {}}),
        put(server, f"{folder}/{deep}file", b"x"),
    ]
    assert [refused(answer) for answer in answers] == [(400, "INVALID_PATH")] * 2
    assert list(folder.iterdir()) == []


def test_an_empty_file_goes_up_and_down(server: Server, folder: Path) -> None:
    empty = folder / "empty"
    assert put(server, empty, b"").status_code == 200
    assert empty.read_bytes() == b""
    answer = download(server, empty)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert download(server, empty, {"range": "bytes=0-"}).status_code == 416
    assert download(server, empty, offset=1).content == b""


def test_an_overwritten_file_keeps_its_mode_owner_and_links(server: Server, folder: Path) -> None:
    target, link, twin = folder / "target", folder / "link", folder / "twin"
    target.write_bytes(b"old and longer")
    target.chmod(0o604)
    if os.getuid() == 0:
        os.chown(target, 4321, 1234)
    link.symlink_to(target)
    before = target.stat()
    assert put(server, link, b"new").status_code == 200
    after = target.stat()
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    twin.hardlink_to(target)
    assert put(server, target, b"both").status_code == 200
    assert twin.read_bytes() == b"both"
    assert leftovers(folder) == []


def test_a_reader_sees_the_old_file_or_the_new_one(server: Server, folder: Path) -> None:
    target = folder / "target"
    old, new = b"o" * MEGABYTE, b"n" * MEGABYTE
    put(server, target, old)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        put(server, target, new)
        put(server, target, old)
    done.set()
    reader.join()
    assert seen <= {old, new}


def test_an_upload_that_is_cut_changes_nothing(server: Server, folder: Path) -> None:
    target = folder / "target"
    target.write_bytes(b"old")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
        + json.dumps({"path": str(target)}).encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + b"n" * MEGABYTE
    )
    head = (
        f"POST /files/upload HTTP/1.1\r\nhost: localhost\r\nx-execd-access-token: {TOKEN}\r\n"
        f"content-type: multipart/form-data; boundary=x\r\ncontent-length: {10 * MEGABYTE}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: leftovers(folder))
    wait_until(lambda: not leftovers(folder))
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "INVALID_FILE_METADATA"),
        ([content(b"x")], "INVALID_FILE_METADATA"),
        ([part({"path": "x"})], "INVALID_FILE_CONTENT"),
        ([part({"path": ""}), content(b"x")], "INVALID_FILE_METADATA"),
        ([part({}), content(b"x")], "INVALID_FILE_METADATA"),
        ([part({"path": "a\0b"}), content(b"x")], "INVALID_FILE_METADATA"),
        ([part({"path": 5}), content(b"x")], "INVALID_FILE_METADATA"),
        ([part({"path": "x", "mode": 888}), content(b"x")], "INVALID_FILE_METADATA"),
        (
            [part({"path": "x", "owner": "nobody-knows-them"}), content(b"x")],
            "INVALID_FILE_METADATA",
        ),
        ([part("x" * 2 * MEGABYTE), content(b"x")], "INVALID_FILE_METADATA"),
        ([part({"path": "x"}), content(b"x"), content(b"y")], "INVALID_FILE_METADATA"),
    ],
)
def test_a_wrong_upload_says_which_part_is_wrong(
    server: Server, parts: list[Any], code: str
) -> None:
    # `files=[]` would make no form at all.
    answer = upload(server, ("other", ("other", b"passed over")), *parts)
    assert refused(answer) == (400, code)
    assert not (server.workdir / "x").exists()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "multipart/form-data"}, b"--x--"),
        ({"content-type": "multipart/form-data; boundary=x"}, b""),
        ({"content-type": "multipart/form-data; boundary=x"}, b"no form"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nbroken header\r\n\r\n--x--"),
        ({"content-type": f"multipart/form-data; boundary={'x' * 1000}"}, b"--x--"),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    server: Server, headers: dict[str, str], body: bytes
) -> None:
    answer = server.client.post("/files/upload", content=body, headers=headers)
    assert refused(answer) == (400, "INVALID_FILE")


def test_an_upload_needs_a_place_that_a_file_can_have(server: Server, folder: Path) -> None:
    (folder / "file").write_bytes(b"")
    os.mkfifo(folder / "pipe")
    assert refused(put(server, folder, b"x")) == (400, "INVALID_FILE")
    assert refused(put(server, folder / "pipe", b"x")) == (400, "INVALID_FILE")
    assert refused(put(server, folder / "file" / "below", b"x")) == (500, "RUNTIME_ERROR")
    assert refused(put(server, folder / ("n" * 300), b"x")) == (400, "INVALID_PATH")
    (folder / "loop").symlink_to("loop")
    assert refused(download(server, folder / "loop")) == (400, "INVALID_PATH")


def test_owners_are_honoured_or_refused(server: Server, folder: Path) -> None:
    target = folder / "target"
    if os.getuid() == 0:
        assert put(server, target, b"x", owner="daemon", group="12345").status_code == 200
        info = get(server, "/files/info", path=str(target)).json()[str(target)]
        assert (info["owner"], info["group"]) == ("daemon", "12345")
    else:
        answer = put(server, target, b"x", owner="root")
        assert refused(answer) == (500, "RUNTIME_ERROR")
        assert not target.exists()


def test_ten_megabytes_go_up_and_down_byte_for_byte(server: Server, folder: Path) -> None:
    data = os.urandom(10 * MEGABYTE)
    assert put(server, folder / "big", data).status_code == 200
    assert download(server, folder / "big").content == data
    assert download(server, folder / "big", {"range": "bytes=-5000000"}).content == data[-5000000:]


# Down


def test_a_download_is_as_a_real_server_sends_it(server: Server, folder: Path) -> None:
    file = folder / "a.txt"
    file.write_bytes(b"alpha\nbeta\ngamma\n")
    os.utime(file, (0, 1_000_000_000))
    answer = download(server, file)
    assert answer.status_code == 200
    assert answer.content == b"alpha\nbeta\ngamma\n"
    for name, value in {
        "accept-ranges": "bytes",
        "content-disposition": 'attachment; filename="a.txt"',
        "content-length": "17",
        "content-type": "application/octet-stream",
        "last-modified": "Sun, 09 Sep 2001 01:46:40 GMT",
    }.items():
        assert answer.headers[name] == value
    assert "transfer-encoding" not in answer.headers


def test_ranges_of_a_file(server: Server, folder: Path) -> None:
    file = folder / "a.txt"
    file.write_bytes(b"alpha\nbeta\ngamma\n")
    answer = download(server, file, {"range": "bytes=2-6"})
    assert (answer.status_code, answer.content) == (206, b"pha\nb")
    assert answer.headers["content-range"] == "bytes 2-6/17"
    assert answer.headers["content-length"] == "5"
    outside = download(server, file, {"range": "bytes=900-"})
    assert refused(outside) == (416, "INVALID_RANGE")
    assert outside.headers["content-range"] == "bytes */17"
    for passed_over in ({"range": "bytes=9-1"}, {"range": "bytes=0-1", "if-range": '"tag"'}):
        assert download(server, file, passed_over).status_code == 200


def test_lines_of_a_file(server: Server, folder: Path) -> None:
    file = folder / "a.txt"
    file.write_bytes("eins\r\nzwei\n\u2028\x85drei\nvier".encode())
    assert download(server, file, offset=2, limit=1).content == b"zwei\n"
    assert download(server, file, offset=3).content == "\u2028\x85drei\nvier".encode()
    assert download(server, file, limit=2).content == b"eins\r\nzwei\n"
    assert download(server, file, offset=4, limit=9).content == b"vier"
    assert download(server, file, offset=5).content == b""
    answer = download(server, file, offset=1)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")


@pytest.mark.parametrize(
    "wrong", [{"offset": "0"}, {"limit": "0"}, {"offset": "-1"}, {"limit": "x"}, {"offset": "٣"}]
)
def test_wrong_line_numbers_are_refused(server: Server, wrong: dict[str, str]) -> None:
    assert refused(download(server, "/etc/passwd", **wrong)) == (400, "INVALID_REQUEST_BODY")


def test_lines_and_bytes_do_not_go_together(server: Server) -> None:
    answer = download(server, "/etc/passwd", {"range": "bytes=0-1"}, offset=1)
    assert refused(answer) == (400, "INVALID_REQUEST_BODY")


def test_what_cannot_be_downloaded(server: Server, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert refused(download(server, folder / "none")) == (404, "FILE_NOT_FOUND")
    assert refused(download(server, "/etc/passwd/below")) == (500, "RUNTIME_ERROR")
    assert refused(download(server, folder)) == (400, "INVALID_FILE")
    assert refused(download(server, folder / "pipe")) == (400, "INVALID_FILE")
    assert refused(download(server, "/dev/zero")) == (400, "INVALID_FILE")
    assert refused(download(server, "a\0b")) == (400, "INVALID_REQUEST_BODY")
    assert refused(server.client.get("/files/download")) == (400, "MISSING_QUERY")
    assert refused(download(server, "")) == (400, "MISSING_QUERY")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and /sys: run it on Linux")
def test_files_whose_size_is_no_size_come_whole(server: Server) -> None:
    pid = server.process.pid
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert len(command) > 0
    assert download(server, f"/proc/{pid}/cmdline").content == command
    assert download(server, f"/proc/{pid}/cmdline", {"range": "bytes=0-1"}).content == command
    assert download(server, "/proc/self/environ").status_code == 200
    lying = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if lying.exists():
        assert download(server, lying).content == lying.read_bytes()
    # Opens, and cannot be read: an error, not the beginning of an answer.
    assert refused(download(server, "/proc/self/mem")) == (500, "RUNTIME_ERROR")


@pytest.mark.slow
def test_two_gigabytes_come_without_being_held(server: Server, folder: Path) -> None:
    size = 2 * 1024**3 + 17
    file = folder / "sparse"
    with file.open("wb") as sparse:
        sparse.seek(size - 4)
        sparse.write(b"tail")
    answer = download(server, file, {"range": "bytes=-6"})
    assert answer.content == b"\0\0tail"
    assert answer.headers["content-range"] == f"bytes {size - 6}-{size - 1}/{size}"
    got = 0
    last = b""
    with server.client.stream("GET", "/files/download", params={"path": str(file)}) as stream:
        for chunk in stream.iter_raw():
            got += len(chunk)
            last = chunk
    assert got == size
    assert last.endswith(b"tail")
    status = Path(f"/proc/{server.process.pid}/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        assert int(peak.split()[1]) < 500_000, "kilobytes of memory at most"
    file.unlink()


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_answer(
    server: Server, folder: Path
) -> None:
    file = folder / "shrinking"
    file.write_bytes(b"x" * 50 * MEGABYTE)
    with server.client.stream("GET", "/files/download", params={"path": str(file)}) as stream:
        chunks = stream.iter_raw()
        next(chunks)
        os.truncate(file, MEGABYTE)
        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)


def test_a_client_that_leaves_closes_the_file(server: Server, folder: Path) -> None:
    file = folder / "left"
    file.write_bytes(b"x" * 50 * MEGABYTE)
    with server.client.stream("GET", "/files/download", params={"path": str(file)}) as stream:
        chunks = stream.iter_raw()  # to let go of it would be to leave
        next(chunks)
        assert str(file) in open_files(server)
    wait_until(lambda: str(file) not in open_files(server))


def open_files(server: Server) -> set[str]:
    folder = Path(f"/proc/{server.process.pid}/fd")
    if not folder.exists():
        pytest.skip("needs /proc: run it on Linux")
    found: set[str] = set()
    for descriptor in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed in the very moment
            found.add(str(descriptor.readlink()))
    return found


# About


def test_infos_are_as_a_real_server_gives_them(server: Server, folder: Path) -> None:
    file, link = folder / "ü.txt", folder / "link"
    file.write_bytes(b"seventeen bytes!!")
    file.chmod(0o644)
    os.utime(file, ns=(0, 1_795_423_063_844_092_203))
    link.symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    paths = [str(file), str(folder), str(link), str(folder / "pipe"), f"{folder}/./ü.txt"]
    infos = server.client.get("/files/info", params={"path": paths}).json()
    assert list(infos) == paths
    assert infos[str(file)] == {
        "path": str(file),
        "type": "file",
        "size": 17,
        "modified_at": "2026-11-23T08:37:43.844092203Z",
        "created_at": infos[str(file)]["created_at"],
        "owner": infos[str(folder)]["owner"],
        "group": infos[str(folder)]["group"],
        "mode": 644,
    }
    assert infos[paths[-1]]["path"] == str(file)
    if os.getuid() == 0:
        assert (infos[str(file)]["owner"], infos[str(file)]["group"]) == ("root", "root")
    kinds = [infos[path]["type"] for path in paths]
    assert kinds == ["file", "directory", "symlink", "other", "file"]
    missing = get(server, "/files/info", path=[str(file), str(folder / "none")])
    assert refused(missing) == (404, "FILE_NOT_FOUND")
    assert str(folder / "none") in missing.json()["message"]
    assert refused(server.client.get("/files/info")) == (400, "MISSING_QUERY")


@pytest.fixture
def tree(folder: Path) -> Path:
    for name in ("b/inner/deep.py", "b/x.py", "a.txt", "c.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "b" / "inner" / "loop").symlink_to(folder)
    (folder / "b2").symlink_to("b")
    return folder


def names(answer: httpx.Response, root: Path) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [str(Path(info["path"]).relative_to(root)) for info in answer.json()]


def test_a_list_goes_as_deep_as_it_is_told_and_follows_no_link(server: Server, tree: Path) -> None:
    def listed(**depth: int) -> list[str]:
        return names(get(server, "/directories/list", path=str(tree), **depth), tree)

    assert listed() == ["a.txt", "b", "b2", "c.py"]
    assert listed(depth=0) == []
    assert listed(depth=2) == ["a.txt", "b", "b/inner", "b/x.py", "b2", "c.py"]
    whole = ["a.txt", "b", "b/inner", "b/inner/deep.py", "b/inner/loop", "b/x.py", "b2", "c.py"]
    assert listed(depth=100) == whole
    types = {
        info["path"]: info["type"]
        for info in get(server, "/directories/list", path=str(tree)).json()
    }
    assert types[str(tree / "b2")] == "symlink"


def test_what_cannot_be_listed(server: Server, tree: Path) -> None:
    def listed(path: Path, **more: str) -> tuple[int, str]:
        return refused(get(server, "/directories/list", path=str(path), **more))

    assert listed(tree / "none") == (404, "FILE_NOT_FOUND")
    assert listed(tree / "a.txt") == (400, "INVALID_REQUEST_BODY")
    assert listed(tree / "b2") == (400, "INVALID_REQUEST_BODY")
    assert listed(tree, depth="-1") == (400, "INVALID_REQUEST_BODY")
    assert listed(tree, depth="one") == (400, "INVALID_REQUEST_BODY")
    assert refused(server.client.get("/directories/list")) == (400, "MISSING_QUERY")


def test_a_search_finds_files_by_pattern(server: Server, tree: Path) -> None:
    def found(**pattern: str) -> list[str]:
        return names(get(server, "/files/search", path=str(tree), **pattern), tree)

    files = ["a.txt", "b/inner/deep.py", "b/inner/loop", "b/x.py", "b2", "c.py"]
    assert found() == files
    assert found(pattern="**") == files
    assert found(pattern="*.py") == ["b/inner/deep.py", "b/x.py", "c.py"]
    assert found(pattern="**/*.py") == ["b/inner/deep.py", "b/x.py", "c.py"]
    assert found(pattern="b/*.py") == ["b/x.py"]
    assert found(pattern="nothing") == []
    search = "/files/search"
    assert refused(get(server, search, path=str(tree), pattern="[")) == (
        400,
        "INVALID_REQUEST_BODY",
    )
    assert refused(get(server, search, path=str(tree / "none"))) == (404, "FILE_NOT_FOUND")
    assert refused(server.client.get(search)) == (400, "MISSING_QUERY")


def test_names_that_are_not_unicode_are_listed(server: Server, folder: Path) -> None:
    try:
        (folder / os.fsdecode(b"\xff.txt")).write_text("")
    except OSError:
        pytest.skip("needs a file system that takes any bytes: run it on Linux")
    assert names(get(server, "/directories/list", path=str(folder)), folder) == ["\ufffd.txt"]
    assert names(get(server, "/files/search", path=str(folder)), folder) == ["\ufffd.txt"]


def test_a_directory_deeper_than_pythons_recursion_is_walked(server: Server, folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        listing = get(server, "/directories/list", path=str(folder), depth=2000).json()
        assert len(listing) == 1200
        answer = server.client.delete("/directories", params={"path": str(folder / "d")})
        assert answer.status_code == 200, answer.text
        assert not (folder / "d").exists()
    finally:
        subprocess.run(["rm", "-rf", str(folder / "d")], check=True)  # pytest itself could not


# Changes


def test_texts_are_replaced_and_counted(server: Server, folder: Path) -> None:
    one, two = folder / "one", folder / "two"
    one.write_bytes(b"a.b a.b axb\r\n")
    two.write_bytes(b"\xff\xfe\x00 caf\xe9 " + "né né".encode())
    two.chmod(0o600)
    body = {str(one): {"old": "a.b", "new": "\\1"}, str(two): {"old": "né", "new": ""}}
    answer = server.client.post("/files/replace", json=body, params={"verbose": "true"})
    assert answer.json() == {str(one): {"replacedCount": 2}, str(two): {"replacedCount": 2}}
    assert one.read_bytes() == b"\\1 \\1 axb\r\n"
    assert two.read_bytes() == b"\xff\xfe\x00 caf\xe9  "
    assert stat.S_IMODE(two.stat().st_mode) == 0o600
    quiet = server.client.post("/files/replace", json=body)
    assert (quiet.status_code, quiet.content) == (200, b"")
    assert leftovers(folder) == []


def test_nothing_is_replaced_when_something_is_wrong(server: Server, folder: Path) -> None:
    file = folder / "file"
    file.write_bytes(b"old")

    def replaced(body: object) -> tuple[int, str]:
        answer = refused(server.client.post("/files/replace", json=body))
        assert file.read_bytes() == b"old"
        return answer

    good = {str(file): {"old": "old", "new": "new"}}
    assert replaced({**good, str(folder / "none"): {"old": "a", "new": ""}})[0] == 404
    assert replaced({**good, str(folder): {"old": "a", "new": ""}}) == (400, "INVALID_FILE")
    assert replaced({str(file): {"old": "", "new": "x"}}) == (400, "INVALID_REQUEST_BODY")
    assert replaced({**good, f"{folder}/./file": {"old": "old", "new": "newer"}})[0] == 400
    wrongs: list[object] = [
        [],
        {"a": 1},
        {"a": {"old": "x"}},
        {str(file): {"old": "old", "new": None}},
    ]
    for wrong in wrongs:
        assert replaced(wrong) == (400, "INVALID_REQUEST_BODY")
    assert leftovers(folder) == []
    answer = server.client.post("/files/replace", json=good, params={"verbose": "maybe"})
    assert refused(answer) == (400, "INVALID_REQUEST_BODY")


def move(server: Server, *pairs: tuple[Path, Path]) -> httpx.Response:
    body = [{"src": str(source), "dest": str(destination)} for source, destination in pairs]
    return server.client.post("/files/mv", json=body)


def test_files_and_directories_are_moved_in_order(server: Server, folder: Path) -> None:
    (folder / "a").write_text("a")
    (folder / "dir").mkdir()
    (folder / "dir" / "inner").write_text("inner")
    (folder / "dangling").symlink_to("nowhere")
    answer = move(
        server,
        (folder / "a", folder / "new" / "b"),
        (folder / "new" / "b", folder / "c"),
        (folder / "dir", folder / "moved"),
        (folder / "dangling", folder / "still dangling"),
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert (folder / "c").read_text() == "a"
    assert (folder / "moved" / "inner").read_text() == "inner"
    assert (folder / "still dangling").is_symlink()


def test_a_move_crosses_file_systems(server: Server, folder: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == folder.stat().st_dev:
        pytest.skip("needs /dev/shm on another file system: mount a tmpfs there")
    (folder / "dir").mkdir()
    (folder / "dir" / "link").symlink_to("nowhere")
    (folder / "dir" / "file").write_text("whole")
    there = elsewhere / f"moved-{os.getpid()}"
    try:
        assert move(server, (folder / "dir", there)).status_code == 200
        assert (there / "file").read_text() == "whole"
        assert (there / "link").is_symlink()
        assert not (folder / "dir").exists()
    finally:
        shutil.rmtree(there, ignore_errors=True)


def test_a_move_overwrites_nothing(server: Server, folder: Path) -> None:
    (folder / "a").write_text("a")
    (folder / "b").write_text("b")
    (folder / "dir").mkdir()
    assert refused(move(server, (folder / "a", folder / "b"))) == (500, "RUNTIME_ERROR")
    assert refused(move(server, (folder / "a", folder / "dir"))) == (500, "RUNTIME_ERROR")
    assert refused(move(server, (folder / "none", folder / "x"))) == (404, "FILE_NOT_FOUND")
    assert [(folder / name).read_text() for name in ("a", "b")] == ["a", "b"]
    assert refused(server.client.post("/files/mv", json={})) == (400, "INVALID_REQUEST_BODY")


def test_permissions_are_changed_and_nothing_else(server: Server, folder: Path) -> None:
    (folder / "dir").mkdir(mode=0o700)
    inner = folder / "dir" / "inner"
    inner.write_text("")
    inner.chmod(0o600)

    def change(path: Path, **wanted: object) -> httpx.Response:
        return server.client.post("/files/permissions", json={str(path): wanted})

    answer = change(folder / "dir", mode=755)
    assert (answer.status_code, answer.content) == (200, b"")
    assert stat.S_IMODE((folder / "dir").stat().st_mode) == 0o755
    assert stat.S_IMODE(inner.stat().st_mode) == 0o600
    assert change(inner, mode=4711, owner=str(os.getuid()), group=None).status_code == 200
    assert stat.S_IMODE(inner.stat().st_mode) == 0o4711
    assert change(inner).status_code == 200
    assert stat.S_IMODE(inner.stat().st_mode) == 0o4711
    assert refused(change(folder / "none", mode=644)) == (500, "RUNTIME_ERROR")
    for wrong in ({"mode": 999}, {"mode": "644"}, {"owner": "nobody-knows-them"}, {"group": "\0"}):
        assert refused(change(inner, **wrong)) == (400, "INVALID_REQUEST_BODY")


def make(server: Server, path: Path, **wanted: object) -> httpx.Response:
    return server.client.post("/directories", json={str(path): wanted})


def test_directories_are_made_with_their_parents(server: Server, folder: Path) -> None:
    assert make(server, folder / "a" / "b" / "c", mode=701).status_code == 200
    assert stat.S_IMODE((folder / "a" / "b" / "c").stat().st_mode) == 0o701
    assert make(server, folder / "plain").status_code == 200
    assert (folder / "plain").is_dir()


def test_a_directory_that_exists_is_left_as_it_is(server: Server, folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there").chmod(0o1777)
    assert make(server, folder / "there", mode=755).status_code == 200
    assert stat.S_IMODE((folder / "there").stat().st_mode) == 0o1777
    (folder / "file").write_text("")
    assert refused(make(server, folder / "file", mode=755)) == (500, "RUNTIME_ERROR")
    assert refused(make(server, folder / "x", mode=855)) == (400, "INVALID_REQUEST_BODY")
    assert not (folder / "x").exists()


def test_files_are_removed_and_directories_are_not(server: Server, folder: Path) -> None:
    (folder / "file").write_text("")
    (folder / "dir").mkdir()
    (folder / "link").symlink_to("dir")

    def remove(*paths: str) -> httpx.Response:
        return server.client.delete("/files", params={"path": [str(folder / p) for p in paths]})

    assert remove("none", "file", "link", "file/below").status_code == 200
    assert [path.name for path in folder.iterdir()] == ["dir"]
    assert refused(remove("dir")) == (500, "RUNTIME_ERROR")
    assert (folder / "dir").is_dir()
    assert refused(server.client.delete("/files")) == (400, "MISSING_QUERY")


def test_directories_are_removed_whole_and_links_are_not_followed(
    server: Server, folder: Path
) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "file").write_text("")
    (folder / "dir" / "locked").mkdir(parents=True)
    (folder / "dir" / "out").symlink_to(folder / "kept")
    (folder / "dir" / "locked" / "file").write_text("")
    (folder / "dir" / "locked").chmod(0)
    (folder / "link").symlink_to("kept")

    def remove(*paths: str) -> httpx.Response:
        return server.client.delete(
            "/directories", params={"path": [str(folder / p) for p in paths]}
        )

    assert remove("dir", "none", "link").status_code == 200
    assert [path.name for path in folder.iterdir()] == ["kept"]
    assert refused(remove("kept/file")) == (500, "RUNTIME_ERROR")
    assert (folder / "kept" / "file").exists()
    assert refused(server.client.delete("/directories")) == (400, "MISSING_QUERY")


def test_nobody_saws_off_the_branch_that_the_sandbox_sits_on(
    start: StartServer, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    other = start(env={"HOME": str(home)})
    (tmp_path / "way round").symlink_to(tmp_path)
    for path in ("/", ".", "..", "~", str(home), f"{tmp_path}/way round/home"):
        answer = other.client.delete("/directories", params={"path": path})
        assert refused(answer) == (500, "RUNTIME_ERROR"), path
        assert refused(move(other, (Path(path), tmp_path / "stolen"))) == (500, "RUNTIME_ERROR")
    assert home.is_dir()
    assert other.workdir.is_dir()


# Refusals of the system


@pytest.fixture
def powerless(start: StartServer) -> Iterator[Server]:
    """A server that permissions hold for, root's too."""
    if os.getuid() != 0:
        yield start()
        return
    if sys.platform != "linux":
        pytest.skip("root reads everything: run it as another user")

    def drop_override() -> None:
        for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
            assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP

    yield start(preexec_fn=drop_override)


def test_what_may_not_be_read_or_written_is_an_error(powerless: Server, folder: Path) -> None:
    secret, closed = folder / "secret", folder / "closed"
    secret.write_bytes(b"secret")
    secret.chmod(0)
    closed.mkdir()
    (closed / "inner").write_bytes(b"")
    closed.chmod(0)
    failed = (403, "INVALID_PATH")
    replacing = {str(secret): {"old": "s", "new": "x"}}
    try:
        assert refused(download(powerless, secret)) == failed
        assert "permission denied" in download(powerless, secret).json()["message"]
        assert refused(put(powerless, secret, b"x")) == failed
        assert refused(put(powerless, closed / "new", b"x")) == failed
        assert refused(get(powerless, "/directories/list", path=str(closed))) == failed
        assert refused(get(powerless, "/files/search", path=str(folder))) == failed
        assert refused(get(powerless, "/files/info", path=str(closed / "inner"))) == failed
        assert refused(powerless.client.post("/files/replace", json=replacing)) == failed
        assert get(powerless, "/files/info", path=str(secret)).status_code == 200
    finally:
        closed.chmod(0o700)
        secret.chmod(0o600)
    assert secret.read_bytes() == b"secret"


def test_a_file_in_a_directory_that_takes_no_new_ones_is_overwritten(
    powerless: Server, folder: Path
) -> None:
    file = folder / "full" / "file"
    file.parent.mkdir()
    file.write_bytes(b"old and longer")
    file.parent.chmod(0o500)
    try:
        assert put(powerless, file, b"new", mode=640).status_code == 200
    finally:
        file.parent.chmod(0o700)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_mount_point_is_overwritten_in_place(server: Server, folder: Path) -> None:
    (folder / "below").write_bytes(b"below")
    (folder / "mounted").write_bytes(b"mounted and longer")
    bind = ["mount", "--bind", str(folder / "mounted"), str(folder / "below")]
    if shutil.which("mount") is None or subprocess.run(bind, check=False).returncode != 0:
        pytest.skip("needs the right to mount: run it as root with CAP_SYS_ADMIN")
    try:
        assert put(server, folder / "below", b"new").status_code == 200
        assert (folder / "mounted").read_bytes() == b"new"
    finally:
        subprocess.run(["umount", str(folder / "below")], check=True)
