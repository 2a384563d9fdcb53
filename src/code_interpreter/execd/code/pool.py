"""Idle Python kernels, so that a new context has one at once.

A kernel of the pool is a new one in every respect that a program can see: it comes from the same
launch in the same environment, has run nothing, and is put where the context is to start. What
packages it knows was settled when it started, so one that is older than the last `pip install` is
thrown away. Whoever cannot be served waits for a kernel of its own, as without a pool.

Lives on the event loop.
"""

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from code_interpreter.execd.code.available import Languages
from code_interpreter.execd.code.channels import KernelStartError
from code_interpreter.execd.code.kernel import Kernel, Kernels
from code_interpreter.execd.code.stock import Stock
from code_interpreter.execd.refusals import ApiError
from code_interpreter.kernels.launch import Launch

LANGUAGE = "python"

_log = logging.getLogger(__name__)


class Pool:
    """Hands out kernels: idle ones where there are, else new ones.

    Args:
        kernels: Starts them.
        languages: Knows how Python is started.
        workdir: Where idle kernels wait.
        size: How many idle kernels to keep; 0 for none.
        patience: Seconds for an idle kernel to move; it takes milliseconds, unless it hangs.
    """

    def __init__(
        self,
        kernels: Kernels,
        languages: Languages,
        workdir: Path,
        size: int,
        *,
        patience: float = 5.0,
    ) -> None:
        self._kernels = kernels
        self._languages = languages
        self._workdir = workdir
        self._patience = patience
        self._stock: Stock[asyncio.Task[Kernel]] = Stock(size, _usable)
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    def fill(self) -> None:
        """Start what is missing, in the background and at a good moment."""
        if not self._closed and (self._filling is None or self._filling.done()):
            self._filling = asyncio.get_running_loop().create_task(self._fill())

    async def start(self, launch: Launch, *, language: str, cwd: Path) -> Kernel:
        """A kernel that has run nothing, and answers.

        Raises:
            KernelStartError: None can be had.
        """
        self._stock.wait_begins()
        try:
            kernel = await self._claim(launch, cwd) if language == LANGUAGE else None
            return kernel or await self._kernels.start(launch, language=language, cwd=cwd)
        finally:
            self._stock.wait_ends(time.monotonic())
            self.fill()

    def close(self) -> None:
        """Start nothing any more; whoever ends the sandbox kills the kernels."""
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
        for task in self._stock.items:
            task.cancel()

    async def _fill(self) -> None:
        while (pause := self._stock.pause(time.monotonic())) is not None:
            if pause:
                await asyncio.sleep(pause)
                continue
            try:
                launch = await self._languages.launch(LANGUAGE)
            except (ApiError, OSError, RuntimeError) as error:
                _log.debug("no idle kernel: %s", error)
                return
            start = self._kernels.start(launch, language=LANGUAGE, cwd=self._workdir)
            task = asyncio.get_running_loop().create_task(start)
            self._stock.add(launch, task)
            await asyncio.wait({task})
            # Cancelled with the context that took it, it says nothing of the next. If it failed,
            # whoever needs Python tries for himself, and is told; after that, so do we.
            if not task.cancelled() and not _usable(task):
                return

    async def _claim(self, launch: Launch, cwd: Path) -> Kernel | None:
        """An idle kernel that is in `cwd` now; None when there is none that will do."""
        while True:
            task, misfits = self._stock.take(launch)
            for misfit in misfits:
                _discard(misfit)
            if task is None:
                return None
            with contextlib.suppress(KernelStartError):
                kernel = await task
                if await self._settle_in(kernel, cwd):
                    return kernel

    async def _settle_in(self, kernel: Kernel, cwd: Path) -> bool:
        """Move a kernel; one that cannot be moved is killed."""
        moved = False
        try:
            code = f"__import__('execd_python_kernel').settle_in({str(cwd)!r})"
            moved = await asyncio.wait_for(kernel.ask(code), self._patience)
        except asyncio.TimeoutError:
            _log.debug("an idle kernel does not answer")
        finally:
            if not moved:
                kernel.kill()
        return moved


def _usable(task: "asyncio.Task[Kernel]") -> bool:
    if not task.done():
        return True
    return not task.cancelled() and task.exception() is None and task.result().alive


def _discard(task: "asyncio.Task[Kernel]") -> None:
    if task.done():
        task.result().kill()
    else:
        task.cancel()
