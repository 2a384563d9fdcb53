"""A real execd in a process of its own, and what tests ask of it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import psutil

TOKEN = "a token of the tests"
MARKER = "OPENSANDBOX_SANDBOX_ID"

_NOT_INHERITED = {"PYTEST_CURRENT_TEST", "PYTHON_VERSION"}

Event = dict[str, Any]


@dataclass
class Outcome:
    """A stream, read to its end."""

    status: int
    events: list[Event]
    body: bytes = b""

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events if event["type"] != "ping"]

    @property
    def run_id(self) -> str:
        return str(self.events[0]["text"])

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def error(self) -> dict[str, Any]:
        assert self.last["type"] == "error", self.last
        error: dict[str, Any] = self.last["error"]
        return error

    @property
    def ok(self) -> bool:
        return str(self.last["type"]) == "execution_complete"

    def text(self, kind: str = "stdout") -> str:
        return "".join(event["text"] for event in self.events if event["type"] == kind)

    @property
    def results(self) -> list[Event]:
        return [event for event in self.events if event["type"] == "result"]


def decode(body: bytes) -> list[Event]:
    assert body.endswith(b"\n\n")
    return [json.loads(frame) for frame in body[:-2].split(b"\n\n")]


@dataclass
class Live:
    """A stream that is being read by a thread, with the time at which each event came."""

    events: list[Event] = field(default_factory=list[Event])
    at: list[float] = field(default_factory=list[float])
    done: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None

    def wait_for(self, kind: str, timeout: float = 30) -> Event:
        found: Event = wait_until(
            lambda: next((event for event in self.events if event["type"] == kind), None),
            timeout=timeout,
        )
        return found

    def outcome(self, timeout: float = 60) -> Outcome:
        assert self.done.wait(timeout), f"still running after {self.events[-3:]}"
        if self.failure is not None:
            raise self.failure
        return Outcome(200, self.events)


class Server:
    """An execd in a process of its own."""

    def __init__(
        self,
        workdir: Path,
        *arguments: str,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        preexec_fn: Callable[[], None] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        self.workdir = workdir
        self.marker = uuid4().hex
        started = time.monotonic()
        self.process = subprocess.Popen(
            [
                *(*prefix, sys.executable, "-m", "code_interpreter.execd", "--port", "0"),
                *("--workdir", str(workdir), "--exit-on-stdin-eof", *arguments),
            ],
            env={
                # ipykernel behaves differently when it thinks that pytest runs inside of it.
                **{name: os.environ[name] for name in os.environ.keys() - _NOT_INHERITED},
                "EXECD_ACCESS_TOKEN": TOKEN,
                "OPEN_SANDBOX_API_KEY": "a key of the tests",
                MARKER: self.marker,
                **(env or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=preexec_fn,  # noqa: PLW1509 - for calls that take no lock
            stderr=stderr,
        )
        assert self.process.stdout is not None
        self.port: int = json.loads(self.process.stdout.readline())["port"]
        self.start_seconds = time.monotonic() - started
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(
            base_url=self.url, headers={"X-EXECD-ACCESS-TOKEN": TOKEN}, timeout=60
        )

    def close(self) -> None:
        """End it the usual way; its stdout must have said nothing but the port."""
        self.client.close()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if self.process.stdout.closed:
            return
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            assert self.process.wait(10) == 0
            assert self.process.stdout.read() == b""
        finally:
            self.process.kill()
            self.process.stdout.close()

    def family(self) -> list[psutil.Process]:
        """Every process that carries the sandbox's mark, the server included."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARKER) == self.marker
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def create(self, **fields: str) -> str:
        answer = self.client.post("/code/context", json={"language": "python", **fields})
        assert answer.status_code == 200, answer.text
        context_id: str = answer.json()["id"]
        return context_id

    @contextmanager
    def context(self, **fields: str) -> Generator[str, None, None]:
        context_id = self.create(**fields)
        yield context_id
        self.client.delete(f"/code/contexts/{context_id}")

    def request(self, path: str, body: dict[str, Any]) -> Outcome:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return Outcome(answer.status_code, decode(answer.content), answer.content)

    def run(self, code: str, context_id: str) -> Outcome:
        return self.request("/code", {"code": code, "context": {"id": context_id}})

    def command(self, command: str, **fields: Any) -> Outcome:
        return self.request("/command", {"command": command, **fields})

    def live(self, code: str, context_id: str) -> Live:
        return self.follow("/code", {"code": code, "context": {"id": context_id}})

    def follow(self, path: str, body: dict[str, Any]) -> Live:
        """Read a stream in the background; returns when the answer has begun."""
        live = Live()
        begun = threading.Event()

        def read() -> None:
            try:
                with self.client.stream("POST", path, json=body) as answer:
                    assert answer.status_code == 200, answer.read()
                    begun.set()
                    rest = b""
                    for chunk in answer.iter_bytes():
                        *frames, rest = (rest + chunk).split(b"\n\n")
                        for frame in frames:
                            live.at.append(time.monotonic())
                            live.events.append(json.loads(frame))
                    assert rest == b""
            except Exception as error:  # noqa: BLE001 - raised again by outcome()
                live.failure = error
            finally:
                begun.set()
                live.done.set()

        threading.Thread(target=read, daemon=True).start()
        assert begun.wait(30)
        return live

    def interrupt(self, some_id: str) -> httpx.Response:
        return self.client.delete("/code", params={"id": some_id})


def wait_until(what: Callable[[], Any], timeout: float = 30) -> Any:
    """The first true value of `what()`."""
    deadline = time.monotonic() + timeout
    while True:
        # A process that goes while it is looked at: the next look will be without it.
        with suppress(psutil.NoSuchProcess):
            if value := what():
                return value
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)
