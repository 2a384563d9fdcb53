"""The way into a box: what arrives at a port of the machine goes on to a Unix socket of the box.

What must stay true: no descriptor of the machine's network is ever in a box, where code could turn
it round and reach out (`connect` with AF_UNSPEC does that to a listening socket). So the relay is
outside, and the only thing that both sides see is the file of a Unix socket, in a folder of the
sandbox's own.

Run like the guard, by its path and without site-packages:

    python -I -S relay.py SOCKET

SOCKET is the path of the Unix socket. Descriptor 3 listens at the port. It ends with its standard
input.
"""

import os
import selectors
import socket
import sys
import time

_PIECE = 256 * 1024
_PAUSE = 0.002
_LISTENING = 3


class _Half:
    """One direction of a connection: from a socket to its peer."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.waiting = memoryview(b"")  # read and not yet written
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


class _Relay:
    """All connections of one box."""

    def __init__(self, listening: socket.socket, path: str) -> None:
        self._listening = listening
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(0, selectors.EVENT_READ)
        self._pairs: dict[socket.socket, tuple[_Half, _Half]] = {}

    def serve(self) -> None:
        """Relay until standard input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == 0:
                    if not os.read(0, 4096):
                        return
                elif key.fileobj is self._listening:
                    self._accept()
                elif (pair := self._pairs.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                    self._turn(pair)

    def _accept(self) -> None:
        try:
            outer, _ = self._listening.accept()
        except OSError:
            time.sleep(_PAUSE)  # no descriptors, or whoever came has gone
            return
        try:
            inner = socket.socket(socket.AF_UNIX)
            inner.connect(self._path)
        except OSError:
            outer.close()
            return
        outer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (_Half(outer, inner), _Half(inner, outer))
        for one in (outer, inner):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
            self._pairs[one] = pair

    def _turn(self, pair: tuple[_Half, _Half]) -> None:
        try:
            for half in pair:
                half.move()
        except OSError:
            self._close(pair)
            return
        if all(half.ended and not half.waiting for half in pair):
            self._close(pair)
            return
        there, back = pair
        self._watch(there.source, reads=there, writes=back)
        self._watch(back.source, reads=back, writes=there)

    def _watch(self, one: socket.socket, *, reads: _Half, writes: _Half) -> None:
        """Wait for a socket to be read from, unless what it said last waits, or written to."""
        events = 0
        if not reads.ended and not reads.waiting:
            events |= selectors.EVENT_READ
        if writes.waiting:
            events |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(one)
        if known is None:
            if events:
                self._selector.register(one, events)
        elif not events:
            self._selector.unregister(one)
        elif known.events != events:
            self._selector.modify(one, events)

    def _close(self, pair: tuple[_Half, _Half]) -> None:
        for half in pair:
            self._pairs.pop(half.source, None)
            if self._selector.get_map().get(half.source) is not None:
                self._selector.unregister(half.source)
            half.source.close()


def main() -> int:
    """Relay; returns the exit status."""
    (path,) = sys.argv[1:]
    listening = socket.socket(fileno=_LISTENING)
    listening.setblocking(False)
    _Relay(listening, path).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
