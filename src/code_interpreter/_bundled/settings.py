"""What callers ask of a bundled runtime, and what they are told of the one that they have."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from code_interpreter._call.code_context import checked_language
from code_interpreter._errors import InvalidArgumentError

_PORTS: Final = range(1, 65536)

Step = Literal["look", "send", "install", "languages", "start"]


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """What is done at the moment to set up a runtime.

    Attributes:
        step: ``look``: what the sandbox has; ``send``: our own packages travel; ``install``: what
            they depend on; ``languages``: kernels that were asked for; ``start``: of the daemon.
        message: The same in words.
    """

    step: Step
    message: str


@dataclass(frozen=True, kw_only=True)
class BundledRuntime:
    """How our own execd is to be set up in a sandbox, for `CodeInterpreter.create(runtime=...)`.

    Where it runs already, an interpreter joins it, and nothing of this matters but `home`, where it
    is looked for, and `languages`, of which those that are missing are installed.

    Attributes:
        port: Where it listens in the sandbox; 44790 by default, or a free port if that is taken.
        languages: Install the kernels of these; what they need (Node, a JDK, Go) must be there.
            By default those run that the sandbox has kernels for: always Python, and Bash where
            there is a bash.
        index_url: The package index; by default the one that pip or uv in the sandbox is set to.
        wheels: A folder on this machine with a wheel of everything that the runtime depends on, all
            of which is sent; no index is asked then. A wheel of pip among them serves a sandbox
            that has neither pip nor uv.
        python: Path or name of the interpreter in the sandbox, 3.10 or newer; by default the first
            on its PATH. Code sees the packages of this one.
        home: The folder in the sandbox where everything is put, an absolute path; by default
            ``/opt/code-interpreter`` where that is writable, else ``~/.cache/code-interpreter``,
            else the first other folder that can be written to.
        start_timeout: How long the whole set-up may take; five minutes by default.
        on_progress: Called with each step as it begins. An exception of it ends the set-up.

    Raises:
        InvalidArgumentError: A value is not valid.
    """

    port: int | None = None
    languages: Sequence[str] = ()
    index_url: str | None = None
    wheels: str | os.PathLike[str] | None = None
    python: str | None = None
    home: str | None = None
    start_timeout: timedelta = timedelta(minutes=5)
    on_progress: Callable[[SetupProgress], None] | None = None

    def __post_init__(self) -> None:
        if self.port is not None and self.port not in _PORTS:
            raise InvalidArgumentError(f"port must be from 1 to 65535; got {self.port!r}")
        if isinstance(self.languages, str):
            raise InvalidArgumentError(f"languages must be a list; got {self.languages!r}")
        names = tuple(checked_language(language) for language in self.languages)
        object.__setattr__(self, "languages", names)  # as dataclasses do where they are frozen
        if self.wheels is not None and not any(Path(self.wheels).glob("*.whl")):
            raise InvalidArgumentError(f"no wheel is in {os.fspath(self.wheels)!r}")
        if self.home is not None and (not self.home.startswith("/") or "\0" in self.home):
            raise InvalidArgumentError(f"home must be an absolute path; got {self.home!r}")
        if self.python is not None and (not self.python.strip() or "\0" in self.python):
            raise InvalidArgumentError(f"python must be a path or a name; got {self.python!r}")
        if self.start_timeout <= timedelta(0):
            raise InvalidArgumentError(f"start_timeout must be positive; got {self.start_timeout}")


RuntimeChoice = Literal["native", "bundled", "auto"] | BundledRuntime


def chosen(runtime: RuntimeChoice) -> BundledRuntime | None:
    """Return how ours is to be set up, if it is wanted.

    Raises:
        InvalidArgumentError: It is none of the choices.
    """
    match runtime:
        case "native":
            return None
        case "bundled" | "auto":
            return BundledRuntime()
        case BundledRuntime():
            return runtime
        case _:
            raise InvalidArgumentError(
                f"runtime must be 'native', 'bundled', 'auto' or a BundledRuntime; got {runtime!r}"
            )


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the code of an interpreter.

    Attributes:
        name: ``bundled`` for our own execd, ``native`` for whichever daemon the sandbox came with.
        version: The version of ours; None for another daemon, which does not tell.
        languages: What it had kernels for when it was started; None where that is not told.
        why: Why it is this one, in a sentence.
    """

    name: Literal["native", "bundled"]
    version: str | None
    languages: tuple[str, ...] | None
    why: str


NATIVE: Final = Runtime("native", None, None, "nothing else was asked for")
