"""What all installers of kernels do alike: where things go, how a command's output is told.

What must stay true: whoever looks for a kernel never sees half of one. Programs are made in a
folder beside their own and renamed, and so are kernelspecs.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from code_interpreter.kernels.launch import KernelMissingError

_TAIL = 20  # lines of a failed command that its error repeats


def home() -> Path:
    """The user's home by the system's user database, and `HOME` for a user that is not in it."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path(os.environ.get("HOME") or "/")


def homes(env: Mapping[str, str]) -> list[Path]:
    """The user's home and, where a sandbox's environment has another, that too."""
    return [*dict.fromkeys([home(), Path(env.get("HOME") or home())])]


def matches(folder: Path, pattern: str) -> list[Path]:
    """What a glob finds in a folder, in order; nothing in one where this user may not look."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def data_dir() -> Path:
    """The user's Jupyter data directory, by jupyter_core's rule.

    But for one thing: the user's home is that of the system's user database, since a sandbox may
    have another `HOME` and yet uses the kernels that its user has installed.
    """
    if given := os.environ.get("JUPYTER_DATA_DIR"):
        return Path(given)
    if sys.platform == "darwin":
        return home() / "Library" / "Jupyter"
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else home() / ".local" / "share") / "jupyter"


def program_dir(kernel: str) -> Path:
    """Where the program of a kernel is installed; need not exist."""
    return data_dir() / "code-interpreter" / kernel


def spec_dir(name: str) -> Path:
    """Where the kernelspec of that name is written; need not exist."""
    return data_dir() / "kernels" / name


def distribution_version(name: str) -> str:
    """The version of what is installed for our own Python; empty when it is not."""
    # As much to import as all of the kernels' room: only for those who list or install.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def run(
    argv: Sequence[str],
    *,
    say: Callable[[str], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command of an installer, and pass on each line that it says.

    Args:
        argv: The command.
        say: Takes its lines, standard output's and standard error's.
        cwd: Where it runs; by default, where we do.
        env: Its whole environment; by default, ours.

    Raises:
        KernelMissingError: It cannot be started or fails; with the end of what it said.
    """
    tail: deque[str] = deque(maxlen=_TAIL)
    try:
        with subprocess.Popen(  # noqa: S603 - an installer's command
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                say(tail[-1])
    except OSError as error:
        raise KernelMissingError(f"`{argv[0]}` cannot be started: {error}") from error
    if process.returncode:
        said = "".join(f"\n  {line}" for line in tail)
        raise KernelMissingError(
            f"`{' '.join(argv)}` failed with status {process.returncode}{':' if said else ''}{said}"
        )


@contextlib.contextmanager
def staged(target: Path) -> Generator[Path, None, None]:
    """A new folder that takes the place of `target` at one blow when the block ends well.

    Of several that make the same at once, the first wins and the work of the others is thrown
    away. What `target` held when the block began goes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = secrets.token_hex(4)
    folder = target.with_name(f".{target.name}-{suffix}")
    old = target.with_name(f".{target.name}-{suffix}-old")
    before = _identity(target)
    folder.mkdir()
    try:
        yield folder
        if before is not None and _identity(target) == before:
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        for leftover in (folder, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def write_kernelspec(
    name: str,
    *,
    argv: Sequence[str],
    display_name: str,
    language: str,
    env: Mapping[str, str] | None = None,
    interrupt_mode: Literal["signal", "message"] = "signal",
) -> Path:
    """Write a kernelspec, for us and for all other Jupyter programs of the user.

    Args:
        name: Of the kernelspec; one of that name is replaced.
        argv: How the kernel is started, with absolute paths and `{connection_file}`.
        display_name: What people see.
        language: The language that it runs.
        env: Variables for its process; none by default.
        interrupt_mode: How it wants to be interrupted.

    Returns:
        Its folder.
    """
    spec = {
        "argv": list(argv),
        "display_name": display_name,
        "language": language,
        "interrupt_mode": interrupt_mode,
        "env": dict(env or {}),
    }
    folder = spec_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / f".kernel-{secrets.token_hex(4)}.json"
    staging.write_text(json.dumps(spec, indent=1) + "\n")
    staging.replace(folder / "kernel.json")
    return folder
