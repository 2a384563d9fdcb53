"""Runs a program by a language's own tool and by our kernel, and compares what comes of it.

What must be alike: stdout, stderr, and how the program ends. A program that fails has the text of
its error on stderr when the tool runs it; the kernel reports that error apart. So the tool's stderr
must begin with the kernel's and have the error's name and message in what follows. An error of one
of the names in `STATUSES` that tells an exit status stands for it: it must be the tool's.

A test file of a language has one interpreter and mostly one context, and for each program:

    kernel = by_kernel(interpreter, context, program.read_text(), after=...)
    assert_alike(kernel, by_tool(["node", str(program)], cwd=tmp_path))

Programs print nothing that depends on where or when they run. They write files to folders that they
make in the system's temporary directory.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from code_interpreter import CodeInterpreterSync, Execution
from code_interpreter.models.code import CodeContext

STATUSES = {"ExitError", "ExitStatus", "KernelDied", "SystemExit"}
_STATUS = re.compile(r"(?:^|exit status )(\d+)")
_PATIENCE = 240.0  # only what hangs takes as long; a busy machine may take minutes


class Ran(NamedTuple):
    """What came of a program.

    Attributes:
        stdout: What it printed there.
        stderr: What it printed there; of a tool, the error that ended it too.
        status: Its exit status; None when only an error is known.
        error: The name and the message of its error; empty of a tool.
    """

    stdout: str
    stderr: str
    status: int | None
    error: tuple[str, ...] = ()


def programs(language: str) -> list[Path]:
    """Return the programs of a language, in order of their names."""
    folder = Path(__file__).with_name(language)
    return sorted(path for path in folder.iterdir() if path.is_file())


def by_tool(command: Sequence[str], cwd: Path) -> Ran:
    """Run a program by the language's own tool, without input."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_PATIENCE,
    )
    return Ran(done.stdout.decode(), done.stderr.decode(), done.returncode)


def by_kernel(
    interpreter: CodeInterpreterSync, context: CodeContext, code: str, *, after: str = ""
) -> Ran:
    """Run a program as a cell.

    Args:
        interpreter: Of the sandbox.
        context: Where to run it.
        code: The program.
        after: A second cell, which waits for what the program has left running, where a tool would;
            what is printed meanwhile is the program's.
    """
    ran = interpreter.codes.run(code, context=context, timeout=_PATIENCE)
    runs = [ran]
    if after:
        runs.append(interpreter.codes.run(after, context=context, timeout=_PATIENCE))
    stdout = "".join(message.text for run in runs for message in run.logs.stdout)
    stderr = "".join(message.text for run in runs for message in run.logs.stderr)
    return Ran(stdout, stderr, *_ending(ran))


def assert_alike(kernel: Ran, tool: Ran) -> None:
    """Fail with both, where a kernel's run is not like the tool's."""
    assert kernel.stdout == tool.stdout
    if not kernel.error:
        assert (kernel.stderr, kernel.status) == (tool.stderr, tool.status)
        return
    assert tool.status != 0, f"only the kernel fails: {kernel.error}"
    assert tool.stderr.startswith(kernel.stderr)
    rest = tool.stderr.removeprefix(kernel.stderr)
    assert [part for part in kernel.error if part not in rest] == []


def _ending(ran: Execution) -> tuple[int | None, tuple[str, ...]]:
    if ran.error is None:
        return 0, ()
    if ran.error.name in STATUSES and (status := _STATUS.search(ran.error.value)):
        return int(status[1]), ()
    return None, (ran.error.name, ran.error.value)
