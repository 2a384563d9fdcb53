"""Go programs do in cells what they do when built by `go build`."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.kernels.go.toolchains import GoNB
from code_interpreter.models.code import CodeContext
from tests.execd.needs import need_kernel
from tests.programs.compare import Ran, assert_alike, by_kernel, by_tool, programs

# The first program that uses a large package waits for it to be compiled.
pytestmark = [pytest.mark.kernels, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    need_kernel("go")
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs, which forgets each before the next."""
    return interpreter.codes.create_context(SupportedLanguage.GO)


@pytest.fixture(scope="module")
def built(context: CodeContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every program lies, built by one command of the Go that the kernel takes."""
    del context  # which has found that there is a kernel
    launch = asyncio.run(GoNB().find("go", os.environ))
    env = {**os.environ, **launch.env, "TMPDIR": str(tmp_path_factory.mktemp("temporary"))}
    module = tmp_path_factory.mktemp("module")
    for program in programs("go"):
        folder = module / program.stem
        folder.mkdir()
        shutil.copy(program, folder / "main.go")
    target = tmp_path_factory.mktemp("built")
    go = str(Path(env["GOROOT"]) / "bin" / "go")
    for arguments in (["mod", "init", "programs"], ["build", "-o", str(target), "./..."]):
        subprocess.run([go, *arguments], check=True, cwd=module, env=env, timeout=200)
    return target


@pytest.mark.parametrize("program", programs("go"), ids=lambda path: path.stem)
def test_a_program_runs_as_when_built(
    interpreter: CodeInterpreterSync,
    context: CodeContext,
    built: Path,
    program: Path,
    tmp_path: Path,
) -> None:
    interpreter.codes.run("%reset", context=context)
    kernel = by_kernel(interpreter, context, program.read_text())
    assert_alike(_apart(kernel), by_tool([str(built / program.stem)], cwd=tmp_path))


def _apart(ran: Ran) -> Ran:
    """A run without the panic that our kernel leaves on stderr too, with places of its own."""
    if not ran.error:
        return ran
    before, _, _ = ran.stderr.rpartition(": ".join(ran.error))
    return ran._replace(stderr=before)
