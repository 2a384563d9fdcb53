"""TypeScript programs do in cells what they do when compiled and run by Node."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.kernels.javascript.nodes import installed_in
from code_interpreter.models.code import CodeContext
from tests.execd.needs import need_kernel
from tests.programs.compare import assert_alike, by_kernel, by_tool, programs
from tests.programs.nodes import AFTER

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

_OPTIONS = (
    *("--module", "nodenext", "--target", "es2022", "--lib", "es2023,esnext.disposable"),
    *("--strict", "false", "--skipLibCheck", "--types", "types-node-20", "--noCheck"),
    *("--typeRoots", str(installed_in() / "node_modules")),
)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    need_kernel("typescript")
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs, which may declare a name anew."""
    context = interpreter.codes.create_context(SupportedLanguage.TYPESCRIPT)
    interpreter.codes.run(AFTER, context=context)
    return context


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every program as JavaScript, made by the compiler's own command."""
    node = shutil.which("node")
    assert node is not None
    folder = tmp_path_factory.mktemp("compiled")
    tsc = installed_in() / "node_modules" / "typescript" / "bin" / "tsc"
    files = [str(path) for path in programs("typescript")]
    command = [node, str(tsc), *_OPTIONS, "--outDir", str(folder), *files]
    subprocess.run(command, check=True, cwd=folder, timeout=100)
    return folder


@pytest.mark.parametrize("program", programs("typescript"), ids=lambda path: path.stem)
def test_a_program_runs_as_when_compiled(
    interpreter: CodeInterpreterSync,
    context: CodeContext,
    compiled: Path,
    program: Path,
    tmp_path: Path,
) -> None:
    node = shutil.which("node")
    assert node is not None
    kernel = by_kernel(interpreter, context, program.read_text(), after=AFTER)
    made = compiled / f"{program.stem}{program.suffix.replace('ts', 'js')}"
    assert_alike(kernel, by_tool([node, str(made)], cwd=tmp_path))
