"""Stands inside a sandbox as its execd: commands, files and a proxy to its ports, and nothing else.

The reference daemon is in no registry, so this plays it, as it was recorded in June 2026 and at its
worst. What must stay true: it runs on the standard library alone and imports nothing of ours, so
that nothing of ours is in the sandbox; and what it loses or does late is decided by counters, never
by chance.
"""

import errno
import grp
import http.client
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

TOKEN_HEADER = "X-EXECD-ACCESS-TOKEN"
PREFIX = "/44772"
WAY_OUT = 3128
TICK = 0.1
PING_INTERVAL = 3.0
LATE_END = 1.0
BLOCK = 65536
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authorization", "transfer-encoding", "upgrade"}


class Refusal(Exception):  # noqa: N818 - what the API answers, not a failure here
    """An answer with an ErrorResponse."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Losses:
    """Decides which stream of output loses which line."""

    def __init__(self, lost: str) -> None:
        self._lost = lost
        self._streams = 0
        self._commands = 0
        self._lock = threading.Lock()

    def of_next_stream(self) -> str:
        """Return "", "last" or "middle" for a stream that has output."""
        with self._lock:
            self._streams += 1
            if self._lost != "some":
                return self._lost.removeprefix("none")
            if self._streams % 3:
                return ""
            return "last" if self._streams % 2 else "middle"

    def next_is_late(self) -> bool:
        """Whether the last output of this command comes after its final event: of every second."""
        with self._lock:
            self._commands += 1
            return self._commands % 2 == 1


class Output:
    """One stream of a command, as the lines that a client gets to see."""

    def __init__(self, kind: str, losses: Losses) -> None:
        self.kind = kind
        self.file = os.memfd_create(kind)  # no folder need be writable
        self._losses = losses
        self._loss: str | None = None
        self._at = 0
        self._rest = b""
        self._kept: list[str] = []
        self._sent = 0

    def lines(self, *, final: bool) -> list[str]:
        """Return what has come since the last call, less what is lost.

        Args:
            final: Whether nothing more is read, so that a line without an end counts as one.
        """
        lines = self._kept + self._read(final=final)
        self._kept = []
        if lines and self._loss is None:
            self._loss = self._losses.of_next_stream()
        if lines and self._loss == "last":
            if not final:
                self._kept = lines[-1:]
            del lines[-1]
        elif self._loss == "middle" and self._sent < 2:
            first, others = lines[: 1 - self._sent], lines[1 - self._sent :]
            if len(others) > 1:
                del others[0]
                self._sent = 1
            elif not final:
                self._kept, others = others, []
            lines = first + others
        self._sent += len(lines)
        return lines

    def _read(self, *, final: bool) -> list[str]:
        blocks = [self._rest]
        while block := os.pread(self.file, 1 << 20, self._at):
            self._at += len(block)
            blocks.append(block)
        data = b"".join(blocks)
        # A CR at the end may be half of a CR LF.
        held = b"\r" if data.endswith(b"\r") and not final else b""
        *lines, rest = re.split(rb"\r\n|\r|\n", data[: len(data) - len(held)])
        self._rest = rest + held
        if final and rest:
            lines.append(rest)
        return [line.decode(errors="replace") or "\n" for line in lines]


class Command:
    """A process group that a request has started.

    Raises:
        OSError: The process cannot be started, or not as that user.
    """

    def __init__(self, request: dict[str, Any], losses: Losses) -> None:
        self.id = uuid.uuid4().hex
        self.text: str = request["command"]
        self.background = bool(request.get("background"))
        self.started = time.time_ns()
        self.finished: int | None = None
        self.code: int | None = None
        self.how = ""
        self.ended = threading.Event()
        self.stdout = Output("stdout", losses)
        self.stderr = self.stdout if self.background else Output("stderr", losses)
        user: dict[str, Any] = {}
        if request.get("uid") is not None:
            user = {"user": request["uid"], "group": request.get("gid", request["uid"])}
            user["extra_groups"] = []
        self._process = subprocess.Popen(
            [shutil.which("bash") or "sh", "-c", self.text],
            stdin=subprocess.DEVNULL,
            stdout=self.stdout.file,
            stderr=self.stderr.file,
            cwd=request.get("cwd") or None,
            env={**os.environ, **(request.get("envs") or {})},
            start_new_session=True,
            **user,
        )
        threading.Thread(target=self._wait, daemon=True).start()
        if timeout := request.get("timeout"):
            killer = threading.Timer(timeout / 1000, self.stop, [signal.SIGKILL])
            killer.daemon = True
            killer.start()

    def stop(self, how: signal.Signals) -> None:
        """Send a signal to all of the group, unless the command is over."""
        if not self.ended.is_set():
            os.killpg(self._process.pid, how)

    def _wait(self) -> None:
        status = self._process.wait()
        self.finished = time.time_ns()
        self.code = max(status, -1)
        if status < 0:
            self.how = f"signal: {signal.strsignal(-status) or -status}".lower()
        elif status:
            self.how = f"exit status {status}"
        self.ended.set()

    def final_event(self) -> dict[str, Any]:
        """Return `execution_complete` or `error`."""
        assert self.finished is not None
        if self.code:
            error = {"ename": "CommandExecError", "evalue": str(self.code), "traceback": [self.how]}
            return {"type": "error", "error": error}
        taken = (self.finished - self.started) // 1_000_000
        return {"type": "execution_complete", "execution_time": taken}

    def status(self) -> dict[str, Any]:
        """Return a CommandStatusResponse."""
        over = self.ended.is_set()
        status = {"id": self.id, "content": self.text, "running": not over}
        if over:
            status |= {"exit_code": self.code, "error": self.how}
        status["started_at"] = rfc3339(self.started)
        if self.finished is not None and over:
            status["finished_at"] = rfc3339(self.finished)
        return status

    def close(self) -> None:
        """Let go of the output of a foreground command."""
        os.close(self.stdout.file)
        os.close(self.stderr.file)


def rfc3339(nanoseconds: int) -> str:
    """Return a moment with nine fractional digits, as Go writes it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def file_info(path: Path) -> dict[str, Any]:
    """Return a FileInfo; a link is not followed."""
    found = path.lstat()
    kinds = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory", stat.S_IFREG: "file"}
    owner, group = str(found.st_uid), str(found.st_gid)
    try:
        owner = pwd.getpwuid(found.st_uid).pw_name
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        pass
    return {
        "path": str(path),
        "type": kinds.get(stat.S_IFMT(found.st_mode), "other"),
        "size": found.st_size,
        "modified_at": rfc3339(found.st_mtime_ns),
        "created_at": rfc3339(found.st_ctime_ns),
        "owner": owner,
        "group": group,
        "mode": int(f"{found.st_mode & 0o777:o}"),
    }


def set_permission(path: Path, permission: dict[str, Any]) -> None:
    """Apply mode, owner and group; names that do not exist are ignored, as the daemon does."""
    if mode := permission.get("mode"):
        path.chmod(int(str(mode), 8))
    try:
        uid = pwd.getpwnam(permission.get("owner") or "").pw_uid
    except KeyError:
        uid = -1
    try:
        gid = grp.getgrnam(permission.get("group") or "").gr_gid
    except KeyError:
        gid = -1
    os.chown(path, uid, gid)


def matches(path: str, pattern: str) -> bool:
    """Whether a relative path matches a pattern with `*`, `?` and `**`."""
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return bool(re.fullmatch("".join(meanings.get(part, re.escape(part)) for part in parts), path))


def multipart(boundary: bytes, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each part of a form."""
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            return
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if name := re.search(rb'[; ]name="([^"]*)"', head):
            yield name[1].decode(), content


class Daemon(ThreadingHTTPServer):
    """The server and what it knows."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listener: socket.socket, token: str, lost: str) -> None:
        super().__init__(listener.getsockname(), Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.token = token
        self.losses = Losses(lost)
        self.commands: dict[str, Command] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    """A client's connection, and the request that is being answered on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _daemon(self) -> Daemon:
        assert isinstance(self.server, Daemon)
        return self.server

    def answer(self) -> None:
        """Answer one request."""
        self.__dict__.pop("body", None)
        self._unread = self._content()
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(PREFIX)
        self._query = parse_qs(parts.query, keep_blank_values=True)
        if self.headers.get(TOKEN_HEADER) != self._daemon.token:
            why = f"Unauthorized: invalid or missing header {TOKEN_HEADER}"
            self._json({"error": why}, 401)
        elif proxied := re.fullmatch(r"/proxy/(\d+)(/.*)?", path):
            self._proxy(int(proxied[1]), proxied[2] or "/", parts.query)
        else:
            self._route(path)
        for _ in self._unread:
            pass  # the next request begins behind it

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it
        """Log nothing."""

    def _route(self, path: str) -> None:
        if found := re.fullmatch(r"/command/status/([^/]+)", path):
            name, identity = "/command/status", found[1]
        elif found := re.fullmatch(r"/command/([^/]+)/logs", path):
            name, identity = "/command/logs", found[1]
        else:
            name, identity = path, ""
        handlers: dict[tuple[str, str], Callable[[], None]] = {
            ("GET", "/ping"): self._empty,
            ("POST", "/command"): self._run,
            ("DELETE", "/command"): self._interrupt,
            ("GET", "/command/status"): lambda: self._status(identity),
            ("GET", "/command/logs"): lambda: self._logs(identity),
            ("GET", "/files/info"): self._info,
            ("GET", "/files/search"): self._search,
            ("GET", "/files/download"): self._download,
            ("POST", "/files/upload"): self._upload,
            ("POST", "/files/mv"): self._move,
            ("POST", "/files/permissions"): self._permissions,
            ("POST", "/files/replace"): self._replace,
            ("DELETE", "/files"): self._remove_files,
            ("GET", "/directories/list"): self._list,
            ("POST", "/directories"): self._make_directories,
            ("DELETE", "/directories"): self._remove_directories,
        }
        handler = handlers.get((self.command, name))
        if handler is None:
            self._send(404, b"404 page not found", "text/plain")
            return
        try:
            handler()
        except Refusal as refusal:
            self._json({"code": refusal.code, "message": str(refusal)}, refusal.status)
        except FileNotFoundError as error:
            why = f"file not found. {self._go_error(error)}"
            self._json({"code": "FILE_NOT_FOUND", "message": why}, 404)
        except ConnectionError:
            raise
        except OSError as error:
            self._json({"code": "RUNTIME_ERROR", "message": self._go_error(error)}, 500)

    @staticmethod
    def _go_error(error: OSError) -> str:
        return f"{error.filename}: {os.strerror(error.errno or errno.EIO).lower()}"

    # Requests and answers

    def _content(self) -> Iterator[bytes]:
        """Yield the body as it comes; once."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                yield self._exactly(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            block = self.rfile.read1(min(left, BLOCK))
            if not block:
                raise ConnectionResetError
            left -= len(block)
            yield block

    def _exactly(self, size: int) -> bytes:
        block = self.rfile.read(size)
        if len(block) < size:
            raise ConnectionResetError
        return block

    @cached_property
    def body(self) -> bytes:
        """The whole body of the request."""
        return b"".join(self._unread)

    def _object(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            why = f"error parsing request, MAYBE invalid body format. {error}"
            raise Refusal(400, "INVALID_REQUEST_BODY", why) from error

    def _path(self) -> Path:
        return self._paths()[0]

    def _paths(self) -> list[Path]:
        paths = self._query.get("path")
        if not paths:
            raise Refusal(400, "MISSING_QUERY", "missing query parameter 'path'")
        return [Path(path).expanduser() for path in paths]

    def _send(
        self, status: int, body: bytes, kind: str | None = None, **headers: str | int
    ) -> None:
        self.send_response_only(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, content: Any, status: int = 200) -> None:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        self._send(status, text.encode(), "application/json; charset=utf-8")

    def _empty(self) -> None:
        self._send(200, b"")

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def _event(self, event: dict[str, Any]) -> None:
        event = {**event, "timestamp": time.time_ns() // 1_000_000}
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        self._chunk(text.encode() + b"\n\n")

    # Commands

    def _run(self) -> None:
        request = self._object()
        if not request.get("command"):
            why = (
                "invalid request, validation error Key: 'RunCommandRequest.Command' "
                "Error:Field validation for 'Command' failed on the 'required' tag"
            )
            raise Refusal(400, "INVALID_REQUEST_BODY", why)
        cwd = request.get("cwd")
        if cwd and not Path(cwd).exists():
            why = (
                f"invalid request, validation error working directory does not exist: {cwd}: "
                f"stat {cwd}: no such file or directory"
            )
            raise Refusal(400, "INVALID_REQUEST_BODY", why)
        try:
            command = Command(request, self._daemon.losses)
        except OSError as error:
            self._begin_stream(uuid.uuid4().hex)
            why = str(error)
            failure = {"ename": "CommandExecError", "evalue": why, "traceback": [why]}
            self._event({"type": "error", "error": failure})
            self._chunk(b"")
            return
        self._daemon.commands[command.id] = command
        try:
            self._begin_stream(command.id)
            if command.background:
                self._event({"type": "execution_complete"})
                self._chunk(b"")
            else:
                self._follow(command)
        finally:
            if not command.background:
                command.close()

    def _begin_stream(self, identity: str) -> None:
        self.send_response_only(200)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._event({"type": "init", "text": identity})
        self._event({"type": "ping", "text": "pong"})

    def _follow(self, command: Command) -> None:
        late = self._daemon.losses.next_is_late()
        pinged = time.monotonic()
        over = False
        while not over:
            over = command.ended.wait(TICK)
            events = [
                {"type": output.kind, "text": line}
                for output in (command.stdout, command.stderr)
                for line in output.lines(final=over)
            ]
            if over:
                events.insert(max(len(events) - late, 0), command.final_event())
            for event in events:
                self._event(event)
            if time.monotonic() - pinged >= PING_INTERVAL:
                pinged = time.monotonic()
                self._event({"type": "ping", "text": "pong"})
        time.sleep(LATE_END)
        self._chunk(b"")

    def _interrupt(self) -> None:
        command = self._daemon.commands.get(self._query.get("id", [""])[0])
        if command is None:
            why = "error interruptting code context. no such session"
            raise Refusal(500, "RUNTIME_ERROR", why)
        command.stop(signal.SIGTERM)
        if not command.ended.wait(3):
            command.stop(signal.SIGKILL)
        self._empty()

    def _status(self, identity: str) -> None:
        command = self._daemon.commands.get(identity)
        if command is None:
            raise Refusal(404, "INVALID_REQUEST_BODY", f"command not found: {identity}")
        self._json(command.status())

    def _logs(self, identity: str) -> None:
        command = self._daemon.commands.get(identity)
        if command is None or not command.background:
            raise Refusal(400, "INVALID_REQUEST_BODY", f"command not found: {identity}")
        cursor = int(self._query.get("cursor", ["0"])[0])
        size = os.fstat(command.stdout.file).st_size
        content = os.pread(command.stdout.file, max(size - cursor, 0), cursor)
        kind = "text/plain; charset=utf-8"
        self._send(200, content, kind, EXECD_COMMANDS_TAIL_CURSOR=cursor + len(content))

    # Files

    def _info(self) -> None:
        self._json({str(path): file_info(path) for path in self._paths()})

    def _search(self) -> None:
        root = self._path()
        root.stat()
        pattern = self._query.get("pattern", ["**"])[0]
        found = [
            path
            for path in sorted(root.rglob("*"))
            if not path.is_dir() and matches(str(path.relative_to(root)), pattern)
        ]
        self._json([file_info(path) for path in found])

    def _list(self) -> None:
        root = self._path()
        root.lstat()
        depth = int(self._query.get("depth", ["1"])[0])
        found = [
            path
            for path in sorted(root.rglob("*") if depth > 1 else root.iterdir())
            if len(path.relative_to(root).parts) <= depth
        ]
        self._json([file_info(path) for path in found])

    def _download(self) -> None:
        path = self._path()
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            first, end, status = 0, size, 200
            name = f'attachment; filename="{path.name}"'
            headers: dict[str, str | int] = {"Content_Disposition": name, "Accept_Ranges": "bytes"}
            if wanted := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
                if wanted[1]:
                    first, end = int(wanted[1]), min(int(wanted[2] or size) + 1, size)
                else:
                    first = max(size - int(wanted[2] or 0), 0)
                if first >= size:
                    why = b"invalid range: failed to overlap\n"
                    self._send(
                        416, why, "text/plain; charset=utf-8", Content_Range=f"bytes */{size}"
                    )
                    return
                status = 206
                headers["Content_Range"] = f"bytes {first}-{end - 1}/{size}"
            file.seek(first)
            content = file.read(end - first)
        self._send(status, content, "application/octet-stream", **headers)

    def _upload(self) -> None:
        boundary = re.search(r'boundary="?([^";]+)', self.headers.get("Content-Type", ""))
        if boundary is None:
            raise Refusal(400, "INVALID_FILE", "multipart form is empty")
        parts = list(multipart(boundary[1].encode(), self.body))
        described = [content for name, content in parts if name == "metadata"]
        contents = [content for name, content in parts if name == "file"]
        if not described:
            raise Refusal(400, "INVALID_FILE_METADATA", "metadata file is missing")
        if not contents:
            raise Refusal(400, "INVALID_FILE_CONTENT", "file is missing")
        if len(described) != len(contents):
            why = f"metadata and file count mismatch: {len(described)} vs {len(contents)}"
            raise Refusal(400, "INVALID_FILE", why)
        for text, content in zip(described, contents, strict=True):
            try:
                metadata = json.loads(text)
            except ValueError as error:
                why = f"invalid metadata format. {error}"
                raise Refusal(400, "INVALID_FILE_METADATA", why) from error
            if not metadata.get("path"):
                raise Refusal(400, "INVALID_FILE_METADATA", "metadata path is empty")
            path = Path(metadata["path"]).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            # In place, and readable by others until its mode is set: as the daemon does it.
            path.write_bytes(content)
            set_permission(path, metadata)
        self._empty()

    def _move(self) -> None:
        for item in self._object():
            source, target = Path(item["src"]), Path(item["dest"])
            if not source.exists():
                why = (
                    f"file not found. source path not found: {source}: "
                    f"stat {source}: no such file or directory"
                )
                raise Refusal(404, "FILE_NOT_FOUND", why)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                why = f"error renaming file. destination path already exists: {target}"
                raise Refusal(500, "RUNTIME_ERROR", why)
            source.rename(target)
        self._empty()

    def _permissions(self) -> None:
        for path, permission in self._object().items():
            set_permission(Path(path), permission)
        self._empty()

    def _replace(self) -> None:
        counts: dict[str, dict[str, int]] = {}
        for name, change in self._object().items():
            text = Path(name).read_text()
            counts[name] = {"replacedCount": text.count(change["old"])}
            Path(name).write_text(text.replace(change["old"], change["new"]))
        if self._query.get("verbose") == ["true"]:
            self._json(counts)
        else:
            self._empty()

    def _remove_files(self) -> None:
        for path in self._paths():
            if path.is_dir():
                raise Refusal(500, "RUNTIME_ERROR", f"path is a directory: {path}")
            path.unlink(missing_ok=True)
        self._empty()

    def _make_directories(self) -> None:
        for name, permission in self._object().items():
            path = Path(name)
            if not path.exists():
                path.mkdir(parents=True)
                set_permission(path, permission)
        self._empty()

    def _remove_directories(self) -> None:
        for path in self._paths():
            if path.exists():
                shutil.rmtree(path)
        self._empty()

    # The proxy

    def _proxy(self, port: int, path: str, query: str) -> None:
        try:
            upstream = socket.create_connection(("127.0.0.1", port))
        except OSError:
            self._send(502, b"Bad Gateway\n", "text/plain; charset=utf-8")
            return
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        done, woken = socket.socketpair()
        with upstream, done, woken:
            sender = threading.Thread(
                target=self._send_upstream, args=(upstream, woken, path, query), daemon=True
            )
            sender.start()
            try:
                self._relay(upstream)
            finally:
                done.close()
                sender.join(1)
                if sender.is_alive():  # the client has not sent all of its body
                    self.close_connection = True
                    self._unread = iter(())

    def _send_upstream(
        self, upstream: socket.socket, woken: socket.socket, path: str, query: str
    ) -> None:
        """Pass the request on; then hang up there when the client does here."""
        # The daemon decodes a path and encodes it again.
        target = quote(unquote(path), safe="/!$&'()*+,;=:@~") + ("?" + query if query else "")
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        lines = [
            f"{self.command} {target} HTTP/1.1",
            *(
                f"{name}: {value}"
                for name, value in self.headers.items()
                if name.lower() not in {*HOP_BY_HOP, "expect", "x-forwarded-for"}
            ),
            f"X-Forwarded-For: {self.client_address[0]}",
            "X-Forwarded-Proto: http",
            *(["Transfer-Encoding: chunked"] if chunked else []),
            "Connection: close",
        ]
        try:
            upstream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            for block in self._unread:
                upstream.sendall(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
            if chunked:
                upstream.sendall(b"0\r\n\r\n")
            select.select([self.connection, woken], [], [])
            if not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                upstream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # whoever hung up, the answer tells

    def _relay(self, upstream: socket.socket) -> None:
        """Pass the answer on as it comes, and its being cut as a cut."""
        answer = http.client.HTTPResponse(upstream, method=self.command)
        try:
            answer.begin()
        except (OSError, http.client.HTTPException):
            self._send(502, b"Bad Gateway\n", "text/plain; charset=utf-8")
            return
        with answer:
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            empty = self.command == "HEAD" or answer.status in {204, 304}
            chunked = answer.length is None and not empty
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                if not empty:
                    self._relay_content(answer, chunked=chunked)
            except (http.client.HTTPException, OSError):
                self.close_connection = True

    def _relay_content(self, answer: http.client.HTTPResponse, *, chunked: bool) -> None:
        send = self._chunk if chunked else self.wfile.write
        while block := answer.read1(BLOCK):
            send(block)
        if answer.length:
            raise ConnectionResetError
        if chunked:
            self._chunk(b"")


def end_with(cluster: socket.socket) -> None:
    """End all of the sandbox when the cluster hangs up."""
    cluster.recv(1)
    os._exit(0)


def main() -> None:
    """Serve on the socket that was inherited, as standard input tells.

    That is a connection to the cluster. Its answer is one byte, and the socket of a way out of the
    sandbox if there is to be one: who listens there is not in the sandbox.
    """
    cluster = socket.socket(fileno=0)
    wanted = json.loads(cluster.makefile("rb").readline())
    for path in wanted["own"]:
        os.chown(path, wanted["uid"], wanted["uid"])
    if os.getuid() != wanted["uid"]:
        os.setgroups([])
        os.setgid(wanted["uid"])
        os.setuid(wanted["uid"])
    listener = socket.socket(fileno=wanted["listener"])
    os.set_inheritable(listener.fileno(), False)
    daemon = Daemon(listener, wanted["token"], wanted["lost"])
    with ExitStack() as sent:
        doors: list[int] = []
        if wanted["way_out"]:
            doors.append(sent.enter_context(socket.create_server(("127.0.0.1", WAY_OUT))).fileno())
        socket.send_fds(cluster, [b"."], doors)
    threading.Thread(target=end_with, args=[cluster], daemon=True).start()
    daemon.serve_forever()


if __name__ == "__main__":
    main()
