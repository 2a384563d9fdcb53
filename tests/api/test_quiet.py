"""What a program sees in its log: nothing at INFO, a line per request at DEBUG."""

import logging
import subprocess
import sys

import pytest

import code_interpreter as ci
from tests.faults import DONE, INIT, fault_server, plays

PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO)
import code_interpreter as ci

with ci.CodeInterpreterSync.connect(sys.argv[1]) as interpreter:
    assert interpreter.codes.run("1").ok
"""
LOCAL = """
import logging, sys
if sys.argv[1] == "INFO":
    logging.basicConfig(level=logging.INFO)
import code_interpreter as ci

with ci.CodeInterpreterSync.local() as interpreter:
    assert interpreter.codes.run("1").ok
    try:
        interpreter.files.read_file("/nowhere/at all")
    except Exception as error:
        assert "nowhere" in str(error), error
    else:
        raise AssertionError
"""


def stderr_of(program: str, argument: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_nothing_is_logged_at_info() -> None:
    with fault_server(plays(INIT, DONE)) as faults:
        assert stderr_of(PROGRAM, faults.url) == ""


@pytest.mark.kernels
@pytest.mark.slow
@pytest.mark.parametrize("level", ["INFO", "none"])
def test_nothing_of_a_sandbox_is_logged_at_info_nor_a_traceback_beside_an_error(level: str) -> None:
    assert stderr_of(LOCAL, level) == ""


def test_each_request_is_a_line_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="code_interpreter")
    with (
        fault_server(plays(INIT, DONE)) as faults,
        ci.CodeInterpreterSync.connect(faults.url) as interpreter,
    ):
        interpreter.codes.run("'a secret'")
    lines = [one.message for one in caplog.records if one.name == "code_interpreter"]
    assert lines == ["GET /ping: HTTP 200", "POST /code: HTTP 200"]
