"""Where a kernel listens: made before it starts, and written down for it."""

import contextlib
import hashlib
import itertools
import json
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels.launch import Transport

CHANNELS: tuple[str, ...] = ("shell", "iopub", "stdin", "control", "hb")


class Connection(NamedTuple):
    """Where a kernel listens.

    Attributes:
        transport: Of which kind; see Launch.
        address: An IP address, or the path that the socket files' names begin with.
        ports: Per channel; for ipc only the ends of those names.
        key: Signs every message.
    """

    transport: Transport
    address: str
    ports: dict[str, int]
    key: str

    def url(self, channel: str) -> str:
        """Return the address of one channel in ZeroMQ's spelling."""
        if self.transport == "ipc":
            return f"ipc://{self.socket_file(channel)}"
        return f"tcp://{self.address}:{self.ports[channel]}"

    @property
    def password(self) -> bytes | None:
        """What the kernel wants of a client, if anything."""
        if self.transport != "password":
            return None
        return hashlib.sha256(f"password:{self.key}".encode()).hexdigest().encode()

    def socket_file(self, channel: str) -> Path:
        """Return the file of one channel's socket (ipc)."""
        return Path(f"{self.address}-{self.ports[channel]}")

    def file(self, kernel_name: str) -> str:
        """Return the text of the connection file, as kernels expect it."""
        return json.dumps(
            {
                **{f"{channel}_port": port for channel, port in self.ports.items()},
                "transport": "ipc" if self.transport == "ipc" else "tcp",
                "ip": self.address,
                "key": self.key,
                "signature_scheme": "hmac-sha256",
                "kernel_name": kernel_name,
            }
        )


class Ports:
    """The ports that the kernels of a sandbox may listen at, given out in turn.

    One that was given out is free until its kernel has started: whoever comes next gets others.

    Args:
        ports: All of them.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._all = ports
        self._turn = itertools.cycle(ports)

    def take(self, count: int) -> list[int]:
        """Return ports that are free now.

        Raises:
            OSError: There are fewer.
        """
        found: list[int] = []
        for port in itertools.islice(self._turn, len(self._all)):
            with socket.socket() as tried, contextlib.suppress(OSError):
                # As kernels do: what a killed one leaves behind for a minute is no hindrance.
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
        raise OSError(f"fewer than {count} ports are free of the {len(self._all)} of this sandbox")


def new_connection(transport: Transport, directory: Path, ports: Ports | None = None) -> Connection:
    """Make the addresses and the key of a new kernel.

    Args:
        transport: What it can do.
        directory: Where its files are.
        ports: Those that it may listen at, if it may not on sockets of the file system.

    Raises:
        OSError: Of these ports, too few are free.
    """
    if transport == "ipc" and ports is not None:
        transport = "tcp"
    if transport == "ipc":
        address = str(directory / "s")
        of_channels = {channel: number for number, channel in enumerate(CHANNELS, 1)}
    else:
        address = "127.0.0.1"
        free = ports.take(len(CHANNELS)) if ports is not None else _free_ports(len(CHANNELS))
        of_channels = dict(zip(CHANNELS, free, strict=True))
    return Connection(transport, address, of_channels, secrets.token_hex(32))


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; another program may take one before the kernel does."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
