"""The server that all subjects read from: bytes made beforehand, one write per chunk.

It stands in for a sandbox's execd and, as far as `Sandbox.connect` asks, for the lifecycle API. A
thread per connection on a blocking socket: while a client is slower, which all of them are, the
thread sleeps in the kernel. Run as a program it prints its port, and ends when its stdin does.
"""

import contextlib
import json
import socket
import sys
import threading

from cases import CASES, Case

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: text/event-stream\r\n"
    b"x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"


def _framed(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


class Answer:
    """One run's answer as it goes over the wire."""

    def __init__(self, case: Case) -> None:
        made: dict[bytes, bytes] = {}  # equal chunks are one object
        self.writes = [_STREAM_HEAD]
        self.writes += [made.setdefault(chunk, _framed(chunk)) for chunk in case.chunks()]
        self.writes[-1] += _LAST_CHUNK
        self.size = sum(map(len, self.writes))


def _json_answer(status: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _read_request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The request line and the body; None when the client has left."""
    head, received = b"", b""
    while not head:
        data = connection.recv(65536)
        if not data:
            return None
        received += data
        if b"\r\n\r\n" in received:
            head, _, received = received.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    headers = dict(field.lower().split(b": ", 1) for field in fields)
    length = int(headers.get(b"content-length", b"0"))
    while len(received) < length:
        received += connection.recv(65536)
    return line, received


def _talk(connection: socket.socket, answers: dict[str, Answer], port: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(ConnectionError):
        while request := _read_request(connection):
            line, body = request
            if line.startswith(b"POST /code "):
                for write in answers[json.loads(body)["code"]].writes:
                    connection.sendall(write)
            elif line.startswith(b"GET /v1/sandboxes/") and b"/endpoints/" in line:
                connection.sendall(_json_answer("200 OK", {"endpoint": f"127.0.0.1:{port}"}))
            else:
                error = {"code": "NOT_SUPPORTED", "message": line.decode()}
                connection.sendall(_json_answer("404 Not Found", error))


def _accept(listener: socket.socket, answers: dict[str, Answer], port: int) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, answers, port), daemon=True).start()


def main() -> None:
    """Serve until stdin ends."""
    answers = {name: Answer(case) for name, case in CASES.items()}
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    threading.Thread(target=_accept, args=(listener, answers, port), daemon=True).start()
    print(port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
