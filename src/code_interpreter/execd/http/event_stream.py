"""The answer that carries a run's events while it runs.

Not one of starlette's streaming answers: those end the body in a message of its own, which costs
a packet, and do not say when the client has gone. What must stay true: `init` leaves before
anything is started; the body ends in the same write as the last event; a client that has gone is
noticed at once; and nothing is fetched from the spool before the socket has taken what was sent.
"""

import asyncio
from collections.abc import Callable

from code_interpreter.execd.http.gate import Receive, Scope, Send
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.spool import PIECE, Piece, Spool

PING_EVERY = 3.0
HOLD = 0.005  # between two writes, unless there is much to write

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """An ASGI answer: `init`, whatever the spool gives, pings in between.

    Args:
        run_id: What `init` says.
        spool: Where the events come from.
        begin: Starts the run.
        on_gone: Called when the client has gone before the end.
    """

    def __init__(
        self,
        run_id: str,
        spool: Spool,
        *,
        begin: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._run_id = run_id
        self._spool = spool
        self._begin = begin
        self._on_gone = on_gone
        self._complete = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request (ASGI)."""
        del scope
        watch = asyncio.get_running_loop().create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send(_body(encode.init(self._run_id)))
            self._begin()
            await self._pass_on(send)
        finally:
            watch.cancel()
            if not self._complete:
                self._on_gone()

    async def _pass_on(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + PING_EVERY
        hold_until = 0.0
        while True:
            piece = await self._spool.take(ping_at, hold_until=hold_until)
            if piece is not None:
                await self._send(send, piece)
                if piece.last:
                    return
                hold_until = loop.time() + HOLD
            if loop.time() >= ping_at:
                ping_at = loop.time() + PING_EVERY
                await send(_body(encode.ping()))

    async def _send(self, send: Send, piece: Piece) -> None:
        # In slices, so that what waits in the socket's buffer is not a second copy of much.
        data = piece.data
        for start in range(0, len(data), PIECE):
            last = piece.last and start + PIECE >= len(data)
            # A client that goes during the last write misses nothing that could be helped.
            self._complete = last
            await send(_body(data[start : start + PIECE], more=not last))

    async def _watch(self, receive: Receive) -> None:
        await gone(receive)
        if not self._complete:
            self._on_gone()


async def gone(receive: Receive) -> None:
    """Wait until the client of a request, whose body has been read, has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
