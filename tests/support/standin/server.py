"""The cluster: the lifecycle API on a thread, and a box with an agent for each sandbox."""

import asyncio
import hmac
import json
import secrets
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from opensandbox.config import ConnectionConfig
from opensandbox.config.connection_sync import ConnectionConfigSync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from typing_extensions import Self

from tests.support.standin import box
from tests.support.standin.settings import Settings
from tests.support.standin.way_out import let_out

EXECD_PORT = 44772
TOKEN_HEADER = "X-EXECD-ACCESS-TOKEN"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
NOT_PASSED_ON = {b"host", b"connection", b"transfer-encoding", b"open-sandbox-api-key"}
KEY_HEADER = "OPEN-SANDBOX-API-KEY"
_PATIENCE = 5.0
Operation = Callable[[Request], Awaitable[Response]]


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class _Sandbox:
    """One sandbox, from its start to its end."""

    request: dict[str, Any]
    process: asyncio.subprocess.Process
    cluster: socket.socket
    port: int
    token: str
    way_out: asyncio.Server | None
    id: str = field(default_factory=lambda: str(uuid4()))
    created: datetime = field(default_factory=_now)
    expires: datetime | None = None
    expiry: asyncio.TimerHandle | None = None

    def describe(self) -> dict[str, Any]:
        expires = {"expiresAt": self.expires.isoformat()} if self.expires else {}
        return {
            "id": self.id,
            "status": {"state": "Running"},
            "image": self.request["image"],
            "entrypoint": self.request.get("entrypoint") or [],
            "metadata": self.request.get("metadata") or {},
            "createdAt": self.created.isoformat(),
            **expires,
        }

    def address(self, port: int) -> str:
        """Return where a port of it is to be reached, without the lifecycle server."""
        return f"127.0.0.1:{self.port}/{port if port == EXECD_PORT else f'proxy/{port}'}"

    async def end(self) -> None:
        """End its processes; return when the last is gone."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self.way_out is not None:
            self.way_out.close()
        self.cluster.close()
        try:
            await asyncio.wait_for(self.process.wait(), _PATIENCE)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()


async def _start(settings: Settings, request: dict[str, Any]) -> _Sandbox:
    token = secrets.token_hex()
    ours, theirs = socket.socketpair()
    # A socket of this network, so that it can be reached from here; all others of the sandbox are
    # in a network of its own.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = {
            "listener": listener.fileno(),
            "token": token,
            "lost": settings.lost,
            "uid": 0 if settings.root else box.ORDINARY,
            "own": box.own(settings),
            "way_out": settings.index,
        }
        ours.sendall(json.dumps(wanted).encode() + b"\n")
        with theirs:
            process = await box.start(settings, request.get("env") or {}, listener, theirs)
        port = listener.getsockname()[1]
    started, doors, _, _ = await asyncio.to_thread(socket.recv_fds, ours, 1, 1)
    if not started:
        raise box.MissingError(f"no box can be made: bwrap ended with {await process.wait()}")
    way_out = None
    if doors:
        way_out = await asyncio.start_server(let_out, sock=socket.socket(fileno=doors[0]))
    return _Sandbox(request, process, ours, port, token, way_out)


def _refused(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)


class _Lifecycle:
    """The operations on sandboxes."""

    def __init__(self, api_key: str, images: dict[str, Settings]) -> None:
        self._api_key = api_key
        self._images = images
        self._sandboxes: dict[str, _Sandbox] = {}
        self._ends: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        one = "/v1/sandboxes/{id}"
        routes = [
            Route("/v1/sandboxes", self._guarded(self._create), methods=["POST"]),
            Route("/v1/sandboxes", self._guarded(self._list), methods=["GET"]),
            Route(one, self._guarded(self._get), methods=["GET"]),
            Route(one, self._guarded(self._delete), methods=["DELETE"]),
            Route(one + "/renew-expiration", self._guarded(self._renew), methods=["POST"]),
            Route(one + "/endpoints/{port:int}", self._guarded(self._endpoint), methods=["GET"]),
            Route(
                one + "/proxy/{port:int}{path:path}", self._guarded(self._proxy), methods=METHODS
            ),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        async with httpx.AsyncClient(timeout=None, trust_env=False) as self._client:
            yield
        ends = [sandbox.end() for sandbox in self._sandboxes.values()]
        await asyncio.gather(*ends, *self._ends)

    def _guarded(self, operation: Operation) -> Operation:
        async def answer(request: Request) -> Response:
            given = request.headers.get(KEY_HEADER, "")
            if not hmac.compare_digest(given.encode(), self._api_key.encode()):
                return _refused(401, "UNAUTHORIZED", f"{KEY_HEADER} is missing or wrong")
            identity = request.path_params.get("id")
            if identity is not None and identity not in self._sandboxes:
                return _refused(404, "SANDBOX_NOT_FOUND", f"no sandbox {identity}")
            return await operation(request)

        return answer

    async def _create(self, request: Request) -> Response:
        wanted = await request.json()
        image = wanted.get("image", {}).get("uri")
        if image not in self._images:
            return _refused(400, "INVALID_IMAGE", f"no image {image}")
        try:
            sandbox = await _start(self._images[image], wanted)
        except box.MissingError as error:
            return _refused(501, "NOT_SUPPORTED", str(error))
        self._sandboxes[sandbox.id] = sandbox
        if seconds := wanted.get("timeout"):
            self._expire(sandbox, _now() + timedelta(seconds=seconds))
        return JSONResponse(sandbox.describe(), 202)

    async def _list(self, request: Request) -> Response:
        del request
        items = [sandbox.describe() for sandbox in self._sandboxes.values()]
        pages = {"page": 1, "pageSize": max(len(items), 1), "totalItems": len(items)}
        pages |= {"totalPages": 1, "hasNextPage": False}
        return JSONResponse({"items": items, "pagination": pages})

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._sandboxes[request.path_params["id"]].describe())

    async def _delete(self, request: Request) -> Response:
        await self._end(request.path_params["id"])
        return Response(status_code=204)

    async def _renew(self, request: Request) -> Response:
        moment = datetime.fromisoformat((await request.json())["expiresAt"].replace("Z", "+00:00"))
        self._expire(self._sandboxes[request.path_params["id"]], moment)
        return JSONResponse({"expiresAt": moment.isoformat()})

    async def _endpoint(self, request: Request) -> Response:
        sandbox = self._sandboxes[request.path_params["id"]]
        port = request.path_params["port"]
        if request.query_params.get("use_server_proxy") == "true":
            endpoint = f"{request.url.netloc}/v1/sandboxes/{sandbox.id}/proxy/{port}"
        else:
            endpoint = sandbox.address(port)
        return JSONResponse({"endpoint": endpoint, "headers": {TOKEN_HEADER: sandbox.token}})

    async def _proxy(self, request: Request) -> Response:
        sandbox = self._sandboxes[request.path_params["id"]]
        address = sandbox.address(request.path_params["port"])
        path = request.scope["raw_path"].decode("latin-1").split("/", 6)[6:]
        url = httpx.URL(f"http://{'/'.join([address, *path])}", query=request.url.query.encode())
        kept = [(k, v) for k, v in request.headers.raw if k.lower() not in NOT_PASSED_ON]
        sends = not {"content-length", "transfer-encoding"}.isdisjoint(request.headers.keys())
        passed = self._client.build_request(
            request.method, url, headers=kept, content=request.stream() if sends else None
        )
        try:
            answer = await self._client.send(passed, stream=True)
        except httpx.TransportError as error:
            return _refused(502, "BAD_GATEWAY", f"{type(error).__name__}: {error}")

        async def content() -> AsyncGenerator[bytes, None]:
            try:
                async for block in answer.aiter_raw():
                    yield block
            finally:
                await answer.aclose()

        response = StreamingResponse(content(), answer.status_code)
        response.raw_headers = [
            (k.lower(), v) for k, v in answer.headers.raw if k.lower() not in NOT_PASSED_ON
        ]
        return response

    def _expire(self, sandbox: _Sandbox, moment: datetime) -> None:
        def end() -> None:
            task = asyncio.ensure_future(self._end(sandbox.id))
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

        if sandbox.expiry is not None:
            sandbox.expiry.cancel()
        sandbox.expires = moment
        left = (moment - _now()).total_seconds()
        sandbox.expiry = asyncio.get_running_loop().call_later(left, end)

    async def _end(self, identity: str) -> None:
        if (sandbox := self._sandboxes.pop(identity, None)) is not None:
            await sandbox.end()


class StandIn:
    """A server that runs inside a `with` block; all its sandboxes end with the block.

    They end as well when its process is killed.

    Attributes:
        api_key: What the lifecycle API wants in OPEN-SANDBOX-API-KEY.
        domain: Where it is, as `host:port`.
    """

    def __init__(self) -> None:
        self.api_key = secrets.token_hex()
        self.domain = ""
        self._images: dict[str, Settings] = {}

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.domain = f"127.0.0.1:{self._socket.getsockname()[1]}"
        app = _Lifecycle(self.api_key, self._images).app()
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="stand-in"
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        with suppress(OSError):
            self._socket.close()

    def image(self, settings: Settings) -> str:
        """Return the image that makes `Sandbox.create` start a sandbox with these settings."""
        name = f"standin:{hash(settings) & 0xFFFFFFFF:08x}"
        self._images[name] = settings
        return name

    @property
    def environment(self) -> dict[str, str]:
        """OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY, for clients in other processes."""
        return {"OPEN_SANDBOX_DOMAIN": self.domain, "OPEN_SANDBOX_API_KEY": self.api_key}

    def connection(self) -> ConnectionConfig:
        """Return a new configuration for async clients of this server."""
        return ConnectionConfig(domain=self.domain, api_key=self.api_key)

    def connection_sync(self) -> ConnectionConfigSync:
        """Return a new configuration for blocking clients of this server."""
        return ConnectionConfigSync(domain=self.domain, api_key=self.api_key)
