"""Runs one case when it is told to, and says how long that took; kept alive between cases.

Run by the environment of what is measured. `sdk` is the same program for ours and for the
reference SDK, which is what a drop-in is for; `httpx` does nothing but read, `keeping` also keeps
what it reads, `decoding` hands each line to msgspec and drops what that makes of it, and `socket`
reads without HTTP, which shows how fast the server is. Commands come on stdin and answers go to
stdout, one JSON object a line; it ends when stdin does.

Every run is checked for being whole, outside of the time that is measured.
"""

import asyncio
import gc
import importlib
import json
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import httpx
from cases import CASES, Case
from harness import versions
from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.execd import Execution, ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync
from replay import Answer

from code_interpreter import CodeInterpreter, CodeInterpreterSync

_PACKAGES = (
    "opensandbox-code-interpreter", "opensandbox", "httpx", "httpcore", "h11", "anyio", "pydantic",
    "msgspec",
)  # fmt: skip
_STATUS = Path("/proc/self/status")
_Job = Callable[[], Any]


class Subject(Protocol):
    """What is measured."""

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """What to measure, and what to call afterwards: it checks that all was there."""
        ...


def _check(case: Case, what: str, seen: int, expected: int) -> None:
    if seen != expected:
        raise AssertionError(f"{case.name}: {seen} {what} instead of {expected}")


class Sdk:
    """The SDK that is installed here, reached as a program reaches it."""

    def __init__(self, port: int) -> None:
        address: dict[str, Any] = {"domain": f"127.0.0.1:{port}", "api_key": "benchmark"}
        self._loop = asyncio.new_event_loop()
        self._async = self._loop.run_until_complete(self._connect(address))
        self._sync = CodeInterpreterSync.create(
            SandboxSync.connect(
                "benchmark",
                connection_config=ConnectionConfigSync(**address),
                skip_health_check=True,
            ),
            skip_health_check=True,
        )

    @staticmethod
    async def _connect(address: dict[str, Any]) -> CodeInterpreter:
        sandbox = await Sandbox.connect(
            "benchmark", connection_config=ConnectionConfig(**address), skip_health_check=True
        )
        return await CodeInterpreter.create(sandbox, skip_health_check=True)

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        handled = 0
        execution: Execution

        def on_stdout(_: object) -> None:
            nonlocal handled
            handled += 1

        async def on_stdout_async(_: object) -> None:
            nonlocal handled
            handled += 1

        def run_sync() -> None:
            nonlocal execution
            handlers = ExecutionHandlersSync(on_stdout=on_stdout, skip_accumulation=not keep)
            codes = self._sync.codes
            for _ in range(case.runs):
                execution = codes.run(case.name, handlers=handlers if handler else None)

        async def run_async() -> None:
            nonlocal execution
            handlers = ExecutionHandlers(on_stdout=on_stdout_async, skip_accumulation=not keep)
            codes = self._async.codes
            for _ in range(case.runs):
                execution = await codes.run(case.name, handlers=handlers if handler else None)

        def check() -> None:
            stdout = execution.logs.stdout
            assert execution.complete is not None
            assert execution.error is None
            _check(case, "messages", len(stdout), case.events if keep else 0)
            _check(
                case, "characters",
                sum(len(message.text) for message in stdout), case.characters if keep else 0,
            )  # fmt: skip
            _check(case, "calls of the handler", handled, case.runs * case.events * handler)

        return (run_sync if mode == "sync" else self._waiting(run_async)), check

    def _waiting(self, run: Callable[[], Awaitable[None]]) -> _Job:
        return lambda: self._loop.run_until_complete(run())


class Httpx:
    """httpx alone, with the settings that both SDKs give theirs for event streams."""

    def __init__(self, port: int) -> None:
        limits = httpx.Limits(keepalive_expiry=30)
        timeout = httpx.Timeout(30, read=None)
        self._url = f"http://127.0.0.1:{port}/code"
        self._loop = asyncio.new_event_loop()
        self._async = httpx.AsyncClient(limits=limits, timeout=timeout)
        self._sync = httpx.Client(limits=limits, timeout=timeout)

    @staticmethod
    def _body(case: Case) -> dict[str, Any]:
        return {"code": case.name, "context": {"language": "python"}}

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        del handler, keep  # there is nothing to handle, and nothing is kept
        body = self._body(case)
        size, chunks = 0, 0

        def run_sync() -> None:
            for _ in range(case.runs):
                with self._sync.stream("POST", self._url, json=body) as response:
                    for _chunk in response.iter_bytes():
                        pass

        async def run_async() -> None:
            for _ in range(case.runs):
                async with self._async.stream("POST", self._url, json=body) as response:
                    async for _chunk in response.aiter_bytes():
                        pass

        def check() -> int:
            nonlocal size, chunks
            with self._sync.stream("POST", self._url, json=body) as response:
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    chunks += 1
            _check(case, "bytes", size, case.size)
            return chunks

        return (
            run_sync if mode == "sync" else lambda: self._loop.run_until_complete(run_async())
        ), check


class Keeping(Httpx):
    """httpx that keeps the bytes that it reads, as every SDK has to that keeps output."""

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        del mode, handler, keep
        body = self._body(case)
        kept: list[bytes] = []

        def run() -> None:
            for _ in range(case.runs):
                kept.clear()
                with self._sync.stream("POST", self._url, json=body) as response:
                    kept.extend(response.iter_bytes())

        return run, lambda: _check(case, "bytes", sum(map(len, kept)), case.size)


class Decoding(Httpx):
    """httpx and a JSON decoder, on the shortest way from one to the other."""

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        del mode, handler, keep
        msgspec = importlib.import_module("msgspec")  # the reference's environment has none
        kind = msgspec.defstruct("Event", [("type", str), ("timestamp", int), ("text", str, "")])
        decode = msgspec.json.Decoder(kind).decode_lines
        body = self._body(case)
        seen = 0

        def run() -> None:
            nonlocal seen
            seen = 0
            parts: list[bytes] = []
            for _ in range(case.runs):
                with self._sync.stream("POST", self._url, json=body) as response:
                    for chunk in response.iter_raw():
                        parts.append(chunk)
                        if chunk.endswith(b"\n"):
                            seen += len(decode(b"".join(parts) if len(parts) > 1 else chunk))
                            parts.clear()

        return run, lambda: _check(case, "events", seen, case.runs * (case.events + 2))


class Socket:
    """A socket that is read as fast as it can be."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._buffer = bytearray(65536)

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        del mode, handler, keep
        body = json.dumps({"code": case.name}).encode()
        request = b"POST /code HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        size = Answer(case).size
        received = 0

        def run() -> None:
            nonlocal received
            for _ in range(case.runs):
                self._socket.sendall(request)
                received = 0
                while received < size:
                    received += self._socket.recv_into(self._buffer)

        return run, lambda: _check(case, "bytes", received, size)


def _memory(field: str) -> int:
    """Bytes: `VmRSS` or its peak, `VmHWM`. Elsewhere than on Linux only the peak can be had."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def _forget_peak() -> None:
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to VmRSS; see proc(5)


def _measure(subject: Subject, command: dict[str, Any]) -> dict[str, Any]:
    case = CASES[command.pop("case")]
    # A connection may have been idle for too long: this one opens the next, if need be.
    warm_up, _ = subject.job(CASES["empty"], **command)
    warm_up()
    run, check = subject.job(case, **command)
    gc.collect()
    _forget_peak()
    before = _memory("VmRSS")
    cpu, start = time.process_time(), time.perf_counter()
    run()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    growth = _memory("VmHWM") - before
    return {"wall": wall, "cpu": cpu, "growth": growth, "seen": check()}


def main() -> None:
    """Answer commands until stdin ends."""
    port = int(sys.argv[1])
    subjects: dict[str, Subject] = {}
    programs: dict[str, Callable[[int], Subject]]
    programs = {"sdk": Sdk, "httpx": Httpx, "keeping": Keeping}
    programs |= {"decoding": Decoding, "socket": Socket}
    print(json.dumps(versions(_PACKAGES)), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("subject")
        if name not in subjects:
            subjects[name] = programs[name](port)
        print(json.dumps(_measure(subjects[name], command)), flush=True)


if __name__ == "__main__":
    main()
