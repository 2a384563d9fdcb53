"""The contexts of a sandbox: which there are, what runs in them, and how that is stopped.

Lives on the event loop; nothing here needs a lock. What must stay true:

- One context runs one cell at a time, and is free as soon as that cell has ended.
- A run's id means that run and no later one.
- A run that is asked to stop does so within a few seconds, if need be together with its kernel
  (`exchange` sees to it once the kernel has the run).
- No run gets fresh state untold: the `error` that ended the last run says so, or a line on stderr
  when the kernel died while nothing ran.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from code_interpreter.execd.code.available import Languages
from code_interpreter.execd.code.channels import KernelStartError
from code_interpreter.execd.code.pool import Pool
from code_interpreter.execd.refusals import (
    context_not_found,
    invalid_body,
    no_such_session,
    runtime_error,
)
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run
from code_interpreter.execd.runs.spool import Spool
from code_interpreter.kernels.launch import Launch

if TYPE_CHECKING:
    from code_interpreter.execd.code.kernel import Kernel

_log = logging.getLogger(__name__)


class Context:
    """A kernel-to-be and its state.

    Args:
        language: Its language.
        launch: How its kernel is started.
        cwd: Where its kernel starts.
        given_cwd: The same as the client put it; None when it did not.
        context_id: The id of the context whose place it takes; a new one by default.
    """

    def __init__(
        self,
        language: str,
        launch: Launch,
        *,
        cwd: Path,
        given_cwd: str | None = None,
        context_id: str | None = None,
    ) -> None:
        self.id = context_id or str(uuid4())
        self.language = language
        self.launch = launch
        self.cwd = cwd
        self.given_cwd = given_cwd
        self.kernel: Kernel | None = None
        self.starting: asyncio.Task[Kernel] | None = None
        self.failure: KernelStartError | None = None  # of a start that no run has waited for
        self.run: Run | None = None
        self.handed_over = False  # the run is in the kernel's hands


class Contexts:
    """All contexts of one sandbox.

    Args:
        languages: What contexts can be made of.
        pool: Hands out their kernels.
        workdir: Where kernels start unless told otherwise.
    """

    def __init__(self, languages: Languages, pool: Pool, workdir: Path) -> None:
        self._languages = languages
        self._pool = pool
        self._workdir = workdir
        self._contexts: dict[str, Context] = {}
        self._defaults: dict[str, str] = {}
        self._running: dict[str, Context] = {}  # by the run's id
        self._driving: set[asyncio.Task[None]] = set()

    async def create(
        self, language: str | None, cwd: str | None, *, anew: str | None = None
    ) -> Context:
        """Make a context; its kernel starts in the background.

        Args:
            language: Its language.
            cwd: Where it starts.
            anew: The id of a context that ends now, and whose place it takes; `cwd` too, if that is
                not given.

        Raises:
            ApiError: Unknown language, version not installed, impossible `cwd`, no such context.
        """
        name = self._languages.name(language)
        if anew:
            old = self.get(anew)
            if old.language != name:
                raise invalid_body(f"context {anew} is not a context of {name}")
            cwd = cwd or old.given_cwd
        launch = await self._languages.launch(name)
        folder = self._workdir / (cwd or "")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise invalid_body(f"cwd {cwd!r} cannot be used: {error}") from error
        if anew:
            # It may have gone meanwhile: `launch` asks programs which versions they have.
            self._end(self.get(anew), "ContextRestarted", "the context was restarted")
        context = self._add(
            Context(name, launch, cwd=folder, given_cwd=cwd or None, context_id=anew or None)
        )
        self._start(context)
        return context

    def get(self, context_id: str) -> Context:
        """The context with this id.

        Raises:
            ApiError: There is none.
        """
        try:
            return self._contexts[context_id]
        except KeyError:
            raise context_not_found(context_id) from None

    def list(self, language: str | None) -> list[Context]:
        """The contexts of one language, or all."""
        contexts = self._contexts.values()
        return [context for context in contexts if not language or context.language == language]

    def delete(self, context_id: str) -> None:
        """End a context with its kernel and whatever that has started.

        Raises:
            ApiError: There is none.
        """
        context = self.get(context_id)
        del self._contexts[context_id]
        if self._defaults.get(context.language) == context_id:
            del self._defaults[context.language]
        self._end(context, "ContextDeleted", "the context was deleted")

    @staticmethod
    def _end(context: Context, name: str, what: str) -> None:
        reason = (name, f"{what} while this ran")
        if context.run is not None and not context.handed_over:
            context.run.end([], encode.error(*reason))
        if context.starting is not None:
            context.starting.cancel()
        if context.kernel is not None:
            context.kernel.kill(*reason)

    def delete_language(self, language: str) -> None:
        """End all contexts of a language."""
        for context in self.list(language.strip().lower()):
            self.delete(context.id)

    async def reserve(self, code: str, *, context_id: str | None, language: str | None) -> Run:
        """A run that has its context to itself, and waits for `begin`.

        Raises:
            ApiError: No such context or language; the context is busy; its kernel did not start.
        """
        context = await self._of(context_id, language)
        if context.run is not None:
            raise runtime_error("error running codes session is busy")
        if context.failure is not None:
            failure, context.failure = context.failure, None
            raise runtime_error(f"error running codes {failure}")
        run = Run(uuid4().hex, code, spool=Spool(), on_end=self._ended)
        context.run = run
        self._running[run.run_id] = context
        return run

    def begin(self, run: Run) -> None:
        """Let a reserved run go: at once, or when its kernel has started."""
        context = self._running.get(run.run_id)
        if context is None:
            return  # ended before it began: deleted
        if context.kernel is not None:
            if context.kernel.execute(run):
                context.handed_over = True
                return
            problem, last_words = context.kernel.death()
            context.kernel = None
            text = (
                f"While nothing ran, {problem}; this is a new one, "
                "and the state of this context is lost.\n"
            )
            run.put([*last_words, encode.frame("stderr", text=text)])
        task = asyncio.get_running_loop().create_task(
            self._drive(context, run, self._start(context))
        )
        self._driving.add(task)
        task.add_done_callback(self._driving.discard)

    def interrupt(self, some_id: str) -> None:
        """Interrupt a run by its id, or whatever runs in a context by the context's.

        Raises:
            ApiError: It is the id of neither a live run nor a context.
        """
        context = self._running.get(some_id) or self._contexts.get(some_id)
        if context is None:
            raise no_such_session()
        self._stop(context)

    def abandon(self, run: Run) -> None:
        """The client of a run has gone: stop it, and let go of its output."""
        run.spool.discard()
        context = self._running.get(run.run_id)
        if context is not None:
            self._stop(context)

    def close(self) -> None:
        """Prepare for the end: what runs is told the reason when its kernel is killed."""
        self._pool.close()
        for context in [*self._contexts.values(), *self._running.values()]:
            if context.starting is not None:
                context.starting.cancel()
            if context.run is not None and not context.handed_over:
                context.run.end([], encode.error("SandboxClosed", "the sandbox was closed"))
            if context.kernel is not None:
                context.kernel.tell_end("SandboxClosed", "the sandbox was closed while this ran")

    async def _of(self, context_id: str | None, language: str | None) -> Context:
        if context_id:
            if context_id not in self._contexts:
                raise runtime_error("error running codes context not found")
            return self._contexts[context_id]
        name = self._languages.name(language)
        if name not in self._defaults:
            launch = await self._languages.launch(name)
            # Another request may have made it in the meantime.
            if name not in self._defaults:
                context = self._add(Context(name, launch, cwd=self._workdir))
                self._defaults[name] = context.id
        return self._contexts[self._defaults[name]]

    def _add(self, context: Context) -> Context:
        self._contexts[context.id] = context
        return context

    def _start(self, context: Context) -> "asyncio.Task[Kernel]":
        if context.starting is None:
            context.starting = asyncio.get_running_loop().create_task(self._kernel(context))
            context.starting.add_done_callback(lambda task: self._started(context, task))
        return context.starting

    async def _kernel(self, context: Context) -> "Kernel":
        try:
            return await self._pool.start(
                context.launch, language=context.language, cwd=context.cwd
            )
        except KernelStartError:
            raise
        except Exception as error:
            # A fault of ours, most likely; still, whoever waits for this kernel is to be told.
            _log.exception("a kernel could not be started")
            message = f"the {context.language} kernel did not start: {error!r}"
            raise KernelStartError(message) from error

    def _started(self, context: Context, task: "asyncio.Task[Kernel]") -> None:
        context.starting = None
        if task.cancelled():
            return
        try:
            kernel = task.result()
        except KernelStartError as error:
            context.failure = error
            return
        if self._contexts.get(context.id) is context:
            context.kernel = kernel
        else:  # deleted in the very moment
            kernel.kill()

    async def _drive(self, context: Context, run: Run, starting: "asyncio.Task[Kernel]") -> None:
        """Wait for a kernel, and hand it the run."""
        try:
            kernel = await asyncio.shield(starting)
        except KernelStartError as error:
            context.failure = None
            run.end([], encode.error("KernelStartError", str(error)))
            return
        except asyncio.CancelledError:
            if run.spool.finished:
                return  # its context was deleted
            raise
        if run.spool.finished:
            return  # interrupted or deleted while the kernel started
        if kernel.execute(run):
            context.handed_over = True
        else:
            run.end([], encode.error("KernelDied", "the kernel died as soon as it had started"))

    def _stop(self, context: Context) -> None:
        run = context.run
        if run is None:
            return
        if not context.handed_over:
            text = "interrupted before the kernel was ready"
            run.end([], encode.error("KeyboardInterrupt", text))
            return
        if context.kernel is not None:
            context.kernel.interrupt(run)

    def _ended(self, run: Run) -> None:
        context = self._running.pop(run.run_id, None)
        if context is None:
            return
        context.run = None
        context.handed_over = False
        if context.kernel is not None and run.kernel_gone:
            # One that is about to go by itself: the next run must not meet it half gone.
            context.kernel.kill()
            context.kernel = None


def describe(context: Context, *, cwd: bool = False) -> Mapping[str, str]:
    """A context as the API shows it; the real one tells the `cwd` only when it is made."""
    shown = {"id": context.id, "language": context.language}
    if cwd and context.given_cwd is not None:
        shown["cwd"] = context.given_cwd
    return shown
