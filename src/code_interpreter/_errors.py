"""The exceptions of this package, as one tree; `_wire.failures` maps foreign errors to it.

Each extends the exception of the `opensandbox` package that the reference SDK raises in its place,
so that existing `except` clauses hold. An error of a run carries what had arrived by then as
`.execution`. A failure of the user's code is data, `Execution.error`; `raise_for_error` raises it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensandbox import exceptions as shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from code_interpreter._output.execution import Execution

_RETRYABLE = frozenset({429, 502, 503})


class CodeInterpreterError(shared.SandboxException):
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
        # Workers of multiprocessing pickle what they raise, by default as a call of the type with
        # `args`, which few of our types take.
        return _blank, (type(self),), {**self.__dict__, "args": self.args}


def _blank(kind: type[CodeInterpreterError]) -> CodeInterpreterError:
    """Return an error without calling its constructor."""
    return kind.__new__(kind)


class InvalidArgumentError(CodeInterpreterError, shared.InvalidArgumentException, ValueError):
    """An argument is missing or not valid; nothing was sent."""


class InterpreterClosedError(CodeInterpreterError, shared.SandboxInternalException):
    """The interpreter was used after it had been closed."""


class WrongLoopError(CodeInterpreterError, shared.SandboxInternalException):
    """The interpreter was used in another event loop, while its own is open; nothing was sent.

    Its connections belong to the loop in which it was used first, until that is closed. Make one in
    each loop, or use `CodeInterpreterSync`, which all threads may share.
    """


class ForkedError(CodeInterpreterError, shared.SandboxInternalException):
    """The interpreter was used in a child of the process that made it; nothing was sent.

    Both would read from the same connections. Make one in each process.
    """


class NoSandboxError(CodeInterpreterError, shared.SandboxInternalException):
    """The interpreter talks to a bare execd, without a sandbox."""


class NotReadyError(CodeInterpreterError, shared.SandboxReadyTimeoutException, TimeoutError):
    """The interpreter did not become ready in time."""


class RuntimeSetupError(CodeInterpreterError, shared.SandboxInternalException):
    """Our own execd could not be set up in a sandbox.

    Attributes:
        step: What was being done: ``look``, ``send``, ``install``, ``languages`` or ``start``.
        output: The end of what the program that failed had printed; empty if there is none.
        cure: What helps.
    """

    def __init__(self, problem: str, *, step: str, cure: str, output: str = "") -> None:
        printed = f"\n{output}" if output else ""
        super().__init__(f"no runtime of ours in this sandbox ({step}): {problem}; {cure}{printed}")
        self.step = step
        self.cure = cure
        self.output = output


class APIError(CodeInterpreterError, shared.SandboxApiException):
    """The server answered with a refusal or a failure.

    Attributes:
        status: HTTP status; 200 if the failure came inside an event stream, 0 if nothing was sent.
        code: The server's own code, such as ``RUNTIME_ERROR``, or None.
        body: The whole answer, as it came.
        request_id: Value of the answer's ``X-Request-ID`` header, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str | None = None,
        body: bytes = b"",
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            status_code=status,
            error=shared.SandboxError(code or shared.SandboxError.UNEXPECTED_RESPONSE, message),
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
    """The server does not have this context."""


class ContextBusyError(APIError):
    """The context runs other code; one context runs one cell at a time."""


class RateLimitedError(APIError, shared.SandboxRateLimitException):
    """The server asks to slow down (429).

    Attributes:
        retry_after: How long the server asks to wait; None if it does not say.
    """


class TransportError(CodeInterpreterError, shared.SandboxConnectionException):
    """No whole answer came: the server cannot be reached, or the connection broke."""


class RequestTimeoutError(TransportError, shared.SandboxTimeoutException, TimeoutError):
    """The server took longer than the configured request timeout."""

    def __init__(self, message: str) -> None:
        # The constructors of the two parents cannot be chained.
        shared.SandboxTimeoutException.__init__(self, message)


class StreamTruncatedError(TransportError):
    """A run's stream ended early; `.execution` holds what arrived, and more may be lost."""


class StreamIdleError(TransportError, TimeoutError):
    """A run's stream was silent for longer than `idle_timeout`."""


class ProtocolError(CodeInterpreterError, shared.SandboxApiException):
    """The server sent something that execd never sends, such as a malformed event."""


class ExecutionTimeoutError(CodeInterpreterError, shared.SandboxTimeoutException, TimeoutError):
    """The run took longer than its `timeout` and was stopped.

    Attributes:
        context_usable: Whether the context still has its state and runs code. If not, the run could
            not be stopped; its context was deleted, and a run by language gets a fresh one.
    """

    def __init__(self, message: str, *, context_usable: bool = True) -> None:
        super().__init__(message)
        self.context_usable = context_usable


class InstallError(CodeInterpreterError):
    """Packages could not be installed.

    Attributes:
        output: The last lines of what was said meanwhile, fifty at most.
    """

    def __init__(self, output: Sequence[str]) -> None:
        self.output = list(output)
        why = "\n".join(self.output) or "no reason was given"
        super().__init__(f"the packages could not be installed:\n{why}")


class CodeError(CodeInterpreterError):
    """The user's code failed; raised by `Execution.raise_for_error`.

    Attributes:
        name: The name of the exception or, in other languages, of the kind of error.
        value: Its text.
        traceback: Lines of the traceback; they can hold ANSI colour sequences, which
            `Execution.error.plain_traceback` leaves out.
    """

    def __init__(self, name: str, value: str = "", traceback: Sequence[str] = ()) -> None:
        super().__init__(f"{name}: {value}")
        self.name = name
        self.value = value
        self.traceback = list(traceback)


class CodeInterruptedError(CodeError):
    """The user's code was interrupted."""


class KernelDiedError(CodeError):
    """The kernel died under the user's code; the state of the context is gone."""


class OutputLostWarning(UserWarning):
    """The server dropped output of a run; `Execution.output_lost` is true."""
