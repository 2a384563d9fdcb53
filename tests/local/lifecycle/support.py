"""What the tests of the sandbox server share: eyes for processes, and a program to kill."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

MARKER = "OPENSANDBOX_SANDBOX_ID"
GUARD = "guard.py"


def marked(sandbox_id: str) -> list[psutil.Process]:
    """The live processes of a sandbox, by their environment, and its guard."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            mine = process.environ().get(MARKER) == sandbox_id
            if mine or f"{MARKER}={sandbox_id}" in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def guard_of(sandbox_id: str) -> psutil.Process:
    (guard,) = (p for p in marked(sandbox_id) if f"{MARKER}={sandbox_id}" in _cmdline(p))
    return guard


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a kernel that has just ended
        return []


def execd_of(sandbox_id: str) -> psutil.Process:
    guard = guard_of(sandbox_id)
    (execd,) = (p for p in guard.children() if "--exit-on-stdin-eof" in _cmdline(p))
    return execd


def eventually(fact: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait until a fact holds; how long it took."""
    begin = time.monotonic()
    while True:
        # A process that goes while it is looked at: the next look will be without it.
        with suppress(psutil.NoSuchProcess):
            if fact():
                break
        assert time.monotonic() - begin < seconds, "it did not come true in time"
        time.sleep(0.02)
    return time.monotonic() - begin


@contextmanager
def program(
    *arguments: str, env: dict[str, str] | None = None
) -> Generator["subprocess.Popen[str]", None, None]:
    """A Python program whose output can be read; it is dead afterwards."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", beginning: str) -> str:
    """What follows in the first line that begins like this."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    stderr = process.stderr.read() if process.stderr else ""
    raise AssertionError(f"no line begins with {beginning!r}; stderr:\n{stderr}")


def stop(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(10)


def readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def leftovers(scratch: Path) -> list[Path]:
    return list(scratch.iterdir())
