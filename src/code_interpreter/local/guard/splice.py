"""Sockets that are joined in pairs: what arrives at one goes on to the other.

What must stay true: every byte of both directions arrives, and each direction ends by itself.
Whoever is slow holds up nobody else, and a pair that is over leaves no descriptor.

Light on purpose: the relays load this file by its path, without the package around it.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_PIECE = 256 * 1024
_PAUSE = 0.002


def received(one: socket.socket, most: int = 65536) -> bytes | None:
    """What has come at a socket that does not block: nothing when it has ended or is broken.

    Returns:
        None when something may still come.
    """
    try:
        return one.recv(most)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class _Half:
    """One direction of a connection: from a socket to its peer."""

    def __init__(self, source: socket.socket, target: socket.socket, waiting: bytes) -> None:
        self.source = source
        self.target = target
        self.waiting = memoryview(waiting)  # read and not yet written
        self.ended = False  # the source has nothing more to say, and the target knows it

    def move(self) -> None:
        """Pass on what can be passed on without waiting.

        Raises:
            OSError: The connection is broken.
        """
        while True:
            if self.waiting:
                try:
                    sent = self.target.send(self.waiting)
                except BlockingIOError:
                    return
                self.waiting = self.waiting[sent:]
                continue
            if self.ended:
                return
            try:
                data = self.source.recv(_PIECE)
            except BlockingIOError:
                return
            if not data:
                # Of a Unix socket: raises when the other side is gone, and not just done talking.
                # Else a client that neither talks nor leaves would keep both sockets for ever.
                self.source.send(b"")
                self.ended = True
                self.target.shutdown(socket.SHUT_WR)
                return
            self.waiting = memoryview(data)


class Pair:
    """Two sockets that are joined.

    Args:
        loop: Where.
        one: A socket that does not block.
        other: Another.
        to_other: What `one` has said already.
        on_end: Called when both are closed.
    """

    def __init__(
        self,
        loop: "Loop",
        one: socket.socket,
        other: socket.socket,
        to_other: bytes = b"",
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._loop = loop
        self._halves = (_Half(one, other, to_other), _Half(other, one, b""))
        self._on_end = on_end
        for socket_of_it in (one, other):
            loop.watch(socket_of_it, READ, self.turn)
        if to_other:
            self.turn()

    def turn(self) -> None:
        """Do what can be done now."""
        there, back = self._halves
        try:
            there.move()
            back.move()
        except OSError:
            self.close()
            return
        if all(half.ended and not half.waiting for half in self._halves):
            self.close()
            return
        self._watch(there.source, reads=there, writes=back)
        self._watch(back.source, reads=back, writes=there)

    def _watch(self, one: socket.socket, *, reads: _Half, writes: _Half) -> None:
        """Wait for a socket to be read from, unless what it said last waits, or written to."""
        events = 0
        if not reads.ended and not reads.waiting:
            events |= READ
        if writes.waiting:
            events |= WRITE
        self._loop.watch(one, events, self.turn)

    def close(self) -> None:
        """Close both."""
        for half in self._halves:
            self._loop.close(half.source)
        if self._on_end is not None:
            self._on_end()
            self._on_end = None


class Loop:
    """Waits for sockets, and for moments."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._moments: dict[socket.socket, tuple[float, Callable[[], None]]] = {}

    def run(self, *, until: int) -> None:
        """Do what the sockets ask for, until a descriptor has ended."""
        self._selector.register(until, READ)
        while True:
            for key, _ in self._selector.select(self._patience()):
                if key.fd == until:
                    if not os.read(until, 4096):
                        return
                    continue
                # One that was closed meanwhile, by what another one did, is no longer asked.
                known = self._selector.get_map().get(key.fd)
                if known is not None and known.fileobj is key.fileobj:
                    known.data()
            now = time.monotonic()
            for one, (moment, late) in [*self._moments.items()]:
                if moment <= now and self._moments.get(one) == (moment, late):
                    del self._moments[one]
                    late()

    def _patience(self) -> float | None:
        if not self._moments:
            return None
        first = min(moment for moment, _ in self._moments.values())
        return max(0.0, first - time.monotonic())

    def watch(self, one: socket.socket, events: int, act: Callable[[], None]) -> None:
        """Call this when a socket is ready; for nothing, leave it alone."""
        known = self._selector.get_map().get(one)
        if known is None:
            if events:
                self._selector.register(one, events, act)
        elif not events:
            self._selector.unregister(one)
        elif known.events != events or known.data != act:
            self._selector.modify(one, events, act)

    def within(self, one: socket.socket, seconds: float | None, late: Callable[[], None]) -> None:
        """Call this when some time has passed, unless the socket is closed before; None: never."""
        if seconds is None:
            self._moments.pop(one, None)
        else:
            self._moments[one] = (time.monotonic() + seconds, late)

    def close(self, one: socket.socket) -> None:
        """Close a socket, and forget it."""
        if one.fileno() >= 0:
            self.watch(one, 0, _nothing)
        self._moments.pop(one, None)
        one.close()

    def accept(self, listening: socket.socket) -> socket.socket | None:
        """Take a connection that does not block; None where there is none."""
        try:
            taken, _ = listening.accept()
        except BlockingIOError:
            return None
        except OSError:
            time.sleep(_PAUSE)  # no descriptors, or whoever came has gone
            return None
        taken.setblocking(False)
        if taken.family != socket.AF_UNIX:
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return taken


def _nothing() -> None:
    """What a socket that is not watched does."""
