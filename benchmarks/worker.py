"""Runs one case per command, and says how long that took; kept alive between cases.

Run by the environment of what is measured. `sdk` is the same program for ours and for the
reference SDK; `httpx` and `msgspec` read the events without an SDK, and `socket` reads without
HTTP, which shows how fast the server is. Commands come on stdin and answers go to stdout, one JSON
object per line; it ends when stdin does.

All but `socket` look at the output as a user does, and inside the clock: the length of each text is
added up. The sum is checked outside the clock.
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
from opensandbox.models.execd import Execution, ExecutionHandlers, OutputMessage
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
        """Return what to measure, and what to call afterwards: it checks that all was there."""
        ...


def _check(case: Case, what: str, seen: int, expected: int) -> None:
    if seen != expected:
        raise AssertionError(f"{case.name}: {seen} {what} instead of {expected}")


class Sdk:
    """The SDK that is installed here, used as a program uses it."""

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
        handled = looked = 0

        def on_stdout(message: OutputMessage) -> None:
            nonlocal handled
            handled += len(message.text)

        async def on_stdout_async(message: OutputMessage) -> None:
            nonlocal handled
            handled += len(message.text)

        def look(execution: Execution) -> None:
            nonlocal looked
            looked += sum(len(message.text) for message in execution.logs.stdout)
            assert execution.complete is not None
            assert execution.error is None

        def run_sync() -> None:
            handlers = ExecutionHandlersSync(on_stdout=on_stdout, skip_accumulation=not keep)
            codes = self._sync.codes
            for _ in range(case.runs):
                look(codes.run(case.name, handlers=handlers if handler else None))

        async def run_async() -> None:
            handlers = ExecutionHandlers(on_stdout=on_stdout_async, skip_accumulation=not keep)
            codes = self._async.codes
            for _ in range(case.runs):
                look(await codes.run(case.name, handlers=handlers if handler else None))

        def check() -> None:
            characters = case.runs * case.characters
            _check(case, "characters kept", looked, characters * keep)
            _check(case, "characters handled", handled, characters * handler)

        return (run_sync if mode == "sync" else self._waiting(run_async)), check

    def _waiting(self, run: Callable[[], Awaitable[None]]) -> _Job:
        return lambda: self._loop.run_until_complete(run())


class Httpx:
    """httpx with the settings that the SDKs give theirs for event streams, and the json module."""

    def __init__(self, port: int) -> None:
        limits = httpx.Limits(keepalive_expiry=30)
        timeout = httpx.Timeout(30, read=None)
        self._url = f"http://127.0.0.1:{port}/code"
        self._loop = asyncio.new_event_loop()
        self._async = httpx.AsyncClient(limits=limits, timeout=timeout)
        self._sync = httpx.Client(limits=limits, timeout=timeout)

    def job(self, case: Case, mode: str, *, handler: bool, keep: bool) -> tuple[_Job, _Job]:
        """See `Subject`."""
        del handler, keep  # there is nothing to handle, and nothing is kept
        request: dict[str, Any] = {
            "method": "POST", "url": self._url,
            "json": {"code": case.name, "context": {"language": "python"}},
        }  # fmt: skip
        read = self._reader()
        looked = 0

        def run_sync() -> None:
            nonlocal looked
            for _ in range(case.runs):
                rest = b""
                with self._sync.stream(**request) as response:
                    for chunk in response.iter_bytes():
                        lines, newline, rest = (rest + chunk).rpartition(b"\n")
                        looked += read(lines + newline)

        async def run_async() -> None:
            nonlocal looked
            for _ in range(case.runs):
                rest = b""
                async with self._async.stream(**request) as response:
                    async for chunk in response.aiter_bytes():
                        lines, newline, rest = (rest + chunk).rpartition(b"\n")
                        looked += read(lines + newline)

        return (
            run_sync if mode == "sync" else lambda: self._loop.run_until_complete(run_async())
        ), lambda: _check(case, "characters", looked, case.runs * case.characters)

    @staticmethod
    def _reader() -> Callable[[bytes], int]:
        """Return what adds up the lengths of the stdout in whole lines."""

        def read(lines: bytes) -> int:
            looked = 0
            for line in lines.split(b"\n"):
                if line:
                    event = json.loads(line)
                    if event["type"] == "stdout":
                        looked += len(event["text"])
            return looked

        return read


class Msgspec(Httpx):
    """httpx and the fastest JSON decoder that was found, on the shortest way between them."""

    @staticmethod
    def _reader() -> Callable[[bytes], int]:
        msgspec = importlib.import_module("msgspec")  # the reference's environment has none
        kind = msgspec.defstruct("Event", [("type", str), ("timestamp", int), ("text", str, "")])
        decode = msgspec.json.Decoder(kind).decode_lines
        return lambda lines: sum(
            len(event.text) for event in decode(lines) if event.type == "stdout"
        )


class Socket:
    """A socket, read as fast as possible."""

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
    """Return bytes: `VmRSS` or its peak, `VmHWM`. Outside Linux there is only the peak."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def _forget_peak() -> None:
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to VmRSS; see proc(5)


def _measure(subject: Subject, command: dict[str, Any]) -> dict[str, Any]:
    case = CASES[command.pop("case")]
    # A connection may have been idle for too long: this run opens the next if necessary.
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
    check()
    return {"wall": wall, "cpu": cpu, "growth": growth}


def main() -> None:
    """Answer commands until stdin ends."""
    port = int(sys.argv[1])
    subjects: dict[str, Subject] = {}
    programs: dict[str, Callable[[int], Subject]]
    programs = {"sdk": Sdk, "httpx": Httpx, "msgspec": Msgspec, "socket": Socket}
    print(json.dumps(versions(_PACKAGES)), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("subject")
        if name not in subjects:
            subjects[name] = programs[name](port)
        print(json.dumps(_measure(subjects[name], command)), flush=True)


if __name__ == "__main__":
    main()
