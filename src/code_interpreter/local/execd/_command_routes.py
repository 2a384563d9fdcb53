"""The operations on commands, as the API has them."""

from functools import partial
from typing import Annotated

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from code_interpreter.local.execd import _downloads
from code_interpreter.local.execd._commands import Commands
from code_interpreter.local.execd._routing import body, number, query, route
from code_interpreter.local.execd._runs import Run
from code_interpreter.local.execd._stream import EventStream

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


class CommandRoutes:
    """The routes.

    Args:
        commands: Does what they ask for.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.routes = [
            route("POST", "/command", self._run),
            route("DELETE", "/command", self._interrupt),
            route("GET", "/command/status/{id}", self._status),
            route("GET", "/command/{id}/logs", self._logs),
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
        self._commands.interrupt(query(request, "id"))
        return Response()

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._commands.get(request.path_params["id"]).describe())

    async def _logs(self, request: Request) -> _downloads.Download:
        path, growing = self._commands.log(request.path_params["id"])
        cursor = number(request, "cursor", least=0) or 0
        log = partial(_downloads.log, path, cursor=cursor, growing=growing)
        return await to_thread.run_sync(log)


def command_stream(commands: Commands, run: Run) -> EventStream:
    """The answer that carries the events of a reserved command."""
    return EventStream(
        run.run_id,
        run.spool,
        begin=lambda: commands.begin(run),
        on_gone=lambda: commands.abandon(run),
    )
