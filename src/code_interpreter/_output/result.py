"""`Result`: something that code showed, in every form that its kernel gave it.

A kernel describes a value by a MIME bundle, MIME type → value (Jupyter's messaging protocol,
`display_data`): binary types are base64 strings, JSON types can be any JSON value. All of it
reaches the user, and the common types have a property each.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from opensandbox.models import execd as shared
from pydantic import Field

_TEXT: Final = "text/plain"


class Result(shared.ExecutionResult):
    """Something that the code showed: the last expression's value, or a display.

    In a notebook it shows itself as in the kernel's own.

    Attributes:
        text: Its plain text; empty when it has none.
        mime: The whole MIME bundle, MIME type → value. Binary types are base64 strings, as
            Jupyter sends them; JSON types can be objects.
        is_main_result: Whether it is the value of the last expression, not a display.
        display_id: The name under which the code can update the display; None without one.
        extra_properties: The bundle without the plain text, each value as text.
        timestamp: Unix milliseconds.
    """

    mime: dict[str, Any] = Field(default_factory=dict)
    is_main_result: bool = False
    display_id: str | None = None

    @property
    def html(self) -> str | None:
        """The value of ``text/html``."""
        return self._text_of("text/html")

    @property
    def markdown(self) -> str | None:
        """The value of ``text/markdown``."""
        return self._text_of("text/markdown")

    @property
    def svg(self) -> str | None:
        """The value of ``image/svg+xml``."""
        return self._text_of("image/svg+xml")

    @property
    def latex(self) -> str | None:
        """The value of ``text/latex``."""
        return self._text_of("text/latex")

    @property
    def javascript(self) -> str | None:
        """The value of ``application/javascript``."""
        return self._text_of("application/javascript")

    @property
    def json(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # pydantic's `json()` is deprecated, and this is the type's name
        """The value of ``application/json``: any JSON value."""
        return self.mime.get("application/json")

    @property
    def png(self) -> bytes | None:
        """The picture of ``image/png``."""
        return self._bytes_of("image/png")

    @property
    def jpeg(self) -> bytes | None:
        """The picture of ``image/jpeg``."""
        return self._bytes_of("image/jpeg")

    @property
    def pdf(self) -> bytes | None:
        """The document of ``application/pdf``."""
        return self._bytes_of("application/pdf")

    def _text_of(self, kind: str) -> str | None:
        value = self.mime.get(kind)
        return None if value is None else _as_text(value)

    def _bytes_of(self, kind: str) -> bytes | None:
        value = self.mime.get(kind)
        if not isinstance(value, str):
            return None
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"the {kind} of this result is not base64") from error

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """The bundle, for IPython's display machinery."""
        return {
            kind: value
            for kind, value in self.mime.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }


def from_bundle(
    bundle: Mapping[str, Any], timestamp: int, *, is_main_result: bool, display_id: str | None
) -> Result:
    """Return the Result for a bundle; some servers write ``text`` for ``text/plain``."""
    mime = {_TEXT if kind == "text" else kind: value for kind, value in bundle.items()}
    text = mime.get(_TEXT)
    return Result(
        text="" if text is None else _as_text(text),
        timestamp=timestamp,
        mime=mime,
        extra_properties={kind: _as_text(v) for kind, v in mime.items() if kind != _TEXT},
        is_main_result=is_main_result,
        display_id=display_id,
    )


def readable(result: shared.ExecutionResult) -> str:
    """Return the plain text, unless it only stands for a picture: ``<Figure size 640x480>``."""
    text = result.text or ""
    kinds = result.mime if isinstance(result, Result) else result.extra_properties
    stands_for = text.startswith("<") and text.endswith(">")
    return "" if stands_for and any(map(is_picture, kinds)) else text


def is_picture(kind: str) -> bool:
    """Return whether values of a MIME type are to be looked at, not read."""
    return kind.startswith(("image/", "audio/", "video/")) or kind == "application/pdf"


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:  # it could just be read, with less on the stack
        return "(JSON that is nested too deeply to be written; `mime` has it)"
