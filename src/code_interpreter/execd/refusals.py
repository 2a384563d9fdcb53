"""What a request can be answered with instead of what it asked for."""

from collections.abc import Mapping


class ApiError(Exception):
    """An answer of the ErrorResponse shape.

    Args:
        status: HTTP status.
        code: For programs.
        message: For people: what is wrong and what to do.
        headers: Headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def invalid_body(message: str) -> ApiError:
    """The request's body is not what the operation takes."""
    return ApiError(400, "INVALID_REQUEST_BODY", message)


def missing_query(name: str) -> ApiError:
    """A query parameter is missing."""
    return ApiError(400, "MISSING_QUERY", f"missing query parameter '{name}'")


def invalid_query(message: str) -> ApiError:
    """A query parameter makes no sense; the code is the reference daemon's for this too."""
    return invalid_body(message)


def not_supported(message: str) -> ApiError:
    """A good request for something that this server does not have."""
    return ApiError(400, "NOT_SUPPORTED", message)


def unavailable(code: str, message: str) -> ApiError:
    """An operation of the API that this server could have and has not."""
    return ApiError(503, code, message)


def context_not_found(context_id: str) -> ApiError:
    """No context has this id."""
    return ApiError(404, "CONTEXT_NOT_FOUND", f"context {context_id} not found")


def runtime_error(message: str) -> ApiError:
    """Something failed while doing what was asked; spelled as the reference daemon spells it."""
    return ApiError(500, "RUNTIME_ERROR", message)


def no_such_session() -> ApiError:
    """Nothing that runs has this id."""
    return runtime_error("error interruptting code context. no such session")
