"""The server on a port of this machine, for clients that have its token.

A session of the transport is a connection: the SDK's own manager of sessions enters the lifespan of
a server once for all of them, so here each has a run of the server to itself, and with it a
workspace. Versions of the protocol without sessions are refused, with a list of those that have
them, from which clients choose.
"""

import logging
import math
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp.types import (
    INVALID_REQUEST,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
    JSONRPCError,
    UnsupportedProtocolVersionErrorData,
)
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from code_interpreter.execd.http.gate import ASGIApp, Gate
from code_interpreter.mcp.protocol import make_server
from code_interpreter.mcp.workspace import Workspace
from code_interpreter.places import Place

PATH: Final = "/mcp"
IDLE: Final = 1800.0
"""Seconds without a request after which a session ends."""
GONE: Final = 60.0
"""Seconds of the same after a client let go of its stream of messages; it may be back at once."""
_MOST: Final = 32  # sessions at a time
_BODY: Final = 64_000_000  # bytes of a request: a file may be in it
_VERSION: Final = "mcp-protocol-version"
_FAILED: Final = 400

_logger = logging.getLogger(__name__)


def http_app(
    place: Place, *, host: str, token: str, idle: float = IDLE, gone: float = GONE
) -> ASGIApp:
    """Return the server behind its gate; the end of its lifespan ends all sessions.

    Args:
        place: Where the code of each session is to run.
        host: The address that it listens on.
        token: What clients must send: `Authorization: Bearer <token>`.
        idle: Seconds without a request after which a session ends.
        gone: The same, after the client's stream of messages has ended.
    """
    sessions = _Sessions(make_server(place), idle, gone)
    app = Starlette(
        routes=[Route(PATH, endpoint=RequestBodyLimitMiddleware(sessions, _BODY))],
        lifespan=sessions.serving,
    )
    return Gate(app, header="Authorization", secret=f"Bearer {token}", host=host, local_pages=True)


class _Sessions:
    """The sessions, and the requests to them (ASGI)."""

    def __init__(self, server: Server[Workspace], idle: float, gone: float) -> None:
        self._server = server
        self._idle = idle
        self._gone = min(idle, gone)
        self._left: set[str] = set()  # sessions whose streams have ended, without a request since
        self._transports: dict[str, StreamableHTTPServerTransport] = {}
        self._group: TaskGroup | None = None

    @asynccontextmanager
    async def serving(self, _app: Starlette) -> AsyncGenerator[None]:
        """Serve for as long as the block lasts; all sessions end with it."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        version = headers.get(_VERSION)
        session = headers.get(MCP_SESSION_ID_HEADER)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            await _unsupported(version)(scope, receive, send)
        elif session is None and len(self._transports) >= _MOST:
            await _refusal(503, "too many sessions are open")(scope, receive, send)
        elif session is None:
            await self._begin(scope, receive, send)
        elif session not in self._transports:
            await _refusal(404, "there is no such session")(scope, receive, send)
        else:
            transport = self._transports[session]
            self._left.discard(session)
            await transport.handle_request(scope, receive, send)
            if transport.is_terminated:
                self._forget(session)
                return
            if scope["method"] == "GET":
                self._left.add(session)
            idle = transport.idle_scope
            if session in self._left and idle is not None and idle.deadline < math.inf:
                idle.deadline = anyio.current_time() + self._gone

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin a session, which stays if its first request is one that begins sessions."""
        session = uuid.uuid4().hex
        transport = StreamableHTTPServerTransport(session, idle_timeout=self._idle)
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message["status"] < _FAILED
            await send(message)

        assert self._group is not None  # noqa: S101  # requests come within the lifespan
        self._transports[session] = transport
        try:
            await self._group.start(self._serve, session, transport)
            await transport.handle_request(scope, receive, watch)
        finally:
            if not begun:
                await self._end(session, transport)

    async def _serve(
        self,
        session: str,
        transport: StreamableHTTPServerTransport,
        *,
        task_status: TaskStatus[None],
    ) -> None:
        async with transport.connect() as (reading, writing):
            task_status.started()
            try:
                with transport.idle_scope or anyio.CancelScope():
                    await self._server.run(
                        reading, writing, self._server.create_initialization_options()
                    )
            except Exception:  # the other sessions go on
                _logger.exception("a session failed")
            finally:
                await self._end(session, transport)

    def _forget(self, session: str) -> None:
        self._transports.pop(session, None)
        self._left.discard(session)

    async def _end(self, session: str, transport: StreamableHTTPServerTransport) -> None:
        self._forget(session)
        if not transport.is_terminated:
            with anyio.CancelScope(shield=True):
                await transport.terminate()


def _unsupported(version: str) -> Response:
    data = UnsupportedProtocolVersionErrorData(
        supported=[*HANDSHAKE_PROTOCOL_VERSIONS], requested=version
    )
    return _answer(
        400,
        ErrorData(
            code=UNSUPPORTED_PROTOCOL_VERSION,
            message="Over HTTP, this server needs a version with sessions",
            data=data.model_dump(),
        ),
    )


def _refusal(status: int, message: str) -> Response:
    return _answer(status, ErrorData(code=INVALID_REQUEST, message=message))


def _answer(status: int, error: ErrorData) -> Response:
    body = JSONRPCError(jsonrpc="2.0", id=None, error=error)
    return Response(
        body.model_dump_json(by_alias=True, exclude_unset=True),
        status_code=status,
        media_type="application/json",
    )
