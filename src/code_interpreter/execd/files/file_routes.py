"""The operations on files and directories, as the API has them.

What must stay true: files are touched in threads only, so a slow disk holds up nobody else's run.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from anyio import to_thread
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from code_interpreter.execd.files import downloads
from code_interpreter.execd.files.files import (
    CHUNK,
    Files,
    Move,
    Permission,
    Replacement,
    failed,
    not_found,
    reason,
)
from code_interpreter.execd.files.uploads import Upload, invalid_file
from code_interpreter.execd.http.routing import body, number, queries, query, route
from code_interpreter.execd.refusals import ApiError, invalid_query

_T = TypeVar("_T")


class FileRoutes:
    """The routes.

    Args:
        files: Does what they ask for.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.routes = [
            route("GET", "/files/info", self._info),
            route("GET", "/files/download", self._download),
            route("POST", "/files/upload", self._upload),
            route("GET", "/files/search", self._search),
            route("POST", "/files/replace", self._replace),
            route("POST", "/files/mv", self._move),
            route("POST", "/files/permissions", self._set_permissions),
            route("DELETE", "/files", self._remove_files),
            route("GET", "/directories/list", self._list_directory),
            route("POST", "/directories", self._make_directories),
            route("DELETE", "/directories", self._remove_directories),
        ]

    async def _info(self, request: Request) -> Response:
        paths = queries(request, "path")
        return await _json(lambda: self._files.info(paths))

    async def _list_directory(self, request: Request) -> Response:
        path = query(request, "path")
        depth = number(request, "depth", least=0)
        return await _json(lambda: self._files.list_directory(path, 1 if depth is None else depth))

    async def _search(self, request: Request) -> Response:
        path = query(request, "path")
        pattern = request.query_params.get("pattern") or "**"
        return await _json(lambda: self._files.search(path, pattern))

    async def _download(self, request: Request) -> downloads.Download:
        path = query(request, "path")
        first = number(request, "offset", least=1)
        count = number(request, "limit", least=1)
        wanted = request.headers.get("range")
        if first is None and count is None:
            # Files have no validators here, so If-Range never holds, and the whole is the answer.
            wanted = None if "if-range" in request.headers else wanted
            return await _in_thread(lambda: downloads.whole_or_range(self._files, path, wanted))
        if wanted is not None:
            raise invalid_query("`offset` and `limit` count lines and do not go with a Range")
        return await _in_thread(
            lambda: downloads.lines(self._files, path, first=first or 1, count=count)
        )

    async def _upload(self, request: Request) -> Response:
        upload = Upload(self._files, request.headers.get("content-type", ""))
        waiting = bytearray()
        try:
            async for data in request.stream():
                waiting += data
                if len(waiting) >= CHUNK:
                    await _in_thread(partial(upload.feed, bytes(waiting)))
                    waiting.clear()
            await _in_thread(partial(upload.feed, bytes(waiting)))
            await _in_thread(upload.finish)
        except ClientDisconnect:
            raise invalid_file("the client has gone before the end of its upload") from None
        finally:
            await to_thread.run_sync(upload.close)
        return Response()

    async def _replace(self, request: Request) -> Response:
        wanted = await body(request, dict[str, Replacement])
        verbose = _flag(request.query_params, "verbose")
        counts = await _in_thread(lambda: self._files.replace(wanted))
        if not verbose:
            return Response()
        return await _json(
            lambda: {path: {"replacedCount": count} for path, count in counts.items()}
        )

    async def _move(self, request: Request) -> Response:
        moves = await body(request, list[Move])
        return await _done(lambda: self._files.move(moves))

    async def _set_permissions(self, request: Request) -> Response:
        wanted = await body(request, dict[str, Permission])
        return await _done(lambda: self._files.set_permissions(wanted))

    async def _make_directories(self, request: Request) -> Response:
        wanted = await body(request, dict[str, Permission])
        return await _done(lambda: self._files.make_directories(wanted))

    async def _remove_files(self, request: Request) -> Response:
        paths = queries(request, "path")
        return await _done(lambda: self._files.remove_files(paths))

    async def _remove_directories(self, request: Request) -> Response:
        paths = queries(request, "path")
        return await _done(lambda: self._files.remove_directories(paths))


async def _in_thread(work: Callable[[], _T]) -> _T:
    """What the work returns; a failure of the system as the API's error for it."""
    try:
        return await to_thread.run_sync(work)
    except FileNotFoundError as error:
        raise not_found(reason(error)) from error
    except OSError as error:
        raise failed("error accessing file:", error) from error
    except RecursionError as error:  # os.makedirs calls itself for each missing level
        message = "error accessing file: too many levels of directories"
        raise ApiError(400, "INVALID_PATH", message) from error


async def _json(work: Callable[[], object]) -> Response:
    # A listing can be long: it is written in the thread too.
    content = await _in_thread(lambda: msgspec.json.encode(work()))
    return Response(content, media_type="application/json")


async def _done(work: Callable[[], None]) -> Response:
    await _in_thread(work)
    return Response()


def _flag(parameters: QueryParams, name: str) -> bool:
    value = parameters.get(name, "")
    if value not in {"", "true", "false"}:
        raise invalid_query(f"`{name}` must be true or false, not {value!r}")
    return value == "true"
