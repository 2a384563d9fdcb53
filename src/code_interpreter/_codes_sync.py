"""Running code and keeping contexts, blocking: I/O only; `_codes` is its twin."""

import time
import weakref
from collections.abc import Generator
from contextlib import closing
from types import TracebackType

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
from opensandbox.models.execd_sync import ExecutionHandlersSync
from typing_extensions import Self

from code_interpreter._connection import SyncConnection
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
from code_interpreter._execution import Execution, listeners, refuse_async, refuse_awaitable
from code_interpreter._languages import checked_language
from code_interpreter._plan import DEFAULT_IDLE_TIMEOUT, OnBusy, RunPlan, Seconds, plan_run
from code_interpreter._readiness import KERNELS_SERVED
from code_interpreter._running_sync import RunnerSync
from code_interpreter._runs import Run


class CodesSync:
    """Runs code in contexts; `CodeInterpreterSync.codes` is one.

    Every method raises `InvalidArgumentError` before any I/O when its arguments make no sense,
    `InterpreterClosedError` after closing, `APIError` when the server refuses, and
    `TransportError` when no whole answer comes.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection
        self._runner = RunnerSync(connection)

    def create_context(self, language: str, *, cwd: str | None = None) -> CodeContext:
        """Make a context: a kernel of its own, whose state lasts until it is deleted.

        Args:
            language: One of `SupportedLanguage`.
            cwd: The directory to start in, made if it is missing; None for the server's default.
        """
        body = context_request(language, cwd)
        with mapped_errors():
            response = create_code_context.sync_detailed(client=self._connection.rest, body=body)
            return from_wire(parsed(wire.CodeContext, response))

    def get_context(self, context_id: str) -> CodeContext:
        """The context of that id.

        Raises:
            ContextNotFoundError: The server has none.
        """
        checked_id("context", context_id)
        with mapped_errors():
            response = get_context.sync_detailed(context_id, client=self._connection.rest)
            return from_wire(parsed(wire.CodeContext, response))

    def list_contexts(self, language: str | None = None) -> list[CodeContext]:
        """The contexts of a language, or of all languages."""
        query = {} if language is None else {"language": checked_language(language)}
        with mapped_errors():
            response = list_contexts.sync_detailed(client=self._connection.rest, **query)
            return [from_wire(context) for context in parsed_list(wire.CodeContext, response)]

    def delete_context(self, context_id: str) -> None:
        """End a context and its kernel.

        Raises:
            ContextNotFoundError: The server has none of that id.
        """
        checked_id("context", context_id)
        with mapped_errors():
            ensure_ok(delete_context.sync_detailed(context_id, client=self._connection.rest))

    def delete_contexts(self, language: str) -> None:
        """End all contexts of a language, its default context among them."""
        checked_language(language)
        with mapped_errors():
            ensure_ok(
                delete_contexts_by_language.sync_detailed(
                    client=self._connection.rest, language=language
                )
            )

    def run(
        self,
        code: str,
        *,
        language: str | None = None,
        context: CodeContext | None = None,
        handlers: ExecutionHandlersSync | None = None,
        timeout: Seconds | None = None,
        idle_timeout: Seconds | None = DEFAULT_IDLE_TIMEOUT,
        on_busy: OnBusy = "queue",
        max_output: int | None = None,
    ) -> Execution:
        """Run code to its end; all its output is in what this returns.

        A run that is left before its end, by Ctrl-C or by a handler that raises, is stopped
        on the server too. docs/runs.md has the life of a run in full.

        Args:
            code: Source text.
            language: Run in this language's default context, whose state lasts too. Python when
                neither language nor context is given; with a context, the two must agree.
            context: Run in this context.
            handlers: Called with each piece of output as it arrives; plain functions.
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
        refuse_async(told)
        keep_output = not (handlers and handlers.skip_accumulation)
        run = Run(plan, time.monotonic(), keep_output=keep_output)
        builder = run.builder
        with closing(self._runner.batches(run)) as batches:
            for events in batches:
                if not told:
                    builder.apply_all(events)
                    continue
                for handler, values in builder.tell(events, told):
                    for value in values:
                        if (outcome := handler(value)) is not None:
                            refuse_awaitable(told, handler, outcome)
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
    ) -> "RunStreamSync":
        """Run code, and hand out what happens event by event; see `RunStreamSync`.

        Nothing is sent before the first step. Arguments and errors are those of `run`.

        Example:
            >>> with interpreter.codes.stream("print('hi')") as events:
            ...     for event in events:
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
        return RunStreamSync(self._runner, plan)

    def interrupt(self, execution_id: str | Execution) -> None:
        """Stop a run: its code sees what the language has for that (KeyboardInterrupt in Python).

        A run that has ended is left alone, and so is the run that came after it: real servers give
        all runs of a context one id, but an Execution, and the id that it or the `on_init` handler
        holds, know their run. A string from elsewhere is sent as it is.

        Args:
            execution_id: The Execution, from `RunStreamSync.execution` for instance, or its id.
        """
        if not isinstance(execution_id, Execution):
            checked_id("execution", execution_id)
        self._runner.interrupt(execution_id)

    def ping(self) -> bool:
        """Whether execd answers, and answers well."""
        self._connection.check_open()
        try:
            self.check_ping()
        except CodeInterpreterError:
            return False
        return True

    def check_ping(self) -> None:
        """Return if execd answers well; raise what it answered otherwise."""
        with mapped_errors():
            ensure_ok(ping.sync_detailed(client=self._connection.rest))

    def check_health(self, timeout: float | None = None) -> None:
        """Return if code can run; raise what stands in its way otherwise.

        execd answers before the kernels' server behind it does, so a command in the sandbox asks
        for the latter.

        Args:
            timeout: Seconds, for connecting and for each wait for an answer; None, or more than
                the configured request timeout, stands for that.

        Raises:
            NotReadyError: execd answers, the kernels' server does not.
        """
        with (
            mapped_errors(),
            run_command.stream(
                client=self._connection.streams,
                body=wire.RunCommandRequest(command=KERNELS_SERVED),
                timeout=self._connection.limits(timeout),
            ) as events,
        ):
            for event in events:
                # Nothing but the status matters; the body of a real server's answer stays
                # open for another second.
                if event.type_ == "execution_complete":
                    return
        raise NotReadyError("the kernels' server does not answer yet")


class RunStreamSync:
    """The events of one run, in order of arrival: an iterator and a context manager.

    It can be read once. Leaving the loop or the block early stops the run.

    Attributes:
        execution: What has arrived so far; judged, with its `outcome`, once the loop has ended.
    """

    def __init__(self, runner: RunnerSync, plan: RunPlan) -> None:
        self.execution = Execution()
        self._runner = runner
        self._plan = plan
        # Only the loop holds its generator: when it lets go, the generator knows.
        self._events: weakref.ref[Generator[Event, None, None]] | None = None

    def __iter__(self) -> Generator[Event, None, None]:
        if self._events is not None:
            raise InvalidArgumentError("the events of a run can be read once")
        run = Run(self._plan, time.monotonic(), execution=self.execution)
        events = self._steps(run)
        self._events = run.reader = weakref.ref(events)
        return events

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the run if it is not over."""
        events = None if self._events is None else self._events()
        if events is not None:
            events.close()

    def _steps(self, run: Run) -> Generator[Event, None, None]:
        with closing(self._runner.batches(run)) as batches:
            for events in batches:
                for event in events:
                    run.builder.apply_all((event,))
                    yield event
        with run.failures():
            run.conclude()
