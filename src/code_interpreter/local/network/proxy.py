"""The proxy that is a box's way out: HTTP's CONNECT, and plain HTTP.

What must stay true: what is dialled is what was judged. A name is looked up once, each of its
addresses is judged, and those that may be reached are dialled by address. A policy holds from the
moment it is set: for what is being dialled, and for the connections that are open, which are closed
where it refuses them. Nobody is told where a sandbox goes: nothing is logged.

It does not know what its clients come by (a Unix socket, or TCP), and trusts nothing that they say.
A relay loads this file by its path, without the package around it: standard library alone.
"""

import _thread
import ipaddress
import json
import os
import resource
import socket
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from code_interpreter.local.guard import splice
    from code_interpreter.local.network import policy, request
else:
    import policy
    import request
    import splice

_MOST = 1000
_DESCRIPTORS = 4096
_LOOKUPS = 16  # at once: each is a thread, and waits for the system's resolver
_HEAD_PATIENCE = 30.0
_DIAL_PATIENCE = 30.0
_OTHERS_WAIT = 3.0  # for an address, where there are others
_LAST_WORDS = 2.0
_DISCARD = 9  # a port; nothing is sent there
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """All that a sandbox has to do with the network.

    Args:
        loop: Where.
    """

    def __init__(self, loop: "splice.Loop") -> None:
        self.loop = loop
        self.policy = policy.NOTHING
        self.clients: set[_Client] = set()
        self.names = _Names(loop)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def set_policy(self, text: bytes) -> None:
        """From now on, this holds; nothing is allowed where it cannot be understood."""
        try:
            self.policy = policy.read_policy(json.loads(text))
        except ValueError:
            self.policy = policy.NOTHING
        for client in [*self.clients]:
            client.judge_again()

    def take(self, listening: socket.socket) -> None:
        """Take a connection."""
        taken = self.loop.accept(listening)
        if taken is not None:
            client = _Client(self, taken)
            if len(self.clients) > _MOST:
                client.refuse(503, "Service Unavailable", "too many connections at once")

    def judge(self, host: "policy.Host", port: int, address: "policy.Address") -> "policy.Verdict":
        """Whether an address may be reached now."""
        return policy.judge(self.policy, host, port, address, is_own=_is_own)


class _Client:
    """A connection to the proxy, and what becomes of it."""

    def __init__(self, proxy: Proxy, one: socket.socket) -> None:
        self._proxy = proxy
        self._loop = proxy.loop
        self._one = one
        self._said = b""
        self._head: bytes | None = None  # for the origin
        self._host: policy.Host = ""
        self._port = 0
        self._left: deque[policy.Address] = deque()  # to be dialled
        self._address: policy.Address | None = None  # that is dialled, or was
        self._origin: socket.socket | None = None
        self._pair: splice.Pair | None = None
        self._failure = "it has no address"
        self._status = (502, "Bad Gateway")
        proxy.clients.add(self)
        self._loop.watch(one, splice.READ, self._listen)
        self._loop.within(one, _HEAD_PATIENCE, self._too_slow)

    def _listen(self) -> None:
        data = splice.received(self._one)
        if data is None:
            return
        if not data:
            self._close()
            return
        self._said += data
        try:
            cut = request.cut(self._said)
            if cut is None:
                return
            asked = request.read(cut[0])
            self._host, self._port = policy.read_host(asked.host), asked.port
        except (request.BadRequestError, ValueError) as error:
            self.refuse(400, "Bad Request", str(error))
            return
        self._head, self._said = asked.head, cut[1]
        # What else it says waits until there is somebody to say it to.
        self._loop.watch(self._one, 0, self._listen)
        self._loop.within(self._one, None, self._too_slow)
        self._find()

    def _too_slow(self) -> None:
        self.refuse(408, "Request Timeout", "the request did not come")

    def _find(self) -> None:
        host = self._host
        known = policy.known_addresses(host)
        if known is not None:
            self._found(known)
            return
        assert isinstance(host, str)  # noqa: S101 - the addresses of an address are known
        verdict = policy.is_looked_up(self._proxy.policy, host, self._port)
        if verdict.allowed:
            self._proxy.names.look_up(host, self)
        else:
            self.refuse(403, "Forbidden", verdict.why)

    def found(self, addresses: "Sequence[policy.Address]", failure: str) -> None:
        """Go on with the addresses of the name."""
        if self not in self._proxy.clients:
            return
        if failure:
            self.refuse(502, "Bad Gateway", f"{self._host} cannot be resolved: {failure}")
        else:
            self._found(addresses)

    def _found(self, addresses: "Sequence[policy.Address]") -> None:
        why = ""
        for address in addresses:
            verdict = self._proxy.judge(self._host, self._port, address)
            if verdict.allowed:
                self._left.append(address)
            why = why or verdict.why
        if addresses and not self._left:
            self.refuse(403, "Forbidden", why)
        else:
            self._dial()

    def _dial(self) -> None:
        """Dial the next address."""
        if not self._left:
            place = f"{self._host}:{self._port}"
            self.refuse(*self._status, f"{place} cannot be reached: {self._failure}")
            return
        address = self._address = self._left.popleft()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
        try:
            origin = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._failed(error)
            return
        self._origin = origin
        origin.setblocking(False)
        try:
            origin.connect((str(address), self._port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(error)
            return
        self._loop.watch(origin, splice.WRITE, self._dialled)
        patience = _OTHERS_WAIT if self._left else _DIAL_PATIENCE
        self._loop.within(origin, patience, lambda: self._failed(TimeoutError("no answer")))

    def _failed(self, error: OSError) -> None:
        if self._origin is not None:
            self._loop.close(self._origin)
            self._origin = None
        self._failure = error.strerror or str(error)
        late = isinstance(error, TimeoutError)
        self._status = (504, "Gateway Timeout") if late else (502, "Bad Gateway")
        self._dial()

    def _dialled(self) -> None:
        origin = self._origin
        assert origin is not None  # noqa: S101 - that was dialled
        number = origin.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._failed(OSError(number, os.strerror(number)))
            return
        self._loop.within(origin, None, self._dial)
        origin.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._head is None:
            try:
                self._one.send(_ESTABLISHED)
            except OSError:
                self._close()
                return
        first = (self._head or b"") + self._said
        self._said = b""
        self._origin = None  # it is the pair's now
        self._pair = splice.Pair(self._loop, self._one, origin, first, self._forget)

    def judge_again(self) -> None:
        """Close what may no longer be."""
        if self._address is None:
            return  # nothing has been judged yet
        self._left = deque(
            address
            for address in self._left
            if self._proxy.judge(self._host, self._port, address).allowed
        )
        name = self._host
        verdict = self._proxy.judge(name, self._port, self._address)
        if verdict.allowed and isinstance(name, str) and policy.known_addresses(name) is None:
            verdict = policy.is_looked_up(self._proxy.policy, name, self._port)
        if verdict.allowed:
            return
        if self._pair is not None:
            self._pair.close()
        elif self._origin is not None:
            self.refuse(403, "Forbidden", verdict.why)

    def refuse(self, status: int, phrase: str, why: str) -> None:
        """Answer, and end. The reason is in the first line too: many clients show that alone."""
        self._drop_origin()
        text = "".join(c if " " <= c <= "~" else "?" for c in why)
        body = f"code-interpreter: {text}\n"
        answer = (
            f"HTTP/1.1 {status} {phrase}: {text}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        )
        try:
            self._one.send(answer.encode("ascii"))
            self._one.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()
            return
        # Whatever it still says is read, or it might lose the answer.
        self._loop.watch(self._one, splice.READ, self._drain)
        self._loop.within(self._one, _LAST_WORDS, self._close)

    def _drain(self) -> None:
        data = splice.received(self._one)
        if data is None:
            return
        if not data:
            self._close()

    def _drop_origin(self) -> None:
        self._left.clear()
        if self._origin is not None:
            self._loop.close(self._origin)
            self._origin = None

    def _close(self) -> None:
        self._drop_origin()
        self._loop.close(self._one)
        self._forget()

    def _forget(self) -> None:
        self._proxy.clients.discard(self)


class _Names:
    """Asks the system for addresses, in threads: it has no other way that asks all it knows."""

    def __init__(self, loop: "splice.Loop") -> None:
        self._waiting: deque[tuple[str, _Client]] = deque()
        self._asking = 0
        self._answers: deque[tuple[_Client, list[policy.Address], str]] = deque()
        self._wakes, self._wake = socket.socketpair()
        self._wakes.setblocking(False)
        loop.watch(self._wakes, splice.READ, self._take_answers)

    def look_up(self, name: str, client: _Client) -> None:
        """Tell a client the addresses of a name, later."""
        self._waiting.append((name, client))
        self._ask()

    def _ask(self) -> None:
        while self._waiting and self._asking < _LOOKUPS:
            name, client = self._waiting.popleft()
            try:
                _thread.start_new_thread(self._look_up, (name, client))
            except RuntimeError as error:  # the system has no thread for it
                client.found([], str(error))
            else:
                self._asking += 1

    def _look_up(self, name: str, client: _Client) -> None:
        addresses: list[policy.Address] = []
        failure = ""
        try:
            # Bytes: nothing is to be made of the name on the way.
            found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
            texts = dict.fromkeys(str(place[4][0]) for place in found)
            addresses += [ipaddress.ip_address(text) for text in texts if "%" not in text]
            if not addresses:
                failure = "it has no address"
        except (OSError, ValueError) as error:
            failure = getattr(error, "strerror", None) or str(error)
        finally:
            self._answers.append((client, addresses, failure))
            self._wake.send(b"!")

    def _take_answers(self) -> None:
        self._wakes.recv(65536)
        while self._answers:
            client, addresses, failure = self._answers.popleft()
            self._asking -= 1
            client.found(addresses, failure)
        self._ask()


def _is_own(address: "policy.Address") -> bool:
    """Whether an address is this machine's: the one that it would itself be at, from there."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return True  # it cannot be known
    with probe:
        try:
            probe.connect((str(address), _DISCARD))  # sends nothing
        except PermissionError:
            return True  # a broadcast address of a network that this machine is in
        except OSError:
            return False
        return ipaddress.ip_address(probe.getsockname()[0]) == address
