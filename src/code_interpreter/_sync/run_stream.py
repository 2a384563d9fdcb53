# Made from run_stream.py in _async/ by scripts/unasync.py: edit that.
"""The events of one run, one by one."""

import time
import warnings
from collections import deque

from typing_extensions import Self

from code_interpreter._call.plan import RunPlan
from code_interpreter._errors import InvalidArgumentError
from code_interpreter._output.execution import Execution
from code_interpreter._run.run import Run
from code_interpreter._run.watch import GRACE
from code_interpreter._sync.runner import LiveRun, Runner
from code_interpreter.events import Event


class RunStreamSync:
    """The events of one run, in order of arrival: an iterator and a context manager.

    It can be read once. Leaving the block of an `async with` early stops the run. Without a block,
    a stream that is dropped early stops it too, later, and with a ResourceWarning.

    Attributes:
        execution: What has arrived so far; its `outcome` is set once the loop has ended.
    """

    def __init__(self, runner: Runner, plan: RunPlan, grace: float = GRACE) -> None:
        self.execution = Execution()
        self._runner = runner
        self._plan = plan
        self._grace = grace
        self._run: Run | None = None  # its time runs from the first step on
        self._live: LiveRun | None = None
        self._arrived = deque[Event]()
        self._is_over = False

    def __iter__(self) -> Self:
        if self._is_over:
            raise InvalidArgumentError("the events of a run can be read once")
        return self

    def __next__(self) -> Event:
        if not self._arrived and not self._is_over:
            self._read()
        if not self._arrived:
            raise StopIteration
        event = self._arrived.popleft()
        assert self._run is not None  # noqa: S101  # there is an event
        self._run.builder.take(event)
        return event

    def _read(self) -> None:
        if self._run is None:
            self._run = Run(
                self._plan, time.monotonic(), execution=self.execution, grace=self._grace
            )
        with self._run.failures():
            try:
                if self._live is None:
                    self._live = LiveRun(self._runner, self._run).__enter__()
                self._arrived.extend(self._live.read())
            except BaseException as error:
                self._leave(error)
                raise
            if not self._arrived:
                self._leave(None)
                self._run.conclude()

    def _leave(self, error: BaseException | None) -> None:
        self._is_over = True
        live, self._live = self._live, None
        if live is not None:
            live.__exit__(None, error, None)

    def close(self) -> None:
        """Stop the run if it is not over."""
        self._is_over = True
        live, self._live = self._live, None
        if live is not None:
            live.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        live: LiveRun | None = getattr(self, "_live", None)
        if live is not None:
            live.drop()
            message = "unclosed stream of a run: it is stopped; use a `with` block"
            warnings.warn(message, ResourceWarning, stacklevel=2)
