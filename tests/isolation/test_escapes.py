"""Ways out of a box, each tried in one, and without one, where it succeeds and harms nobody."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync
from code_interpreter.local.box import seccomp
from tests.isolation.attempts import (
    ATTEMPT,
    ATTEMPTS,
    HELPERS,
    REACHED,
    Attempt,
    table,
    table_in,
)
from tests.isolation.conftest import Bait, boxed
from tests.local.lifecycle.conftest import own_scratch

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(scope="module", params=["namespaces", "landlock", "none"])
def sandbox(
    request: pytest.FixtureRequest, bait: Bait
) -> Iterator[tuple[str, CodeInterpreterSync]]:
    """A sandbox, and its isolation. The program around it has a key in its environment."""
    del bait  # laid out before
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIT_API_KEY", "bait")
        with boxed(request.param) as interpreter:
            interpreter.codes.run(HELPERS).raise_for_error()
            yield request.param, interpreter


def named(bait: Bait) -> dict[str, object]:
    return {k: v if isinstance(v, int) else str(v) for k, v in vars(bait).items()}


def gets_there(attempt: Attempt, isolation: str) -> bool:
    """Whether it should; the test is skipped where it is not to be tried."""
    root = os.geteuid() == 0
    if isolation == "landlock":
        return attempt.landlock == "all" or (attempt.landlock == "user" and not root)
    if isolation == "none":
        if attempt.without is None:
            pytest.skip("would harm the machine")
        if attempt.without == "root" and not root:
            pytest.skip("only root can")
    return isolation == "none"


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda one: one.name)
def test_python_reaches_what_the_table_says(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, attempt: Attempt
) -> None:
    isolation, interpreter = sandbox
    expected = gets_there(attempt, isolation)
    code = ATTEMPT.format(attempt=attempt.python.format(**named(bait)))
    said = interpreter.codes.run(code).raise_for_error().text.strip()
    assert (said == REACHED) == expected, said


@pytest.mark.parametrize("attempt", [a for a in ATTEMPTS if a.bash], ids=lambda one: one.name)
def test_bash_reaches_what_the_table_says(
    sandbox: tuple[str, CodeInterpreterSync], bait: Bait, attempt: Attempt
) -> None:
    isolation, interpreter = sandbox
    expected = gets_there(attempt, isolation)
    assert attempt.bash is not None
    execution = interpreter.codes.run(attempt.bash.format(**named(bait)), language="bash")
    assert (execution.text.strip() == "bait") == expected, execution


def test_the_table_of_the_documentation_is_that_of_the_attempts() -> None:
    page = Path(__file__).parents[2] / "docs" / "isolation.md"
    assert table_in(page.read_text()) == table()


def test_no_refused_call_comes_through(sandbox: tuple[str, CodeInterpreterSync]) -> None:
    isolation, interpreter = sandbox
    if isolation == "none":
        pytest.skip("would change the machine")
    which = 0 if platform.machine() == "x86_64" else 1
    calls = {name: numbers[which] for name, numbers in seccomp.REFUSED.items()}
    code = f"""
came = []
for name, number in {calls!r}.items():
    if number is not None:
        ctypes.set_errno(0)
        if libc.syscall(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.EPERM:
            came.append((name, ctypes.get_errno()))
print(came)
"""
    assert interpreter.codes.run(code).raise_for_error().text.strip() == "[]"


def test_nothing_outlives_its_sandbox(tmp_path_factory: pytest.TempPathFactory) -> None:
    daemon = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = os.open("alive", os.O_WRONLY)
        os.set_inheritable(held, True)
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os._exit(0)
time.sleep(1)
"""
    with own_scratch(tmp_path_factory) as scratch:
        with boxed("namespaces") as interpreter:
            interpreter.codes.run("import os; os.mkfifo('alive')").raise_for_error()
            (fifo,) = scratch.glob("ci-*/work/alive")
            reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            interpreter.codes.run(daemon).raise_for_error()
            with pytest.raises(BlockingIOError):
                os.read(reading, 1)  # somebody could still write
        assert os.read(reading, 1) == b""  # nobody is left who could
        os.close(reading)
        assert list(scratch.iterdir()) == []
