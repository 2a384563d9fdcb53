"""A known difference is told from every other wrong answer."""

import pytest

from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution
from code_interpreter.events import Complete, Stdout
from tests.conformance import differences
from tests.conformance.languages import BASH, GO, JAVA, PYTHON, UNICODE

EXPECTED = ["0", "1", "2", "3"]


def printed(text: str) -> Execution:
    builder = ExecutionBuilder()
    builder.take(Stdout(1, text))
    builder.take(Complete(1, 1))
    return builder.finish()


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("0\n3\n", True),
        ("", True),
        ("0\n1\n2\n3\n", False),
        ("1\n0\n", False),
        ("0\n0\n", False),
        ("0\nx\n", False),
    ],
)
def test_lost_lines_leave_the_others_in_order(text: str, *, known: bool) -> None:
    assert differences.loses_lines(JAVA, printed(text), EXPECTED) is known
    assert not differences.loses_lines(PYTHON, printed(text), EXPECTED)


def test_only_two_characters_may_be_lost_and_only_in_bash() -> None:
    broken = printed(UNICODE.replace("\u0085", "\n").replace("\u2028", ""))
    assert differences.loses_line_ends_of_unicode(BASH, broken)
    assert not differences.loses_line_ends_of_unicode(PYTHON, broken)
    assert not differences.loses_line_ends_of_unicode(BASH, printed(UNICODE.replace("€", "")))


def test_only_gos_compile_errors_may_have_no_words() -> None:
    assert differences.says_nothing_of_a_compile_error(GO, "ERROR\n")
    assert not differences.says_nothing_of_a_compile_error(GO, "undefined: boom")
    assert not differences.says_nothing_of_a_compile_error(JAVA, "")
