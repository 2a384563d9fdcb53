"""`code-interpreter serve` and `execd`, as a user starts them: a process, and what it prints."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def serving() -> Generator[dict[str, str], None, None]:
    """A running server; yields an environment with its two exports and nothing else of its kind."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OPEN_SANDBOX_")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "code_interpreter.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert process.stdout is not None
    try:
        exports: dict[str, str] = {}
        while len(exports) < 2:
            line = process.stdout.readline()
            assert line, "the server ended before it printed its two export lines"
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value
        yield {**environment, **exports}
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(10) == 0


@contextmanager
def running_execd() -> Generator[tuple[str, str], None, None]:
    """A running `code-interpreter execd`; yields its URL and the line of its header."""
    process = subprocess.Popen(
        [sys.executable, "-m", "code_interpreter.cli", "execd", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = header = ""
        while not header:
            line = process.stdout.readline()
            assert line, "execd ended before it said where it listens"
            if line.startswith("execd on "):
                url = line.removeprefix("execd on ").strip()
            elif line.startswith("X-EXECD-ACCESS-TOKEN: "):
                header = line.strip()
        yield url, header
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(10) == 0
