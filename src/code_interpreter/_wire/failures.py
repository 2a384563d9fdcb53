"""The one place that maps foreign failures, and bad answers, to this package's errors."""

from __future__ import annotations

import email.utils
import json
import logging
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from execd_client import errors as wire

from code_interpreter import _errors as errors

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from execd_client.types import Response

T = TypeVar("T")

_BODY_EXCERPT = 300
_log = logging.getLogger("code_interpreter")


def api_error(status: int, headers: Mapping[str, str], body: bytes) -> errors.APIError:
    """Return the error for an unexpected status, with execd's JSON or a gateway's page."""
    code, message = _code_and_message(body)
    if message is None:
        excerpt = body[:_BODY_EXCERPT].decode(errors="replace").strip()
        content_type = headers.get("content-type") or "no content type"
        message = f"unexpected answer ({content_type}): {excerpt or '(empty body)'}"
    kind = _type_by_answer(code, message)
    if status in (401, 403):
        kind = errors.AuthenticationError
    elif status == 429:  # noqa: PLR2004  # Too Many Requests
        kind = errors.RateLimitedError
    error = kind(
        f"HTTP {status}: {message}",
        status=status,
        code=code,
        body=body,
        request_id=headers.get("x-request-id"),
    )
    if isinstance(error, errors.RateLimitedError):
        error.retry_after = _retry_after(headers)
    return error


def stream_error(code: str, message: str) -> errors.APIError:
    """Return the error for an error object that a server wrote into an event stream."""
    return _type_by_answer(code, message)(message, status=200, code=code)


def _type_by_answer(code: str | None, message: str) -> type[errors.APIError]:
    # Real servers name both of these RUNTIME_ERROR; only the text tells them apart.
    if "session is busy" in message:
        return errors.ContextBusyError
    if code == "CONTEXT_NOT_FOUND" or "context not found" in message:
        return errors.ContextNotFoundError
    return errors.APIError


def _code_and_message(body: bytes) -> tuple[str | None, str | None]:
    try:
        parsed: object = json.loads(body)
    except ValueError:
        parsed = None
    fields = cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}
    code, message = fields.get("code"), fields.get("message", fields.get("error"))
    return (
        code if isinstance(code, str) else None,
        message if isinstance(message, str) else None,
    )


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return timedelta(seconds=min(int(value), 10**9))
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:  # "-0000": the RFC's way to say UTC without a zone
        date = date.replace(tzinfo=timezone.utc)
    return max(date - datetime.now(timezone.utc), timedelta(0))


@contextmanager
def mapped_errors(
    known: Callable[[BaseException], errors.CodeInterpreterError | None] | None = None,
) -> Generator[None]:
    """Turn known foreign errors into this package's errors, by default those of `known_error`."""
    try:
        yield
    except BaseException as error:
        ours = (known or known_error)(error)
        if ours is None or ours is error:
            raise
        raise ours from error


@contextmanager
def logged_errors(message: str) -> Generator[None]:
    """Log errors of I/O as a warning with this message: nobody waits for what is done here."""
    try:
        with mapped_errors():
            yield
    except errors.CodeInterpreterError as error:
        _log.warning("%s: %s", message, error)


def known_error(error: BaseException) -> errors.CodeInterpreterError | None:  # noqa: PLR0911  # a table
    """Return our error for `error`: itself if it is ours, None if it is not an error of I/O."""
    match error:
        case errors.CodeInterpreterError():
            return error
        case wire.UnexpectedStatus() if 200 <= error.status_code < 300:  # noqa: PLR2004  # 2xx
            return errors.ProtocolError(
                f"the server's answer is not one of execd: {error}",
                status_code=error.status_code,
                response_body=error.content,
            )
        case wire.UnexpectedStatus():
            return api_error(error.status_code, error.headers, error.content)
        case wire.StreamTruncated():
            return errors.StreamTruncatedError(
                f"the event stream was cut ({_why(error.__cause__ or error)}): output may be lost"
            )
        case wire.StreamError():
            return errors.ProtocolError(str(error))
        # A connection that could not be made is a failure to connect, even when that took too long.
        case httpx.TimeoutException() if not isinstance(error, httpx.ConnectTimeout):
            return errors.RequestTimeoutError(f"the server did not answer in time ({_why(error)})")
        case httpx.TransportError():
            return errors.TransportError(f"{_target(error)} cannot be reached: {_why(error)}")
        case httpx.HTTPError():
            return errors.ProtocolError(f"HTTP went wrong at {_target(error)}: {_why(error)}")
        case _:
            return None


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _target(error: httpx.HTTPError) -> str:
    try:
        url = error.request.url
    except RuntimeError:  # httpx: "The .request property has not been set."
        return "the server"
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def ensure_ok(response: Response[Any]) -> None:
    """Raise the error for an answer whose status is not 2xx."""
    if not 200 <= response.status_code < 300:  # noqa: PLR2004  # 2xx
        raise api_error(response.status_code, httpx.Headers(response.headers), response.content)


def ensure_stopped(response: Response[Any]) -> None:
    """Raise like `ensure_ok` for the answer to an interrupt of a run that had begun.

    A run that has come to its end by itself is unknown to its server from then on.
    """
    if response.status_code != 500 or b"no such session" not in response.content:  # noqa: PLR2004
        ensure_ok(response)


def parsed(kind: type[T], response: Response[Any]) -> T:
    """Return the parsed body of a good answer; raise ProtocolError if it is not of this kind."""
    ensure_ok(response)
    if not isinstance(response.parsed, kind):
        raise errors.ProtocolError(
            f"the server sent no {kind.__name__}: {response.content[:_BODY_EXCERPT]!r}"
        )
    return response.parsed


def parsed_list(kind: type[T], response: Response[Any]) -> list[T]:
    """Return the parsed body of a good answer that is a list; raises like `parsed`."""
    items = cast("list[object]", parsed(list, response))
    if not all(isinstance(item, kind) for item in items):
        raise errors.ProtocolError(f"the server sent no list of {kind.__name__}")
    return cast("list[T]", items)
