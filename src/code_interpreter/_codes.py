"""Running code and keeping contexts, for asyncio: I/O only; `_codes_sync` is its twin."""

import inspect
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import execd_client.models as wire
from execd_client.api.code_interpreting import (
    create_code_context,
    delete_context,
    delete_contexts_by_language,
    get_context,
    interrupt_code,
    list_contexts,
    run_code,
)
from execd_client.api.command import run_command
from execd_client.api.health import ping
from opensandbox.models.execd import ExecutionHandlers

from code_interpreter._connection import AsyncConnection
from code_interpreter._contexts import (
    CodeContext,
    checked_id,
    context_request,
    from_wire,
    run_request,
)
from code_interpreter._errors import (
    CodeInterpreterError,
    NotReadyError,
    ensure_ok,
    mapped_errors,
    parsed,
    parsed_list,
)
from code_interpreter._events import ErrorObject, Event, decode
from code_interpreter._execution import Execution, ExecutionBuilder
from code_interpreter._languages import checked_language
from code_interpreter._readiness import KERNELS_SERVED


class Codes:
    """Runs code in contexts; `CodeInterpreter.codes` is one.

    Every method raises `InvalidArgumentError` before any I/O when its arguments make no sense,
    `InterpreterClosedError` after closing, `APIError` when the server refuses, and
    `TransportError` when no whole answer comes.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

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
    ) -> Execution:
        """Run code to its end; all its output is in what this returns.

        Args:
            code: Source text.
            language: Run in this language's default context, whose state lasts too. Python when
                neither language nor context is given; with a context, the two must agree.
            context: Run in this context.
            handlers: Called with each piece of output as it arrives; plain or async functions.
                What a handler raises ends the run here and reaches the caller unchanged.

        Returns:
            The Execution. A failure of the code is its `error`, not an exception.

        Raises:
            ContextBusyError: The context runs something else.
            ContextNotFoundError: The context is gone.
            StreamTruncatedError: Output may be missing; `.execution` has what arrived.
            ProtocolError: The server sent something that is not an event.
        """
        body = run_request(code, language, context)
        builder = ExecutionBuilder(keep_output=not (handlers and handlers.skip_accumulation))
        async with aclosing(self._events(body, builder.execution)) as events:
            async for event in events:
                notice = builder.apply(event)
                if handlers is not None and notice is not None:
                    await _notify(handlers, *notice)
        with mapped_errors(builder.execution):
            return builder.finish()

    async def _events(
        self, body: wire.RunCodeRequest, execution: Execution
    ) -> AsyncGenerator[Event, None]:
        with mapped_errors(execution):
            async with run_code.astream(client=self._connection.streams, body=body) as stream:
                async for frames in stream.batches():
                    for frame in frames:
                        event = decode(frame)
                        if isinstance(event, ErrorObject):
                            stream.discard_connection()
                        yield event

    async def interrupt(self, execution_id: str) -> None:
        """Stop a run: its code sees what the language has for that (KeyboardInterrupt in Python).

        Args:
            execution_id: `Execution.id` of the run, from the `on_init` handler for instance.
        """
        checked_id("execution", execution_id)
        with mapped_errors():
            ensure_ok(
                await interrupt_code.asyncio_detailed(client=self._connection.rest, id=execution_id)
            )

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


async def _notify(handlers: ExecutionHandlers, name: str, argument: object) -> None:
    handler: Any = getattr(handlers, name)
    if handler is not None:
        outcome = handler(argument)
        if inspect.isawaitable(outcome):
            await outcome
