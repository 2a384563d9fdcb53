"""A run gives what the server's stream holds, or says what became of it; async and sync alike."""

import asyncio
import hashlib
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import httpx
import pytest
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.execd import ExecutionHandlers, OutputMessage
from opensandbox.models.execd_sync import ExecutionHandlersSync

import code_interpreter as ci
from code_interpreter._async.connection import Connection
from code_interpreter._sync.connection import Connection as SyncConnection
from code_interpreter._wire.target import BareTarget
from tests.support.replay import STREAMS, ReplayServer


class Run(Protocol):
    """Run code on the server at a URL, with a handler for each name that is given."""

    def __call__(self, url: str, code: str, **handlers: Any) -> ci.Execution: ...


def run_sync(url: str, code: str, **handlers: Any) -> ci.Execution:
    with ci.CodeInterpreterSync.connect(url) as interpreter:
        return interpreter.codes.run(code, handlers=ExecutionHandlersSync(**handlers))


def run_async(url: str, code: str, **handlers: Any) -> ci.Execution:
    async def main() -> ci.Execution:
        async with await ci.CodeInterpreter.connect(url) as interpreter:
            return await interpreter.codes.run(code, handlers=ExecutionHandlers(**handlers))

    return asyncio.run(main())


def run_async_with_async_handlers(url: str, code: str, **handlers: Any) -> ci.Execution:
    def wrapped(handler: Any) -> Any:
        async def call(argument: Any) -> None:
            await asyncio.sleep(0)
            handler(argument)

        return call

    return run_async(
        url, code, **{n: wrapped(h) if callable(h) else h for n, h in handlers.items()}
    )


@pytest.fixture(params=[run_sync, run_async, run_async_with_async_handlers])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


RECORDINGS = {
    path.stem: json.loads(path.read_text())["expected"] for path in sorted(STREAMS.glob("*.json"))
}


def holds(expected: Any, text: str) -> bool:
    if isinstance(expected, str):
        return text == expected
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (len(text), digest) == (expected["length"], expected["sha256"])


@pytest.mark.parametrize(
    "name",
    [name for name, expected in RECORDINGS.items() if expected["outcome"] in {"ok", "error"}],
)
@pytest.mark.parametrize("run", [run_sync, run_async])
@pytest.mark.filterwarnings("ignore::code_interpreter.OutputLostWarning")
def test_a_recorded_run_gives_what_it_holds(name: str, run: Run, replay: ReplayServer) -> None:
    expected = RECORDINGS[name]
    execution = run(replay.url, name)
    assert holds(expected["stdout"], "".join(m.text for m in execution.logs.stdout))
    assert holds(expected["stderr"], "".join(m.text for m in execution.logs.stderr))
    assert [
        {("text" if kind == "text/plain" else kind): value for kind, value in r.mime.items()}
        for r in execution.result
    ] == expected["results"]
    assert execution.execution_count == expected["execution_count"]
    assert execution.id == expected["init"]
    error = execution.error
    assert (error and [error.name, error.value]) == (
        expected["error"] and [expected["error"]["ename"], expected["error"]["evalue"]]
    )
    time = execution.complete and execution.complete.execution_time_in_millis
    assert time == expected["execution_time_ms"]


@pytest.mark.parametrize(
    "name", [name for name, expected in RECORDINGS.items() if expected["outcome"] == "busy"]
)
def test_a_recorded_busy_answer_is_context_busy(name: str, run: Run, replay: ReplayServer) -> None:
    with pytest.raises(ci.ContextBusyError) as caught:
        run(replay.url, name)
    assert caught.value.code == "RUNTIME_ERROR"


@pytest.mark.parametrize(
    ("fault", "kind", "kept"),
    [
        ("cut-before-anything", ci.StreamTruncatedError, ""),
        ("cut-after-output", ci.StreamTruncatedError, "out\n"),
        ("cut-after-complete", ci.StreamTruncatedError, "out\n"),
        ("cut-inside-event", ci.ProtocolError, ""),
        ("ends-without-end", ci.StreamTruncatedError, "out\n"),
        ("empty-stream", ci.StreamTruncatedError, ""),
        ("garbage-event", ci.ProtocolError, "out\n"),
        ("glued-busy", ci.ContextBusyError, "out\n"),
        ("html-200", ci.ProtocolError, ""),
        ("html-502", ci.APIError, ""),
        ("json-500", ci.APIError, ""),
        ("unknown-context", ci.ContextNotFoundError, ""),
        ("slow-down", ci.RateLimitedError, ""),
        ("unauthorized", ci.AuthenticationError, ""),
    ],
)
def test_a_fault_has_its_type_and_carries_what_arrived(
    fault: str, kind: type[ci.CodeInterpreterError], kept: str, run: Run, replay: ReplayServer
) -> None:
    with pytest.raises(ci.CodeInterpreterError) as caught:
        run(replay.url, f"fault:{fault}")
    assert type(caught.value) is kind
    assert caught.value.execution is not None
    assert "".join(m.text for m in caught.value.execution.logs.stdout) == kept


def test_an_http_failure_carries_status_request_id_and_body(run: Run, replay: ReplayServer) -> None:
    with pytest.raises(ci.APIError) as caught:
        run(replay.url, "fault:html-502")
    assert (caught.value.status, caught.value.request_id) == (502, "request-1")
    assert caught.value.body == b"<html>Bad Gateway</html>"


def test_output_behind_execution_complete_is_not_lost(run: Run, replay: ReplayServer) -> None:
    assert run(replay.url, "fault:complete-first").logs.stdout[0].text == "out\n"


def test_handlers_get_each_piece_in_order(run: Run, replay: ReplayServer) -> None:
    calls: list[str] = []
    names = ["on_init", "on_stdout", "on_stderr", "on_result", "on_error", "on_execution_complete"]

    def named(name: str) -> Callable[[object], None]:
        return lambda _: calls.append(name)

    run(replay.url, "fault:good", **{name: named(name) for name in names})
    assert calls == ["on_init", "on_stdout", "on_execution_complete"]


def test_what_a_handler_raises_reaches_the_caller_unchanged(run: Run, replay: ReplayServer) -> None:
    mine = ConnectionResetError("mine, though it looks like one of the network's")

    def fail(_: OutputMessage) -> None:
        raise mine

    with pytest.raises(ConnectionResetError) as caught:
        run(replay.url, "fault:good", on_stdout=fail)
    assert caught.value is mine


def test_skip_accumulation_leaves_output_to_the_handlers(run: Run, replay: ReplayServer) -> None:
    seen: list[str] = []

    def keep(message: OutputMessage) -> None:
        seen.append(message.text)

    execution = run(
        replay.url,
        "fault:good",
        on_stdout=keep,
        skip_accumulation=True,
    )
    assert seen == ["out\n"]
    assert execution.logs.stdout == execution.outputs == []


def test_the_blocking_client_refuses_async_handlers_before_any_io(replay: ReplayServer) -> None:
    async def handler(_: object) -> None: ...

    async_handlers: Any = {"on_stdout": handler}
    with ci.CodeInterpreterSync.connect(replay.url) as interpreter:
        asked = len(replay.requests)
        with pytest.raises(ci.InvalidArgumentError):
            interpreter.codes.run("fault:good", handlers=ExecutionHandlersSync(**async_handlers))
    assert len(replay.requests) == asked


def test_the_blocking_client_refuses_a_handler_that_turns_out_to_be_async(
    replay: ReplayServer,
) -> None:
    async def handler(_: object) -> None: ...

    def disguised(message: OutputMessage) -> Any:
        return handler(message)

    with (
        ci.CodeInterpreterSync.connect(replay.url) as interpreter,
        pytest.raises(ci.InvalidArgumentError, match="on_stdout"),
    ):
        interpreter.codes.run("fault:good", handlers=ExecutionHandlersSync(on_stdout=disguised))


def test_a_base_url_with_a_path_and_headers_is_kept(replay: ReplayServer) -> None:
    with ci.CodeInterpreterSync.connect(
        replay.url + "/44772/", headers={"X-EXECD-ACCESS-TOKEN": "t"}
    ) as interpreter:
        interpreter.codes.run("fault:good")
    assert [(r[0], r[1]) for r in replay.requests] == [
        ("GET", "/44772/ping"),
        ("POST", "/44772/code"),
    ]
    assert all(r[2]["X-EXECD-ACCESS-TOKEN"] == "t" for r in replay.requests)


def test_headers_do_not_follow_a_redirect_to_another_origin(replay: ReplayServer) -> None:
    async def main() -> None:
        target = BareTarget.parse(replay.url + "/redirect", {"X-Secret": "s"}, None)
        config = ConnectionConfig(follow_redirects=True, headers={"X-Mine": "m"})
        connection = Connection(config, target.endpoint)
        assert await ci.Codes(connection).ping()
        await connection.aclose()

    asyncio.run(main())
    (_, here, first, _), (_, there, second, _) = replay.requests
    assert (here, there) == ("/redirect/ping", "/ping")
    first, second = ({k.lower(): v for k, v in headers.items()} for headers in (first, second))
    assert (first["x-secret"], first["x-mine"]) == ("s", "m")
    assert "x-secret" not in second
    assert "x-mine" not in second


@pytest.mark.parametrize("use_server_proxy", [False, True])
def test_the_api_key_travels_to_execd_in_server_proxy_mode_only(
    use_server_proxy: bool,  # noqa: FBT001
    replay: ReplayServer,
) -> None:
    config = ConnectionConfigSync(
        api_key="key", headers={"X-Mine": "m"}, use_server_proxy=use_server_proxy
    )
    connection = SyncConnection(
        config, BareTarget.parse(replay.url, {"X-Route": "r"}, None).endpoint
    )
    codes = ci.CodesSync(connection)
    assert codes.ping()
    codes.run("fault:good")
    connection.close()
    for _, _, sent, _ in replay.requests:
        headers = httpx.Headers(sent)
        assert headers.get("open-sandbox-api-key") == ("key" if use_server_proxy else None)
        assert (headers["x-mine"], headers["x-route"]) == ("m", "r")
        assert headers["user-agent"] == config.user_agent


def test_a_transport_of_the_users_serves_every_call_and_is_not_closed(
    replay: ReplayServer,
) -> None:
    class Counting(httpx.HTTPTransport):
        requests = 0
        closed = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.requests += 1
            return super().handle_request(request)

        def close(self) -> None:
            self.closed = True
            super().close()

    transport = Counting()
    config = ConnectionConfigSync(transport=transport)
    connection = SyncConnection(config, BareTarget.parse(replay.url, None, None).endpoint)
    codes = ci.CodesSync(connection)
    codes.run("fault:good")
    assert codes.ping()
    connection.close()
    assert (transport.requests, transport.closed) == (2, False)
    with pytest.raises(ci.InterpreterClosedError):
        codes.ping()
    transport.close()


def test_a_transport_needs_no_network_behind_it() -> None:
    endpoint = BareTarget.parse("http://nowhere", None, None).endpoint
    transport = httpx.MockTransport(lambda _: httpx.Response(200))

    async def main() -> bool:
        config = ConnectionConfig(transport=transport)
        return await ci.Codes(Connection(config, endpoint)).ping()

    assert asyncio.run(main())
    config = ConnectionConfigSync(transport=transport)
    assert ci.CodesSync(SyncConnection(config, endpoint)).ping()


def test_waiting_for_a_server_that_says_nothing_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://{}:{}".format(*silent.getsockname())
        endpoint = BareTarget.parse(url, None, None).endpoint
        timeout = timedelta(seconds=0.5)

        async def main() -> None:
            connection = Connection(ConnectionConfig(), endpoint)
            async with ci.CodeInterpreter(connection) as interpreter:
                await interpreter.check_ready(timeout)

        started = time.monotonic()
        with (
            ci.CodeInterpreterSync(SyncConnection(ConnectionConfigSync(), endpoint)) as interpreter,
            pytest.raises(ci.NotReadyError),
        ):
            interpreter.check_ready(timeout)
        with pytest.raises(ci.NotReadyError):
            asyncio.run(main())
        assert time.monotonic() - started < 10  # and not the 30 s that a request may take


def test_nobody_there_is_a_transport_error() -> None:
    with pytest.raises(ci.TransportError, match=r"http://127\.0\.0\.1:9"):
        ci.CodeInterpreterSync.connect("http://127.0.0.1:9")

    async def main() -> None:
        await ci.CodeInterpreter.connect("http://127.0.0.1:9")

    with pytest.raises(ci.TransportError):
        asyncio.run(main())
