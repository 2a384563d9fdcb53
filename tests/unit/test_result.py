"""A result has every form that the kernel gave it."""

import base64
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from code_interpreter._output.result import Result, from_bundle

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def test_each_common_type_has_its_property() -> None:
    shown = from_bundle(
        {
            "text": "plain",
            "text/html": "<b>x</b>",
            "text/markdown": "**x**",
            "image/svg+xml": "<svg/>",
            "text/latex": "$x$",
            "application/javascript": "x()",
            "application/json": {"a": [1, None]},
            "image/png": base64.b64encode(PNG).decode(),
            "image/jpeg": "\n".join([base64.b64encode(b"jpeg").decode(), ""]),
            "application/pdf": base64.b64encode(b"%PDF").decode(),
            "application/vnd.x+json": {"v": 1},
        },
        7,
        is_main_result=False,
        display_id="d",
    )
    assert (shown.text, shown.html, shown.markdown) == ("plain", "<b>x</b>", "**x**")
    assert (shown.svg, shown.latex, shown.javascript) == ("<svg/>", "$x$", "x()")
    assert shown.json == {"a": [1, None]}
    assert (shown.png, shown.jpeg, shown.pdf) == (PNG, b"jpeg", b"%PDF")
    assert shown.mime["application/vnd.x+json"] == {"v": 1}
    assert (shown.timestamp, shown.display_id, shown.is_main_result) == (7, "d", False)


def test_what_is_not_there_is_none() -> None:
    empty = from_bundle({}, 0, is_main_result=True, display_id=None)
    assert empty.text == ""
    for name in ("html", "markdown", "svg", "latex", "javascript", "json", "png", "jpeg", "pdf"):
        assert getattr(empty, name) is None


@pytest.mark.parametrize("name", ["text", "text/plain"])
def test_both_names_of_plain_text_are_understood(name: str) -> None:
    shown = from_bundle(
        {name: "4", "text/html": "<b>4</b>"}, 0, is_main_result=True, display_id=None
    )
    assert shown.text == "4"
    assert shown.mime == {"text/plain": "4", "text/html": "<b>4</b>"}


def test_extra_properties_are_everything_but_the_text_as_text() -> None:
    shown = from_bundle(
        {"text": "4", "text/html": "<b>", "application/json": ["a", "b"]},
        0,
        is_main_result=True,
        display_id=None,
    )
    assert shown.extra_properties == {"text/html": "<b>", "application/json": '["a", "b"]'}


def test_a_notebook_gets_the_bundle() -> None:
    bundle = {"text/plain": "4", "image/png": "eA=="}
    shown = from_bundle(bundle, 0, is_main_result=True, display_id=None)
    notebook: Any = DisplayFormatter()  # no types come with it
    assert notebook.format(shown)[0] == bundle
    assert notebook.format(shown, include={"text/plain"})[0] == {"text/plain": "4"}
    assert notebook.format(shown, exclude={"text/plain"})[0] == {"image/png": "eA=="}


def test_a_picture_that_is_none_says_so() -> None:
    broken = from_bundle({"image/png": "no base64!"}, 0, is_main_result=True, display_id=None)
    with pytest.raises(ValueError, match="image/png of this result is not base64"):
        _ = broken.png


def test_a_result_survives_its_own_json() -> None:
    shown = from_bundle(
        {"text": "4", "application/json": [1]}, 3, is_main_result=True, display_id="d"
    )
    assert Result.model_validate_json(shown.model_dump_json()) == shown
