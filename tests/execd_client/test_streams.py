"""stream and astream over real sockets: live, honest about errors, and tidy with connections.

Each fact is held for both roads: `Road` plays the sync and the async stream through one face.
"""

import asyncio
import contextlib
import gc
import gzip
import json
import socket
import struct
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from execd_client import AuthenticatedClient, Client
from execd_client.api.code_interpreting import run_code
from execd_client.api.command import run_command, run_in_session
from execd_client.api.isolated_execution import run_in_isolated_session
from execd_client.api.metric import watch_metrics
from execd_client.errors import (
    MalformedFrame,
    NotStreamed,
    StreamError,
    StreamErrorObject,
    StreamTruncated,
    UnexpectedStatus,
)
from execd_client.models import (
    CodeContext,
    ErrorResponse,
    IsolatedBackgroundRunResponse,
    IsolatedRunRequest,
    Metrics,
    RunCodeRequest,
    RunCommandRequest,
    RunInSessionRequest,
    ServerStreamEvent,
    ServerStreamEventType,
)
from execd_client.streaming import AsyncEventStream, EventStream

from tests.execd_client.raw_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    Peer,
    Request,
    answer,
    chunk,
    serve,
)

RECORDINGS = Path(__file__).parents[1] / "recordings" / "streams"
BODY = RunCodeRequest(code="6 * 7", context=CodeContext(language="python"))
INIT = b'{"type":"init","text":"run-1","timestamp":1}\n\n'
HELLO = b'{"type":"stdout","text":"hello","timestamp":2}\n\n'
COMPLETE = b'{"type":"execution_complete","execution_time":3,"timestamp":3}\n\n'
BUSY = b'{"code":"RUNTIME_ERROR","message":"session is busy"}'
ERROR_BODY = json.dumps({"code": "RUNTIME_ERROR", "message": "no kernel"}).encode()

T = TypeVar("T")
Play = Callable[[Peer, Request], None]


def good(*events: bytes) -> Play:
    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events) + LAST_CHUNK)

    return play


def cut(*events: bytes) -> Play:
    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events))
        peer.close()

    return play


def plain(response: bytes) -> Play:
    return lambda peer, _: peer.send(response)


def open_connections(client: httpx.Client | httpx.AsyncClient) -> int:
    """How many connections the pool holds: httpx has no public face for it."""
    transport: Any = client._transport  # pyright: ignore[reportPrivateUsage]
    return len(transport._pool.connections)


class Sync:
    """The sync road, in the words of the async one."""

    def run(self, test: Callable[[Any], Awaitable[T]], url: str, **options: Any) -> T:
        with Client(url, **options) as client:
            return asyncio.run(_as_coroutine(test(client)))

    def stream(self, client: Client, **options: Any) -> EventStream[ServerStreamEvent]:
        return run_code.stream(client=client, body=BODY, **options)

    async def collect(self, client: Client, **options: Any) -> list[ServerStreamEvent]:
        with self.stream(client, **options) as events:
            return list(events)

    async def frames(self, client: Client) -> list[list[bytes]]:
        with self.stream(client) as events:
            return list(iter(events.next_frames, []))

    async def first(self, client: Client) -> tuple[ServerStreamEvent, int]:
        with self.stream(client) as events:
            event = next(events)
        return event, open_connections(client.get_httpx_client())

    async def ping(self, client: Client) -> None:
        client.get_httpx_client().get("/ping").raise_for_status()

    async def discard(self, client: Client) -> list[list[bytes]]:
        batches: list[list[bytes]] = []
        with self.stream(client) as events:
            while frames := events.next_frames():
                batches.append(frames)
                events.discard_connection()
        return batches

    async def read_all_buffered(self, client: Client) -> Any:
        return run_code.sync(client=client, body=BODY)


class Async:
    """The async road."""

    def run(self, test: Callable[[Any], Awaitable[T]], url: str, **options: Any) -> T:
        async def main() -> T:
            async with Client(url, **options) as client:
                return await test(client)

        return asyncio.run(main())

    def stream(self, client: Client, **options: Any) -> AsyncEventStream[ServerStreamEvent]:
        return run_code.astream(client=client, body=BODY, **options)

    async def collect(self, client: Client, **options: Any) -> list[ServerStreamEvent]:
        async with self.stream(client, **options) as events:
            return [event async for event in events]

    async def frames(self, client: Client) -> list[list[bytes]]:
        batches: list[list[bytes]] = []
        async with self.stream(client) as events:
            while frames := await events.next_frames():
                batches.append(frames)
        return batches

    async def first(self, client: Client) -> tuple[ServerStreamEvent, int]:
        async with self.stream(client) as events:
            event = await anext(events)
        return event, open_connections(client.get_async_httpx_client())

    async def ping(self, client: Client) -> None:
        (await client.get_async_httpx_client().get("/ping")).raise_for_status()

    async def discard(self, client: Client) -> list[list[bytes]]:
        batches: list[list[bytes]] = []
        async with self.stream(client) as events:
            while frames := await events.next_frames():
                batches.append(frames)
                events.discard_connection()
        return batches

    async def read_all_buffered(self, client: Client) -> Any:
        return await run_code.asyncio(client=client, body=BODY)


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


Road = Sync | Async


@pytest.fixture(params=[Sync, Async])
def road(request: pytest.FixtureRequest) -> Road:
    made: Road = request.param()
    return made


def texts(events: list[ServerStreamEvent]) -> list[Any]:
    return [event.text for event in events]


# --- the good cases ---


def test_events_are_typed_and_the_request_is_right(road: Road) -> None:
    with serve(good(INIT, HELLO, COMPLETE)) as server:
        events = road.run(road.collect, server.url)

    assert [event.type_ for event in events] == ["init", "stdout", "execution_complete"]
    assert events[0].type_ is ServerStreamEventType.INIT
    assert events[2].execution_time == 3
    (request,) = server.requests
    assert request.line == "POST /code HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"code": "6 * 7", "context": {"language": "python"}}


def test_execution_complete_does_not_end_the_stream(road: Road) -> None:
    with serve(good(INIT, COMPLETE, HELLO)) as server:
        events = road.run(road.collect, server.url)
    assert texts(events)[-1] == "hello"


def test_next_frames_are_those_of_the_next_chunk_that_completes_any(road: Road) -> None:
    with serve(good(INIT + HELLO, COMPLETE[:20], COMPLETE[20:], BUSY)) as server:
        batches = road.run(road.frames, server.url)
    assert batches == [[INIT.strip(), HELLO.strip()], [COMPLETE.strip()], [BUSY]]


def test_a_body_that_a_gateway_has_compressed_is_read(road: Road) -> None:
    body = gzip.compress(INIT + HELLO)
    with serve(plain(answer(200, "text/event-stream", body, content_encoding="gzip"))) as server:
        events = road.run(road.collect, server.url)
    assert texts(events) == ["run-1", "hello"]


def test_a_path_in_the_base_url_is_kept(road: Road) -> None:
    with serve(good(INIT), path="/44772") as server:
        road.run(road.collect, server.url)
        road.run(road.collect, server.url + "/")
    assert [request.line for request in server.requests] == ["POST /44772/code HTTP/1.1"] * 2


def test_connections_of_whole_streams_are_used_again(road: Road) -> None:
    async def twice(client: Client) -> None:
        await road.collect(client)
        await road.collect(client)

    with serve(good(INIT, COMPLETE)) as server:
        road.run(twice, server.url)
    assert [request.connection for request in server.requests] == [0, 0]


@pytest.mark.parametrize("name", ["python-stream5", "python-error", "java-sum", "python-unicode"])
def test_recordings_replayed_with_their_chunks(road: Road, name: str) -> None:
    data = (RECORDINGS / f"{name}.stream").read_bytes()
    meta = json.loads((RECORDINGS / f"{name}.json").read_text())
    chunks: list[bytes] = []
    start = 0
    for _, size in meta["chunks"]:
        chunks.append(data[start : start + size])
        start += size

    with serve(good(*chunks)) as server:
        events = road.run(road.collect, server.url)

    stdout = "".join(str(event.text) for event in events if event.type_ == "stdout")
    results = [event.results.to_dict() for event in events if event.results]
    assert stdout == meta["expected"]["stdout"]
    assert results == meta["expected"]["results"]


def test_events_arrive_while_the_run_goes_on() -> None:
    seen = threading.Event()

    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        assert seen.wait(10)
        peer.send(chunk(HELLO) + LAST_CHUNK)

    async def read(client: Client) -> list[ServerStreamEvent]:
        events: list[ServerStreamEvent] = []
        async for event in run_code.astream(client=client, body=BODY):
            events.append(event)
            seen.set()
        return events

    with serve(play) as server:
        with Client(server.url) as client:
            sync: list[ServerStreamEvent] = []
            for event in run_code.stream(client=client, body=BODY):
                sync.append(event)
                seen.set()
        seen.clear()
        again = Async().run(read, server.url)
    assert texts(sync) == texts(again) == ["run-1", "hello"]


def test_the_read_timeout_is_off_unless_it_is_given(road: Road) -> None:
    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        time.sleep(0.4)
        peer.send(chunk(HELLO) + LAST_CHUNK)

    async def with_limit(client: Client) -> list[ServerStreamEvent]:
        return await road.collect(client, timeout=httpx.Timeout(5, read=0.1))

    with serve(play) as server:
        options = {"timeout": httpx.Timeout(5, read=0.2)}
        assert len(road.run(road.collect, server.url, **options)) == 2
        with pytest.raises(httpx.ReadTimeout) as caught:
            road.run(with_limit, server.url, **options)
        assert caught.value.request.url.path == "/code"


def test_nothing_is_sent_before_the_first_step() -> None:
    with serve(good(INIT)) as server, Client(server.url) as client:
        events = run_code.stream(client=client, body=BODY)
        with pytest.raises(RuntimeError, match="not opened"):
            _ = events.response
        assert server.requests == []
        assert texts(list(events)) == ["run-1"]
        assert events.response.status_code == 200


def test_an_authenticated_client_sends_the_token_in_its_own_header() -> None:
    with serve(good(INIT)) as server:
        client = AuthenticatedClient(
            server.url, token="secret", prefix="", auth_header_name="X-EXECD-ACCESS-TOKEN"
        )
        with client, run_code.stream(client=client, body=BODY) as events:
            assert len(list(events)) == 1
    assert server.requests[0].headers["x-execd-access-token"] == "secret"


def test_commands_and_sessions_stream_too() -> None:
    with serve(good(INIT)) as server, Client(server.url) as client:
        for events in (
            run_command.stream(client=client, body=RunCommandRequest(command="ls")),
            run_in_session.stream("a/b", client=client, body=RunInSessionRequest(command="ls")),
        ):
            assert texts(list(events)) == ["run-1"]
    assert [request.line for request in server.requests] == [
        "POST /command HTTP/1.1",
        "POST /session/a%2Fb/run HTTP/1.1",
    ]


@pytest.mark.parametrize(
    "media_type", ["text/event-stream; charset=utf-8", "application/x-ndjson", "application/json"]
)
def test_metrics_come_one_object_a_line(media_type: str) -> None:
    line = (
        b'{"cpu_count":2,"cpu_used_pct":1.5,"mem_total_mib":9.5,"mem_used_mib":1,"timestamp":7}\n'
    )
    response = answer(200, media_type, line + line)

    async def watch(client: Client) -> list[Metrics]:
        async with watch_metrics.astream(client=client) as events:
            return [event async for event in events]

    with serve(plain(response)) as server:
        with Client(server.url) as client:
            sync = list(watch_metrics.stream(client=client))
        assert sync == Async().run(watch, server.url)
    assert [(one.cpu_count, one.timestamp) for one in sync] == [(2, 7), (2, 7)]


# --- answers that are no streams ---


@pytest.mark.parametrize("status", [400, 500, 520])
def test_a_failure_before_the_stream_has_everything(road: Road, status: int) -> None:
    with (
        serve(plain(answer(status, "application/json", ERROR_BODY, x_request_id="7"))) as server,
        pytest.raises(UnexpectedStatus) as caught,
    ):
        road.run(road.collect, server.url)
    error = caught.value
    assert (error.status_code, error.code, error.message) == (status, "RUNTIME_ERROR", "no kernel")
    assert (error.content, error.headers["x-request-id"]) == (ERROR_BODY, "7")


def test_a_refused_token_has_its_message(road: Road) -> None:
    with (
        serve(plain(answer(401, "application/json", b'{"error":"bad token"}'))) as server,
        pytest.raises(UnexpectedStatus, match="bad token") as caught,
    ):
        road.run(road.collect, server.url)
    assert (caught.value.code, caught.value.message) == (None, "bad token")


SESSION = uuid.UUID("6f0c8f0a-52f4-4c9b-9a9e-2f7f5e0f9d11")
STARTED = (
    b'{"session_id":"%b","run_id":"0c5b5e9e-8f0e-4a47-9f0c-0d5f4f0a7b22",'
    b'"started_at":"2026-06-01T12:00:00.123456789Z"}' % str(SESSION).encode()
)


def open_isolated_run(url: str, *, in_asyncio: bool) -> list[ServerStreamEvent]:
    body = IsolatedRunRequest(code="make", background=True)

    async def by_asyncio() -> list[ServerStreamEvent]:
        async with (
            Client(url) as client,
            run_in_isolated_session.astream(SESSION, client=client, body=body) as events,
        ):
            return [event async for event in events]

    if in_asyncio:
        return asyncio.run(by_asyncio())
    with (
        Client(url) as client,
        run_in_isolated_session.stream(SESSION, client=client, body=body) as events,
    ):
        return list(events)


@pytest.mark.parametrize("in_asyncio", [False, True])
def test_an_isolated_run_streams(*, in_asyncio: bool) -> None:
    with serve(good(HELLO, COMPLETE)) as server:
        events = open_isolated_run(server.url, in_asyncio=in_asyncio)
    assert [event.type_ for event in events] == ["stdout", "execution_complete"]
    (request,) = server.requests
    assert request.line == f"POST /v1/isolated/session/{SESSION}/run HTTP/1.1"
    assert json.loads(request.body) == {"code": "make", "background": True}


@pytest.mark.parametrize("in_asyncio", [False, True])
def test_a_run_in_the_background_has_its_typed_answer(*, in_asyncio: bool) -> None:
    response = answer(202, "application/json", STARTED)
    body = IsolatedRunRequest(code="make", background=True)
    with serve(plain(response)) as server:
        with pytest.raises(NotStreamed, match="202") as caught:
            open_isolated_run(server.url, in_asyncio=in_asyncio)
        with Client(server.url) as client:
            started = run_in_isolated_session.sync(SESSION, client=client, body=body)
    assert isinstance(started, IsolatedBackgroundRunResponse)
    assert caught.value.status_code == 202
    assert caught.value.parsed == started
    assert (started.session_id, started.started_at.microsecond) == (SESSION, 123456)


@pytest.mark.parametrize("raising", [True, False])
@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (202, "text/html", b"<html>"),
        (202, "application/json", b"{}"),
        (200, "application/json", STARTED),
        (204, None, b""),
        (503, "application/json", ERROR_BODY),
    ],
)
def test_only_the_documented_answer_is_typed(
    status: int, content_type: str | None, body: bytes, *, raising: bool
) -> None:
    def by_asyncio(client: Client) -> None:
        async def enter() -> None:
            stream = run_in_isolated_session.astream(SESSION, client=client, body=request)
            async with client, stream:
                pass

        asyncio.run(enter())

    def by_sync(client: Client) -> None:
        with client, run_in_isolated_session.stream(SESSION, client=client, body=request):
            pass

    request = IsolatedRunRequest(code="make", background=True)
    with serve(plain(answer(status, content_type, body))) as server:
        for road in (by_sync, by_asyncio):
            with pytest.raises(UnexpectedStatus) as caught:
                road(Client(server.url, raise_on_unexpected_status=raising))
            assert (caught.value.status_code, caught.value.content) == (status, body)


@pytest.mark.parametrize("media_type", ["text/html", "application/json", None])
def test_a_page_with_status_200_is_no_stream(road: Road, media_type: str | None) -> None:
    with (
        serve(plain(answer(200, media_type, b"<html>Log in</html>"))) as server,
        pytest.raises(UnexpectedStatus, match="Log in") as caught,
    ):
        road.run(road.collect, server.url)
    assert (caught.value.status_code, caught.value.content) == (200, b"<html>Log in</html>")


def test_a_refusal_whose_body_is_cut_keeps_what_came(road: Road) -> None:
    def play(peer: Peer, _: Request) -> None:
        peer.send(answer(502, "text/html", b"x" * 100)[:-50])
        peer.close()

    with serve(play) as server, pytest.raises(UnexpectedStatus) as caught:
        road.run(road.collect, server.url)
    assert (caught.value.status_code, caught.value.content) == (502, b"x" * 50)


def test_a_refusal_whose_body_never_ends_is_not_waited_for(road: Road) -> None:
    def play(peer: Peer, _: Request) -> None:
        peer.send(answer(502, "text/html", b"x" * 100)[:-50])
        peer.wait_for_disconnect()

    with serve(play) as server, pytest.raises(UnexpectedStatus):
        road.run(road.collect, server.url, timeout=httpx.Timeout(5, read=0.2))


# --- streams that fail ---


def test_a_cut_stream_is_truncated(road: Road) -> None:
    with serve(cut(INIT, HELLO, COMPLETE)) as server:
        with pytest.raises(StreamTruncated) as caught:
            road.run(road.collect, server.url)
        with pytest.raises(StreamTruncated):
            road.run(road.frames, server.url)
    assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError)
    assert isinstance(caught.value, StreamError)


def test_a_reset_stream_is_truncated(road: Road) -> None:
    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        time.sleep(0.1)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.reader.close()
        peer.socket.close()
        raise OSError

    with serve(play) as server, pytest.raises(StreamTruncated) as caught:
        road.run(road.collect, server.url)
    assert isinstance(caught.value.__cause__, httpx.ReadError | httpx.RemoteProtocolError)


def test_events_before_the_cut_are_delivered(road: Road) -> None:
    seen: list[Any] = []

    async def read(client: Client) -> None:
        if isinstance(road, Sync):
            for event in road.stream(client):
                seen.append(event.text)  # noqa: PERF401  # what came before the error is the point
        else:
            async for event in road.stream(client):
                seen.append(event.text)  # noqa: PERF401  # see above

    with serve(cut(INIT, HELLO)) as server, pytest.raises(StreamTruncated):
        road.run(read, server.url)
    assert seen == ["run-1", "hello"]


def test_garbage_on_the_stream_is_reported(road: Road) -> None:
    with (
        serve(good(INIT, b"upstream connect error\n")) as server,
        pytest.raises(MalformedFrame, match="upstream connect error"),
    ):
        road.run(road.collect, server.url)


def test_an_error_object_is_raised(road: Road) -> None:
    with serve(good(INIT, BUSY)) as server, pytest.raises(StreamErrorObject) as caught:
        road.run(road.collect, server.url)
    assert (caught.value.code, caught.value.message) == ("RUNTIME_ERROR", "session is busy")


def test_no_server_is_an_error_of_httpx(road: Road) -> None:
    with serve(good()) as server:
        pass
    with pytest.raises(httpx.ConnectError):
        road.run(road.collect, server.url)


# --- connections ---


def late_bytes(*events: bytes) -> Play:
    """A real server's race: bytes of a ping behind the end of the body."""

    def play(peer: Peer, request: Request) -> None:
        if "/ping" in request.line:
            peer.send(answer(200, None, b""))
            return
        peer.send(STREAM_HEAD + b"".join(chunk(event) for event in events) + LAST_CHUNK)
        time.sleep(0.05)
        with contextlib.suppress(OSError):
            peer.send(b'39\r\n{"type":"ping"')

    return play


@pytest.mark.parametrize("error", [BUSY, BUSY + b"\n\n"])
def test_a_connection_with_an_error_object_is_not_used_again(road: Road, error: bytes) -> None:
    async def fail_and_go_on(client: Client) -> None:
        with pytest.raises(StreamErrorObject):
            await road.collect(client)
        await asyncio.sleep(0.1)
        await road.ping(client)

    with serve(late_bytes(INIT, error)) as server:
        road.run(fail_and_go_on, server.url)
    assert [request.connection for request in server.requests] == [0, 1]


def test_a_rest_without_newline_takes_the_connection_along_in_raw_frames(road: Road) -> None:
    async def read_and_go_on(client: Client) -> None:
        assert (await road.frames(client))[-1] == [BUSY]
        await road.ping(client)

    with serve(late_bytes(INIT, BUSY)) as server:
        road.run(read_and_go_on, server.url)
    assert [request.connection for request in server.requests] == [0, 1]


def test_discard_connection_reads_on_and_then_closes(road: Road) -> None:
    async def read_and_go_on(client: Client) -> None:
        batches = await road.discard(client)
        assert batches == [[INIT.strip()], [BUSY], [HELLO.strip()]]
        await road.ping(client)

    with serve(late_bytes(INIT, BUSY + b"\n\n", HELLO)) as server:
        road.run(read_and_go_on, server.url)
    assert [request.connection for request in server.requests] == [0, 1]


def test_leaving_early_closes_the_connection_at_once(road: Road) -> None:
    gone: list[bool] = []

    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        gone.append(peer.wait_for_disconnect())

    with serve(play) as server:
        event, left = road.run(road.first, server.url)
    assert (event.text, left, gone) == ("run-1", 0, [True])


def test_a_bare_loop_that_is_left_closes_the_connection() -> None:
    gone = threading.Event()

    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        if peer.wait_for_disconnect():
            gone.set()

    with serve(play) as server, Client(server.url) as client:
        for _ in run_code.stream(client=client, body=BODY):
            break
        gc.collect()
        assert gone.wait(5)


def test_a_bare_loop_that_fails_closes_the_connection(road: Road) -> None:
    async def fail(client: Client) -> int:
        stream = road.stream(client)  # still referred to when the connections are counted
        if isinstance(stream, EventStream):
            with pytest.raises(StreamErrorObject):
                list(stream)
            return open_connections(client.get_httpx_client())
        with pytest.raises(StreamErrorObject):
            _ = [event async for event in stream]
        return open_connections(client.get_async_httpx_client())

    with serve(good(INIT, BUSY + b"\n\n", HELLO)) as server:
        assert road.run(fail, server.url) == 0


def test_closing_twice_and_reading_after_closing() -> None:
    with serve(good(INIT, HELLO)) as server, Client(server.url) as client:
        events = run_code.stream(client=client, body=BODY)
        next(events)
        events.close()
        events.close()
        with pytest.raises(httpx.StreamClosed):
            next(events)
        unopened = run_code.stream(client=client, body=BODY)
        unopened.close()
        with pytest.raises(httpx.StreamClosed), unopened:
            pass
    assert len(server.requests) == 1


def test_reading_after_the_end_gives_nothing() -> None:
    with (
        serve(good(INIT, HELLO)) as server,
        Client(server.url) as client,
        run_code.stream(client=client, body=BODY) as events,
    ):
        assert len(list(events)) == 2
        assert list(events) == []
        assert events.next_frames() == events.next_frames() == []


def test_next_frames_begins_where_typed_iteration_left() -> None:
    with (
        serve(good(INIT + HELLO, COMPLETE)) as server,
        Client(server.url) as client,
        run_code.stream(client=client, body=BODY) as events,
    ):
        next(events)
        assert events.next_frames() == [HELLO.strip()]
        assert events.next_frames() == [COMPLETE.strip()]
        assert events.next_frames() == []


def test_a_cancelled_task_closes_its_connection() -> None:
    gone: list[bool] = []

    def play(peer: Peer, _: Request) -> None:
        peer.send(STREAM_HEAD + chunk(INIT))
        gone.append(peer.wait_for_disconnect())

    async def cancel(client: Client) -> int:
        started = asyncio.Event()

        async def read() -> None:
            async with run_code.astream(client=client, body=BODY) as events:
                async for _ in events:
                    started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return open_connections(client.get_async_httpx_client())

    with serve(play) as server:
        assert Async().run(cancel, server.url) == 0
    assert gone == [True]


# --- sync and asyncio on event streams: all at once ---


def test_reading_everything_at_once(road: Road) -> None:
    with serve(good(INIT, COMPLETE, HELLO)) as server:
        events = road.run(road.read_all_buffered, server.url)
    assert texts(events)[-1] == "hello"
    assert server.requests[0].headers["connection"] == "close"


def test_reading_everything_at_once_is_honest(road: Road) -> None:
    with serve(plain(answer(400, "application/json", ERROR_BODY))) as server:
        parsed = road.run(road.read_all_buffered, server.url)
    assert parsed == ErrorResponse(code="RUNTIME_ERROR", message="no kernel")
    with (
        serve(plain(answer(200, "text/html", b"<html>"))) as server,
        pytest.raises(UnexpectedStatus),
    ):
        road.run(road.read_all_buffered, server.url)
    with serve(good(INIT, BUSY)) as server, pytest.raises(StreamErrorObject):
        road.run(road.read_all_buffered, server.url)
