"""The part of a box's ways that is inside: to the proxy outside, and to the ports in here.

What must stay true: it holds nothing that code in the box could not have itself. Its sockets are
of the box's own network, or Unix sockets.

execd starts it when somebody first comes to one of its doors, by its path, without site-packages:

    python -I -S doors.py WAY_OUT PROXY PORTS

WAY_OUT is the path of a Unix socket: what arrives at the listening descriptor PROXY goes on there.
At the listening descriptor PORTS arrive those who want a port of the box: they send its number in
two bytes and get `+`, and are then connected, or `-`. It ends with its standard input.
"""

import errno
import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from code_interpreter.local.guard import splice
else:
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    import splice

_NUMBER = 2  # bytes
_AGAIN = 0.01
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Doors:
    """All connections.

    Args:
        loop: Where.
        way_out: The path of the Unix socket that leads out.
    """

    def __init__(self, loop: "splice.Loop", way_out: str) -> None:
        self._loop = loop
        self._way_out = way_out

    def let_out(self, listening: socket.socket) -> None:
        """Take a connection that wants out."""
        one = self._loop.accept(listening)
        if one is not None:
            self._lead_out(one)

    def _lead_out(self, one: socket.socket) -> None:
        other = socket.socket(socket.AF_UNIX)
        other.setblocking(False)
        try:
            other.connect(self._way_out)
        except BlockingIOError:  # many are before it
            other.close()
            self._loop.within(one, _AGAIN, lambda: self._lead_out(one))
        except OSError:
            other.close()
            one.close()
        else:
            splice.Pair(self._loop, one, other)

    def let_in(self, listening: socket.socket) -> None:
        """Take a connection that wants to a port."""
        one = self._loop.accept(listening)
        if one is not None:
            self._loop.watch(one, splice.READ, lambda: self._lead_in(one))

    def _lead_in(self, one: socket.socket) -> None:
        number = splice.received(one, _NUMBER)
        if number is None:
            return
        self._loop.watch(one, 0, _nothing)
        port = int.from_bytes(number, "big") if len(number) == _NUMBER else 0
        self._try(one, port, [*_LOOPBACK] if port else [])

    def _try(self, one: socket.socket, port: int, places: "list[tuple[int, str]]") -> None:
        """Connect with the port in one of these places."""
        while places:
            family, host = places.pop(0)
            try:
                other = socket.socket(family, socket.SOCK_STREAM)
            except OSError:  # no IPv6, or no descriptors
                continue
            other.setblocking(False)
            number = other.connect_ex((host, port))
            if number == errno.EINPROGRESS:
                self._await(one, other, port, places)
                return
            if number == 0:
                self._join(one, other)
                return
            other.close()
        self._answer(one, b"-")
        self._loop.close(one)

    def _await(
        self, one: socket.socket, other: socket.socket, port: int, places: "list[tuple[int, str]]"
    ) -> None:
        self._loop.watch(other, splice.WRITE, lambda: self._tried(one, other, port, places))

    def _tried(
        self, one: socket.socket, other: socket.socket, port: int, places: "list[tuple[int, str]]"
    ) -> None:
        if other.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._loop.close(other)
            self._try(one, port, places)
        else:
            self._join(one, other)

    def _join(self, one: socket.socket, other: socket.socket) -> None:
        other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._answer(one, b"+"):
            splice.Pair(self._loop, one, other)
        else:
            self._loop.close(other)
            self._loop.close(one)

    def _answer(self, one: socket.socket, said: bytes) -> bool:
        try:
            one.send(said)
        except OSError:
            return False
        return True


def _nothing() -> None:
    """What a socket that is not watched does."""


def main() -> int:
    """Serve the doors; returns the exit status."""
    way_out, *descriptors = sys.argv[1:]
    loop = splice.Loop()
    doors = Doors(loop, way_out)
    for descriptor, act in zip(descriptors, (doors.let_out, doors.let_in), strict=True):
        listening = socket.socket(fileno=int(descriptor))
        listening.setblocking(False)
        loop.watch(listening, splice.READ, lambda act=act, at=listening: act(at))  # type: ignore[misc]
    loop.run(until=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
