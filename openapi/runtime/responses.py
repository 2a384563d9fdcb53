"""What may be taken from a response: the content type is looked at before a body is parsed.

A gateway can answer in execd's place, with HTML and any status, also 200. So a documented status is
not enough to trust a body: each function here takes a body of one kind and raises UnexpectedStatus
for any other, and `parsing` turns every failure to read a body of the right kind into InvalidBody.
"""

from collections.abc import Collection
from types import TracebackType
from typing import Any

import httpx
from execd_client.errors import InvalidBody, UnexpectedStatus

__all__ = ["binary", "is_file", "json", "media_type", "nothing", "of_type", "parsing"]


def media_type(response: httpx.Response) -> str:
    """The content type without its parameters, in lower case; empty if there is none."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def _unexpected(response: httpx.Response) -> UnexpectedStatus:
    return UnexpectedStatus(response.status_code, response.content, response.headers)


class parsing:  # noqa: N801  # reads as `with parsing(...)`
    """A block that parses a response: its failures become InvalidBody.

    Args:
        response: The response.
        raising: Whether UnexpectedStatus leaves the block. If not, the block ends silently there.
    """

    def __init__(self, response: httpx.Response, *, raising: bool) -> None:
        self._response = response
        self._raising = raising

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(exc_value, UnexpectedStatus):
            return not self._raising
        if isinstance(exc_value, (AttributeError, KeyError, RecursionError, TypeError, ValueError)):
            if self._raising:
                response = self._response
                raise InvalidBody(
                    response.status_code, response.content, response.headers
                ) from exc_value
            return True
        return False


def json(response: httpx.Response, kind: type[Any]) -> Any:
    """The value of a JSON body, which has to be of a kind: dict or list."""
    kind_of_body = media_type(response)
    if kind_of_body != "application/json" and not kind_of_body.endswith("+json"):
        raise _unexpected(response)
    value = response.json()
    if not isinstance(value, kind):
        raise TypeError(f"the body is not a JSON {kind.__name__}")
    return value


def of_type(response: httpx.Response, media_types: Collection[str]) -> httpx.Response:
    """The response itself, whose content type has to be one of these."""
    if media_type(response) not in media_types:
        raise _unexpected(response)
    return response


def binary(response: httpx.Response, media_types: Collection[str]) -> bytes:
    """The bytes of a body of one of these types, or of a file, which may have any type."""
    if not is_file(response, media_types):
        raise _unexpected(response)
    return response.content


def is_file(response: httpx.Response, media_types: Collection[str]) -> bool:
    """Whether the body has one of these types, or is sent as a file, which may have any type."""
    return "content-disposition" in response.headers or media_type(response) in media_types


def nothing(response: httpx.Response) -> None:
    """No body is parsed, but a page that somebody else sent is not an answer."""
    if response.content and media_type(response) == "text/html":
        raise _unexpected(response)
