"""Sockets whose program is started when somebody first comes to them.

What must stay true: it costs nothing to have them. Whoever comes while the program starts, or after
it was killed, is served by the next one.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

_BACKLOG = 512
_PAUSE = 1.0  # before another is started in the place of one that ended


class Doorkeeper:
    """The sockets, and the program behind them.

    Args:
        program: The path of a Python program of the standard library alone. It gets `way_out` and
            the numbers of both descriptors, and ends with its standard input.
        way_out: What the first socket leads to.
        port: Where the first socket listens, on loopback.
        descriptor: The second socket: it is inherited, and listens already.
    """

    def __init__(self, program: str, way_out: str, port: int, descriptor: int) -> None:
        self._command = (sys.executable, "-I", "-S", program, way_out)
        os.set_inheritable(descriptor, False)
        self._sockets = [
            socket.create_server(("127.0.0.1", port), backlog=_BACKLOG),
            socket.socket(fileno=descriptor),
        ]
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def parse(cls, text: str) -> "Doorkeeper":
        """Make them of an argument: PROGRAM WAY_OUT PORT DESCRIPTOR."""
        program, way_out, port, descriptor = text.rsplit(" ", 3)
        return cls(program, way_out, int(port), int(descriptor))

    def __enter__(self) -> "Self":
        self._task = asyncio.create_task(self._attend())
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        for one in self._sockets:
            one.close()

    async def _attend(self) -> None:
        numbers = [one.fileno() for one in self._sockets]
        while True:
            await _readable(numbers)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command, *map(str, numbers), stdin=PIPE, stdout=DEVNULL, pass_fds=numbers
                )
                status = await process.wait()
                logger.debug("the program of the doors ended with %s", status)
            except OSError as error:  # no processes, for one
                logger.warning("the program of the doors does not start: %s", error)
            await asyncio.sleep(_PAUSE)


async def _readable(descriptors: Sequence[int]) -> None:
    loop = asyncio.get_running_loop()
    someone = asyncio.Event()
    with contextlib.ExitStack() as stack:
        for descriptor in descriptors:
            loop.add_reader(descriptor, someone.set)
            stack.callback(loop.remove_reader, descriptor)
        await someone.wait()
