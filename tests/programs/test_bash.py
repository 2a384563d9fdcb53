"""Bash programs mean in cells what they mean to `bash`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.models.code import CodeContext
from tests.execd.needs import need_kernel
from tests.programs.compare import assert_alike, by_kernel, by_tool, programs

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    need_kernel("bash")
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs, each of which has a shell to itself."""
    return interpreter.codes.create_context(SupportedLanguage.BASH)


@pytest.mark.parametrize("program", programs("bash"), ids=lambda path: path.stem)
def test_a_program_runs_as_bash_runs_it(
    interpreter: CodeInterpreterSync, context: CodeContext, program: Path, tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    interpreter.codes.run("exit", context=context)
    interpreter.codes.run(":", context=context)  # which the notice of a new shell comes with
    kernel = by_kernel(interpreter, context, program.read_text())
    assert_alike(kernel, by_tool([bash, str(program)], cwd=tmp_path))
