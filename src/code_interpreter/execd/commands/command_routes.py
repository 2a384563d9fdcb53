"""The operations on commands and on shell sessions, as the API has them."""

from functools import partial
from typing import Annotated

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from code_interpreter.execd.commands.commands import Commands
from code_interpreter.execd.commands.sessions import Sessions
from code_interpreter.execd.files import downloads
from code_interpreter.execd.http.event_stream import EventStream
from code_interpreter.execd.http.routing import body, number, query, route
from code_interpreter.execd.refusals import invalid_body
from code_interpreter.execd.runs.running import Run

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # a Go server's int64


class _RunCommandRequest(msgspec.Struct):
    command: str | None = None
    argv: list[str] | None = None
    cwd: str | None = None
    envs: dict[str, str] | None = None
    timeout: Milliseconds | None = None
    background: bool | None = None
    uid: int | None = None
    gid: int | None = None


class _CreateSessionRequest(msgspec.Struct):
    cwd: str | None = None


class _RunInSessionRequest(msgspec.Struct):
    command: str | None = None
    cwd: str | None = None
    timeout: Milliseconds | None = None


class CommandRoutes:
    """The routes.

    Args:
        commands: Runs commands.
        sessions: Runs commands that share their state.
    """

    def __init__(self, commands: Commands, sessions: Sessions) -> None:
        self._commands = commands
        self._sessions = sessions
        self.routes = [
            route("POST", "/command", self._run),
            route("DELETE", "/command", self._interrupt),
            route("GET", "/command/status/{id}", self._status),
            route("GET", "/command/{id}/logs", self._logs),
            route("POST", "/session", self._create_session),
            route("DELETE", "/session/{id}", self._delete_session),
            route("POST", "/session/{id}/run", self._run_in_session),
        ]

    async def _run(self, request: Request) -> EventStream:
        asked = await body(request, _RunCommandRequest)
        run = await self._commands.reserve(
            asked.command,
            argv=asked.argv,
            cwd=asked.cwd,
            envs=asked.envs,
            timeout=asked.timeout / 1000 if asked.timeout else None,
            background=bool(asked.background),
            uid=asked.uid,
            gid=asked.gid,
        )
        return command_stream(self._commands, run)

    async def _interrupt(self, request: Request) -> Response:
        some_id = query(request, "id")
        self._commands.interrupt(self._sessions.running(some_id) or some_id)
        return Response()

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._commands.get(request.path_params["id"]).describe())

    async def _logs(self, request: Request) -> downloads.Download:
        path, growing = self._commands.log(request.path_params["id"])
        cursor = number(request, "cursor", least=0) or 0
        log = partial(downloads.log, path, cursor=cursor, growing=growing)
        return await to_thread.run_sync(log)

    async def _create_session(self, request: Request) -> Response:
        asked = await body(request, _CreateSessionRequest, default=_CreateSessionRequest())
        return JSONResponse({"session_id": await self._sessions.create(asked.cwd)})

    async def _delete_session(self, request: Request) -> Response:
        await self._sessions.delete(request.path_params["id"])
        return Response()

    async def _run_in_session(self, request: Request) -> EventStream:
        asked = await body(request, _RunInSessionRequest)
        if not asked.command:
            raise invalid_body("the body needs `command`, and it must not be empty")
        run = await self._sessions.reserve(
            request.path_params["id"],
            asked.command,
            cwd=asked.cwd,
            timeout=asked.timeout / 1000 if asked.timeout else None,
        )
        return command_stream(self._commands, run)


def command_stream(commands: Commands, run: Run) -> EventStream:
    """The answer that carries the events of a reserved command."""
    return EventStream(
        run.run_id,
        run.spool,
        begin=lambda: commands.begin(run),
        on_gone=lambda: commands.abandon(run),
    )
