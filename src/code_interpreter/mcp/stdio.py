"""The server on the standard streams of this process, for the one client that started it."""

import asyncio
import signal

import anyio
from mcp.server.stdio import stdio_server

from code_interpreter.mcp.protocol import make_server
from code_interpreter.places import Place


async def serve_stdio(place: Place) -> None:
    """Serve until the client closes its end, or a signal comes.

    Args:
        place: Where code is to run.
    """
    server = make_server(place)
    received: list[signal.Signals] = []
    async with stdio_server() as (reading, writing):
        with anyio.CancelScope() as scope:

            def stop(number: signal.Signals) -> None:
                received.append(number)
                scope.cancel()

            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop, number)
            await server.run(reading, writing, server.create_initialization_options())
        if received:
            # All is closed but the standard input, for which a thread waits, maybe forever.
            signal.signal(received[0], signal.SIG_DFL)
            signal.raise_signal(received[0])
