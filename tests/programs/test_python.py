"""Python programs mean in cells what they mean to `python`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.models.code import CodeContext
from tests.programs.compare import assert_alike, by_kernel, by_tool, programs

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs."""
    return interpreter.codes.create_context(SupportedLanguage.PYTHON)


@pytest.mark.parametrize("program", programs("python"), ids=lambda path: path.stem)
def test_a_program_runs_as_python_runs_it(
    interpreter: CodeInterpreterSync, context: CodeContext, program: Path, tmp_path: Path
) -> None:
    kernel = by_kernel(interpreter, context, program.read_text())
    assert_alike(kernel, by_tool([sys.executable, str(program)], cwd=tmp_path))
