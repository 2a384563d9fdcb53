"""The form of a result that a model reads best: a picture, a table, text, or what else there is."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from opensandbox.models.execd import ExecutionResult

from code_interpreter._output.parts import ImagePart
from code_interpreter._output.result import Result, from_bundle
from code_interpreter._render import tables
from code_interpreter._render.images import picture
from code_interpreter._render.text import Item, clean

_RASTER: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")
_RESOURCE: Final = "application/vnd.dataresource+json"
_PLOTLY: Final = "application/vnd.plotly.v1+json"
_SVG: Final = "image/svg+xml"
_PLAIN, _HTML = "text/plain", "text/html"
_READABLE: Final = frozenset({_PLAIN, "text/markdown", "text/latex"})
_SOURCE: Final = 2000  # characters of a form that is made for programs
# What plotting functions return: it says nothing beside the picture.
_PLOT: Final = re.compile(
    r"(?:[\s\[\](),]|array|dtype=object|Text\([^()\n]*\)"
    r"|<(?:Axes|\w*Container|Figure|matplotlib\.|seaborn\.)[^<>]*>)+"
)


def with_bundle(result: ExecutionResult) -> Result:
    """Return a result with its MIME bundle; one that was built by hand may have text alone."""
    if isinstance(result, Result) and result.mime:
        return result
    bundle = {**result.extra_properties, **({_PLAIN: result.text} if result.text else {})}
    return from_bundle(bundle, result.timestamp, is_main_result=False, display_id=None)


def plain(result: Result) -> str:
    """Return the plain text of a result; empty if it has none."""
    return result.text or ""


def is_shown_as_picture(result: Result, prefer: Sequence[str]) -> bool:
    """Return whether a picture is the best form of a result."""
    return not result.mime.keys().isdisjoint(_RASTER) and _order(result, prefer)[0] in _RASTER


def show_the_same(one: Result, other: Result) -> bool:
    """Return whether two results have the same picture."""
    return any(one.mime.get(kind, one) == other.mime.get(kind, other) for kind in _RASTER)


def names_a_plot(result: Result) -> bool:
    """Return whether a result only names a plot, as `<Axes: >` does."""
    return result.mime.keys() == {_PLAIN} and bool(_PLOT.fullmatch(plain(result)[:_SOURCE]))


def best(result: Result, prefer: Sequence[str], longest: int, room: int) -> list[Item]:
    """Return the best form of a result that can be read, or words in its place.

    Args:
        result: The result.
        prefer: MIME types to try first.
        longest: Pixels of a picture's longer side at most.
        room: Characters of long text to return of each end.
    """
    refused = ""
    for kind in _order(result, prefer):
        if kind in _RASTER:
            shown = picture(result.mime[kind], longest)
            if isinstance(shown, ImagePart):
                return [shown]
            refused = shown or refused
        elif text := _text(kind, result, room):
            said = [] if refused and kind == _PLAIN and _stands_for(result) else [text]
            return clean([refused, *said], room)
    kinds = ", ".join(kind[:80] for kind, value in result.mime.items() if value not in ("", None))
    words = kinds and f"[A result that is not text was left out: {kinds}]"
    return clean([refused or words], room)


def tables_of(result: Result) -> Sequence[tables.Table]:
    """Return the tables that a result shows: a data frame, as a rule one."""
    table = tables.from_resource(result.mime.get(_RESOURCE), tables.said_shape(plain(result)))
    html = result.mime.get(_HTML)
    if table is not None:
        return [table]
    return tables.found_in(html) if isinstance(html, str) and tables.is_of_data(html) else []


def _stands_for(result: Result) -> bool:
    """Return whether plain text names what it stands for: `<Figure size 640x480 with 1 Axes>`."""
    return plain(result).startswith("<") and plain(result).endswith(">")


def _order(result: Result, prefer: Sequence[str]) -> list[str]:
    """Return the MIME types of a result, the best first."""
    mime = result.mime
    html = mime.get(_HTML)
    stands_for = _stands_for(result)
    is_of_data = isinstance(html, str) and tables.is_of_data(html)
    order = (
        *(kind for kind in prefer if kind != _PLAIN or not stands_for),
        *(*_RASTER, _RESOURCE, *([_HTML] if is_of_data else []), "text/markdown"),
        *([] if stands_for else [_PLAIN]),
        *("application/json", _PLOTLY, "text/latex", _HTML, _SVG, _PLAIN),
    )
    return [kind for kind in dict.fromkeys(order) if kind in mime]


def _text(kind: str, result: Result, room: int) -> str | None:
    """Return a form as text; None if there is nothing in it to read."""
    value = result.mime[kind]
    if kind == _RESOURCE:
        table = tables.from_resource(value, tables.said_shape(plain(result)))
        return table.markdown() if table else None
    if kind == _PLOTLY:
        figure = _json(_without_template(value), _SOURCE)
        return f"[A plotly figure without a picture; its data:]\n{figure}"
    if kind == "application/json" or not isinstance(value, str):
        return _json(value, room)
    if kind == _HTML:
        return tables.from_html(value)
    if kind == _SVG and len(value) > _SOURCE:
        return f"[An SVG picture of {len(value):,} characters was left out.]"
    return value


def _without_template(figure: Any) -> Any:
    """Return a plotly figure without the colours and fonts of its theme."""
    match figure:
        case {"layout": {"template": _, **layout}}:
            return {**figure, "layout": layout}
        case _:
            return figure


def _json(value: Any, room: int) -> str:
    """Return the beginning of a value as JSON: what is beyond `room` characters is not made."""
    text = ""
    try:
        for piece in json.JSONEncoder(ensure_ascii=False, default=str).iterencode(value):
            if len(text) + len(piece) > room:
                return f"{text}{piece[: room - len(text)]}\n[The rest of it was left out.]"
            text += piece
    except RecursionError:
        return f"{text}\n[It is nested too deeply to be shown.]"
    return text
