"""The command `run`: code of a file, of standard input or of the command line, in a sandbox."""

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from opensandbox.exceptions import SandboxException
from opensandbox.models.execd import ExecutionHandlers, ExecutionInit
from typing_extensions import Self

from code_interpreter._async.interpreter import CodeInterpreter
from code_interpreter._errors import ExecutionTimeoutError
from code_interpreter._output.execution import Execution
from code_interpreter.local.box.box import IsolationUnavailableError
from code_interpreter.local.mounts import Mount
from code_interpreter.places import DEFAULT_IMAGE, Place
from code_interpreter.terminal.screen import (
    FAILED,
    INTERRUPTED,
    TIMED_OUT,
    Screen,
    as_json,
    exit_status,
)
from code_interpreter.terminal.sources import Source, UsageError, source

_WRONG_USE: Final = 2


def run(arguments: argparse.Namespace) -> int:
    """Run code to its end; the exit status tells of its outcome."""
    try:
        place = _place(arguments)
        # A sandbox that exists has the environment that it was created with.
        env = _env(arguments) if arguments.sandbox else None
        code = _source(arguments)
    except UsageError as error:
        return _complain(str(error), _WRONG_USE)
    try:
        return asyncio.run(_run(arguments, place, code, env))
    except ExecutionTimeoutError as error:
        return _complain(str(error), TIMED_OUT)
    except (IsolationUnavailableError, SandboxException, OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):  # whoever read our output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        return _complain(str(error), FAILED)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return INTERRUPTED


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"code-interpreter run: {message}\n")
    return status


def _source(arguments: argparse.Namespace) -> Source:
    if arguments.code is not None:
        if arguments.file is not None:
            raise UsageError("there is a FILE and there is -c: give one of them")
        return source(arguments.code, None, arguments.language)
    if arguments.file in {None, "-"}:
        if arguments.file is None and sys.stdin.isatty():
            raise UsageError("give a FILE, - for standard input, or -c CODE")
        return source(sys.stdin.buffer.read(), None, arguments.language)
    try:
        data = Path(arguments.file).read_bytes()
    except OSError as error:
        raise UsageError(f"{arguments.file} cannot be read: {error.strerror}") from error
    return source(data, arguments.file, arguments.language)


def _place(arguments: argparse.Namespace) -> Place:
    is_here = arguments.domain is None and arguments.sandbox is None
    of_here = {"--mount": arguments.mount, "--network": arguments.network}
    of_here["--isolation"] = arguments.isolation
    if not is_here and (given := [name for name, value in of_here.items() if value]):
        raise UsageError(f"{', '.join(given)}: of this machine alone; a cluster sees to it itself")
    return Place(
        domain=arguments.domain,
        sandbox_id=arguments.sandbox,
        image=arguments.image or DEFAULT_IMAGE,
        runtime=arguments.runtime or "native",
        isolation=arguments.isolation,
        network=arguments.network,
        mounts=dict(_mount(text) for text in arguments.mount) or None,
        env={} if arguments.sandbox else _env(arguments),
    )


def _env(arguments: argparse.Namespace) -> dict[str, str]:
    return dict(_pair(text) for text in arguments.env)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--env wants NAME=VALUE; got {text!r}")
    return name, value


def _mount(text: str) -> tuple[str, Mount]:
    """`FOLDER`, `FOLDER:PATH` or `FOLDER:PATH:rw`."""
    folder, *rest = text.split(":")
    target = rest[0] if rest else str(Path(folder).resolve())
    mode = rest[1] if len(rest) > 1 else "ro"
    if not folder or not target.startswith("/") or mode not in {"ro", "rw"} or len(rest) > 2:  # noqa: PLR2004
        raise UsageError(f"--mount wants FOLDER[:/PATH[:rw]]; got {text!r}")
    return target, Mount(folder, writable=mode == "rw")


async def _run(
    arguments: argparse.Namespace, place: Place, code: Source, env: dict[str, str] | None
) -> int:
    screen = Screen(arguments.save, shows_value=not code.is_script)
    async with place.open() as interpreter:
        begun = time.monotonic()
        with _Interrupts(interpreter) as interrupts:
            try:
                execution = await interpreter.codes.run(
                    code.code,
                    language=code.language,
                    handlers=ExecutionHandlers(on_init=interrupts.run_has_begun)
                    if arguments.json
                    else screen.handlers(on_init=interrupts.run_has_begun),
                    timeout=arguments.timeout,
                    env=env,
                )
            except ExecutionTimeoutError as error:
                if arguments.json and error.execution is not None:
                    _print_json(screen, error.execution, code, begun)
                raise
        if arguments.json:
            _print_json(screen, execution, code, begun)
    return exit_status(execution)


def _print_json(screen: Screen, execution: Execution, code: Source, begun: float) -> None:
    seconds = time.monotonic() - begun
    for result in execution.result:
        screen.save(result)
    sys.stdout.write(f"{as_json(execution, code.language, seconds)}\n")
    sys.stdout.flush()


class _Interrupts:
    """What Ctrl-C does: the first interrupts the code, the second leaves."""

    def __init__(self, interpreter: CodeInterpreter) -> None:
        self._interpreter = interpreter
        self._run: ExecutionInit | None = None
        self._interrupting: asyncio.Task[None] | None = None

    async def run_has_begun(self, run: ExecutionInit) -> None:
        self._run = run

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._loop.add_signal_handler(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *exc: object) -> None:
        # From here on it ends the program, as it did before.
        self._loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _interrupt(self) -> None:
        if self._run is not None and self._interrupting is None:
            self._interrupting = self._loop.create_task(
                self._interpreter.codes.interrupt(self._run.id)
            )
        elif self._task is not None:
            self._task.cancel()
