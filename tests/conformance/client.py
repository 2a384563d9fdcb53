"""One face for both kinds of clients, so that each test is one program for both.

The blocking client's calls are made in threads: a test can do something else while code runs,
whichever client runs it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast

from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter import CodeInterpreter, CodeInterpreterSync, Codes, CodesSync, Execution
from code_interpreter.events import Event
from tests.support.roads import Road

LIMIT = 90.0
"""Seconds after which a run hangs; a first run may have to start its kernel on a busy machine."""

Kind = Literal["async", "sync"]


@dataclass(frozen=True)
class Target:
    """Where the server is, and the headers that it wants."""

    url: str
    headers: Mapping[str, str]


class _Awaited:
    """The blocking `codes`, each call of it made in a thread."""

    def __init__(self, codes: CodesSync) -> None:
        self._codes = codes

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._codes, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            return await asyncio.to_thread(method, *arguments, **options)

        return call


class Running:
    """A run that goes on while the test does something else."""

    def __init__(self, run: Callable[..., Any], handlers: type[Any], **options: Any) -> None:
        self.id = ""
        self.printed = ""
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        mine = handlers(on_init=self._on_init, on_stdout=self._on_stdout)
        self._task: asyncio.Task[Execution] = asyncio.create_task(
            run(handlers=mine, timeout=LIMIT, **options)
        )
        self._task.add_done_callback(lambda _: self._news.set())

    async def prints(self, text: str) -> None:
        """Return once it has printed this."""
        await self._until(lambda: text in self.printed)

    async def begins(self) -> None:
        """Return once the server has named it."""
        await self._until(lambda: bool(self.id))

    async def ends(self) -> Execution:
        """What it has become."""
        return await self._task

    @property
    def going(self) -> bool:
        """Whether it is not over."""
        return not self._task.done()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            if not self.going:
                raise AssertionError(f"the run is over: {await self.ends()}")
            self._news.clear()
            await self._news.wait()

    def _on_init(self, init: Any) -> None:
        self.id = init.id
        self._loop.call_soon_threadsafe(self._news.set)

    def _on_stdout(self, message: Any) -> None:
        self.printed += message.text
        self._loop.call_soon_threadsafe(self._news.set)


class Client:
    """What a test does with the server.

    Attributes:
        kind: Which of the two clients does it.
        codes: `CodeInterpreter.codes`, or the blocking one behind the same face.
        raw: The generated client, for commands, files, metrics and sessions.
    """

    def __init__(
        self, kind: Kind, interpreter: CodeInterpreter | CodeInterpreterSync, target: Target
    ) -> None:
        self.kind: Kind = kind
        self._interpreter = interpreter
        self.codes: Codes = (
            interpreter.codes
            if isinstance(interpreter, CodeInterpreter)
            else cast("Codes", _Awaited(interpreter.codes))
        )
        self.raw = Road(target.url, target.headers, by_asyncio=kind == "async")

    async def run(self, code: str, **options: Any) -> Execution:
        """`codes.run`, which does not hang."""
        return await self.codes.run(code, timeout=LIMIT, **options)

    async def install(self, *packages: str, **options: Any) -> None:
        """`CodeInterpreter.install`, which does not hang."""
        install = self._interpreter.install
        if self.kind == "async":
            await cast("Any", install)(*packages, timeout=LIMIT, **options)
        else:
            await asyncio.to_thread(cast("Any", install), *packages, timeout=LIMIT, **options)

    def start(self, code: str, **options: Any) -> Running:
        """`codes.run`, while the test goes on."""
        handlers = ExecutionHandlers if self.kind == "async" else ExecutionHandlersSync
        return Running(self.codes.run, handlers, code=code, **options)

    async def events(self, code: str, **options: Any) -> list[Event]:
        """All that `codes.stream` hands out."""
        codes = self._interpreter.codes
        if isinstance(codes, Codes):
            async with codes.stream(code, timeout=LIMIT, **options) as stream:
                return [event async for event in stream]
        return await asyncio.to_thread(lambda: list(codes.stream(code, timeout=LIMIT, **options)))

    async def close(self) -> None:
        """Release all connections."""
        await self.raw.close()
        if isinstance(self._interpreter, CodeInterpreter):
            await self._interpreter.aclose()
        else:
            self._interpreter.close()


@asynccontextmanager
async def connected(kind: Kind, target: Target) -> AsyncGenerator[Client, None]:
    """A client of that kind; closed at the end."""
    timeout = timedelta(seconds=30)
    if kind == "async":
        interpreter: Any = await CodeInterpreter.connect(
            target.url, headers=target.headers, timeout=timeout
        )
    else:
        interpreter = CodeInterpreterSync.connect(
            target.url, headers=target.headers, timeout=timeout
        )
    client = Client(kind, interpreter, target)
    try:
        yield client
    finally:
        await client.close()


def shown(execution: Execution) -> str:
    """Everything that a run has said, on whichever way."""
    said = [*execution.logs.stdout, *execution.logs.stderr]
    texts = [message.text for message in said]
    if execution.error is not None:
        error = execution.error
        texts += [error.name, error.value, *(error.traceback or [])]
    return "\n".join(texts)


def stdout(execution: Execution) -> str:
    """Its standard output."""
    return "".join(message.text for message in execution.logs.stdout)
