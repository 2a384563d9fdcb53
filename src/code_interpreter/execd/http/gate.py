"""What both local servers share: the gate in front of them, their error answers, their uvicorn.

The servers listen on loopback, where every web page that the user opens can reach them and every
local user can connect. So nothing passes the gate without the secret, nothing passes under a
foreign host name (DNS rebinding), and nothing passes that a browser sent on behalf of a page.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from code_interpreter.execd.http.patience import PatientProtocol

# The secrets: the headers that carry them, and the environment variables that hold them.
API_KEY_HEADER = "OPEN-SANDBOX-API-KEY"
API_KEY_VARIABLE = "OPEN_SANDBOX_API_KEY"
TOKEN_HEADER = "X-EXECD-ACCESS-TOKEN"  # noqa: S105  # a name, not a secret
TOKEN_VARIABLE = "EXECD_ACCESS_TOKEN"  # noqa: S105
# Where a cluster uses the token header for its own daemon's token, ours comes in this one.
OWN_TOKEN_HEADER = "X-CODE-INTERPRETER-TOKEN"  # noqa: S105

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def error_response(status: int, code: str, message: str) -> JSONResponse:
    """The ErrorResponse of both APIs: a code for programs, a text for people."""
    return JSONResponse({"code": code, "message": message}, status_code=status)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: A host name or an IP address.
        port: 0 lets the system choose a free one.

    Raises:
        OSError: The address cannot be resolved, or is taken.
    """
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listening = socket.create_server((host, port), family=family, backlog=512)
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol, and
    # create_server leaves it unnamed: each small answer would be 40 ms late.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())


def authority(host: str, port: int) -> str:
    """`host:port` as it stands in a URL, IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# RFC 9110, section 7.2: a name or an address (of IPv6 in brackets), and perhaps a port.
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:/@]*))(?::[0-9]*)?")
# RFC 6454, section 6.2, of pages that have one.
_ORIGIN = re.compile(r"https?://(?P<host>[^/]+)")


class Gate:
    """ASGI middleware that answers 401 or 403 to whatever should not come in.

    Args:
        app: What stands behind the gate.
        header: Name of the request header that carries the secret.
        secret: What it must say.
        host: The address that the server listens on. On a loopback address, only requests to
            a loopback name pass; on another, the operator asked for the world, and any name does.
        has_another: Whether a request may come in by another secret, which is for its path alone.
        local_pages: Whether a request may name an Origin that is of this machine.

    Attributes:
        app: What stands behind the gate.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        header: str,
        secret: str,
        host: str,
        has_another: Callable[[str, Headers], bool] = lambda _path, _headers: False,
        local_pages: bool = False,
    ) -> None:
        self.app = app
        self._local_pages = local_pages
        self._has_another = has_another
        self._header = header
        self._secret = secret.encode()
        self._loopback_only = is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on (ASGI)."""
        if scope["type"] == "http":
            refusal = self._refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            # Websockets: no uvicorn of ours makes any, and none would pass unseen.
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> JSONResponse | None:
        if self._loopback_only and not is_loopback(_host_name(headers.get("host", ""))):
            return error_response(403, "FORBIDDEN_HOST", "this server answers to loopback names")
        if self._is_of_a_page(headers):
            return error_response(403, "FORBIDDEN_ORIGIN", "requests from web pages are refused")
        given = headers.get(self._header, "").encode()
        if not hmac.compare_digest(given, self._secret) and not self._has_another(path, headers):
            problem = "wrong" if given else "missing"
            message = f"{problem} credential: send it in the header {self._header}"
            # Real execds answer {"error": ...}, lifecycle servers {"code", "message"}.
            return JSONResponse(
                {"code": "UNAUTHORIZED", "message": message, "error": message}, status_code=401
            )
        return None

    def _is_of_a_page(self, headers: Headers) -> bool:
        # Programs send neither header; browsers cannot leave them out on a cross-site request.
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        page = _ORIGIN.fullmatch(origin) if self._local_pages else None
        return page is None or not is_loopback(_host_name(page["host"]))


def _host_name(host_header: str) -> str:
    """Return the name or the address without its port; nothing if it is not written in this way."""
    match = _HOST.fullmatch(host_header)
    return (match["v6"] or match["name"]) if match else ""


def uvicorn_server(
    app: ASGIApp, *, protocol: type[PatientProtocol] = PatientProtocol
) -> uvicorn.Server:
    """Return a server for `app`; call `.serve(sockets=[bind(...)])`.

    It leaves the configuration of logging alone: loggers belong to the program around it, which
    may run a uvicorn of its own.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            date_header=False,
            http=protocol,
            lifespan="on",
            log_config=None,
            loop="asyncio",
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
        )
    )
