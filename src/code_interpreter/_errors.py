"""What can go wrong, as types, and the one place that maps foreign failures to them.

    CodeInterpreterError                  also opensandbox's SandboxException
    ├── InvalidArgumentError              InvalidArgumentException, ValueError: the caller's mistake
    ├── InterpreterClosedError            SandboxInternalException: used after close
    ├── NoSandboxError                    SandboxInternalException: connect() made it, no sandbox
    ├── NotReadyError                     SandboxReadyTimeoutException, TimeoutError
    ├── APIError                          SandboxApiException: the server said no
    │   ├── AuthenticationError           401, 403
    │   ├── ContextNotFoundError
    │   ├── ContextBusyError              another client's run is alive in the context
    │   └── RateLimitedError              SandboxRateLimitException: 429
    ├── TransportError                    SandboxConnectionException: no whole answer came
    │   ├── RequestTimeoutError           SandboxTimeoutException, TimeoutError
    │   ├── StreamTruncatedError          a run's output was cut: some may be missing
    │   └── StreamIdleError               TimeoutError: a run's stream fell silent
    ├── ProtocolError                     SandboxApiException: an answer that is not execd's
    ├── ExecutionTimeoutError             SandboxTimeoutException, TimeoutError: `timeout` passed
    └── CodeError                         by `Execution.raise_for_error`: the code failed
        ├── CodeInterruptedError          it was interrupted
        └── KernelDiedError               its kernel died; the context's state is gone

Each extends the exception of the `opensandbox` package that the reference SDK raises in its place,
so that existing `except` clauses hold. Those raised during a run carry what had arrived by then
as `.execution`. A failure of the user's code is data, `Execution.error`; `raise_for_error` makes it
an exception for those who want one.
"""

from __future__ import annotations

import email.utils
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from execd_client import errors as wire
from opensandbox.exceptions import (
    InvalidArgumentException,
    SandboxApiException,
    SandboxConnectionException,
    SandboxError,
    SandboxException,
    SandboxInternalException,
    SandboxRateLimitException,
    SandboxReadyTimeoutException,
    SandboxTimeoutException,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from execd_client.types import Response

    from code_interpreter._execution import Execution

T = TypeVar("T")

_BODY_EXCERPT = 300
_RETRYABLE = frozenset({429, 502, 503})


class CodeInterpreterError(SandboxException):
    """The root of this package's errors.

    Attributes:
        execution: What had arrived of the run that failed; None outside a run.
    """

    execution: Execution | None = None

    def __str__(self) -> str:
        # opensandbox's own __str__ repeats the message as "[CODE] message".
        message = Exception.__str__(self)
        return f"{message} (request {self.request_id})" if self.request_id else message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are copied by a call of the type with `args`, which few of our types take.
        # Workers of multiprocessing send what they raise as copies.
        return _blank, (type(self), self.args), self.__dict__


def _blank(kind: type[CodeInterpreterError], args: tuple[Any, ...]) -> CodeInterpreterError:
    """An error whose constructor was not called."""
    error = kind.__new__(kind)
    error.args = args
    return error


class InvalidArgumentError(CodeInterpreterError, InvalidArgumentException, ValueError):
    """The call makes no sense as it stands; nothing was sent."""


class InterpreterClosedError(CodeInterpreterError, SandboxInternalException):
    """The interpreter was used after it had been closed."""


class NoSandboxError(CodeInterpreterError, SandboxInternalException):
    """The interpreter talks to a bare execd, and there is no sandbox to ask."""


class NotReadyError(CodeInterpreterError, SandboxReadyTimeoutException, TimeoutError):
    """The interpreter did not become healthy in the time that it had."""


class APIError(CodeInterpreterError, SandboxApiException):
    """The server answered, and its answer is a refusal or a failure.

    Attributes:
        status: HTTP status; 200 where the failure came inside an event stream, 0 where nothing was
            sent, since the interpreter knew the answer.
        code: The server's own code, such as ``RUNTIME_ERROR``; None when it sent none.
        body: The whole answer, as it came.
        request_id: Value of the answer's ``X-Request-ID`` header, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        body: bytes = b"",
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            status_code=status,
            error=SandboxError(code or SandboxError.UNEXPECTED_RESPONSE, message),
            request_id=request_id,
            response_body=body,
            is_retryable=status in _RETRYABLE,
        )
        self.status = status
        self.code = code
        self.body = body


class AuthenticationError(APIError):
    """The key or token is missing, wrong, or does not allow this (401, 403)."""


class ContextNotFoundError(APIError):
    """The server has no such context."""


class ContextBusyError(APIError):
    """The context runs another client's code; one context runs one cell at a time."""


class RateLimitedError(APIError, SandboxRateLimitException):
    """The server asks to slow down (429).

    Attributes:
        retry_after: How long the server asks to wait, or None when it did not say.
    """


class TransportError(CodeInterpreterError, SandboxConnectionException):
    """No whole answer came: the server cannot be reached, or the connection broke."""


class RequestTimeoutError(TransportError, SandboxTimeoutException, TimeoutError):
    """The server took longer than the configured request timeout."""

    def __init__(self, message: str) -> None:
        # The two parents' constructors do not fit behind each other; their common one does.
        SandboxException.__init__(self, message, error=SandboxError(SandboxError.TIMEOUT, message))


class StreamTruncatedError(TransportError):
    """A run's stream ended early; `.execution` holds what had arrived, and more may be lost."""


class StreamIdleError(TransportError, TimeoutError):
    """A run's stream was silent for longer than `idle_timeout`: its server is gone, or stuck."""


class ProtocolError(CodeInterpreterError, SandboxApiException):
    """The server sent what no execd sends, a malformed event for instance."""


class ExecutionTimeoutError(CodeInterpreterError, SandboxTimeoutException, TimeoutError):
    """The run took longer than its `timeout`, and was stopped.

    Attributes:
        context_usable: Whether the context still has its state and runs code. If not, the run could
            not be stopped; its context was deleted, and a run by language gets a fresh one.
    """

    def __init__(self, message: str, *, context_usable: bool) -> None:
        # The two parents' constructors do not fit behind each other; their common one does.
        SandboxException.__init__(self, message, error=SandboxError(SandboxError.TIMEOUT, message))
        self.context_usable = context_usable


class CodeError(CodeInterpreterError):
    """The user's code failed, and `Execution.raise_for_error` was asked to say so.

    Attributes:
        name: The name of the exception or, in other languages, of the kind of error.
        value: Its text.
        traceback: Lines of the traceback; they can hold ANSI colour sequences.
    """

    def __init__(self, name: str, value: str, traceback: list[str]) -> None:
        super().__init__(f"{name}: {value}")
        self.name = name
        self.value = value
        self.traceback = traceback


class CodeInterruptedError(CodeError):
    """The user's code was interrupted."""


class KernelDiedError(CodeError):
    """The kernel died under the user's code; the state of the context is gone."""


class OutputLostWarning(UserWarning):
    """The server says that it dropped output of a run; `Execution.output_lost` is true."""


def api_error(status: int, headers: Mapping[str, str], body: bytes) -> APIError:
    """The error for an HTTP answer that is not the one hoped for.

    Args:
        status: HTTP status.
        headers: The answer's headers, looked up case-insensitively (`httpx.Headers`).
        body: JSON of execd (``{"code", "message"}`` or ``{"error"}``), or whatever a gateway sent.
    """
    code, message = _code_and_message(body)
    if message is None:
        excerpt = body[:_BODY_EXCERPT].decode(errors="replace").strip()
        content_type = headers.get("content-type") or "no content type"
        message = f"unexpected answer ({content_type}): {excerpt or '(empty body)'}"
    kind = _type_by_answer(code, message)
    if status in (401, 403):
        kind = AuthenticationError
    elif status == 429:  # noqa: PLR2004  # Too Many Requests
        kind = RateLimitedError
    error = kind(
        f"HTTP {status}: {message}",
        status=status,
        code=code,
        body=body,
        request_id=headers.get("x-request-id"),
    )
    if isinstance(error, RateLimitedError):
        error.retry_after = _retry_after(headers)
    return error


def stream_error(code: str, message: str) -> APIError:
    """The error for an error object that a server wrote into an event stream."""
    return _type_by_answer(code, message)(message, status=200, code=code)


def _type_by_answer(code: str | None, message: str) -> type[APIError]:
    # Real servers name both of these RUNTIME_ERROR; only the text tells them apart.
    if "session is busy" in message:
        return ContextBusyError
    if code == "CONTEXT_NOT_FOUND" or "context not found" in message:
        return ContextNotFoundError
    return APIError


def _code_and_message(body: bytes) -> tuple[str | None, str | None]:
    try:
        parsed: object = json.loads(body)
    except ValueError:
        return None, None
    if not isinstance(parsed, dict):
        return None, None
    fields = cast("dict[str, object]", parsed)
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


class mapped_errors:  # noqa: N801  # used like contextlib.suppress
    """A context manager out of which only this package's errors come.

    User callbacks must run outside it: their exceptions are the user's.

    Args:
        execution: The run that is going on; its errors carry it.
    """

    __slots__ = ("_execution",)

    def __init__(self, execution: Execution | None = None) -> None:
        self._execution = execution

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        known = known_error(error)
        if known is None:
            return
        known.execution = self._execution
        if known is not error:
            raise known from error


def known_error(error: BaseException) -> CodeInterpreterError | None:  # noqa: PLR0911  # a table
    """Our error for `error`: itself when it is ours, None when it is nobody's business here."""
    match error:
        case CodeInterpreterError():
            return error
        case wire.UnexpectedStatus() if 200 <= error.status_code < 300:  # noqa: PLR2004  # 2xx
            return ProtocolError(
                f"the server sent no answer of execd: {error}",
                status_code=error.status_code,
                response_body=error.content,
            )
        case wire.UnexpectedStatus():
            return api_error(error.status_code, error.headers, error.content)
        case wire.StreamTruncated():
            return StreamTruncatedError(
                f"the event stream was cut ({_why(error.__cause__ or error)}): output may be lost"
            )
        case wire.StreamError():
            return ProtocolError(str(error))
        # A connection that could not be made is a failure to connect, even when that took too long.
        case httpx.TimeoutException() if not isinstance(error, httpx.ConnectTimeout):
            return RequestTimeoutError(f"the server did not answer in time ({_why(error)})")
        case httpx.TransportError():
            return TransportError(f"{_target(error)} cannot be reached: {_why(error)}")
        case httpx.HTTPError():
            return ProtocolError(f"HTTP went wrong at {_target(error)}: {_why(error)}")
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
    """Raise the error that an answer stands for, if it stands for one."""
    if not 200 <= response.status_code < 300:  # noqa: PLR2004  # 2xx
        raise api_error(response.status_code, httpx.Headers(response.headers), response.content)


def parsed(kind: type[T], response: Response[Any]) -> T:
    """The parsed body of a good answer.

    Raises:
        APIError: The answer is not a good one.
        ProtocolError: It is, but its body is not of this kind.
    """
    ensure_ok(response)
    if not isinstance(response.parsed, kind):
        raise ProtocolError(
            f"the server sent no {kind.__name__}: {response.content[:_BODY_EXCERPT]!r}"
        )
    return response.parsed


def parsed_list(kind: type[T], response: Response[Any]) -> list[T]:
    """The parsed body of a good answer that is a list; raises like `parsed`."""
    items = cast("list[object]", parsed(list, response))
    if not all(isinstance(item, kind) for item in items):
        raise ProtocolError(f"the server sent no list of {kind.__name__}")
    return cast("list[T]", items)
