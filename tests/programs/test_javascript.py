"""JavaScript programs mean in cells what they mean to Node."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.models.code import CodeContext
from tests.execd.needs import need_kernel
from tests.programs.compare import assert_alike, by_kernel, by_tool, programs
from tests.programs.nodes import AFTER

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    need_kernel("javascript")
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs, which may declare a name anew."""
    context = interpreter.codes.create_context(SupportedLanguage.JAVASCRIPT)
    interpreter.codes.run(AFTER, context=context)
    return context


@pytest.mark.parametrize("program", programs("javascript"), ids=lambda path: path.stem)
def test_a_program_runs_as_node_runs_it(
    interpreter: CodeInterpreterSync, context: CodeContext, program: Path, tmp_path: Path
) -> None:
    node = shutil.which("node")
    assert node is not None
    kernel = by_kernel(interpreter, context, program.read_text(), after=AFTER)
    assert_alike(kernel, by_tool([node, str(program)], cwd=tmp_path))
