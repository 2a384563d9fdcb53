"""What threads and tasks do differently when a connection is broken under its reader.

The names with `Async` in them are those of `_async_streams`, the others those of `_sync_streams`.
"""

import socket
import threading
from contextlib import nullcontext, suppress
from typing import Any, Final

# Held while a stream is closed or broken. Tasks need none: between the look at a stream's state and
# the start of the work no other task runs.
Lock: Final = threading.Lock
AsyncLock: Final = nullcontext


def break_connection(network: Any) -> None:
    """Break a connection that another thread may be reading."""
    connection = network.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):  # it is broken already
            # Closing it would not wake a reader; TLS's own method would unwrap it first.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


async def abreak_connection(network: Any) -> None:
    """Break a connection that another task may be reading."""
    await network.aclose()
