"""A server on a real socket that answers every run with a recording or a fault, chosen by its code.

`run("python-hello")` is answered with the recorded stream of that name, `run("fault:NAME")` with
the fault of that name in `FAULTS`. The server counts what it was asked.
"""

import json
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STREAMS = Path(__file__).parent.parent / "recordings" / "streams"

_INIT = b'{"type":"init","text":"run-1","timestamp":1}\n\n'
_OUT = b'{"type":"stdout","text":"out\\n","timestamp":2}\n\n'
_DONE = b'{"type":"execution_complete","execution_time":1,"timestamp":3}\n\n'
_BUSY = b'{"code":"RUNTIME_ERROR","message":"error running codes session is busy"}'

FAULTS: dict[str, tuple[int, str, bytes, bool]] = {
    # name: (status, content type, body, whether the body ends cleanly)
    "cut-before-anything": (200, "text/event-stream", b"", False),
    "cut-after-output": (200, "text/event-stream", _INIT + _OUT, False),
    "cut-after-complete": (200, "text/event-stream", _INIT + _DONE + _OUT, False),
    "cut-inside-event": (200, "text/event-stream", _INIT + _OUT[:20], True),
    "ends-without-end": (200, "text/event-stream", _INIT + _OUT, True),
    "empty-stream": (200, "text/event-stream", b"", True),
    "garbage-event": (200, "text/event-stream", _INIT + _OUT + b"<html>oops</html>\n\n", True),
    "glued-busy": (200, "text/event-stream", _INIT + _OUT.strip() + _BUSY, True),
    "html-200": (200, "text/html", b"<html>welcome</html>", True),
    "html-502": (502, "text/html", b"<html>Bad Gateway</html>", True),
    "json-500": (500, "application/json", b'{"code":"RUNTIME_ERROR","message":"no"}', True),
    "unknown-context": (
        500,
        "application/json",
        b'{"code":"RUNTIME_ERROR","message":"error running codes context not found"}',
        True,
    ),
    "slow-down": (429, "text/plain", b"later", True),
    "unauthorized": (401, "application/json", b'{"error":"Unauthorized"}', True),
    "good": (200, "text/event-stream", _INIT + _OUT + _DONE, True),
    "complete-first": (200, "text/event-stream", _INIT + _DONE + _OUT, True),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "ReplayServer"  # pyright: ignore[reportIncompatibleVariableOverride]  # it made this

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _record(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        return body

    def do_GET(self) -> None:
        self._record()
        if self.path == "/redirect/ping":
            self.send_response(307)
            self.send_header("location", f"http://localhost:{self.server.server_port}/ping")
        else:
            self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        code = json.loads(self._record())["code"]
        if code.startswith("fault:"):
            status, content_type, body, clean = FAULTS[code.removeprefix("fault:")]
            chunks = [body] if body else []
        else:
            status, content_type, clean = 200, "text/event-stream", True
            chunks = recorded_chunks(code)
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.send_header("x-request-id", "request-1")
        if status == 429:
            self.send_header("retry-after", "7")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if clean:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


class ReplayServer(ThreadingHTTPServer):
    """The server; `url` is its base URL, `requests` what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave early: some tests do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def recorded_chunks(name: str) -> list[bytes]:
    """A recorded body, cut where it was cut on its way."""
    body = (STREAMS / f"{name}.stream").read_bytes()
    chunks: list[bytes] = []
    for _, size in json.loads((STREAMS / f"{name}.json").read_text())["chunks"]:
        chunks.append(body[:size])
        body = body[size:]
    assert not body, "the chunks make up the whole body"
    return chunks


@contextmanager
def replay_server() -> Generator[ReplayServer, None, None]:
    """A running ReplayServer."""
    with ReplayServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
