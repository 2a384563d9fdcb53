"""A model reads text and pictures in order of arrival, within bounds, and always something."""

import base64
import io
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from execd_client.streaming import FrameDecoder
from hypothesis import given
from hypothesis import strategies as st
from opensandbox.models.execd import ExecutionComplete, ExecutionLogs, OutputMessage
from PIL import Image

import code_interpreter as ci
from code_interpreter import events as e
from code_interpreter._errors import InvalidArgumentError, StreamTruncatedError
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution, ExecutionError, Outcome
from code_interpreter._output.parts import ImagePart, Part, TextPart
from code_interpreter._output.result import Result, from_bundle
from code_interpreter._render.images import BYTES
from code_interpreter._wire.decode import decode
from tests.support.replay import STREAMS

FIGURE = "<Figure size 640x480 with 1 Axes>"
HTML_FRAME = """<div><style scoped>.dataframe {}</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>city</th><th>people</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>Oslo</td><td>0.7</td></tr>
    <tr><th>1</th><td>A|B\n C</td><td>NaN</td></tr>
  </tbody>
</table></div>"""


def out(text: str) -> OutputMessage:
    return OutputMessage(text=text, timestamp=1)


def err(text: str) -> OutputMessage:
    return OutputMessage(text=text, timestamp=1, is_error=True)


def shown(**mime: Any) -> Result:
    """A result of a bundle, whose types are written as `image_png`."""
    bundle = {kind.replace("__", "+").replace("_", "/", 1): value for kind, value in mime.items()}
    return from_bundle(bundle, 1, is_main_result=False, display_id=None)


def picture(width: int = 8, height: int = 6, form: str = "PNG", **options: Any) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (width % 256, 9, 9)).save(file, form, **options)
    return base64.b64encode(file.getvalue()).decode()


def ran(*outputs: OutputMessage | Result, **fields: Any) -> Execution:
    values: dict[str, Any] = {"outputs": list(outputs), "outcome": Outcome.OK, **fields}
    return Execution(**values)


def size_of(image: ImagePart) -> tuple[int, int]:
    """The size of a picture as it is decoded."""
    opened: Image.Image = Image.open(io.BytesIO(image.data))
    opened.load()
    return opened.size


def failed(*traceback: str, before: str = "", name: str = "E", value: str = "v") -> str:
    error = ExecutionError(name=name, value=value, timestamp=1, traceback=list(traceback))
    outputs = [err(before)] if before else []
    return text(ran(*outputs, error=error, outcome=Outcome.ERROR).render())


def text(parts: list[Part]) -> str:
    assert all(isinstance(part, TextPart) for part in parts)
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


def kinds(parts: list[Part]) -> list[str]:
    return [part.text if isinstance(part, TextPart) else part.mime_type for part in parts]


def test_parts_come_in_order_of_arrival() -> None:
    parts = ran(
        out("a\n"),
        err("careful"),
        shown(text_plain=FIGURE, image_png=picture()),
        out("b\n"),
        shown(text_plain="4"),
    ).render()
    assert kinds(parts) == ["a\ncareful", "image/png", "b\n4"]


def test_logs_and_results_of_an_execution_built_by_hand_are_rendered() -> None:
    logs = ExecutionLogs(stdout=[out("a")], stderr=[err("b")])
    built = Execution(logs=logs, result=[Result(text="4", timestamp=1)], outcome=Outcome.OK)
    assert text(built.render()) == "a\nb\n4"


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\x1b[31mred\x1b[0m and \x1b]0;title\x07plain", "red and plain"),
        ("\r 10%\r 50%\r100%\n", "100%"),
        ("\x1b[32m 10%\x1b[0m\r\x1b[32m100%\x1b[0m\n", "100%"),
        ("downloading\r\x1b[Kdone\n", "done"),
        ("downloading\r\x1b[2Kdone\n", "done"),
        ("a\r\nb\r\n", "a\nb"),
        ("tick|\b/\b-", "tick-"),
        ("nul\x00 half \ud800 bad \ufffd", "nul\ufffd half \ufffd bad \ufffd"),
        ("\x01" * 1234, "[1,234 unreadable characters]"),
        ("tab\tkept", "tab\tkept"),
    ],
)
def test_terminal_text_is_readable(printed: str, read: str) -> None:
    assert text(ran(out(printed)).render()) == read


def test_chunks_are_joined_before_they_are_read() -> None:
    assert text(ran(out("\x1b[3"), out("1mred\x1b[0"), out("m\r"), out("\n")).render()) == "red"


def test_long_text_keeps_its_ends_and_says_how_much_is_missing() -> None:
    lines = [f"line {n}" for n in range(10_000)]
    read = text(ran(out("\n".join(lines))).render(max_chars=1000)).split("\n")
    note = next(line for line in read if line.startswith("[..."))
    at = read.index(note)
    kept = [*read[:at], *read[at + 1 :]]
    assert kept == [*lines[:at], *lines[at - len(kept) :]]
    missing = len("\n".join(lines)) - len("\n".join(kept))
    count = int(
        note.removeprefix("[... ").removesuffix(" characters left out ...]").replace(",", "")
    )
    assert abs(count - missing) <= 3  # the newlines around the note
    assert len("\n".join(read)) > 700


def test_pictures_stay_where_text_is_left_out() -> None:
    figure = shown(image_png=picture())
    words = out("word " * 10_000)
    parts = ran(words, figure, words, shown(image_jpeg=picture(form="JPEG")), words).render()
    assert [kind for kind in kinds(parts) if "/" in kind] == ["image/png", "image/jpeg"]
    assert sum("left out" in kind for kind in kinds(parts)) == 1


def test_what_max_output_left_out_is_said() -> None:
    builder = ExecutionBuilder(max_output=100)
    for n in range(100):
        builder.take(e.Stdout(1, f"line {n}\n"))
    builder.take(e.Complete(1, 1))
    execution = builder.finish()
    read = text(execution.render())
    assert f"\n[... {execution.omitted_bytes:,} bytes left out ...]\n" in read
    assert (read[:6], read[-7:]) == ("line 0", "line 99")


def test_a_note_adds_up_what_several_left_out() -> None:
    builder = ExecutionBuilder(max_output=2000)
    for _ in range(1000):
        builder.take(e.Stdout(1, "some words\n"))
    builder.take(e.Complete(1, 1))
    execution = builder.finish()
    notes = [line for line in text(execution.render(max_chars=500)).split("\n") if "[..." in line]
    assert len(notes) == 1
    assert f" characters and {execution.omitted_bytes:,} bytes left out" in notes[0]


def test_the_first_and_the_last_pictures_are_kept() -> None:
    figures = [shown(text_plain=FIGURE, image_png=picture(width=n)) for n in range(1, 31)]
    parts = ran(*figures).render(max_images=3)
    widths = [part.width if isinstance(part, ImagePart) else part.text for part in parts]
    assert widths == [1, "[... 27 pictures left out ...]", 29, 30]
    assert kinds(ran(*figures).render(max_images=0)) == ["[... 30 pictures left out ...]"]


def test_hidden_pictures_are_counted_once_in_text_that_is_left_out() -> None:
    outputs = [
        output
        for n in range(1, 40)
        for output in (out("word " * 1000), shown(image_png=picture(width=n)))
    ]
    parts = ran(*outputs).render(max_chars=1000, max_images=2)
    notes = [kind for kind in kinds(parts) if " and 37 pictures left out" in kind]
    assert len(notes) == 1
    assert sum(isinstance(part, ImagePart) for part in parts) == 2


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + b"\xff\xc0" * 200}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
    ],
)
def test_type_and_size_come_from_the_picture_itself(form: str, options: dict[str, Any]) -> None:
    data = picture(300, 70, form, **options)
    [part] = ran(shown(image_png=data)).render()
    expected = base64.b64decode(data)
    assert part == ImagePart(expected, f"image/{form.lower()}", 300, 70)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "WEBP"])
@pytest.mark.parametrize("missing", [1 / 2, 1 / 10, 1])
def test_a_picture_that_was_cut_short_is_left_out(form: str, missing: float) -> None:
    file = io.BytesIO()
    Image.effect_noise((90, 90), 50).convert("RGB").save(file, form)
    data = file.getvalue()
    cut = base64.b64encode(data[: int(len(data) * (1 - missing))]).decode()
    assert kinds(ran(shown(text_plain=FIGURE, image_png=cut)).render()) == [FIGURE]


@pytest.mark.parametrize("value", ["no base64!", "AAAA", "é", 7, ["x"], "iVBORw0KGgo="])
def test_a_picture_that_is_none_is_left_out_in_words(value: Any) -> None:
    said = text(ran(shown(image_png=value)).render())
    assert said == "[A result that is not text was left out: image/png]"


def test_one_picture_that_comes_twice_in_a_row_is_shown_once() -> None:
    figure = shown(text_plain=FIGURE, image_png=picture())
    other = shown(text_plain=FIGURE, image_png=picture(9))
    assert len(ran(figure, figure, other, figure).render()) == 3


def test_a_picture_too_large_is_scaled_down() -> None:
    for form, mime in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/png")):
        [part] = ran(shown(image_png=picture(900, 300, form))).render(image_pixels=100)
        assert isinstance(part, ImagePart)
        assert (part.width, part.height, part.mime_type) == (100, 33, mime)
        assert size_of(part) == (100, 33)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_kind_of_pixels_are_scaled(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (400, 200)).save(file, "JPEG" if mode == "CMYK" else "PNG")
    value = base64.b64encode(file.getvalue()).decode()
    [part] = ran(shown(image_png=value)).render(image_pixels=100)
    assert isinstance(part, ImagePart)
    assert (part.width, part.height) == (100, 50)


def test_a_picture_has_a_number_of_bytes_at_most() -> None:
    file = io.BytesIO()
    Image.effect_noise((1500, 1500), 90).convert("RGBA").save(file, "PNG", compress_level=0)
    value = base64.b64encode(file.getvalue()).decode()
    [part] = ran(shown(image_png=value)).render()
    assert isinstance(part, ImagePart)
    assert len(part.data) <= BYTES
    assert size_of(part) == (part.width, part.height)


def test_without_pillow_a_large_picture_is_left_out_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = picture(900, 300), picture(90, 30)
    monkeypatch.setitem(sys.modules, "PIL", None)
    parts = ran(shown(text_plain=FIGURE, image_png=large), shown(image_png=small)).render(
        image_pixels=100
    )
    assert "900 x 300 pixels" in kinds(parts)[0]
    assert "too large" in kinds(parts)[0]
    assert kinds(parts)[1:] == ["image/png"]


def test_a_smaller_form_of_a_picture_too_large_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = shown(image_png=picture(900, 300), image_jpeg=picture(90, 30, "JPEG"))
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert kinds(ran(bundle).render(image_pixels=100)) == ["image/jpeg"]


def test_a_picture_that_would_fill_the_memory_is_left_out() -> None:
    file = bytearray(base64.b64decode(picture()))
    file[16:24] = (50_000).to_bytes(4, "big") * 2
    value = base64.b64encode(file).decode()
    assert "50000 x 50000" in text(ran(shown(image_png=value)).render())


@pytest.mark.parametrize(
    "value",
    [
        "<Axes: xlabel='x', ylabel='y'>",
        "[<matplotlib.lines.Line2D at 0x7f12>,\n <matplotlib.lines.Line2D at 0x7f34>]",
        "array([<Axes: >, <Axes: title={'center': 'a'}>], dtype=object)",
        "<BarContainer object of 3 artists>",
        "<seaborn.axisgrid.FacetGrid at 0x7f12>",
        "Text(0.5, 1.0, 'a')",
    ],
)
def test_what_plotting_returns_is_not_said_beside_the_picture(value: str) -> None:
    figure = shown(text_plain=FIGURE, image_png=picture())
    assert kinds(ran(shown(text_plain=value), figure).render()) == ["image/png"]
    assert text(ran(shown(text_plain=value)).render()) == value


def test_other_values_are_said_beside_a_picture() -> None:
    figure = shown(text_plain=FIGURE, image_png=picture())
    assert kinds(ran(shown(text_plain="(array([1., 2.]), <BarContainer>)"), figure).render())[0]


@pytest.mark.parametrize(
    ("bundle", "read"),
    [
        ({"text_plain": "x**2", "text_latex": "$x^2$"}, "x**2"),
        ({"text_plain": "<Latex object>", "text_latex": "$x^2$"}, "$x^2$"),
        ({"text_plain": "<M object>", "text_markdown": "# T"}, "# T"),
        ({"text_plain": "4", "text_html": "<b>4</b>"}, "4"),
        ({"text_html": "<h1>A</h1><p>b <b>c</b><br>d</p><script>e</script>"}, "A\n\nb c\nd"),
        ({"text_html": "<ul><li>a<li>b</ul>"}, "a\nb"),
        ({"text_html": "x<![if x]>y<!-- <p>c</p> -->z &lt;e&gt; < f"}, "xyz <e> < f"),
        ({"text_html": "a<script>if (1 < 2 && '<p>') {}</script>b<style>"}, "ab"),
        ({"text_plain": "<JSON object>", "application_json": {"a": [1, "é"]}}, '{"a": [1, "é"]}'),
        ({"text_plain": "<SVG object>", "image_svg__xml": "<svg/>"}, "<svg/>"),
        ({"image_svg__xml": "<svg>" * 1000}, "[An SVG picture of 5,000 characters was left out.]"),
        ({"text_plain": "<X object>", "application_javascript": "1"}, "<X object>"),
        ({"application_pdf": "AAAA"}, "[A result that is not text was left out: application/pdf]"),
        (
            {"text_html": "<script>1</script>"},
            "[A result that is not text was left out: text/html]",
        ),
        ({"text_plain": "\x1b[31mName:\x1b[0m f"}, "Name: f"),
        ({"text_plain": {"odd": 1}}, '{"odd": 1}'),
    ],
)
def test_the_best_form_of_a_result_is_taken(bundle: dict[str, Any], read: str) -> None:
    assert text(ran(shown(**bundle)).render()) == read


def test_a_plotly_figure_is_its_data_without_its_theme() -> None:
    figure = {
        "data": [{"type": "scatter", "x": [1, 2]}],
        "layout": {"template": {"data": "x" * 9000}, "title": {"text": "P"}},
    }
    bundle = {"application/vnd.plotly.v1+json": figure, "text/html": "<script>x</script>"}
    read = text(ran(from_bundle(bundle, 1, is_main_result=True, display_id=None)).render())
    assert read == (
        "[A plotly figure without a picture; its data:]\n"
        '{"data": [{"type": "scatter", "x": [1, 2]}], "layout": {"title": {"text": "P"}}}'
    )


@pytest.mark.parametrize(
    ("prefer", "read"),
    [
        ((), "| | city | people |\n"),
        (["text/plain"], "plain"),
        (["application/x", "text/latex", "text/plain"], "latex"),
    ],
)
def test_the_caller_can_prefer_a_form(prefer: list[str], read: str) -> None:
    frame = shown(text_plain="plain", text_latex="latex", text_html=HTML_FRAME)
    assert text(ran(frame).render(prefer=prefer)).startswith(read)


def test_a_name_of_a_picture_is_never_preferred() -> None:
    figure = shown(text_plain=FIGURE, image_png=picture())
    assert kinds(ran(figure).render(prefer=["text/plain"])) == ["image/png"]


def test_a_data_frame_is_a_table_with_its_shape() -> None:
    read = text(ran(shown(text_plain="frame", text_html=HTML_FRAME)).render())
    assert read == (
        "| | city | people |\n"
        "| --- | --- | --- |\n"
        "| 0 | Oslo | 0.7 |\n"
        "| 1 | A\\|B C | NaN |\n"
        "\n"
        "2 rows x 2 columns"
    )


def test_cells_over_several_rows_and_columns_are_repeated() -> None:
    html = (
        '<table class="dataframe"><thead>'
        '<tr><th></th><th></th><th colspan="2">mean</th></tr>'
        "<tr><th>k</th><th>s</th><th>v</th><th>w</th></tr></thead>"
        '<tbody><tr><th rowspan="2">a</th><th>1</th><td>1.5</td><td>2</td></tr>'
        "<tr><th>2</th><td>2.5</td><td>3</td></tr></tbody></table>"
    )
    assert text(ran(shown(text_html=html)).render()) == (
        "| k | s | mean / v | mean / w |\n"
        "| --- | --- | --- | --- |\n"
        "| a | 1 | 1.5 | 2 |\n"
        "| a | 2 | 2.5 | 3 |\n"
        "\n"
        "2 rows x 2 columns"
    )


def test_a_long_and_wide_table_is_bounded_and_says_its_whole_shape() -> None:
    rows = "".join(f"<tr><th>{n}</th>{'<td>7</td>' * 50}</tr>" for n in range(60))
    html = f"<table class='x dataframe'><tr>{'<th>c</th>' * 51}</tr>{rows}</table>"
    whole = f"{html.replace('&#39;', '')}<p>12345 rows × 50 columns</p>".replace("'", '"')  # noqa: RUF001
    for table, shape in (
        (html.replace("'", '"'), "60 rows x 50 columns"),
        (whole, "12345 rows × 50 columns"),  # noqa: RUF001
    ):
        lines = text(ran(shown(text_plain="x", text_html=table)).render()).split("\n")
        assert lines[-1] == shape
        assert len(lines) == 25  # two of the header, 21 of rows, the empty one, the shape
        assert {line.count("|") for line in lines[:-2]} == {22}
        assert (lines[2][:5], lines[-3][:6]) == ("| 0 |", "| 59 |")


def test_rows_beyond_what_is_read_are_counted() -> None:
    rows = "".join(f"<tr><td>{n}</td></tr>" for n in range(30_000))
    html = f'<table class="dataframe"><thead><tr><th>n</th></tr></thead>{rows}</table>'
    assert text(ran(shown(text_html=html)).render()).endswith("30,000 rows x 1 column")


@pytest.mark.parametrize(
    "html",
    [
        "<" + "a" * 100_000,
        "</" + "a" * 100_000,
        "<a " * 33_000,
        "<table" + ' class="' * 12_000,
        "<!--" * 25_000,
        "<table><thead>" + "<tr>" * 12_500 + "<th>" * 10_000,
        "<table>" + "<td colspan=99999 rowspan=99999>" * 3000,
    ],
    ids=lambda html: html[:20],
)
def test_hostile_html_takes_no_longer_than_other(html: str) -> None:
    start = time.perf_counter()
    assert ran(shown(text_html=html)).render()
    assert time.perf_counter() - start < 5  # 0.2 s at most; a quadratic pattern takes a minute


@pytest.mark.parametrize("reference", ["&#" + "1" * 5000 + ";", "&#x" + "f" * 5000 + ";"])
def test_a_reference_to_no_character_is_kept(reference: str) -> None:
    assert "kept" in text(ran(shown(text_html=f"{reference}<p>kept")).render())


@pytest.mark.parametrize("said", [", rows x , columns", "_ rows x _ columns", "shape: (,, _)"])
def test_a_shape_without_digits_is_none(said: str) -> None:
    html = f'<table class="dataframe"><tr><td>1</td></tr></table><p>{said}</p>'
    read = text(ran(shown(text_plain=said, text_html=html)).render())
    assert "1 row x 1 column" in read


def test_json_is_made_as_far_as_there_is_room() -> None:
    value = [{"key": n, "value": "x" * 80} for n in range(10_000)]
    read = text(ran(shown(application_json=value)).render(max_chars=1000))
    assert read.startswith('[{"key": 0, "value": "xxx')
    assert read.endswith("[The rest of it was left out.]")
    assert 900 < len(read) <= 1000


def test_json_of_any_depth_is_told() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    assert "nested too deeply" in text(ran(shown(application_json=value)).render())


def test_a_data_resource_is_a_table() -> None:
    fields = [{"name": name} for name in ("index", "city", "people")]
    data = [{"index": n, "city": f"c{n}", "people": None} for n in range(50)]
    table = {"schema": {"fields": fields, "primaryKey": ["index"]}, "data": data}
    bundle = {"text/plain": "frame", "application/vnd.dataresource+json": table}
    frame = from_bundle(bundle, 1, is_main_result=True, display_id=None)
    lines = text(ran(frame).render()).split("\n")
    assert lines[:3] == ["| index | city | people |", "| --- | --- | --- |", "| 0 | c0 | null |"]
    assert lines[12] == "| ... | ... | ... |"
    assert lines[-3:] == ["| 49 | c49 | null |", "", "50 rows x 2 columns"]


@pytest.mark.parametrize("table", [7, {}, {"schema": {"fields": [3]}, "data": [1]}, "x", [[]]])
def test_a_data_resource_that_is_none_gives_way(table: Any) -> None:
    bundle = {"text/plain": "frame", "application/vnd.dataresource+json": table}
    frame = from_bundle(bundle, 1, is_main_result=True, display_id=None)
    assert text(ran(frame).render()) == "frame"


RULE = "-" * 75
TITLE = "KeyError                                  Traceback (most recent call last)"
CELL = "Cell In[3], line 1\n----> 1 df['x']\n"
LIBRARY = (
    "File /usr/lib/python3.13/site-packages/pandas/core/frame.py:12, in Frame.get(self)\n"
    "     11 \n---> 12     raise KeyError(key)\n"
)
COMPILED = "File pandas/_libs/index.pyx:167, in pandas.get()\n--> 167 ''\n"


def test_a_traceback_keeps_the_users_frames() -> None:
    mine = "File /home/me/mine.py:2, in h(x)\n      1 def h(x):\n----> 2     return df[x]\n"
    read = failed(f"\x1b[31m{RULE}\x1b[39m", TITLE, CELL, mine, LIBRARY, COMPILED, "KeyError: 'x'")
    assert read == (
        "Traceback (most recent call last):\n"
        "Cell In[3], line 1\n"
        "----> 1 df['x']\n"
        "File /home/me/mine.py:2, in h(x)\n"
        "      1 def h(x):\n"
        "----> 2     return df[x]\n"
        "[2 frames of libraries, the last: pandas/_libs/index.pyx:167, in pandas.get()]\n"
        "KeyError: 'x'"
    )


def test_what_a_library_handled_by_itself_is_left_out() -> None:
    link = "\nThe above exception was the direct cause of the following exception:\n"
    inner = [TITLE, COMPILED, "KeyError: 1\n", link]
    read = failed(RULE, *inner, TITLE, CELL, "KeyError: 'x'")
    assert read.count("KeyError") == 1
    mine = [TITLE, CELL, "KeyError: 1\n", link]
    assert link.strip() in failed(RULE, *mine, TITLE, CELL, "KeyError: 'x'")


def test_an_error_in_a_library_alone_is_told() -> None:
    read = failed(RULE, TITLE, LIBRARY, "KeyError: 'x'")
    assert "[1 frame of libraries, the last: pandas/core/frame.py:12, in Frame.get(self)]" in read


def test_recursion_is_told_once() -> None:
    frame = "Cell In[1], line 1, in r(n)\n----> 1 def r(n): return r(n + 1)\n"
    read = failed(RULE, TITLE, *[frame] * 2000, "RecursionError: too deep")
    assert read.count("def r(n)") == 1
    assert "[the same frame 1,999 more times]" in read


@pytest.mark.parametrize(
    ("traceback", "read"),
    [
        (["An exception has occurred, use %tb to see the full traceback.\n", "SystemExit: 3"],
         "SystemExit: 3"),
        (["Error: no\n    at read (node:fs:1:2)\n    at cell2.js:1:1"],
         "Error: no\n[1 frame of libraries, the last: at read (node:fs:1:2)]\n    at cell2.js:1:1"),
        (["E\n\tat java.base/java.A.b(A.java:3)\n\tat .f(#1:1)"],
         "E\n[1 frame of libraries, the last: at java.base/java.A.b(A.java:3)]\n\tat .f(#1:1)"),
        (["  Cell In[7], line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n"],
         "  Cell In[7], line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax"),
        ([], "E: v"),
    ],
)  # fmt: skip
def test_errors_of_all_languages_are_told(traceback: list[str], read: str) -> None:
    assert failed(*traceback) == read


def test_an_error_says_no_more_than_it_printed() -> None:
    panic = "panic: index out of range\n\ngoroutine 1 [running]:\nmain.main()"
    assert (
        failed(panic, before=f"{panic}\n", name="panic", value="index") == f"{panic}\npanic: index"
    )
    bash = "bash: nope: command not found"
    said = failed(f"{bash}\nExitStatus: exit status 127", before=f"{bash}\n")
    assert said == f"{bash}\nExitStatus: exit status 127"


def test_an_error_without_anything_is_told() -> None:
    assert failed(name="", value="") == "The code failed"


def test_a_long_error_leaves_room_for_the_output() -> None:
    error = ExecutionError(name="E", value="x" * 10**6, timestamp=1)
    read = text(ran(out("first\n"), error=error, outcome=Outcome.ERROR).render(max_chars=900))
    assert read.startswith("first\nE: x")
    assert len(read) <= 900


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.INTERRUPTED, "interrupted"),
        (Outcome.TIMED_OUT, "time limit"),
        (Outcome.KERNEL_DIED, "state of this context is gone"),
        (Outcome.STREAM_LOST, "may be missing"),
        (Outcome.BUSY, "did not run"),
        (None, "not over"),
    ],
)
def test_how_a_run_ended_is_said_where_it_was_not_well(outcome: Outcome | None, word: str) -> None:
    for outputs in ([], [out("so far\n")]):
        last = text(ran(*outputs, outcome=outcome).render()).split("\n")[-1]
        assert word in last


def test_lost_output_is_said() -> None:
    assert "dropped output" in text(ran(out("a"), output_lost=True).render())


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(None, ""), (0, ", in 0 ms"), (999, ", in 999 ms"), (1500, ", in 1.5 s")],
)
@pytest.mark.parametrize("outputs", [[], [out("")], [out(" \n\n")], [shown(text_plain="")]])
def test_a_run_that_shows_nothing_says_that_it_ran(
    milliseconds: int | None, said: str, outputs: list[OutputMessage | Result]
) -> None:
    complete = None
    if milliseconds is not None:
        complete = ExecutionComplete(timestamp=1, execution_time_in_millis=milliseconds)
    read = text(ran(*outputs, complete=complete).render())
    assert read == f"[The code ran without visible output{said}.]"


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_chars": 199},
        {"max_chars": True},
        {"max_chars": 1e4},
        {"max_images": -1},
        {"max_images": "2"},
        {"image_pixels": 0},
        {"image_pixels": None},
        {"prefer": "text/plain"},
        {"prefer": [1]},
        {"prefer": {"text/plain"}},
    ],
)
def test_a_bad_argument_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        ran().render(**arguments)


MIMES = ["text/plain", "text/html", "text/latex", "image/png", "image/jpeg", "image/svg+xml"]
JSON_MIMES = [
    "application/json",
    "application/vnd.dataresource+json",
    "application/vnd.plotly.v1+json",
]
strings = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=50),
    st.text("a\n\r\b\x1b[Km0123<>/ \x00", max_size=80),
    st.lists(
        st.sampled_from(
            ["<table ", "<tr>", "<td", "<th>", ">", "</table>", "<!--", "&#9;", " a", "="]
        )
    ).map("".join),
    st.integers(1, 3000).map(lambda n: "word\n" * n),
    st.sampled_from([HTML_FRAME, FIGURE, "<table><tr><td>", "<Axes: >", "x" * 9000]),
)
pictures = st.one_of(
    strings, st.sampled_from([picture(), picture(70, 900, "JPEG"), picture(500, 2, "GIF"), "AAAA"])
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | strings | pictures,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "data", "layout", "template"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
tables: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "schema": st.fixed_dictionaries({"fields": st.lists(values, max_size=3)}),
        "data": st.lists(values, max_size=30),
    }
)
bundles: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(MIMES), pictures, max_size=3
) | st.dictionaries(st.sampled_from([*MIMES, *JSON_MIMES, "x/y"]), values | tables, max_size=3)
results = bundles.map(lambda b: from_bundle(b, 1, is_main_result=True, display_id=None))
errors = st.builds(
    ExecutionError, name=strings, value=strings, timestamp=st.just(1), traceback=st.lists(strings)
)
outputs = st.lists(st.one_of(strings.map(out), strings.map(err), results), max_size=12)


@given(
    outputs,
    st.none() | errors,
    st.sampled_from([None, *Outcome]),
    st.sampled_from([0, 50, 5000]),
    st.integers(200, 3000),
    st.integers(0, 3),
    st.sampled_from([1, 100, 1568]),
    st.lists(st.sampled_from([*MIMES, *JSON_MIMES]), max_size=2),
)
def test_bounds_hold_for_every_execution(  # noqa: PLR0917  # what hypothesis makes
    made: list[OutputMessage | Result],
    error: ExecutionError | None,
    outcome: Outcome | None,
    omitted: int,
    max_chars: int,
    max_images: int,
    image_pixels: int,
    prefer: list[str],
) -> None:
    execution = ran(*made, error=error, outcome=outcome, output_lost=omitted == 50)
    execution._omitted = len(made) // 2, omitted  # pyright: ignore[reportPrivateUsage]
    before = execution.model_copy(deep=True)
    parts = execution.render(
        max_chars=max_chars, max_images=max_images, image_pixels=image_pixels, prefer=prefer
    )
    assert execution == before
    assert parts
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    images = [part for part in parts if isinstance(part, ImagePart)]
    assert sum(map(len, texts)) <= max_chars
    assert len(images) <= max_images
    for read in texts:
        assert read.strip()
        assert not set(read) & {"\x00", "\x01", "\x1b", "\r", "\b", "\x7f"}
        read.encode()
    for image in images:
        assert max(image.width, image.height) <= image_pixels
        assert len(image.data) <= BYTES
        assert size_of(image) == (image.width, image.height)
    for blocks in (
        ci.to_anthropic(parts),
        ci.to_openai(parts),
        ci.to_openai(parts, "chat", images=False),
        ci.to_mcp(parts),
    ):
        assert len(blocks) == len(parts)
        assert json.loads(json.dumps(blocks)) == blocks


@pytest.mark.parametrize("stream", sorted(STREAMS.glob("*.stream")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::code_interpreter.OutputLostWarning")
def test_recorded_runs_are_rendered(stream: Any) -> None:
    decoder, builder = FrameDecoder(), ExecutionBuilder()
    for frame in decoder.feed(stream.read_bytes()):
        builder.take(decode(frame))
    try:
        execution = builder.finish()
    except StreamTruncatedError:
        execution = builder.execution
    parts = execution.render(max_chars=2000)
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    assert 0 < sum(map(len, texts)) <= 2000 or len(texts) < len(parts)
    if error := execution.error:
        assert error.plain_traceback.rstrip().split("\n")[-1] in texts[-1]


def test_the_package_imports_nothing_of_it_before_it_is_used() -> None:
    code = (
        "import sys, code_interpreter as ci\n"
        "execution = ci.Execution()\n"
        "assert not any(name.startswith('code_interpreter._render') for name in sys.modules)\n"
        "ci.to_mcp(execution.render())\n"
        "assert 'PIL' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
