# Made from codes.py in _async/ by scripts/unasync.py: edit that.
"""Running code and keeping contexts."""

import time
from collections.abc import Mapping

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

from code_interpreter._call import code_context as contexts
from code_interpreter._call.code_context import CodeContext, checked_language
from code_interpreter._call.environ import Environ, checked_env, plan_env
from code_interpreter._call.plan import DEFAULT_IDLE_TIMEOUT, OnBusy, Seconds, plan_run
from code_interpreter._call.readiness import KERNELS_SERVED, VERSION_HEADER
from code_interpreter._call.variable import MIME, Variable, read_variables, variables_cell
from code_interpreter._errors import CodeInterpreterError, NotReadyError, ProtocolError
from code_interpreter._output.execution import Execution
from code_interpreter._run.handlers import listeners
from code_interpreter._run.run import Run
from code_interpreter._run.watch import GRACE
from code_interpreter._sync.connection import Connection
from code_interpreter._sync.primitives import AWAITS, settle
from code_interpreter._sync.run_stream import RunStreamSync
from code_interpreter._sync.runner import LiveRun, Runner
from code_interpreter._sync.secret_file import remove_file
from code_interpreter._wire.failures import (
    ensure_ok,
    logged_errors,
    mapped_errors,
    parsed,
    parsed_list,
)
from code_interpreter._wire.target import at_most
from code_interpreter.events import Stderr, Stdout


class CodesSync:
    """Runs code in contexts; `CodeInterpreterSync.codes` is one.

    Every method raises `InvalidArgumentError` before any I/O if an argument is not valid,
    `InterpreterClosedError` after closing, `APIError` if the server refuses, and `TransportError`
    if no whole answer comes.
    """

    def __init__(self, connection: Connection, *, grace: float = GRACE) -> None:
        self._connection = connection
        self._grace = grace
        self._runner = Runner(connection)
        self._equipped: dict[str, tuple[Mapping[str, str], Environ]] = {}  # by the context's id

    def create_context(
        self, language: str, *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> CodeContext:
        """Create a context: a separate kernel, whose state lasts until it is deleted.

        Args:
            language: One of `SupportedLanguage`.
            cwd: The directory to start in, created if missing; None for the server's default.
            env: Environment variables of the context, set by its kernel once that has started.
                `restart_context` sets them again; a kernel that died has lost them.
        """
        body = contexts.context_request(language, cwd)
        env = checked_env(env or {})
        with mapped_errors():
            response = create_code_context.sync_detailed(client=self._connection.rest, body=body)
            made = contexts.from_wire(parsed(wire.CodeContext, response))
        self._equip(made, env)
        return made

    def _equip(self, context: CodeContext, env: Mapping[str, str]) -> None:
        """Set variables in a new context, which is deleted if that fails."""
        plan = plan_env(context.language, env, lasting=True)
        if plan is None or context.id is None:
            return
        environ = None
        try:
            environ = self._runner.put_file(plan)
            (self.run(environ.enter, context=context)).raise_for_error()
        except BaseException:
            if environ is not None:
                remove_file(self._connection, environ)
            with logged_errors("a context without its environment could not be deleted"):
                self.delete_context(context.id)
            raise
        self._equipped[context.id] = (env, environ)

    def _unequip(self, context_id: str) -> Mapping[str, str]:
        """Forget the variables of a context that is gone, and return them."""
        if (equipped := self._equipped.pop(context_id, None)) is None:
            return {}
        env, environ = equipped
        if environ.keeps_file:
            remove_file(self._connection, environ)
        return env

    def get_context(self, context_id: str) -> CodeContext:
        """Return the context with this id.

        Raises:
            ContextNotFoundError: The server does not have it.
        """
        contexts.checked_id("context", context_id)
        with mapped_errors():
            response = get_context.sync_detailed(context_id, client=self._connection.rest)
            return contexts.from_wire(parsed(wire.CodeContext, response))

    def list_contexts(self, language: str | None = None) -> list[CodeContext]:
        """Return the contexts of a language, or of all languages."""
        query = {} if language is None else {"language": checked_language(language)}
        with mapped_errors():
            response = list_contexts.sync_detailed(client=self._connection.rest, **query)
            return [contexts.from_wire(each) for each in parsed_list(wire.CodeContext, response)]

    def delete_context(self, context_id: str) -> None:
        """Delete a context and its kernel.

        Raises:
            ContextNotFoundError: The server does not have it.
        """
        contexts.checked_id("context", context_id)
        with mapped_errors():
            ensure_ok(delete_context.sync_detailed(context_id, client=self._connection.rest))
        self._unequip(context_id)

    def restart_context(self, context: CodeContext) -> CodeContext:
        """Start a context anew, with a fresh kernel in the same directory; its state is gone.

        What runs there ends. Our own server keeps the context's id. Others give the new one another
        id, and the old one is deleted, so go on with what this returns.

        Args:
            context: A context with an id; the default context of a language has none.

        Returns:
            The context to go on with.

        Raises:
            ContextNotFoundError: The server does not have it.
        """
        old, body = contexts.restart_request(context)
        with mapped_errors():
            response = create_code_context.sync_detailed(client=self._connection.rest, body=body)
            made = contexts.from_wire(parsed(wire.CodeContext, response))
        env = self._unequip(old)
        if made.id is not None and made.id != old:
            try:
                self.delete_context(old)
            except BaseException:
                with logged_errors("the context that should have replaced another one was kept"):
                    self.delete_context(made.id)
                raise
        self._equip(made, env)
        return made.model_copy(update={"cwd": made.cwd or context.cwd})

    def delete_contexts(self, language: str) -> None:
        """Delete all contexts of a language, including its default context."""
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
        env: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run code to its end, and return all its output.

        A run that is left before its end, by Ctrl-C or by a handler that raises, is stopped
        on the server too. docs/runs.md describes the life of a run in full.

        Args:
            code: Source text.
            language: Run in this language's default context, whose state lasts too. The default is
                Python; with a context, the two must agree.
            context: Run in this context.
            handlers: Called with each piece of output as it arrives; plain functions.
                An exception of a handler ends the run and reaches the caller unchanged.
            timeout: Seconds for the run, waiting for its turn included. It is interrupted then,
                and given up six seconds later if it does not stop. No limit by default.
            idle_timeout: Seconds of silence once the run has begun; servers send a ping every three
                seconds. The default is 30; None sets no limit.
            on_busy: Whether to wait while another run of this interpreter has the context
                ("queue"), or to fail at once ("raise").
            max_output: Bytes of output and results to keep at most, half of them from the
                beginning and half from the end. Handlers still get everything.
            env: Environment variables for this run, in all six languages. What was there before is
                put back at its end. No value is in code that is sent, nor in any history or log.

        Returns:
            The Execution. A failure of the code is its `error`, not an exception.

        Raises:
            CodeError: The kernel could not set `env`, or put back what was there.
            ContextBusyError: The context runs other code.
            ContextNotFoundError: The context is gone.
            ExecutionTimeoutError: It took longer than `timeout`; has `context_usable`.
            StreamIdleError: The server was silent for longer than `idle_timeout`.
            StreamTruncatedError: Output may be missing; `.execution` has what arrived.
            ProtocolError: The server sent something that is not an event.
        """
        plan = plan_run(code, language, context, timeout, idle_timeout, on_busy, max_output, env)
        told = listeners(handlers, awaits=AWAITS)
        run = Run(
            plan,
            time.monotonic(),
            keep_output=not (handlers and handlers.skip_accumulation),
            grace=self._grace,
        )
        take = run.builder.take
        with run.failures():
            with LiveRun(self._runner, run) as live:
                while events := live.read():
                    for event in events:
                        value = take(event)
                        handler = told.get(type(event)) if told else None
                        if handler is not None and (outcome := handler(value)) is not None:
                            settle(outcome, event)
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
        env: Mapping[str, str] | None = None,
    ) -> RunStreamSync:
        """Run code, and yield what happens event by event; see `RunStreamSync`.

        Nothing is sent before the first step. Arguments and errors are those of `run`.

        Example:
            >>> with interpreter.codes.stream("print('hi')") as events:
            ...     for event in events:
            ...         match event:
            ...             case Stdout(text=text):
            ...                 print(text, end="")
        """
        plan = plan_run(code, language, context, timeout, idle_timeout, on_busy, max_output, env)
        return RunStreamSync(self._runner, plan, self._grace)

    def variables(
        self,
        context: CodeContext | None = None,
        *,
        limit: int = 1000,
        timeout: Seconds | None = None,
    ) -> list[Variable]:
        """Return the variables of a Python context, in the order in which they were made.

        It waits for its turn as a run does, and leaves the context as it was: its names, `_`, the
        history and the number of the next cell. Names that begin with an underscore are left out.
        No code of the variables' own classes is called. What other threads of the code print
        meanwhile comes with the next run.

        Args:
            context: The context; by default Python's default context.
            limit: How many to return at most.
            timeout: As that of `run`.

        Raises:
            CodeError: The kernel could not tell them, or was interrupted.
            ProtocolError: The kernel told something else.
        """
        cell = variables_cell(context, limit)
        slot = plan_run(cell, None, context, timeout, None, "queue", None).slot
        for _ in range(3):  # real servers lose two results in a hundred
            with self.stream(cell, context=context, timeout=timeout) as events:
                for event in events:
                    if isinstance(event, (Stdout, Stderr)):
                        self._runner.unheard[slot].append(event)
            for result in events.execution.raise_for_error().result:
                if MIME in result.mime:
                    return read_variables(result.mime[MIME])
        raise ProtocolError("the kernel did not show its variables")

    def interrupt(self, execution_id: str | Execution) -> None:
        """Interrupt a run: its code sees what its language has for that, such as KeyboardInterrupt.

        A run that has ended is left alone, and so is the run that came after it: real servers give
        all runs of a context one id, but an Execution, and the id that it or the `on_init` handler
        holds, know their run. A string from elsewhere is sent as it is.

        Args:
            execution_id: The Execution, from `RunStreamSync.execution` for instance, or its id.
        """
        if not isinstance(execution_id, Execution):
            contexts.checked_id("execution", execution_id)
        self._runner.interrupt(execution_id)

    def ping(self) -> bool:
        """Return whether execd answers without an error."""
        self._connection.check_open()
        try:
            self.check_ping()
        except CodeInterpreterError:
            return False
        return True

    def check_ping(self) -> str | None:
        """Raise the error of execd's answer, unless it is a good one.

        Returns:
            The version of an execd that is ours; None for another.
        """
        with mapped_errors():
            answer = ping.sync_detailed(client=self._connection.rest)
            ensure_ok(answer)
            return answer.headers.get(VERSION_HEADER)

    def check_health(self, timeout: float | None = None) -> None:
        """Raise the error that keeps code from running, if there is one.

        execd answers before the kernels' server behind it does, so a command in the sandbox asks
        for the latter.

        Args:
            timeout: Seconds, for connecting and for each wait for an answer, at most the configured
                request timeout, which is the default.

        Raises:
            NotReadyError: execd answers, the kernels' server does not.
        """
        with mapped_errors():
            with run_command.stream(
                client=self._connection.streams,
                body=wire.RunCommandRequest(command=KERNELS_SERVED),
                timeout=at_most(self._connection.timeout, timeout),
            ) as events:
                for event in events:
                    # Nothing but the status matters; the body of a real server's answer stays
                    # open for another second.
                    if event.type_ == "execution_complete":
                        return
        raise NotReadyError("the kernels' server does not answer yet")
