"""Which answers of a kernel are about variables."""

from typing import Any

import pytest

from code_interpreter import InvalidArgumentError, ProtocolError, Variable
from code_interpreter._call.code_context import CodeContext
from code_interpreter._call.variable import read_variables, variables_cell


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"variables": [{"name": 1}]}, {"variables": [{"name": "a"}]}]
)
def test_an_answer_without_variables_is_no_answer(answer: object) -> None:
    with pytest.raises(ProtocolError):
        read_variables(answer)


def test_what_a_server_adds_is_ignored() -> None:
    told: dict[str, Any] = {
        "name": "a",
        "type": "int",
        "shape": None,
        "size": 28,
        "text": "1",
        "more": {},
    }
    assert read_variables({"variables": [told]}) == [Variable("a", "int", None, 28, "1")]


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "1", None])
def test_a_limit_is_a_number_of_variables(limit: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="limit"):
        variables_cell(None, limit)
    with pytest.raises(InvalidArgumentError, match="javascript"):
        variables_cell(CodeContext(language="javascript"), 1)


def test_the_cell_is_a_program_without_names_of_its_own() -> None:
    code = compile(variables_cell(CodeContext(language="python"), 1), "cell", "exec")
    assert set(code.co_names) == {"__import__", "exec"}
