"""Java programs do in cells what they do when compiled and run by `java`."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from code_interpreter.kernels.java.jdks import JJava
from code_interpreter.models.code import CodeContext
from tests.execd.needs import need_kernel
from tests.programs.compare import assert_alike, by_kernel, by_tool, programs

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

# Whatever the locale is; and what starts fastest.
_OPTIONS = (
    *("-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8"),
    *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CodeInterpreterSync]:
    need_kernel("java")
    with CodeInterpreterSync.local() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def context(interpreter: CodeInterpreterSync) -> CodeContext:
    """The context of all programs, which may declare a class anew."""
    return interpreter.codes.create_context(SupportedLanguage.JAVA)


@pytest.fixture(scope="module")
def java(context: CodeContext, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that a program's name is missing from, of the JDK that the kernel takes.

    All programs are compiled at once: the compiler takes longer to start than to compile one.
    """
    del context  # which has found that there is a kernel
    launcher = asyncio.run(JJava().find("java", os.environ)).argv[0]
    folder = tmp_path_factory.mktemp("compiled")
    javac = str(Path(launcher).with_name("javac"))
    command = [javac, "-encoding", "UTF-8", "-d", str(folder), *map(str, programs("java"))]
    subprocess.run(command, check=True, cwd=folder, timeout=100)
    return [launcher, *_OPTIONS, "-cp", str(folder)]


@pytest.mark.parametrize("program", programs("java"), ids=lambda path: path.stem)
def test_a_program_runs_as_when_compiled(
    interpreter: CodeInterpreterSync,
    context: CodeContext,
    java: list[str],
    program: Path,
    tmp_path: Path,
) -> None:
    declared = interpreter.codes.run(program.read_text(), context=context)
    assert declared.error is None
    call = f"{program.stem}.main(new String[0]);"
    kernel = by_kernel(interpreter, context, call)
    assert_alike(kernel, by_tool([*java, program.stem], cwd=tmp_path))
