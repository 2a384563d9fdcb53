"""A server that plays exact bytes: what it sends, and when it hangs up, is up to the test."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(status: int, content_type: str | None, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(body)}"]
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Peer:
    """One connection, seen from the server."""

    number: int
    socket: socket.socket

    def __post_init__(self) -> None:
        self.reader = self.socket.makefile("rb")

    def read_request(self) -> Request | None:
        line = self.reader.readline().decode().strip()
        if not line:
            return None
        headers: dict[str, str] = {}
        while header := self.reader.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = self.reader.read(int(headers.get("content-length", "0")))
        return Request(line, headers, body, self.number)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def wait_for_disconnect(self) -> bool:
        """Whether the client hung up, within ten seconds."""
        self.socket.settimeout(10)
        try:
            return self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self.reader.close()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Server:
    """What is served where, and what was asked for."""

    def __init__(self, play: Callable[[Peer, Request], None], path: str) -> None:
        self._play = play
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._peers: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._failures: list[Exception] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{path}"
        self.requests: list[Request] = []
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                peer = Peer(len(self._peers), connection)
                self._peers.append(peer)
                self._threads.append(threading.Thread(target=self._talk, args=(peer,)))
                self._threads[-1].start()

    def _talk(self, peer: Peer) -> None:
        try:
            while request := peer.read_request():
                self.requests.append(request)
                self._play(peer, request)
        except (OSError, ValueError):  # hung up, by either side
            pass
        except Exception as error:  # noqa: BLE001  # raised by close, in the test's own thread
            self._failures.append(error)
        finally:
            peer.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]


@contextlib.contextmanager
def serve(play: Callable[[Peer, Request], None], path: str = "") -> Generator[Server, None, None]:
    """Serve each request by calling `play`; connections stay open until the client leaves."""
    server = Server(play, path)
    try:
        yield server
    finally:
        server.close()
