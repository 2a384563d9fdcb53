"""What one client has: a sandbox, which starts when it is first needed, and sessions in it.

A session is a name for state: in each language it has a context of its own, which is made when it
is first used. All of them start in the sandbox's working directory.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
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
    Outcome,
)
from code_interpreter._output.terminal import plain
from code_interpreter.mcp import packages
from code_interpreter.mcp.apart import to_its_end
from code_interpreter.mcp.folder import DEPTH, Folder
from code_interpreter.places import Place

# Called with the seconds that a run has taken, and the last line that it printed.
Tell = Callable[[float, str], Awaitable[None]]

_TICK: Final = 1.0  # seconds between two reports of progress
_LINE: Final = 200  # characters of output in one
_INSTALLING: Final = " packages"  # no session of a client begins with a blank
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
        self._has_packages = False  # of Python, which contexts have to be told of
        self._told: set[str | None] = set()  # ids of contexts

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
        # Real servers lose a line of output now and then, mostly the last.
        said = await interpreter.commands.run("pwd; pwd")
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
        # All wait for one start, which goes on if the first of them is cancelled.
        return await asyncio.shield(self._starting)

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
        interpreter = (await self._started()).interpreter
        await self._tell_of_packages(context)
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
            execution = await interpreter.codes.run(
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
            execution = error.execution
        except ContextNotFoundError:
            self._forget(context)
            raise
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        if execution.outcome is Outcome.KERNEL_DIED:
            self._told.discard(context.id)
        return execution

    async def install(
        self, wanted: Sequence[str], *, language: str, timeout: float, tell: Tell
    ) -> Execution:
        """Install packages, for all sessions.

        Args:
            wanted: What to install, as pip or npm understands it.
            language: One of `packages.LANGUAGES`.
            timeout: Seconds.
            tell: Called once a second meanwhile.

        Returns:
            What the installer said.

        Raises:
            CodeInterpreterError: The run failed for another reason than its code.
        """
        python = ""
        if language == "python":
            asked = await self.run(
                "print(__import__('sys').executable)",
                language="python",
                session=_INSTALLING,
                timeout=timeout,
                tell=tell,
            )
            python = asked.text.strip()
            self._has_packages = True
        script = packages.script(
            language, wanted, python=python, directory=(await self.folder()).directory
        )
        try:
            return await self.run(
                script, language="bash", session=_INSTALLING, timeout=timeout, tell=tell
            )
        finally:
            self._told.clear()

    async def _tell_of_packages(self, context: CodeContext) -> None:
        """Have a context find what was installed since it last ran."""
        started = await self._started()
        prelude = packages.prelude(context.language, started.folder.directory)
        if self._has_packages and prelude and context.id not in self._told:
            await started.interpreter.codes.run(prelude, context=context)
            self._told.add(context.id)

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


def _last_line(text: str) -> str:
    return plain(text[-10 * _LINE :]).strip().replace("\r", "\n").rpartition("\n")[2][-_LINE:]
