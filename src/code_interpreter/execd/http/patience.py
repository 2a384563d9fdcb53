"""Connections that are open and say nothing: each holds a descriptor, and a server has few.

uvicorn closes a connection that is idle between two requests, and waits for ever for one that is
not made: a connection without a request, the rest of a request's head, the rest of its body.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol of one connection, with an end to its patience.

    Attributes:
        head: Seconds for the head of a request, from the opening of the connection or its first
            byte on.
        body: Seconds of silence in a body; a client may have to make what it uploads.
    """

    head = 20.0
    body = 120.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._expect(self.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._expect(None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """See httptools: the head of a request has begun."""
        super().on_message_begin()
        self._expect(self.head)

    def on_headers_complete(self) -> None:
        """See httptools: the head is there, and perhaps a body follows."""
        super().on_headers_complete()
        self._expect(self.body)

    def on_body(self, body: bytes) -> None:
        """See httptools: a piece of the body is there."""
        super().on_body(body)
        self._expect(self.body)

    def on_message_complete(self) -> None:
        """See httptools: the request is whole, and it is our turn."""
        super().on_message_complete()
        self._expect(None)

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        cycle = self.cycle  # of the last request whose head is there
        answering = bool(self.pipeline) or bool(
            cycle and not cycle.more_body and not cycle.response_complete
        )
        if answering or self.flow.read_paused:
            self._expect(self.body)  # it is not the client that is late
        else:
            self.transport.close()
