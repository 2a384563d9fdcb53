"""HTML as text, and tables as Markdown: a number of rows and columns, and the shape in words."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

_ROWS: Final = 20
_COLUMNS: Final = 20
_CELL: Final = 200  # characters
_PLACES: Final = 100_000  # of a table that are filled from above
_HEADERS: Final = 5  # rows of a header
_READ: Final = 100_000  # characters of HTML that are parsed
_DOTS: Final = "..."
# pandas says this below a table that it shortened, polars above every table.
_SHAPE: Final = re.compile(
    r"(\d[\d,_]*) rows [x\xd7] (\d[\d,_]*) columns|shape: \((\d[\d,_]*), (\d[\d,_]*)\)"
)
# How pandas, its Styler and polars mark their tables.
_OF_DATA: Final = re.compile(r'<table [^<>]*(?:class="[^"<>]*dataframe|id="T_)')
# html.parser takes minutes for 100 kB that are made for it; this is linear for any: no two parts of
# it that repeat can match the same characters.
_TAG: Final = re.compile(
    r"<(?:(?P<start>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>[^a-zA-Z0-9<>][^<>]*)?"
    r"|/(?P<end>[a-zA-Z0-9]+)(?:[^a-zA-Z0-9<>][^<>]*)?)>"
    r"|(?P<comment><!--)|-->|<![^<>]*>"
)
_SPAN: Final = re.compile(r'\b(row|col)span="?([1-9][0-9]{0,4})\b')
_HIDDEN: Final = frozenset({"script", "style", "<!--"})
_BLOCKS: Final = frozenset(
    {
        "blockquote",
        "br",
        "dd",
        "div",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "p",
        "tr",
    }
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table within bounds; a row and a column of dots stand for what was left out.

    Attributes:
        columns: The names of the columns.
        rows: The cells of each row, as many as there are columns.
        shape: How large the whole is, in words; empty if that is said elsewhere.
    """

    columns: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    shape: str

    def markdown(self) -> str:
        """Return it as Markdown, with its shape below."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        text = "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)
        return f"{text}\n{self.shape}".rstrip()

    def data(self) -> dict[str, Any]:
        """Return it as plain data: numbers stay numbers where the kernel said them."""
        return {
            "columns": [_short(name) for name in self.columns],
            "rows": [[_plain(cell) for cell in row] for row in self.rows],
            "shape": self.shape,
        }


def is_of_data(html: str) -> bool:
    """Return whether HTML has a table that a library of data frames made."""
    return _OF_DATA.search(html, 0, _READ) is not None


def said_shape(text: str) -> str | None:
    """Return the shape that text or HTML of a data frame tells, as `1,000 rows x 3 columns`."""
    found = _SHAPE.search(f"{text[:300]} {text[-300:]}")
    if found is None:
        return None
    rows, columns = (int(re.sub("[,_]", "", number)) for number in found.groups() if number)
    return _shape(rows, columns)


def from_resource(value: Any, shape: str | None) -> Table | None:
    """Return the table of `application/vnd.dataresource+json`; None if it is not that."""
    match value:
        case {"schema": {"fields": [*fields], **schema}, "data": [*rows]}:
            names = [name for each in fields for name in _name(each)]
        case _:
            return None
    match schema.get("primaryKey"):
        case [*keys]:
            columns = max(len(names) - len(keys), 0)
        case _:
            columns = len(names)
    shown = _ends(rows, _ROWS, dict.fromkeys(names, _DOTS))
    cells = [[row.get(name) for name in names] for row in shown if hasattr(row, "get")]
    return _bounded(names, cells, shape or _shape(len(rows), columns)) if names else None


def _name(column: Any) -> list[str]:
    match column:
        case {"name": name}:
            return [str(name)]
        case _:
            return []


def from_html(html: str) -> str:
    """Return the text of HTML, its tables as Markdown; empty if there is none."""
    return _read(html).text()


def found_in(html: str) -> Sequence[Table]:
    """Return the tables of HTML."""
    reader = _read(html)
    reader.text()
    return reader.tables


def _read(html: str) -> "_Reader":
    reader = _Reader(html)
    at = 0
    for found in _TAG.finditer(html, 0, _READ):
        reader.say(html[at : found.start()])
        at = found.end()
        if tag := found["start"] or found["comment"]:
            reader.begin(tag.lower(), (found["attributes"] or "").lower())
        else:
            reader.end((found["end"] or "<!--").lower())
    if len(html) <= _READ:  # else it is a tag that was cut
        reader.say(html[at:])
    return reader


def _shape(rows: int, columns: int) -> str:
    return f"{rows:,} row{'s' * (rows != 1)} x {columns:,} column{'s' * (columns != 1)}"


def _ends(values: Sequence[Any], limit: int, between: Any) -> Sequence[Any]:
    if len(values) <= limit:
        return values
    return [*values[: limit // 2], between, *values[-(limit // 2) :]]


def _bounded(header: Sequence[Any], rows: Sequence[Sequence[Any]], shape: str) -> Table:
    width = len(header)
    columns, *cells = (
        _ends([*row, *[""] * (width - len(row))], _COLUMNS, _DOTS) for row in (header, *rows)
    )
    return Table(columns, cells, shape)


def _cell(value: Any) -> str:
    text = "null" if value is None else str(value)
    return " ".join(_short(text).split()).replace("|", "\\|")


def _short(text: Any) -> str:
    text = str(text)
    return f"{text[:_CELL]}{_DOTS}" if len(text) > _CELL else text


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else _short(value)


@dataclass(slots=True)
class _Cell:
    is_label: bool
    columns: int
    rows: int
    text: list[str] = field(default_factory=list[str])


class _Reader:
    """Takes tags and text in, and keeps what is to be read."""

    def __init__(self, html: str) -> None:
        self._has_shape = said_shape(html) is not None
        self._unread = html.count("<tr", _READ)  # rows
        self._said: list[str] = []
        self._hidden = ""  # the element whose content is not read
        self._rows: list[list[_Cell]] | None = None  # of the table that is being read
        self._headers = 0  # rows of them
        self.tables: list[Table] = []

    def begin(self, tag: str, attributes: str) -> None:
        """Take in the start of an element."""
        if self._hidden:
            return
        if tag in _HIDDEN:
            self._hidden = tag
        elif tag == "table" and self._rows is None:
            self._rows, self._headers = [], 0
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in {"td", "th"} and self._rows:
            spans = {name: int(number) for name, number in _SPAN.findall(attributes)}
            columns = min(spans.get("col", 1), _COLUMNS + 1)
            self._rows[-1].append(_Cell(tag == "th", columns, spans.get("row", 1)))
        elif tag in _BLOCKS:
            self.say("\n")

    def end(self, tag: str) -> None:
        """Take in the end of an element."""
        if self._hidden:
            self._hidden = "" if tag == self._hidden else self._hidden
        elif tag == "thead" and self._rows:
            self._headers = len(self._rows)
        elif tag == "table":
            self._end_table()
        elif tag in _BLOCKS:
            self.say("\n")

    def say(self, text: str) -> None:
        """Take in text, with its references to characters."""
        if self._hidden:
            return
        with suppress(ValueError):  # a number of thousands of digits
            text = unescape(text)
        cells = self._rows[-1] if self._rows else []
        (cells[-1].text if cells else self._said).append(text)

    def _end_table(self) -> None:
        rows, self._rows = self._rows, None
        if not rows:
            return
        headers = self._headers or int(all(cell.is_label for cell in rows[0]))
        grid = _grid(rows)
        width = max(map(len, grid))
        first = rows[headers] if len(rows) > headers else []
        labels = sum(cell.columns for cell in first if cell.is_label)
        names = grid[:headers][:_HEADERS]
        header = [
            " / ".join(dict.fromkeys(row[i] for row in names if i < len(row) and row[i]))
            for i in range(width)
        ]
        body = grid[headers:]
        shape = "" if self._has_shape else _shape(len(body) + self._unread, width - labels)
        table = _bounded(header, _ends(body, _ROWS, [_DOTS] * width), shape)
        self.tables.append(table)
        self._said.append(f"\n\n{table.markdown()}\n\n")

    def text(self) -> str:
        """Return what was read, what there is of a table without an end too."""
        self._end_table()
        lines = [" ".join(line.split()) for line in "".join(self._said).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _grid(rows: list[list[_Cell]]) -> list[list[str]]:
    """Return the text of each place; cells over several of them are repeated."""
    grid: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}  # column: for how many rows more, which text
    places = 0
    for row in rows:
        line: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        cells = iter(row)
        while True:
            if len(line) in above:
                columns, (left, text) = 1, above[len(line)]
            elif cell := next(cells, None):
                columns, left, text = cell.columns, cell.rows, " ".join("".join(cell.text).split())
            else:
                break
            places += columns
            for _ in range(columns):
                if left > 1 and places < _PLACES:
                    below[len(line)] = left - 1, text
                line.append(text)
        grid.append(line)
        above = below
    return grid
