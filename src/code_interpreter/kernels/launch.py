"""What every provider of kernels answers with: how one is started, which are here."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Dialect = Literal["jupyter", "jjava", "gonb"]
Transport = Literal["ipc", "tcp", "password"]


class KernelMissingError(Exception):
    """A language, or the version of it that was asked for, has no kernel here.

    The message says what there is, and which command installs what is missing.
    """


@dataclass(frozen=True, slots=True)
class Launch:
    """How a kernel is started and spoken to.

    Attributes:
        argv: The command; `{connection_file}` in it stands for that file's path.
        env: Variables on top of the sandbox's; `{directory}` in a value stands for a directory of
            the kernel's own, which goes with it.
        transport: `ipc` for sockets in the file system, where only their owner gets, or loopback
            (`tcp`) where a sandbox can have no such sockets; `password` for loopback, where a
            client needs a password that is made from the connection's key.
        interrupt: How the kernel wants to be interrupted.
        dialect: Whose habits its messages have, where they depart from Jupyter's.
        streams_are_output: Whether what its process writes to its own standard streams, once it is
            ready, is output of user code: of child processes that inherit them, or of a crash.
        programs: What the language's commands (`python`, `pip`) are to run, as shell code that has
            their arguments in `"$@"`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    transport: Transport = "ipc"
    interrupt: Literal["signal", "message"] = "signal"
    dialect: Dialect = "jupyter"
    streams_are_output: bool = False
    programs: Mapping[str, str] = field(default_factory=dict[str, str])


def programs_in(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return those of the named programs that a folder has, for a Launch."""
    paths = [folder / name for name in names]
    return {p.name: f'exec {shlex.quote(str(p))} "$@"' for p in paths if os.access(p, os.X_OK)}


class Installed(NamedTuple):
    """A kernel that can be started.

    Attributes:
        language: The language that it runs.
        version: The language's version, such as `3.12.1`.
        kernel: The kernel's own name and version, such as `ipykernel 7.4.0`.
        where: The program that runs it.
    """

    language: str
    version: str
    kernel: str
    where: str


class Provider(Protocol):
    """Finds and installs the kernels of one kind."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages that they run."""
        ...

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of a language's kernel in a sandbox's environment.

        Args:
            language: One of `languages`.
            env: The sandbox's environment, which may ask for a version.

        Raises:
            KernelMissingError: There is none, or not in that version.
        """
        ...

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """The programs here that may run kernels of this kind; none of them is tried."""
        ...

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """Every kernel of this kind that could be started, the newest version first."""
        ...

    def install(self, say: Callable[[str], None]) -> None:
        """Install what is missing, from the ordinary registries.

        Blocks, for minutes if need be. What is there already stays.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: Something must be there first (a JDK, Node, Go), or failed.
        """
        ...
