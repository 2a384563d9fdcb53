"""What one client has: a sandbox, which starts when it is first needed, and sessions in it.

A session is a name for state: in each language it has a context of its own, which is made when it
is first used. All of them start in the sandbox's working directory.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Final

from opensandbox.models.execd import ExecutionHandlers, OutputMessage
from typing_extensions import Self

from code_interpreter import (
    CodeContext,
    CodeInterpreter,
    ContextNotFoundError,
    Execution,
    ExecutionTimeoutError,
)
from code_interpreter._output.terminal import plain
from code_interpreter.mcp.apart import to_its_end

# Called with the seconds that a run has taken, and the last line that it printed.
Tell = Callable[[float, str], Awaitable[None]]

_TICK: Final = 1.0  # seconds between two reports of progress
_LINE: Final = 200  # characters of output in one
_KEPT: Final = 32_000_000  # bytes of a run's output


@dataclass(frozen=True, slots=True)
class _Place:
    interpreter: CodeInterpreter
    directory: str


class Workspace:
    """A sandbox and its sessions, for as long as an `async with` block lasts.

    Args:
        open_interpreter: Starts or finds the sandbox; what it returns is left at the end.
    """

    def __init__(
        self, open_interpreter: Callable[[], AbstractAsyncContextManager[CodeInterpreter]]
    ) -> None:
        self._open = open_interpreter
        self._stack = AsyncExitStack()
        self._starting: asyncio.Task[_Place] | None = None
        self._contexts: dict[tuple[str, str], CodeContext] = {}
        self._creating = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await to_its_end(self._close())

    async def _close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._stack.aclose()

    async def _start(self) -> _Place:
        interpreter = await self._stack.enter_async_context(self._open())
        said = await interpreter.commands.run("pwd")
        return _Place(interpreter, "".join(line.text for line in said.logs.stdout).strip())

    async def _place(self) -> _Place:
        """Return the sandbox; one that could not be started is tried again."""
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.create_task(self._start())
        # All wait for one start, which goes on if the first of them is cancelled.
        return await asyncio.shield(self._starting)

    async def run(
        self, code: str, *, language: str, session: str, timeout: float, tell: Tell
    ) -> Execution:
        """Run code in a session, to its end.

        Args:
            code: Source text.
            language: One of `SupportedLanguage`.
            session: The session's name.
            timeout: Seconds.
            tell: Called once a second while it runs.

        Returns:
            What happened, also of a run that took too long.

        Raises:
            CodeInterpreterError: The run failed for another reason than its code.
        """
        context = await self._context(language, session)
        interpreter = (await self._place()).interpreter
        last = ""

        async def heard(message: OutputMessage) -> None:
            nonlocal last
            last = message.text if message.text.strip() else last

        began = time.monotonic()

        async def tick() -> None:
            while True:
                await asyncio.sleep(_TICK)
                await tell(time.monotonic() - began, _last_line(last))

        ticking = asyncio.create_task(tick())
        try:
            return await interpreter.codes.run(
                code,
                context=context,
                handlers=ExecutionHandlers(on_stdout=heard, on_stderr=heard),
                timeout=timeout,
                max_output=_KEPT,
            )
        except ExecutionTimeoutError as error:
            if not error.context_usable:
                self._forget(context)
            if error.execution is None:
                raise
            return error.execution
        except ContextNotFoundError:
            self._forget(context)
            raise
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _context(self, language: str, session: str) -> CodeContext:
        place = await self._place()
        async with self._creating:
            context = self._contexts.get((language, session))
            if context is None:
                context = await place.interpreter.codes.create_context(
                    language, cwd=place.directory or None
                )
                self._contexts[language, session] = context
            return context

    def _forget(self, gone: CodeContext) -> None:
        self._contexts = {name: one for name, one in self._contexts.items() if one is not gone}


def _last_line(text: str) -> str:
    return plain(text[-10 * _LINE :]).strip().replace("\r", "\n").rpartition("\n")[2][-_LINE:]
