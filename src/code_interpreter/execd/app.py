"""The execd API: from a request to the part that knows the answer, and back.

Takes no decisions but the form of requests and answers. Every failure that was foreseen is an
ErrorResponse with a code; one that was not is a 500 that names its cause, and is raised on.
"""

import hmac
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from code_interpreter._version import __version__
from code_interpreter.execd.code.contexts import Contexts, describe
from code_interpreter.execd.commands.command_routes import CommandRoutes, command_stream
from code_interpreter.execd.commands.commands import Commands
from code_interpreter.execd.commands.sessions import Sessions
from code_interpreter.execd.files.file_routes import FileRoutes
from code_interpreter.execd.files.files import Files
from code_interpreter.execd.http.event_stream import EventStream
from code_interpreter.execd.http.gate import (
    OWN_TOKEN_HEADER,
    TOKEN_HEADER,
    ASGIApp,
    Gate,
    Receive,
    Scope,
    Send,
    error_response,
)
from code_interpreter.execd.http.routing import body, query, route
from code_interpreter.execd.metrics import Watches
from code_interpreter.execd.refusals import ApiError, invalid_body, unavailable

PREFIX = "/44772"
VERSION_HEADER = "X-CODE-INTERPRETER-VERSION"  # of answers to a ping: by it a client knows us

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NO_ISOLATION = (
    "isolated execution is not available: the local runtime runs everything as its own user, "
    "without isolation"
)
_NO_IDENTITIES = (
    "files under another identity are not supported: the local runtime reads and writes as its "
    "own user"
)
_NO_EGRESS = (
    "execd controls no outgoing traffic here, and has no vault of credentials for it: of a sandbox "
    "in a box, the sandbox API has the network policy"
)


class _ContextRequest(msgspec.Struct):
    language: str | None = None
    cwd: str | None = None
    id: str | None = None


class _ContextReference(msgspec.Struct):
    id: str | None = None
    language: str | None = None
    cwd: str | None = None  # it has one already


class _RunCodeRequest(msgspec.Struct):
    code: str | None = None
    context: _ContextReference | None = None


class Execd:
    """The API as an ASGI application, without the gate.

    Args:
        contexts: Runs code.
        commands: Runs commands.
        sessions: Runs commands that share their state.
        files: Reads and writes files.
        watches: Measures the load.
    """

    def __init__(
        self,
        contexts: Contexts,
        commands: Commands,
        sessions: Sessions,
        files: Files,
        watches: Watches,
    ) -> None:
        self._contexts = contexts
        self._commands = commands
        self._watches = watches
        self.app = Starlette(
            routes=[
                route("GET", "/ping", self._ping),
                route("POST", "/code/context", self._create_context),
                route("GET", "/code/contexts", self._list_contexts),
                route("DELETE", "/code/contexts", self._delete_contexts),
                route("GET", "/code/contexts/{id}", self._get_context),
                route("DELETE", "/code/contexts/{id}", self._delete_context),
                route("POST", "/code", self._run_code),
                route("DELETE", "/code", self._interrupt_code),
                *CommandRoutes(commands, sessions).routes,
                *FileRoutes(files).routes,
                route("GET", "/metrics", self._metrics),
                route("GET", "/metrics/watch", self._watch_metrics),
                route("GET", "/v1/isolated/capabilities", _capabilities),
                # Endpoints of the port that a sandbox's egress service has lead here too.
                Route("/18080/{rest:path}", _no_egress, methods=_METHODS),
                Route("/v1/isolated/session{rest:path}", _no_isolation, methods=_METHODS),
                Route("/v1/filesystem/{uid}/{gid}/{rest:path}", _no_identities, methods=_METHODS),
            ],
            exception_handlers={
                ApiError: _on_api_error,
                HTTPException: _on_http_error,
                ClientDisconnect: _on_broken_request,
                Exception: _on_surprise,
            },
        )
        # A path is what it is: no redirects to another spelling of it.
        self.app.router.redirect_slashes = False

    async def _ping(self, request: Request) -> Response:
        del request
        return Response(headers={VERSION_HEADER: __version__})

    async def _create_context(self, request: Request) -> Response:
        asked = await body(request, _ContextRequest)
        context = await self._contexts.create(asked.language, asked.cwd, anew=asked.id)
        return JSONResponse(describe(context, cwd=True))

    async def _list_contexts(self, request: Request) -> Response:
        contexts = self._contexts.list(request.query_params.get("language"))
        return JSONResponse([describe(context) for context in contexts])

    async def _get_context(self, request: Request) -> Response:
        return JSONResponse(describe(self._contexts.get(request.path_params["id"])))

    async def _delete_context(self, request: Request) -> Response:
        self._contexts.delete(request.path_params["id"])
        return Response()

    async def _delete_contexts(self, request: Request) -> Response:
        self._contexts.delete_language(query(request, "language"))
        return Response()

    async def _run_code(self, request: Request) -> EventStream:
        asked = await body(request, _RunCodeRequest)
        if not asked.code:
            raise invalid_body("the body needs `code`, and it must not be empty")
        context = asked.context or _ContextReference()
        if not context.id and not context.language:
            # As the reference daemon has it: code in no language is a shell command.
            return command_stream(self._commands, await self._commands.reserve(asked.code))
        run = await self._contexts.reserve(
            asked.code, context_id=context.id, language=context.language
        )
        return EventStream(
            run.run_id,
            run.spool,
            begin=lambda: self._contexts.begin(run),
            on_gone=lambda: self._contexts.abandon(run),
        )

    async def _interrupt_code(self, request: Request) -> Response:
        self._contexts.interrupt(query(request, "id"))
        return Response()

    async def _metrics(self, request: Request) -> Response:
        del request
        return JSONResponse(msgspec.to_builtins(await self._watches.measure()))

    async def _watch_metrics(self, request: Request) -> ASGIApp:
        del request
        return self._watches.stream


def guarded(app: ASGIApp, *, token: str, host: str) -> ASGIApp:
    """`app` behind the gate, at `/` and below the prefix that endpoints carry."""

    def has_own(path: str, headers: Headers) -> bool:
        del path
        return hmac.compare_digest(headers.get(OWN_TOKEN_HEADER, "").encode(), token.encode())

    return Gate(
        _without_prefix(app), header=TOKEN_HEADER, secret=token, host=host, has_another=has_own
    )


def _without_prefix(app: ASGIApp) -> ASGIApp:
    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path == PREFIX or path.startswith(PREFIX + "/"):
            scope["path"] = path[len(PREFIX) :] or "/"
        await app(scope, receive, send)

    return stripped


async def _capabilities(request: Request) -> Response:
    del request
    return JSONResponse(
        {
            "available": False,
            "message": _NO_ISOLATION,
            "setpriv_available": False,
            "userns_available": False,
            "commit_supported": False,
            "diff_supported": False,
        }
    )


async def _no_isolation(request: Request) -> Response:
    del request
    raise unavailable("SERVICE_UNAVAILABLE", _NO_ISOLATION)


async def _no_identities(request: Request) -> Response:
    del request
    raise unavailable("NOT_SUPPORTED", _NO_IDENTITIES)


async def _no_egress(request: Request) -> Response:
    del request
    raise ApiError(501, "NOT_SUPPORTED", _NO_EGRESS)


async def _on_api_error(request: Request, error: Any) -> Response:
    del request
    answer = error_response(error.status, error.code, error.message)
    answer.headers.update(error.headers or {})
    return answer


async def _on_http_error(request: Request, error: Any) -> Response:
    if error.status_code not in {404, 405}:
        return error_response(error.status_code, "UNKNOWN", str(error.detail))
    message = f"no such operation here: {request.method} {request.url.path}"
    methods = _methods(request)
    if not methods:
        return error_response(404, "NOT_FOUND", message)
    answer = error_response(405, "METHOD_NOT_ALLOWED", message)
    answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer


async def _on_broken_request(request: Request, error: Exception) -> Response:
    """Whoever would read this has gone in the middle of the request's body."""
    del request, error
    return Response(status_code=400)


def _methods(request: Request) -> set[str]:
    """The methods of all routes at the path: starlette knows those of the first alone."""
    routes: list[Route] = request.app.routes
    return {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


async def _on_surprise(request: Request, error: Exception) -> Response:
    del request
    return error_response(500, "UNKNOWN", f"the server failed: {error!r}")
