"""What one client has: a sandbox, which starts when it is first needed, and sessions in it.

A session is a name for state: in each language it has a context of its own, which is made when it
is first used. All of them start in the sandbox's working directory.
"""

import asyncio
import logging
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from opensandbox.exceptions import SandboxException
from opensandbox.models.execd import ExecutionHandlers, OutputMessage
from opensandbox.models.filesystem import EntryInfo
from typing_extensions import Self

from code_interpreter import (
    CodeContext,
    CodeInterpreter,
    ContextNotFoundError,
    Execution,
    ExecutionTimeoutError,
)
from code_interpreter.mcp.apart import to_its_end
from code_interpreter.mcp.folder import DEPTH, FIND, Folder
from code_interpreter.mcp.progress import Hear
from code_interpreter.places import Place

_KEPT: Final = 32_000_000  # bytes of a run's output

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Started:
    interpreter: CodeInterpreter
    folder: Folder


class Workspace:
    """A sandbox and its sessions, for as long as an `async with` block lasts.

    Args:
        place: Where it is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._creating = asyncio.Lock()
        self._begin()

    def _begin(self) -> None:
        self._stack = AsyncExitStack()
        self._starting: asyncio.Task[_Started] | None = None
        self._contexts: dict[tuple[str, str], CodeContext] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await to_its_end(self._close())

    async def _close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await _end(self._stack)

    async def recover(self) -> bool:
        """Give up the sandbox if it is gone; the next call starts another.

        Returns:
            Whether it was gone.
        """
        starting = self._starting
        if starting is None or not starting.done() or starting.exception():
            return False
        if await starting.result().interpreter.ping():
            return False
        if self._starting is starting:
            stack = self._stack
            self._begin()
            await _end(stack)
        return True

    async def _start(self) -> _Started:
        interpreter = await self._stack.enter_async_context(self._place.open())
        if self._place.sandbox_id is not None:
            self._stack.push_async_callback(self._delete_contexts, interpreter)
        said = await interpreter.commands.run(FIND)
        directory = said.logs.stdout[0].text.strip() if said.logs.stdout else ""
        folder = Folder(interpreter.files, directory)
        await folder.changed()
        return _Started(interpreter, folder)

    async def _delete_contexts(self, interpreter: CodeInterpreter) -> None:
        """Leave nothing in a sandbox that stays."""
        for context in self._contexts.values():
            with suppress(ContextNotFoundError):
                await interpreter.codes.delete_context(str(context.id))

    async def _started(self) -> _Started:
        """Return the sandbox, which is started now if it was not, or if that failed."""
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.create_task(self._start())
        # All wait for one start, which goes on if one of them is cancelled.
        starting = self._starting
        await asyncio.wait({starting})
        return starting.result()

    async def folder(self) -> Folder:
        """Return the working directory."""
        return (await self._started()).folder

    async def seen_files(self) -> Sequence[EntryInfo] | None:
        """Return what files there are to see; None where no sandbox has started."""
        task = self._starting
        if task is None or not task.done() or task.exception():
            return None
        folder = task.result().folder
        return await folder.entries(folder.directory, DEPTH)

    async def restart(self, language: str | None, session: str) -> Sequence[str]:
        """End the contexts of a session, and so their state.

        Args:
            language: That of the context to end; None for all.
            session: The session's name.

        Returns:
            The languages whose state is gone.
        """
        ended = [
            (of, context)
            for (of, name), context in self._contexts.items()
            if name == session and language in {None, of}
        ]
        for _, context in ended:
            self._forget(context)
            codes = (await self._started()).interpreter.codes
            with suppress(ContextNotFoundError):  # so its state is gone already
                await codes.delete_context(str(context.id))
        return sorted(of for of, _ in ended)

    async def run(
        self, code: str, *, language: str, session: str, timeout: float, hear: Hear
    ) -> Execution:
        """Run code in a session, to its end.

        Args:
            code: Source text.
            language: One of `SupportedLanguage`.
            session: The session's name.
            timeout: Seconds.
            hear: Called with each piece of output.

        Returns:
            What happened, also of a run that took too long.

        Raises:
            CodeInterpreterError: The run failed for another reason than its code.
        """
        context = await self._context(language, session)
        codes = (await self._started()).interpreter.codes

        async def heard(message: OutputMessage) -> None:
            hear(message.text)

        try:
            with self._forgetting(context):
                return await codes.run(
                    code,
                    context=context,
                    handlers=ExecutionHandlers(on_stdout=heard, on_stderr=heard),
                    timeout=timeout,
                    max_output=_KEPT,
                )
        except ExecutionTimeoutError as error:
            if error.execution is None:
                raise
            return error.execution

    async def install(
        self, wanted: Sequence[str], *, language: str, session: str, timeout: float, hear: Hear
    ) -> None:
        """Install packages; see `CodeInterpreter.install`.

        Args:
            wanted: What the installer takes.
            language: That of the packages.
            session: The session whose context is to have them, in Java and Go.
            timeout: Seconds.
            hear: Called with each line that the installer says.

        Raises:
            CodeInterpreterError: They could not be installed.
        """
        context = await self._context(language, session)
        interpreter = (await self._started()).interpreter
        with self._forgetting(context):
            await interpreter.install(*wanted, context=context, on_progress=hear, timeout=timeout)

    @contextmanager
    def _forgetting(self, context: CodeContext) -> Generator[None, None, None]:
        """Have the next call make another context, if this one turns out to be gone."""
        try:
            yield
        except ExecutionTimeoutError as error:
            if not error.context_usable:
                self._forget(context)
            raise
        except ContextNotFoundError:
            self._forget(context)
            raise

    async def _context(self, language: str, session: str) -> CodeContext:
        started = await self._started()
        async with self._creating:
            context = self._contexts.get((language, session))
            if context is None:
                context = await started.interpreter.codes.create_context(
                    language, cwd=started.folder.directory
                )
                self._contexts[language, session] = context
            return context

    def _forget(self, gone: CodeContext) -> None:
        self._contexts = {name: one for name, one in self._contexts.items() if one is not gone}


async def _end(stack: AsyncExitStack) -> None:
    try:
        await stack.aclose()
    except SandboxException:
        _logger.warning("a sandbox could not be ended in order", exc_info=True)
