"""A relay in front of our execd that makes it behave as the reference daemon was recorded to.

Recordings cannot be asked anything new, and the daemon is in no registry; but what the conformance
suite asks must hold for it too. What must stay true: each departure made here is one that
`tests/recordings` or the cassettes show, at its worst: what sometimes happens there always does.
"""

import json
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from code_interpreter.execd.http.gate import bind

Event = dict[str, Any]

_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}
_STREAM = "text/event-stream"
_JSON = "application/json"
_BUSY = b'{"code":"RUNTIME_ERROR","message":"error running codes session is busy"}'
_NO_CONTEXT = {"code": "RUNTIME_ERROR", "message": "error running codes context not found"}


def as_recorded(  # noqa: PLR0911 - one return a departure
    event: Event, language: str, context_id: str | None
) -> list[Event]:
    """What the daemon sends where ours sends this."""
    match language, event["type"]:
        case _, "init":
            # The first `idle` that it sees, whoever's that is.
            early = {"type": "execution_complete", "execution_time": 1}
            return [{**event, "text": context_id or event["text"]}, early]
        case _, "execution_complete":
            return [{"type": "status", "text": "ok"}]
        case "javascript" | "typescript", "result":
            return [{"type": "stdout", "text": f"{event['results']['text']}\n"}]
        case "javascript" | "typescript", "execution_count":
            return []
        case "javascript" | "typescript", "error":
            error = event["error"]
            lines = [f"{error['ename']}: {error['evalue']}", *error["traceback"]]
            return [{"type": "stderr", "text": "\n".join(lines)}]
        case "bash", "stderr":
            return [{**event, "type": "stdout"}]
        case "bash", "error":
            error = {**event["error"], "ename": "", "traceback": None}
            return [{"type": "status", "text": "error"}, {**event, "error": error}]
        case "go", "error" if event["error"]["ename"] != "CompileError":
            return []
        case _, "error":
            return [{"type": "status", "text": "error"}, event]
        case _:
            return [event]


class _Relay:
    """Passes requests on, and answers as the daemon would."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None))
        self._languages: dict[str, str] = {}

    async def __call__(self, request: Request) -> Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in {"host", "content-length"}
        }
        body = await request.body()
        if (request.method, request.url.path) == ("POST", "/code/context"):
            body = _as_understood(body)
        answer = await self._client.send(
            self._client.build_request(
                request.method,
                f"{self._upstream}{request.url.path}?{request.url.query}".rstrip("?"),
                content=body,
                headers=headers,
            ),
            stream=True,
        )
        path = request.url.path
        if (request.method, path) == ("POST", "/code"):
            return await self._run(answer, json.loads(body).get("context") or {})
        if path.startswith("/code/context") and answer.headers.get("content-type") == _JSON:
            return await self._contexts(answer, found=request.method == "GET")
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return StreamingResponse(_raw(answer), answer.status_code, kept)

    async def _run(self, answer: httpx.Response, context: dict[str, str]) -> Response:
        context_id = context.get("id")
        language = self._languages.get(context_id or "") or context.get("language", "")
        if answer.status_code == 200:
            return StreamingResponse(_events(answer, language, context_id), media_type=_STREAM)
        body = await answer.aread()
        if answer.status_code == 404:
            return JSONResponse(_NO_CONTEXT, 500)
        if b"busy" in body:
            ping = b'{"type":"ping","timestamp":1}'
            init = _frame({"type": "init", "text": context_id, "timestamp": 1})
            return Response(init + ping + _BUSY, media_type=_STREAM)
        return Response(body, answer.status_code, media_type="application/json")

    async def _contexts(self, answer: httpx.Response, *, found: bool) -> Response:
        await answer.aread()
        given: Any = answer.json()
        contexts: list[dict[str, str]] = [given] if isinstance(given, dict) else given
        for context in contexts if answer.status_code == 200 else ():
            self._languages[context["id"]] = context["language"]
            if found:
                context.pop("cwd", None)
        return JSONResponse(given, answer.status_code)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        """Close its connections at the end."""
        async with self._client:
            yield


def _as_understood(body: bytes) -> bytes:
    """The request for a context, without what the daemon does not know."""
    asked: Any = json.loads(body)
    asked.pop("id", None)
    return json.dumps(asked).encode()


async def _raw(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


async def _events(
    answer: httpx.Response, language: str, context_id: str | None
) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for chunk in _raw(answer):
        *frames, rest = (rest + chunk).split(b"\n\n")
        for frame in frames:
            for event in as_recorded(json.loads(frame), language, context_id):
                yield _frame(event)


def _frame(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


@contextmanager
def likeness(upstream: str) -> Generator[str, None, None]:
    """The relay in front of the execd at `upstream`; yields its URL."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    relay = _Relay(upstream)

    async def endpoint(request: Request) -> Response:
        return await relay(request)

    route = Route("/{path:path}", endpoint, methods=methods)
    app = Starlette(routes=[route], lifespan=relay.lifespan)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with bind("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
