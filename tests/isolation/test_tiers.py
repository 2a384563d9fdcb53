"""Where one kind of box cannot be made: the next, in words, and without any an error.

The system that cannot is this one, for a process that a filter of system calls keeps from it.
"""

import os
import subprocess
import sys

import pytest

from tests.isolation.conftest import need_box

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

SERVER = """
import ctypes, os, struct, sys
from code_interpreter import CodeInterpreterSync
from code_interpreter.local import IsolationUnavailableError
from code_interpreter.local.box import seccomp

libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)  # no_new_privs

def refuse(program):
    steps = ctypes.create_string_buffer(program, len(program))
    filtered = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    assert libc.prctl(22, 2, filtered, 0, 0) == 0  # seccomp

refuse(seccomp.program(os.uname().machine))  # as a box's: no namespaces, no mounts
if "no landlock" in sys.argv:
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7FFF0000)]
    refuse(b"".join(struct.pack("=HBBI", *step) for step in steps))
try:
    with CodeInterpreterSync.local(isolation=sys.argv[1]) as interpreter:
        print(interpreter.sandbox.get_info().status.message)
        print(interpreter.codes.run("6 * 7").text)
except IsolationUnavailableError as error:
    print("unavailable:", error)
"""


def served(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SERVER, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_namespaces_it_is_landlock_and_the_status_says_so() -> None:
    need_box("landlock")
    said = served("auto")
    assert "in a box of its own (landlock)" in said
    assert "code sees which processes run" in said
    assert said.endswith("42\n")


def test_without_both_it_is_an_error_that_names_the_reasons_and_the_cures() -> None:
    said = served("auto", "no landlock")
    assert said.startswith("unavailable: no box of namespaces can be made here: ")
    assert "no box of Landlock can be made here: the kernel has version 0 of it" in said
    for cure in ("AppArmor", "--security-opt", "isolation='none'"):
        assert cure in said


@pytest.mark.parametrize("tier", ["namespaces", "landlock"])
def test_what_was_asked_for_by_name_has_no_substitute(tier: str) -> None:
    assert served(tier, "no landlock").startswith("unavailable: no box of ")
