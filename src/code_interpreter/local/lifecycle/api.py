"""HTTP of the sandbox API: routes and answers. It decides status codes and nothing else."""

import contextlib
import hmac
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from code_interpreter.execd.http.gate import (
    API_KEY_HEADER,
    TOKEN_HEADER,
    Gate,
    authority,
    error_response,
    is_loopback,
)
from code_interpreter.execd.http.routing import content
from code_interpreter.execd.refusals import ApiError
from code_interpreter.local.box.volumes import MountError
from code_interpreter.local.lifecycle import requests
from code_interpreter.local.lifecycle.requests import RequestError, rfc3339
from code_interpreter.local.lifecycle.sandbox import (
    PauseError,
    Provision,
    Sandbox,
    Sandboxes,
    StartError,
    StateError,
)
from code_interpreter.local.network.control import RelayError
from code_interpreter.local.network.policy import Policy, PolicyError

EXECD_PORT = 44772
EGRESS_PORT = 18080
EGRESS_HEADER = "OPENSANDBOX-EGRESS-AUTH"

# Operations of the API that a local server does not have, and why.
_LONGEST_BODY = 4 * 1024 * 1024
_UNSUPPORTED = {
    "/sandboxes/{sandbox_id}/snapshots": "local sandboxes have no snapshots",
    "/sandboxes/{sandbox_id}/diagnostics/{kind}": "local sandboxes keep no diagnostics",
    "/snapshots": "local sandboxes have no snapshots",
    "/snapshots/{snapshot_id}": "local sandboxes have no snapshots",
    "/templates": "local sandboxes have no templates",
    "/templates/{template_id}": "local sandboxes have no templates",
}

_NO_POLICY = "this sandbox is not isolated, so there is no network policy"
_EGRESS = re.compile(r"/egress/([0-9a-f-]+)/.*")
_HEALTH = "/health"
_NO_VAULTS = "local sandboxes have no credential vaults"
_UNSIGNED = "local endpoints are neither signed nor do they expire: ask for a plain one"


def lifecycle_app(*, api_key: str, host: str, provision: Provision) -> Gate:
    """Return the sandbox API behind its gate; the end of its lifespan ends all sandboxes.

    Args:
        api_key: What requests must carry in the header OPEN-SANDBOX-API-KEY.
        host: The address that the server listens on. Clients that can reach it can reach the
            sandboxes too.
        provision: What all sandboxes have.
    """
    loopback = is_loopback(host)
    sandboxes = Sandboxes("127.0.0.1" if loopback else host, provision)
    operations = _Operations(
        sandboxes,
        loopback=loopback,
        isolated=provision.box is not None,
        offline=provision.outside.final,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await sandboxes.close()

    one = "/sandboxes/{sandbox_id}"
    routes = [
        Route("/sandboxes", operations.create, methods=["POST"]),
        Route("/sandboxes", operations.list, methods=["GET"]),
        Route(one, operations.get, methods=["GET"]),
        Route(one, operations.delete, methods=["DELETE"]),
        Route(one + "/renew-expiration", operations.renew, methods=["POST"]),
        Route(one + "/pause", operations.pause, methods=["POST"]),
        Route(one + "/resume", operations.resume, methods=["POST"]),
        Route(one + "/metadata", operations.patch_metadata, methods=["PATCH"]),
        Route(one + "/endpoints/{port}", operations.endpoint, methods=["GET"]),
        *operations.of_network(one + "/networkpolicy"),
        Route("/metrics/events", _take_metrics, methods=["POST"]),
        *(
            Route(path, _unsupported(why), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
            for path, why in _UNSUPPORTED.items()
        ),
    ]
    app = Starlette(
        routes=[
            Mount("/v1", routes=routes),
            Route(_HEALTH, _healthy, methods=["GET"]),
            # What a cluster has at the port EGRESS_PORT of the sandbox.
            *operations.of_network("/egress/{sandbox_id}/policy"),
            Route(
                "/egress/{sandbox_id}/{rest:path}",
                _unsupported(_NO_VAULTS),
                methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            ),
        ],
        lifespan=lifespan,
        exception_handlers={
            ApiError: _refused,
            RequestError: _bad_request,
            StartError: _start_failed,
            MountError: _bad_request,
            StateError: _in_another_state,
            PauseError: _pause_failed,
            RelayError: _relay_failed,
            _NotFoundError: _not_found,
            HTTPException: _http_error,
        },
    )

    def needs_no_key(path: str, headers: Headers) -> bool:
        return path == _HEALTH or operations.is_egress(path, headers)

    return Gate(app, header=API_KEY_HEADER, secret=api_key, host=host, has_another=needs_no_key)


async def _healthy(request: Request) -> Response:
    """Tell whoever watches the server that it answers, and nothing else."""
    del request
    return JSONResponse({"status": "healthy"})


class _NotFoundError(Exception):
    """No sandbox has this id."""


class _Operations:
    """The endpoints that work on sandboxes."""

    def __init__(
        self, sandboxes: Sandboxes, *, loopback: bool, isolated: bool, offline: bool
    ) -> None:
        self._sandboxes = sandboxes
        self._offline = offline
        self._loopback = loopback
        self._isolated = isolated

    async def create(self, request: Request) -> Response:
        spec = requests.read_spec(
            await _json(request), isolated=self._isolated, offline=self._offline
        )
        try:
            sandbox = await self._sandboxes.create(spec)
        except OSError as error:
            raise StartError(f"no process can be started: {error}") from error
        if await request.is_disconnected():
            # No client has received its id, so none could end it.
            await self._sandboxes.delete(sandbox)
        return JSONResponse(_describe(sandbox), status_code=202)

    async def list(self, request: Request) -> Response:
        parameters = request.query_params
        query = requests.read_list_query(parameters.getlist("state"), parameters)
        page, total = self._sandboxes.find(query)
        pages = -(-total // query.page_size)
        pagination = {
            "page": query.page,
            "pageSize": query.page_size,
            "totalItems": total,
            "totalPages": pages,
            "hasNextPage": query.page < pages,
        }
        return JSONResponse({"items": [*map(_describe, page)], "pagination": pagination})

    async def get(self, request: Request) -> Response:
        return JSONResponse(_describe(self._find(request)))

    async def delete(self, request: Request) -> Response:
        await self._sandboxes.delete(self._find(request))
        return Response(status_code=204)

    async def pause(self, request: Request) -> Response:
        await self._find(request).pause()
        return Response(status_code=202)

    async def resume(self, request: Request) -> Response:
        await self._find(request).resume()
        return Response(status_code=202)

    async def renew(self, request: Request) -> Response:
        sandbox = self._find(request)
        moment = requests.read_expiration(await _json(request), datetime.now(timezone.utc))
        if not sandbox.alive:
            return _not_running(sandbox)
        self._sandboxes.renew(sandbox, moment)
        return JSONResponse({"expiresAt": rfc3339(moment)})

    async def patch_metadata(self, request: Request) -> Response:
        sandbox = self._find(request)
        patched = {**sandbox.metadata, **requests.read_metadata_patch(await _json(request))}
        sandbox.metadata = {key: value for key, value in patched.items() if value is not None}
        return JSONResponse(_describe(sandbox))

    async def endpoint(self, request: Request) -> Response:
        # use_server_proxy has no effect: a client that reaches this server reaches the sandbox.
        sandbox = self._find(request)
        port = requests.read_port(request.path_params["port"])
        if "expires" in request.query_params:
            return error_response(501, "NOT_SUPPORTED", _UNSIGNED)
        if not sandbox.running:
            return _not_running(sandbox)
        # Other machines get the name under which they reached this server.
        host = "127.0.0.1" if self._loopback else request.url.hostname or "127.0.0.1"
        if port == EGRESS_PORT and sandbox.box is not None:
            return JSONResponse(
                {
                    "endpoint": f"{request.url.netloc}/egress/{sandbox.id}",
                    "headers": {EGRESS_HEADER: sandbox.network_token},
                }
            )
        if port in {EXECD_PORT, EGRESS_PORT}:
            return JSONResponse(
                {
                    "endpoint": f"{authority(host, sandbox.port)}/{port}",
                    "headers": {TOKEN_HEADER: sandbox.token},
                }
            )
        if sandbox.box is not None:
            port = await sandbox.open_port(port)
        return JSONResponse({"endpoint": authority(host, port)})

    def of_network(self, path: str) -> Sequence[Route]:
        """What reads and changes the policy of a sandbox, at a path."""
        acts = {
            "GET": self._with_policy(None),
            "PUT": self._with_policy(self._replaced),
            "POST": self._with_policy(self._replaced),
            "PATCH": self._with_policy(self._patched),
            "DELETE": self._with_policy(self._cut),
        }
        return [Route(path, act, methods=[method]) for method, act in acts.items()]

    def _with_policy(
        self, read: Callable[[object], Callable[[Policy], Policy]] | None
    ) -> Callable[[Request], Awaitable[Response]]:
        """An operation.

        Args:
            read: Makes of the body what makes a new policy of the old one; None for no change.
        """

        async def answer(request: Request) -> Response:
            sandbox = self._find(request)
            if sandbox.box is None:
                return error_response(501, "NOT_SUPPORTED", _NO_POLICY)
            if read is not None:
                change = read(await _json(request))
                if not sandbox.running:
                    return _not_running(sandbox)
                await sandbox.change_policy(change)
            policy = sandbox.policy
            return JSONResponse(
                {
                    "status": "ok",
                    "mode": policy.mode,
                    "enforcementMode": "proxy",
                    "policy": policy.as_json(),
                }
            )

        return answer

    def _replaced(self, body: object) -> Callable[[Policy], Policy]:
        policy = requests.read_network_policy(body, offline=self._offline)
        return lambda _: policy

    def _patched(self, body: object) -> Callable[[Policy], Policy]:
        rules = requests.read_network_rules(body)
        return lambda policy: self._checked(lambda: policy.with_rules(rules))

    def _cut(self, body: object) -> Callable[[Policy], Policy]:
        targets = requests.read_targets(body)
        return lambda policy: self._checked(lambda: policy.without(targets))

    def _checked(self, made: Callable[[], Policy]) -> Policy:
        try:
            return requests.check_network(made(), offline=self._offline)
        except PolicyError as error:
            raise RequestError(f"networkPolicy: {error}") from error

    def is_egress(self, path: str, headers: Headers) -> bool:
        """Whether a request brings the secret of the sandbox whose policy it is about."""
        match = _EGRESS.fullmatch(path)
        sandbox = self._sandboxes.get(match[1]) if match else None
        given = headers.get(EGRESS_HEADER, "").encode()
        return sandbox is not None and hmac.compare_digest(given, sandbox.network_token.encode())

    def _find(self, request: Request) -> Sandbox:
        sandbox_id: str = request.path_params["sandbox_id"]
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise _NotFoundError(sandbox_id)
        return sandbox


def _describe(sandbox: Sandbox) -> dict[str, Any]:
    """Return a Sandbox of the API. Clients accept a missing time, and fail on a null one."""
    spec, status = sandbox.spec, sandbox.status
    described: dict[str, Any] = {
        "id": sandbox.id,
        "status": {
            "state": status.state,
            "reason": status.reason,
            "message": status.message,
            "lastTransitionAt": rfc3339(status.since),
        },
        "entrypoint": [*spec.entrypoint],
        "createdAt": rfc3339(sandbox.created_at),
        "metadata": dict(sandbox.metadata),
    }
    if sandbox.expires_at is not None:
        described["expiresAt"] = rfc3339(sandbox.expires_at)
    if spec.image is not None:
        described["image"] = {"uri": spec.image}
    if spec.extensions:
        described["extensions"] = dict(spec.extensions)
    return described


async def _json(request: Request) -> object:
    data = await content(request, _LONGEST_BODY)
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the request body is not JSON: {error}") from error


async def _take_metrics(_request: Request) -> Response:
    """Accept and drop the report of how long a creation took."""
    return Response(status_code=202)


def _unsupported(why: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return error_response(501, "NOT_SUPPORTED", why)

    return answer


def _not_running(sandbox: Sandbox) -> Response:
    status = sandbox.status
    message = f"the sandbox is {status.state}: {status.message}"
    return error_response(409, "SANDBOX_NOT_RUNNING", message)


async def _bad_request(_request: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, RequestError) else "INVALID_REQUEST"
    return error_response(400, code, str(error))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101  # what this is registered for
    return error_response(error.status, error.code, error.message)


async def _start_failed(_request: Request, error: Exception) -> Response:
    return error_response(500, "SANDBOX_START_FAILED", str(error))


async def _in_another_state(_request: Request, error: Exception) -> Response:
    return error_response(409, "SANDBOX_IN_ANOTHER_STATE", str(error))


async def _pause_failed(_request: Request, error: Exception) -> Response:
    return error_response(500, "SANDBOX_PAUSE_FAILED", str(error))


async def _relay_failed(_request: Request, error: Exception) -> Response:
    return error_response(409, "SANDBOX_NOT_RUNNING", str(error))


async def _not_found(_request: Request, error: Exception) -> Response:
    return error_response(404, "SANDBOX_NOT_FOUND", f"no sandbox has the id {error}")


async def _http_error(_request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in the form of all other errors."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(status, "ERROR")
    return error_response(status, code, str(error))
