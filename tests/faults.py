"""A server on real sockets that plays what goes wrong, and real servers' habits.

What a run is answered with is a script: a function that is given the connection and the server,
and sends, waits and hangs up as it likes. The server notes interrupts and deleted contexts, and
lets scripts wait for them. `CASES` has one line for each fault with what a run must make of it.
"""

import contextlib
import json
import socket
import struct
import threading
import urllib.parse
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import code_interpreter as ci
from code_interpreter import Outcome
from tests.execd_client.raw_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    Peer,
    Request,
    Server,
    answer,
    chunk,
    serve,
)

RUN_ID = "5b0f4f0e-one-context"


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, "timestamp": 1, **fields}).encode() + b"\n\n"


INIT = event("init", text=RUN_ID)
OUT = event("stdout", text="out\n")
PING = event("ping", text="pong")
VALUE = event("result", results={"text": "42"})
DONE = event("execution_complete", execution_time=1)
ERROR = event("error", error={"ename": "ValueError", "evalue": "no", "traceback": ["tb"]})
INTERRUPTED = event("error", error={"ename": "KeyboardInterrupt", "evalue": "", "traceback": None})
DIED = event("error", error={"ename": "KernelDied", "evalue": "gone", "traceback": None})
LOST = event("stderr", text="IOPub data rate exceeded.\nThe Jupyter server will stop sending\n")
BUSY = b'{"code":"RUNTIME_ERROR","message":"error running codes session is busy"}'
NO_CONTEXT = b'{"code":"RUNTIME_ERROR","message":"error running codes context not found"}'
HTML = b"<html><h1>Bad Gateway</h1></html>"


@dataclass
class Faults:
    """The server's side of what happened.

    Attributes:
        url: Its base URL.
        runs: The body of each run that it was asked for.
        interrupts: The id of each interrupt.
        deleted: The id of each context that was deleted.
        interrupted: Set by the first interrupt.
        answers_interrupts: Interrupts wait for this before they are answered; set from the start.
        knows_runs: Whether it knows the runs that it is to interrupt.
        left: Set when the test is over.
    """

    url: str = ""
    interrupts: list[str] = field(default_factory=list[str])
    deleted: list[str] = field(default_factory=list[str])
    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    interrupted: threading.Event = field(default_factory=threading.Event)
    answers_interrupts: threading.Event = field(default_factory=threading.Event)
    knows_runs: bool = True
    left: threading.Event = field(default_factory=threading.Event)


Script = Callable[[Peer, Faults], None]


def plays(*events: bytes) -> Script:
    """A stream of events, one a chunk, that ends cleanly."""

    def play(peer: Peer, _: Faults) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events) + LAST_CHUNK)

    return play


def cuts(*events: bytes, how: str = "close") -> Script:
    """A stream that is cut behind some events: closed, reset, or shut in one direction."""

    def play(peer: Peer, _: Faults) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events))
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if how == "half":
            peer.socket.shutdown(socket.SHUT_WR)
            peer.wait_for_disconnect()
        peer.close()

    return play


def answers(status: int, content_type: str | None, body: bytes, **headers: str) -> Script:
    """An answer that is not a stream."""

    def play(peer: Peer, _: Faults) -> None:
        peer.send(answer(status, content_type, body, **headers))

    return play


def hangs(*events: bytes, headers: bool = True, pings: bool = False) -> Script:
    """Some events, and then nothing, or nothing but pings, until the client leaves."""

    def play(peer: Peer, faults: Faults) -> None:
        if headers:
            peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events))
        with contextlib.suppress(OSError):
            while pings:
                peer.send(chunk(PING))
                if faults.left.wait(0.05):
                    return
        peer.wait_for_disconnect()

    return play


def obeys(*events: bytes, last: bytes = INTERRUPTED + DONE) -> Script:
    """Some events, and the end once the run is interrupted."""

    def play(peer: Peer, faults: Faults) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events))
        assert faults.interrupted.wait(10)
        peer.send(chunk(last) + LAST_CHUNK)

    return play


def lingers(*events: bytes) -> Script:
    """A stream whose body stays open for a second behind its last event, as of commands."""

    def play(peer: Peer, faults: Faults) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events))
        faults.left.wait(1)
        peer.send(LAST_CHUNK)

    return play


def resets(peer: Peer, _: Faults) -> None:
    """No answer: the connection is reset behind the request."""
    linger = struct.pack("ii", 1, 0)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.close()


@contextlib.contextmanager
def fault_server(*scripts: Script) -> Generator[Faults, None, None]:
    """A server that answers the first run with the first script, and so on; the last one stays."""
    faults = Faults()
    faults.answers_interrupts.set()
    counting = threading.Lock()

    def play(peer: Peer, request: Request) -> None:
        method, target, _ = request.line.split()
        path, _, query = target.partition("?")
        if (method, path) == ("POST", "/code"):
            with counting:
                script = scripts[min(len(faults.runs), len(scripts) - 1)]
                faults.runs.append(json.loads(request.body))
            script(peer, faults)
            return
        if (method, path) == ("DELETE", "/code"):
            faults.interrupts.append(urllib.parse.parse_qs(query)["id"][0])
            faults.interrupted.set()
            faults.answers_interrupts.wait(10)
            if not faults.knows_runs:
                words = "error interruptting code context. no such session"
                told = json.dumps({"code": "RUNTIME_ERROR", "message": words}).encode()
                peer.send(answer(500, "application/json", told))
                return
        elif method == "DELETE" and path.startswith("/code/contexts/"):
            faults.deleted.append(path.removeprefix("/code/contexts/"))
        peer.send(answer(200, None, b""))

    server: Server
    with serve(play) as server:
        faults.url = server.url
        try:
            yield faults
        finally:
            faults.left.set()
            faults.interrupted.set()
            faults.answers_interrupts.set()


@dataclass(frozen=True)
class Case:
    """A fault, and what a run must make of it.

    Attributes:
        script: What the server plays.
        outcome: What the Execution says.
        raises: The exception; None where the run returns.
        text: The text that has arrived; None where that is not sure.
        options: Arguments of the run.
        interrupts: How often the run was interrupted.
        deletes: Whether its context was deleted.
    """

    script: Script
    outcome: Outcome
    raises: type[ci.CodeInterpreterError] | None = None
    text: str | None = ""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    interrupts: int = 0
    deletes: bool = False


SOON = {"timeout": 0.2}
IDLE = {"idle_timeout": 0.3}
OK, FAILED, LOST_END = Outcome.OK, Outcome.ERROR, Outcome.STREAM_LOST

CASES: dict[str, Case] = {
    # --- real servers' habits ---
    "a good run": Case(plays(INIT, OUT, VALUE, DONE), OK, text="out\n42"),
    "execution_complete comes first": Case(plays(INIT, DONE, OUT, VALUE), OK, text="out\n42"),
    "an error behind execution_complete": Case(plays(INIT, DONE, OUT, ERROR), FAILED, text="out"),
    "an error alone": Case(plays(INIT, ERROR), FAILED),
    "the body closes late": Case(lingers(INIT, OUT, DONE), OK, text="out"),
    "output was dropped": Case(plays(INIT, OUT, LOST, DONE), OK, text="out"),
    "somebody interrupted it": Case(plays(INIT, OUT, INTERRUPTED), Outcome.INTERRUPTED, text="out"),
    "the kernel died": Case(plays(INIT, OUT, DIED), Outcome.KERNEL_DIED, text="out"),
    "pings between events": Case(plays(INIT, PING, OUT, PING, DONE), OK, text="out"),
    # --- the context is busy, or gone ---
    "busy, in the stream": Case(plays(INIT, BUSY), Outcome.BUSY, ci.ContextBusyError),
    "busy, glued to an event": Case(
        plays(INIT, OUT.strip() + BUSY), Outcome.BUSY, ci.ContextBusyError, text="out"
    ),
    "busy, as an answer": Case(
        answers(500, "application/json", BUSY), Outcome.BUSY, ci.ContextBusyError
    ),
    "no context, in the stream": Case(plays(INIT, NO_CONTEXT), LOST_END, ci.ContextNotFoundError),
    "no context, as an answer": Case(
        answers(404, "application/json", b'{"code":"CONTEXT_NOT_FOUND","message":"x"}'),
        LOST_END,
        ci.ContextNotFoundError,
    ),
    # --- the stream is lost ---
    "no event that ends it": Case(plays(INIT, OUT), LOST_END, ci.StreamTruncatedError, text="out"),
    "an empty stream": Case(plays(), LOST_END, ci.StreamTruncatedError),
    "cut before anything": Case(cuts(), LOST_END, ci.StreamTruncatedError),
    "cut behind output": Case(cuts(INIT, OUT), LOST_END, ci.StreamTruncatedError, text="out"),
    "cut behind execution_complete": Case(
        cuts(INIT, OUT, DONE), LOST_END, ci.StreamTruncatedError, text="out"
    ),
    "reset": Case(cuts(INIT, OUT, how="reset"), LOST_END, ci.TransportError, text=None),
    "half-closed": Case(cuts(INIT, OUT, how="half"), LOST_END, ci.StreamTruncatedError, text="out"),
    "reset without an answer": Case(resets, LOST_END, ci.TransportError),
    # --- no execd, or a broken one ---
    "a malformed event": Case(
        plays(INIT, OUT, b"<html>oops</html>\n\n"),
        LOST_END,
        ci.ProtocolError,
        text="out",
        interrupts=1,
    ),
    "a malformed event in one chunk with good ones": Case(
        plays(INIT + OUT + b"{\n\n" + OUT), LOST_END, ci.ProtocolError, text="out", interrupts=1
    ),
    "a page with status 200": Case(answers(200, "text/html", HTML), LOST_END, ci.ProtocolError),
    "JSON with status 200": Case(
        answers(200, "application/json", b"{}"), LOST_END, ci.ProtocolError
    ),
    "an empty 200": Case(answers(200, None, b""), LOST_END, ci.ProtocolError),
    "an HTML 502": Case(answers(502, "text/html", HTML), LOST_END, ci.APIError),
    "a JSON 500": Case(
        answers(500, "application/json", b'{"code":"RUNTIME_ERROR","message":"no"}'),
        LOST_END,
        ci.APIError,
    ),
    "a JSON 400": Case(
        answers(400, "application/json", b'{"code":"INVALID_REQUEST_BODY","message":"no"}'),
        LOST_END,
        ci.APIError,
    ),
    "401": Case(
        answers(401, "application/json", b'{"error":"token"}'), LOST_END, ci.AuthenticationError
    ),
    "404 of a gateway": Case(answers(404, "text/plain", b"not found"), LOST_END, ci.APIError),
    "429": Case(
        answers(429, "text/plain", b"later", retry_after="7"), LOST_END, ci.RateLimitedError
    ),
    # --- silence, and runs that take too long ---
    "silent behind output": Case(
        hangs(INIT, OUT), LOST_END, ci.StreamIdleError, text="out", options=IDLE, interrupts=1
    ),
    "stopped by timeout": Case(
        obeys(INIT, OUT),
        Outcome.TIMED_OUT,
        ci.ExecutionTimeoutError,
        text="out",
        options=SOON,
        interrupts=1,
    ),
    "pings for ever": Case(
        hangs(INIT, OUT, pings=True),
        Outcome.TIMED_OUT,
        ci.ExecutionTimeoutError,
        text="out",
        options=SOON,
        interrupts=1,
        deletes=True,
    ),
    "hangs before the first event": Case(
        hangs(), Outcome.TIMED_OUT, ci.ExecutionTimeoutError, options=SOON
    ),
    "hangs before the answer": Case(
        hangs(headers=False), Outcome.TIMED_OUT, ci.ExecutionTimeoutError, options=SOON
    ),
    "over just in time": Case(
        obeys(INIT, OUT, last=DONE), OK, text="out", options=SOON, interrupts=1
    ),
}
