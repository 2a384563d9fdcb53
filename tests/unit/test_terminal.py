"""Text is what a terminal would show."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter._output.terminal import rendered


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        ([], ""),
        (["a", "b"], "ab"),
        (["a", "b\n", "c"], "ab\nc"),
        (["\n\na\n\nb\n\n"], "\n\na\n\nb"),
        (["a\r\nb\r\n"], "a\nb"),
        (["10%\r", "50%\r", "100%\n", "done\n"], "100%\ndone"),
        (["\r 10%", "\r 99%", "\n"], " 99%"),
        (["abc\rX"], "Xbc"),
        (["abc\r"], "abc"),
        (["long line\r\x1b[Kshort"], "short"),
        (["long line\r\x1b[2Kshort"], "short"),
        (["abc\x1b[2Kx"], "   x"),
        (["abc\x1b[1Kx"], "   x"),
        (["abc\b\bX"], "aXc"),
        (["\b\bx"], "x"),
        (["a\x1b[31mb\x1b[0m"], "a\x1b[31mb\x1b[0m"),
        (["a\x1b[31mb\x1b[0m\rc"], "c\x1b[31mb\x1b[0m"),
        (["\x1b[32m10%\x1b[0m\r\x1b[32m20%\x1b[0m"], "\x1b[32m20%\x1b[0m"),
        (["a\u0085b\u2028c\x0bd\r\n"], "a\u0085b\u2028c\x0bd"),
    ],
)
def test_text_is_what_a_terminal_shows(chunks: list[str], shown: str) -> None:
    assert rendered(chunks) == shown


def test_codes_add_up_to_a_bounded_text() -> None:
    printed = "\x1b[31ma" * 10_000 + "\rb"
    shown = rendered([printed])
    assert len(shown) < 40 * len(printed)
    assert re.sub(r"\x1b\[\d+m", "", shown) == f"b{'a' * 9_999}"


@given(st.text(alphabet=st.characters(exclude_characters="\r\b\x1b")), st.integers(0, 10))
def test_plain_text_is_only_joined(text: str, cut: int) -> None:
    assert rendered([text[:cut], text[cut:]]) == text.rstrip("\n")


@given(st.text(alphabet="ab\r\n\b\x1b[Km0123", max_size=60))
def test_rendering_is_stable(text: str) -> None:
    once = rendered([text])
    assert "\r" not in once
    assert "\b" not in once


@given(st.lists(st.text(alphabet="ab#", min_size=3, max_size=3), min_size=1))
def test_a_progress_bar_is_its_last_state(states: list[str]) -> None:
    assert rendered([f"\r{state}" for state in states]) == states[-1]
