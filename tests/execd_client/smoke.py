"""Smoke test of an installed `opensandbox-execd-client`: needs the wheel and the standard library.

    python -I tests/execd_client/smoke.py

It talks to a small server of its own on loopback, which answers each kind of call as execd does, by
the blocking client and by the asynchronous one. One line tells that all went well; anything else
is a traceback. It must stay without a need of its own, so that it runs where nothing but the wheel
is installed.
"""

import asyncio
import contextlib
import email
import importlib.metadata
import importlib.resources
import importlib.util
import io
import json
import platform
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import execd_client
from execd_client import AuthenticatedClient
from execd_client.api.code_interpreting import create_code_context, get_context, run_code
from execd_client.api.filesystem import download_file, upload_file
from execd_client.api.metric import get_metrics
from execd_client.errors import UnexpectedStatus
from execd_client.models import (
    CodeContext,
    CodeContextRequest,
    ErrorResponse,
    FileMetadata,
    RunCodeRequest,
    UploadFileBody,
)
from execd_client.types import File

TOKEN = "smoke"
EVENTS: list[dict[str, Any]] = [
    {"type": "init", "text": "run-1"},
    {"type": "stdout", "text": "caf\u00e9\u0085\n"},
    {"type": "result", "results": {"text": "42"}},
    {"type": "execution_complete", "execution_time": 3},
]
CODE = RunCodeRequest(code="6 * 7", context=CodeContext(language="python"))
CONTENT = bytes(range(256))
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


class Server(ThreadingHTTPServer):
    """Answers as execd does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.read = threading.Semaphore(0)  # one for each event that the client has read
        self.uploaded: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection to the server."""

    protocol_version = "HTTP/1.1"

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers["x-execd-access-token"] != TOKEN:
            self._json(401, {"error": "unauthorized"})
            return
        match self.command, self.path:
            case "POST", "/code/context":
                self._json(200, {"id": "context-1", "language": json.loads(body)["language"]})
            case "GET", "/code/contexts/none":
                self._json(
                    404, {"code": "CONTEXT_NOT_FOUND", "message": "there is no such context"}
                )
            case "GET", "/metrics":
                self._send(502, "text/html", PAGE)
            case "POST", "/code":
                self._events()
            case "POST", "/files/upload":
                self._upload(body)
            case "GET", "/files/download?path=%2Ftmp%2Fblob":
                self._download()
            case _:
                self._send(404, "text/plain", b"404 page not found")

    def _send(self, status: int, content_type: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in EVENTS:
            frame = json.dumps(event, ensure_ascii=False).encode() + b"\n\n"
            for part in (frame[:9], frame[9:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            # The next one is only sent when this one has been read.
            if not self._server.read.acquire(timeout=20):
                raise TimeoutError("the client did not read an event when it came")
        self.wfile.write(b"0\r\n\r\n")

    def _upload(self, body: bytes) -> None:
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        for part in email.message_from_bytes(head + body).walk():
            name = part.get_param("name", header="content-disposition")
            if name:
                content = part.get_payload(decode=True)
                self._server.uploaded.append((str(name), bytes(content)))
        self._send(200, "application/json", b"")

    def _download(self) -> None:
        first, last = (int(end) for end in self.headers["range"].removeprefix("bytes=").split("-"))
        part = CONTENT[first : last + 1]
        span = f"bytes {first}-{last}/{len(CONTENT)}"
        self._send(206, "application/octet-stream", part, content_range=span)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Say nothing: the program prints one line."""


@contextlib.contextmanager
def serving() -> Generator[Server, None, None]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def client_of(server: Server) -> AuthenticatedClient:
    return AuthenticatedClient(
        server.url, token=TOKEN, prefix="", auth_header_name="X-EXECD-ACCESS-TOKEN"
    )


def upload() -> list[UploadFileBody]:
    one = UploadFileBody(FileMetadata(path="/tmp/a.txt", mode=644), File(io.BytesIO(b"alpha")))
    two = UploadFileBody(FileMetadata(path="/tmp/b.bin"), File(io.BytesIO(CONTENT)))
    return [one, two]


def calls(server: Server) -> Iterator[object]:
    """What each kind of call comes to, by the blocking client."""
    with client_of(server) as client:
        yield create_code_context.sync(client=client, body=CodeContextRequest(language="python"))
        yield get_context.sync("none", client=client)
        try:
            yield get_metrics.sync(client=client)
        except UnexpectedStatus as error:
            yield error.status_code, error.content
        with run_code.stream(client=client, body=CODE) as events:
            for event in events:
                yield event.to_dict()
                server.read.release()
        yield upload_file.sync(client=client, body=upload())
        part = download_file.sync(client=client, path="/tmp/blob", range_="bytes=16-31")
        yield part.payload.read() if isinstance(part, File) else part
        target = io.BytesIO()
        download_file.stream(client=client, path="/tmp/blob", range_="bytes=16-31").save(target)
        yield target.getvalue()


async def async_calls(server: Server) -> AsyncIterator[object]:
    """What each kind of call comes to, by the asynchronous client."""
    async with client_of(server) as client:
        context = CodeContextRequest(language="python")
        yield await create_code_context.asyncio(client=client, body=context)
        yield await get_context.asyncio("none", client=client)
        try:
            yield await get_metrics.asyncio(client=client)
        except UnexpectedStatus as error:
            yield error.status_code, error.content
        async with run_code.astream(client=client, body=CODE) as events:
            async for event in events:
                yield event.to_dict()
                server.read.release()
        yield await upload_file.asyncio(client=client, body=upload())
        part = await download_file.asyncio(client=client, path="/tmp/blob", range_="bytes=16-31")
        yield part.payload.read() if isinstance(part, File) else part
        target = io.BytesIO()
        stream = download_file.astream(client=client, path="/tmp/blob", range_="bytes=16-31")
        await stream.save(target)
        yield target.getvalue()


EXPECTED: list[object] = [
    CodeContext(id="context-1", language="python"),
    ErrorResponse("CONTEXT_NOT_FOUND", "there is no such context"),
    (502, PAGE),
    *EVENTS,
    None,
    CONTENT[16:32],
    CONTENT[16:32],
]
UPLOADED: list[tuple[str, bytes]] = [
    ("metadata", b'{"path": "/tmp/a.txt", "mode": 644}'),
    ("file", b"alpha"),
    ("metadata", b'{"path": "/tmp/b.bin"}'),
    ("file", CONTENT),
]


def check(found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"found {found!r}, expected {expected!r}")


async def main() -> None:
    check(importlib.util.find_spec("code_interpreter"), None)
    check(importlib.resources.files(execd_client).joinpath("py.typed").is_file(), expected=True)
    version = importlib.metadata.version("opensandbox-execd-client")
    check(execd_client.__version__, version)
    with serving() as server:
        check(await asyncio.to_thread(lambda: list(calls(server))), EXPECTED)
        check([answer async for answer in async_calls(server)], EXPECTED)
        check(server.uploaded, UPLOADED * 2)
    print(f"execd_client {version} works on Python {platform.python_version()}")


if __name__ == "__main__":
    asyncio.run(main())
