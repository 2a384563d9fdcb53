"""All of a sandbox's box that is outside: the ways in, and the way out.

What must stay true: no descriptor of the machine's network is ever in a box, where code could turn
it round and reach out (`connect` with AF_UNSPEC does that to a listening socket). So the relay is
outside, and all that both sides see are Unix sockets: some that are inherited, and the file of one,
in a folder that shows nothing else. What comes from the box may be anything.

Run like the guard, by its path and without site-packages:

    python -I -S relay.py EXECD PORTS LISTENING PROXY CONTROL

EXECD and PORTS are paths of Unix sockets that the box listens at; where it shares the machine's
loopback, PORTS is `first-last`, what it can listen at. The others are descriptors that listen:
at the port of the machine that leads to EXECD, for the proxy, and for the server, which is answered
one line for each line:

    policy JSON        what the proxy lets out from now on; before, nothing
    port NUMBER HOST   a new port of the machine that leads to a port of the box, or the same again

It ends with its standard input. The proxy is imported when it is first used: nothing runs in a
sandbox before this program is up.
"""

# pathlib, typing and contextlib take time to import:
# ruff: noqa: PTH100, PTH120, SIM105

import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from code_interpreter.local.guard import splice
    from code_interpreter.local.network.proxy import Proxy
else:
    _here = os.path.dirname(os.path.abspath(__file__))
    # At the end: nothing here may stand in front of the standard library.
    sys.path += [_here, f"{_here}/../network"]
    import splice

_LONGEST_LINE = 4 * 1024 * 1024
_MOST_PORTS = 200
_BACKLOG = 512
_FIRST_WORDS = 0.5
_AGAIN = 0.01
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"PATCH ", b"OPTIONS ")
_NOBODY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


class Relay:
    """All connections of one box.

    Args:
        loop: Where.
        execd: The path of the Unix socket that leads to execd.
        ports: The path of the one that leads to the ports of the box, or which these are.
    """

    def __init__(self, loop: "splice.Loop", execd: str, ports: str) -> None:
        self._loop = loop
        self._execd = execd
        self._ports = ports
        self._of_machine = "/" not in ports
        self._open: dict[int, socket.socket] = {}  # by the port of the box
        self._policy = b""
        self._proxy: Proxy | None = None

    def let_in(self, listening: socket.socket) -> None:
        """Take a connection to execd."""
        outer = self._loop.accept(listening)
        if outer is not None:
            self._lead_in(outer)

    def _lead_in(self, outer: socket.socket) -> None:
        try:
            inner = _connected(self._execd)
        except BlockingIOError:  # many are before it
            self._loop.within(outer, _AGAIN, lambda: self._lead_in(outer))
        except OSError:
            self._loop.close(outer)
        else:
            self._loop.within(outer, None, _nothing)
            splice.Pair(self._loop, outer, inner)

    def let_out(self, listening: socket.socket) -> None:
        """Take a connection to the proxy."""
        if self._proxy is None:
            self._proxy = _new_proxy(self._loop)
            self._proxy.set_policy(self._policy)
        self._proxy.take(listening)

    def listen_to_server(self, listening: socket.socket) -> None:
        """Take a line from the server."""
        told = self._loop.accept(listening)
        if told is not None:
            said = bytearray()
            self._loop.watch(told, splice.READ, lambda: self._read_line(told, said))

    def _read_line(self, told: socket.socket, said: bytearray) -> None:
        data = splice.received(told)
        if data is None:
            return
        said += data
        if data and not said.endswith(b"\n") and len(said) < _LONGEST_LINE:
            return
        if data:
            try:
                answer = self._do(bytes(said))
            except (ValueError, OSError) as error:
                answer = f"! {error}"
            try:
                told.send(f"{answer}\n".encode())
            except OSError:
                pass  # the server has gone: this process is about to
        self._loop.close(told)

    def _do(self, line: bytes) -> str:
        word, _, rest = line.strip().partition(b" ")
        if word == b"policy":
            self._policy = rest
            if self._proxy is not None:
                self._proxy.set_policy(rest)
            return "ok"
        if word == b"port":
            port, _, host = rest.decode().partition(" ")
            return str(self._open_port(int(port), host))
        raise ValueError(f"unknown: {word!r}")

    def _open_port(self, port: int, host: str) -> int:
        listening = self._open.get(port)
        if listening is None:
            if self._of_machine:
                first, _, last = self._ports.partition("-")
                if not int(first) <= port <= int(last):
                    raise ValueError(f"this kind of box can listen at {first} to {last} alone")
            if len(self._open) >= _MOST_PORTS:
                raise ValueError(f"{_MOST_PORTS} ports of this sandbox have endpoints already")
            family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.bind(address)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
            self._open[port] = listening
            self._loop.watch(listening, splice.READ, lambda: self._to_port(port))
        number: int = listening.getsockname()[1]
        return number

    def _to_port(self, port: int) -> None:
        """Take a connection to a port of the box, and ask inside for it."""
        outer = self._loop.accept(self._open[port])
        if outer is None:
            return
        try:
            if self._of_machine:
                splice.Pair(self._loop, outer, _connected(("127.0.0.1", port)))
                return
            inner = _connected(self._ports)
            inner.send(port.to_bytes(2, "big"))
        except OSError:
            self._turn_away(outer, port)
            return

        def answered() -> None:
            answer = splice.received(inner, 1)
            if answer is None:
                return
            if answer == b"+":
                splice.Pair(self._loop, outer, inner)
                return
            self._loop.close(inner)
            self._turn_away(outer, port)

        self._loop.watch(inner, splice.READ, answered)

    def _turn_away(self, outer: socket.socket, port: int) -> None:
        # Who speaks HTTP is told so in HTTP; who does not speak first is not.
        self._loop.watch(outer, splice.READ, lambda: self._refuse(outer, port))
        self._loop.within(outer, _FIRST_WORDS, lambda: self._refuse(outer, port))

    def _refuse(self, outer: socket.socket, port: int) -> None:
        self._loop.watch(outer, 0, _nothing)
        self._loop.within(outer, None, _nothing)
        try:
            said = outer.recv(65536)
            if said.startswith(_METHODS):
                why = f"nothing listens at port {port} of this sandbox\n".encode()
                outer.send(_NOBODY % (len(why), why))
                outer.shutdown(socket.SHUT_WR)
                outer.close()
                return
        except OSError:
            pass  # it has said nothing, or has gone
        _break(outer)


def _connected(place: "str | tuple[str, int]") -> socket.socket:
    """A connection that does not block, to a Unix socket or to a port of loopback.

    Raises:
        BlockingIOError: So many wait there that it would have to wait.
        OSError: There is nobody.
    """
    if isinstance(place, tuple):
        # There, it is decided at once.
        one = socket.create_connection(place, _AGAIN)
        one.setblocking(False)
        return one
    one = socket.socket(socket.AF_UNIX)
    one.setblocking(False)
    try:
        one.connect(place)
    except OSError:
        one.close()
        raise
    return one


def _break(one: socket.socket) -> None:
    """Close a connection in the way of one that was refused."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except OSError:
        pass  # it is broken already
    one.close()


def _nothing() -> None:
    """What a socket that is not watched does."""


def _new_proxy(loop: "splice.Loop") -> "Proxy":
    import importlib  # noqa: PLC0415 - takes time

    made: Proxy = importlib.import_module("proxy").Proxy(loop)
    return made


def main() -> int:
    """Relay; returns the exit status."""
    execd, ports, *descriptors = sys.argv[1:]
    loop = splice.Loop()
    relay = Relay(loop, execd, ports)
    acts = (relay.let_in, relay.let_out, relay.listen_to_server)
    for descriptor, act in zip(descriptors, acts, strict=False):
        listening = socket.socket(fileno=int(descriptor))
        listening.setblocking(False)
        loop.watch(listening, splice.READ, lambda act=act, at=listening: act(at))  # type: ignore[misc]
    loop.run(until=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
