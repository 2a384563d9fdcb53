"""Running code and keeping contexts, for asyncio: I/O only; `_codes_sync` is its twin."""

import asyncio
import inspect
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import CoroutineType, TracebackType

import execd_client.models as wire
from execd_client.api.code_interpreting import (
    create_code_context,
    delete_context,
    delete_contexts_by_language,
    get_context,
    list_contexts,
)
from execd_client.api.command import run_command
from execd_client.api.health import ping
from opensandbox.models.execd import ExecutionHandlers
from typing_extensions import Self

from code_interpreter._connection import AsyncConnection
from code_interpreter._contexts import (
    CodeContext,
    checked_id,
    context_request,
    from_wire,
)
from code_interpreter._errors import (
    CodeInterpreterError,
    InvalidArgumentError,
    NotReadyError,
    ensure_ok,
    mapped_errors,
    parsed,
    parsed_list,
)
from code_interpreter._events import Event
from code_interpreter._execution import Execution, listeners
from code_interpreter._languages import checked_language
from code_interpreter._plan import DEFAULT_IDLE_TIMEOUT, OnBusy, RunPlan, Seconds, plan_run
from code_interpreter._readiness import KERNELS_SERVED
from code_interpreter._running import Runner
from code_interpreter._runs import Run


class Codes:
    """Runs code in contexts; `CodeInterpreter.codes` is one.

    Every method raises `InvalidArgumentError` before any I/O when its arguments make no sense,
    `InterpreterClosedError` after closing, `APIError` when the server refuses, and
    `TransportError` when no whole answer comes.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._runner = Runner(connection)

    async def create_context(self, language: str, *, cwd: str | None = None) -> CodeContext:
        """Make a context: a kernel of its own, whose state lasts until it is deleted.

        Args:
            language: One of `SupportedLanguage`.
            cwd: The directory to start in, made if it is missing; None for the server's default.
        """
        body = context_request(language, cwd)
        with mapped_errors():
            response = await create_code_context.asyncio_detailed(
                client=self._connection.rest, body=body
            )
            return from_wire(parsed(wire.CodeContext, response))

    async def get_context(self, context_id: str) -> CodeContext:
        """The context of that id.

        Raises:
            ContextNotFoundError: The server has none.
        """
        checked_id("context", context_id)
        with mapped_errors():
            response = await get_context.asyncio_detailed(context_id, client=self._connection.rest)
            return from_wire(parsed(wire.CodeContext, response))

    async def list_contexts(self, language: str | None = None) -> list[CodeContext]:
        """The contexts of a language, or of all languages."""
        query = {} if language is None else {"language": checked_language(language)}
        with mapped_errors():
            response = await list_contexts.asyncio_detailed(client=self._connection.rest, **query)
            return [from_wire(context) for context in parsed_list(wire.CodeContext, response)]

    async def delete_context(self, context_id: str) -> None:
        """End a context and its kernel.

        Raises:
            ContextNotFoundError: The server has none of that id.
        """
        checked_id("context", context_id)
        with mapped_errors():
            ensure_ok(
                await delete_context.asyncio_detailed(context_id, client=self._connection.rest)
            )

    async def delete_contexts(self, language: str) -> None:
        """End all contexts of a language, its default context among them."""
        checked_language(language)
        with mapped_errors():
            ensure_ok(
                await delete_contexts_by_language.asyncio_detailed(
                    client=self._connection.rest, language=language
                )
            )

    async def run(
        self,
        code: str,
        *,
        language: str | None = None,
        context: CodeContext | None = None,
        handlers: ExecutionHandlers | None = None,
        timeout: Seconds | None = None,
        idle_timeout: Seconds | None = DEFAULT_IDLE_TIMEOUT,
        on_busy: OnBusy = "queue",
        max_output: int | None = None,
    ) -> Execution:
        """Run code to its end; all its output is in what this returns.

        A run that is left before its end, by cancelling it or by a handler that raises, is stopped
        on the server too. docs/runs.md has the life of a run in full.

        Args:
            code: Source text.
            language: Run in this language's default context, whose state lasts too. Python when
                neither language nor context is given; with a context, the two must agree.
            context: Run in this context.
            handlers: Called with each piece of output as it arrives; plain or async functions.
                What a handler raises ends the run here and reaches the caller unchanged.
            timeout: Seconds for the run, waiting for its turn included. It is interrupted then,
                and given up six seconds later if it does not stop. No limit by default.
            idle_timeout: Seconds of silence once the run has begun; servers that live send a ping
                every three seconds. The default is 30; None sets no limit.
            on_busy: Whether to wait for the turn in a context that another run of this interpreter
                has ("queue"), or to fail at once ("raise").
            max_output: Bytes of output and results to keep at most, half of them from the
                beginning and half from the end. Handlers still get everything.

        Returns:
            The Execution. A failure of the code is its `error`, not an exception.

        Raises:
            ContextBusyError: The context runs something else.
            ContextNotFoundError: The context is gone.
            ExecutionTimeoutError: It took longer than `timeout`; has `context_usable`.
            StreamIdleError: The server was silent for longer than `idle_timeout`.
            StreamTruncatedError: Output may be missing; `.execution` has what arrived.
            ProtocolError: The server sent something that is not an event.
        """
        plan = plan_run(
            code,
            language,
            context,
            timeout=timeout,
            idle_timeout=idle_timeout,
            on_busy=on_busy,
            max_output=max_output,
        )
        told = listeners(handlers)
        keep_output = not (handlers and handlers.skip_accumulation)
        run = Run(plan, asyncio.get_running_loop().time(), keep_output=keep_output)
        builder = run.builder
        async with aclosing(self._runner.batches(run)) as batches:
            async for events in batches:
                if not told:
                    builder.apply_all(events)
                    continue
                for handler, values in builder.tell(events, told):
                    for value in values:
                        outcome = handler(value)
                        # To ask for an awaitable takes longer than to call most handlers.
                        if type(outcome) is CoroutineType or (
                            outcome is not None and inspect.isawaitable(outcome)
                        ):
                            await outcome
        with run.failures():
            return run.conclude()

    def stream(
        self,
        code: str,
        *,
        language: str | None = None,
        context: CodeContext | None = None,
        timeout: Seconds | None = None,
        idle_timeout: Seconds | None = DEFAULT_IDLE_TIMEOUT,
        on_busy: OnBusy = "queue",
        max_output: int | None = None,
    ) -> "RunStream":
        """Run code, and hand out what happens event by event; see `RunStream`.

        Nothing is sent before the first step. Arguments and errors are those of `run`.

        Example:
            >>> async with interpreter.codes.stream("print('hi')") as events:
            ...     async for event in events:
            ...         match event:
            ...             case Stdout(text=text):
            ...                 print(text, end="")
        """
        plan = plan_run(
            code,
            language,
            context,
            timeout=timeout,
            idle_timeout=idle_timeout,
            on_busy=on_busy,
            max_output=max_output,
        )
        return RunStream(self._runner, plan)

    async def interrupt(self, execution_id: str | Execution) -> None:
        """Stop a run: its code sees what the language has for that (KeyboardInterrupt in Python).

        A run that has ended is left alone, and so is the run that came after it: real servers give
        all runs of a context one id, but an Execution, and the id that it or the `on_init` handler
        holds, know their run. A string from elsewhere is sent as it is.

        Args:
            execution_id: The Execution, from `RunStream.execution` for instance, or its id.
        """
        if not isinstance(execution_id, Execution):
            checked_id("execution", execution_id)
        await self._runner.interrupt(execution_id)

    async def ping(self) -> bool:
        """Whether execd answers, and answers well."""
        self._connection.check_open()
        try:
            await self.check_ping()
        except CodeInterpreterError:
            return False
        return True

    async def check_ping(self) -> None:
        """Return if execd answers well; raise what it answered otherwise."""
        with mapped_errors():
            ensure_ok(await ping.asyncio_detailed(client=self._connection.rest))

    async def check_health(self, timeout: float | None = None) -> None:
        """Return if code can run; raise what stands in its way otherwise.

        execd answers before the kernels' server behind it does, so a command in the sandbox asks
        for the latter.

        Args:
            timeout: Seconds, for connecting and for each wait for an answer; None, or more than
                the configured request timeout, stands for that.

        Raises:
            NotReadyError: execd answers, the kernels' server does not.
        """
        with mapped_errors():
            async with run_command.astream(
                client=self._connection.streams,
                body=wire.RunCommandRequest(command=KERNELS_SERVED),
                timeout=self._connection.limits(timeout),
            ) as events:
                async for event in events:
                    # Nothing but the status matters; the body of a real server's answer stays
                    # open for another second.
                    if event.type_ == "execution_complete":
                        return
        raise NotReadyError("the kernels' server does not answer yet")


class RunStream:
    """The events of one run, in order of arrival: an async iterator and a context manager.

    It can be read once. Leaving the loop or the block early stops the run; with `async with`, it is
    stopped by the time the block is left.

    Attributes:
        execution: What has arrived so far; judged, with its `outcome`, once the loop has ended.
    """

    def __init__(self, runner: Runner, plan: RunPlan) -> None:
        self.execution = Execution()
        self._runner = runner
        self._plan = plan
        # Only the loop holds its generator: when it lets go, the generator knows.
        self._events: weakref.ref[AsyncGenerator[Event, None]] | None = None
        self._over: asyncio.Event | None = None  # once the first step was made

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        if self._events is not None:
            raise InvalidArgumentError("the events of a run can be read once")
        run = Run(self._plan, asyncio.get_running_loop().time(), execution=self.execution)
        events = self._steps(run)
        self._events = run.reader = weakref.ref(events)
        return events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the run if it is not over."""
        events = None if self._events is None else self._events()
        if events is not None:
            await events.aclose()
        elif self._over is not None:
            await self._over.wait()  # a loop that was left: the event loop is closing it

    async def _steps(self, run: Run) -> AsyncGenerator[Event, None]:
        over = self._over = asyncio.Event()
        try:
            async with aclosing(self._runner.batches(run)) as batches:
                async for events in batches:
                    for event in events:
                        run.builder.apply_all((event,))
                        yield event
            with run.failures():
                run.conclude()
        finally:
            over.set()
