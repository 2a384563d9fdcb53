"""What every kind of box is to a server, whatever it is made of."""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, Protocol

from code_interpreter.local.box.volumes import Volume

Tier = Literal["namespaces", "landlock"]

# Of the processes in a box whose server is root: no account of the machine, and below the range
# that systemd hands out.
SANDBOX_UID = 60_613
PATIENCE = 20.0  # seconds, with a program that is tried
FOLDERS = ("work", "home", "run", "tmp")  # in a sandbox's own directory, outside; see `view`


class IsolationUnavailableError(RuntimeError):
    """This system cannot isolate a sandbox in the way that was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Start:
    """How an execd is started in a box.

    Attributes:
        command: For a guard, which fills in the port and the socket.
        env: All variables of it, but for those that the sandbox was asked to have.
        descriptors: What the command inherits, until the guard has been started.
        held: What the server holds until the sandbox is over.
        proxy: The port of the machine's loopback that is the way out; None where that is a Unix
            socket.
        ports: The first and the last port of the machine's loopback that servers in it can listen
            at; None where it has a loopback of its own.
    """

    command: Sequence[str]
    env: Mapping[str, str]
    descriptors: Sequence[int]
    held: ExitStack
    proxy: int | None = None
    ports: tuple[int, int] | None = None


def attempt(command: Sequence[str], descriptor: int) -> str | None:
    """Run the trial of a kind of box; why it failed.

    Args:
        command: What makes a box with something in it that ends well.
        descriptor: What it inherits.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own programs
            command,
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


class Box(Protocol):
    """How the boxes of a server are made."""

    @property
    def tier(self) -> Tier:
        """What they are made of."""
        ...

    @property
    def uid(self) -> int | None:
        """Whom all in them runs as; None for the server's own user."""
        ...

    @property
    def own_users(self) -> bool:
        """Whether each has a namespace of users, with a number of processes of its own."""
        ...

    @property
    def gaps(self) -> Sequence[str]:
        """What they do not hold, in words."""
        ...

    def resolve(
        self, volumes: Sequence[Volume], folders: Sequence[str], *, beside: Sequence[Volume] = ()
    ) -> tuple[Volume, ...]:
        """Check folders that one is to show.

        Args:
            volumes: What was asked for.
            folders: What is allowed, as real paths.
            beside: What it shows too.

        Raises:
            MountError: One cannot be shown.
        """
        ...

    def start(
        self,
        scratch: str,
        execd: Sequence[str],
        inherited: ExitStack,
        *,
        volumes: Sequence[Volume] = (),
        workdir: str | None = None,
    ) -> Start:
        """How an execd is started in a new one.

        Args:
            scratch: The sandbox's own directory, which its guard will make.
            execd: The program, and its arguments of every kind of sandbox.
            inherited: Closes the descriptors.
            volumes: Folders of the machine that it shows, resolved.
            workdir: Where it works: the path of one of them; by default a folder of its own.

        Raises:
            OSError: There is nothing left to make one of, or a folder has been replaced.
        """
        ...
