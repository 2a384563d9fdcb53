"""Which environment variables can be set, and that no value is in what is sent as code."""

from typing import Any

import pytest

from code_interpreter import CodeContext, InvalidArgumentError
from code_interpreter._call.code_context import LANGUAGES
from code_interpreter._call.environ import checked_env, plan_env
from code_interpreter._call.plan import plan_run

SECRET = "a-secret-value"


@pytest.mark.parametrize(
    "bad",
    [
        {"": "1"},
        {"A B": "1"},
        {"A=B": "1"},
        {"1A": "1"},
        {"Ä": "1"},
        {"A;rm": "1"},
        {"A\n": "1"},
        {1: "1"},
        {"A": 1},
        {"A": None},
        {"A": b"1"},
        {"A": "a\0b"},
        {"A": "\udc80"},
        ["A"],
        "A=1",
    ],
)
def test_what_no_process_can_have_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        checked_env(bad)


def test_an_error_names_no_value() -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        checked_env({"A": f"{SECRET}\0"})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("lasting", [True, False])
def test_values_are_in_the_file_alone(language: str, lasting: bool) -> None:  # noqa: FBT001
    plan = plan_env(language, {"A": SECRET}, lasting=lasting)
    assert plan is not None
    assert SECRET not in repr(plan)
    environ = plan.with_file_in("/a folder")
    assert SECRET not in environ.enter + environ.leave + environ.path
    assert SECRET not in repr(environ)
    assert environ.content


def test_a_plan_shows_no_value_and_without_variables_there_is_nothing_to_set() -> None:
    plan = plan_run("1", None, None, None, None, "queue", None, {"A": SECRET})
    assert plan.environ is not None
    assert SECRET not in repr(plan)
    part = plan.part("2", 1.0)
    assert (part.environ, part.body.code, part.body.context) == (None, "2", plan.body.context)
    assert plan_run("1", None, None, None, None, "queue", None, {}).environ is None


def test_a_language_of_a_server_of_its_own_cannot_be_told() -> None:
    context = CodeContext(id="c1", language="cobol")
    with pytest.raises(InvalidArgumentError, match="cobol"):
        plan_run("1", None, context, None, None, "queue", None, {"A": "1"})
