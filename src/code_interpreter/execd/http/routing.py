"""The form of requests, for the modules that hold the API's routes. Decides nothing else."""

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from code_interpreter.execd.http.gate import ASGIApp
from code_interpreter.execd.refusals import ApiError, invalid_body, invalid_query, missing_query

_T = TypeVar("_T")
_NUMBER = re.compile(r"[+-]?\d{1,19}", re.ASCII)  # few enough for int()
_MOST = 32 * 1024 * 1024
_LARGEST = 2**63 - 1  # a Go server's int64

Answer = Response | ASGIApp
Endpoint = Callable[[Request], Awaitable[Answer]]


def route(method: str, path: str, endpoint: Endpoint) -> Route:
    """A route for one method of a path."""
    return Route(path, endpoint, methods=[method])


async def content(request: Request, most: int = _MOST) -> bytes:
    """Return a request's body.

    Raises:
        ApiError: It is longer than `most` bytes. The rest was read, and nothing of it is kept: a
            client that is still sending does not read an answer.
    """
    kept = bytearray()
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= most:
            kept += chunk
        else:
            kept.clear()
    if length > most:
        raise ApiError(
            413, "BODY_TOO_LARGE", f"the body has {length} bytes; at most {most} are taken"
        )
    return bytes(kept)


async def body(request: Request, kind: type[_T], default: _T | None = None) -> _T:
    """Return the JSON of a request's body.

    Raises:
        ApiError: It is not what the operation takes; an empty body is, if there is a default.
    """
    data = await content(request)
    if not data and default is not None:
        return default
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_body(f"the body is not what this operation takes: {error}") from error


def query(request: Request, name: str) -> str:
    """A query parameter that has to be there.

    Raises:
        ApiError: It is missing or empty.
    """
    value = request.query_params.get(name)
    if not value:
        raise missing_query(name)
    return value


def queries(request: Request, name: str) -> list[str]:
    """A query parameter that is there once or more often.

    Raises:
        ApiError: It is missing or empty.
    """
    values = request.query_params.getlist(name)
    if not values or "" in values:
        raise missing_query(name)
    return values


def number(request: Request, name: str, *, least: int) -> int | None:
    """A query parameter that is a whole number; None when it is missing or empty.

    Raises:
        ApiError: It is something else, or less than `least`.
    """
    value = request.query_params.get(name)
    if not value:
        return None
    if not _NUMBER.fullmatch(value) or not least <= int(value) <= _LARGEST:
        raise invalid_query(
            f"`{name}` must be a whole number from {least} to {_LARGEST}, not {value!r}"
        )
    return int(value)
