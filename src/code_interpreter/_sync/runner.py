# Made from runner.py in _async/ by scripts/unasync.py: edit that.
"""Runs over their connection: I/O only; `_run` decides.

Closing a connection does not stop code, so a run that is left before its end, whatever the reason,
is interrupted, and read on until it ends or its grace is over.
"""

import threading
import time
from collections import defaultdict
from typing import Final

import httpx
from execd_client import errors as wire
from execd_client.api.code_interpreting import delete_context, interrupt_code, run_code
from execd_client.models import ServerStreamEvent
from execd_client.streaming import EventStream
from typing_extensions import Self

from code_interpreter._call.environ import Environ, EnvPlan
from code_interpreter._errors import APIError
from code_interpreter._output.execution import Execution, Outcome
from code_interpreter._run.run import BUSY_PAUSE, Run, aimed_at, is_over
from code_interpreter._run.slots import Slots
from code_interpreter._run.watch import Action
from code_interpreter._sync import primitives as on
from code_interpreter._sync.connection import Connection
from code_interpreter._sync.secret_file import put_file, remove_file, temporary_folder
from code_interpreter._wire.failures import (
    ensure_ok,
    ensure_stopped,
    known_error,
    logged_errors,
    mapped_errors,
)
from code_interpreter.events import Event, ExecutionCount, Stderr, Stdout

RESTORING: Final = 30.0
"""Seconds for putting back the environment of a context."""
PRINTED: Final[dict[str, type[Event]]] = {"java": Stderr, "go": Stdout}
"""What the kernels of a language print themselves when an environment is set or put back."""


class Runner:
    """Runs code on one execd, one run at a time in each context."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.slots = Slots()
        self.live: dict[Run, LiveRun] = {}
        self.unheard = defaultdict[str, list[Event]](list)  # for the next run, by its slot
        self._folder: str | None = None

    def put_file(self, plan: EnvPlan) -> Environ:
        """Put environment variables into a file of the sandbox, and return how they are set."""
        if self._folder is None:
            self._folder = temporary_folder(self.connection)
        environ = plan.with_file_in(self._folder)
        try:
            put_file(self.connection, environ)
        except BaseException:
            remove_file(self.connection, environ)
            raise
        return environ

    def interrupt(self, target: str | Execution) -> None:
        """Stop a run of this interpreter, if it is still alive, or whatever else an id names."""
        self.connection.check_place()
        if is_over(target):
            return
        runs = list(self.live.items())
        live = next((live for run, live in runs if run.is_meant_by(target)), None)
        with mapped_errors():
            if live is not None:
                live.interrupt()
            else:
                ensure_ok(
                    interrupt_code.sync_detailed(client=self.connection.rest, id=aimed_at(target))
                )


class LiveRun:
    """A run from its turn in the context to its end; a context manager around `read`."""

    def __init__(self, runner: Runner, run: Run) -> None:
        runner.connection.check_open()
        self._runner = runner
        self._connection = runner.connection
        self._slots = runner.slots
        self._run = run
        self._home = on.home()
        self._stream: EventStream[ServerStreamEvent] | None = None
        self._interrupts: list[on.Event] = []  # each set once its interrupt was answered
        self._jobs: list[on.Job] = []
        self._timing = threading.Lock()  # the timers of the blocking client have their own thread
        self._timer: on.Timer | None = None
        self._environ: Environ | None = None
        self._is_equipped = False  # so that an environment has to be put back
        self._has_file = False  # that no cell has removed
        self._early: list[Event] = []  # what the server said before a part of the run began

    def __enter__(self) -> Self:
        self._take_turn()
        self._runner.live[self._run] = self
        if not self._run.plan.within:
            self._early += self._runner.unheard.pop(self._run.plan.slot, [])
        if self._run.plan.environ is not None:
            try:
                self._enter(self._run.plan.environ)
            except BaseException as error:
                self.__exit__(None, error, None)
                raise
        return self

    def _take_turn(self) -> None:
        run, came = self._run, on.Event()
        if run.plan.within:
            return
        self._slots.ask(run, on.current(), came)
        try:
            if not came.is_set() and not on.wait(came, run.watch.left(time.monotonic())):
                raise run.too_late()  # noqa: TRY301  # leaves the queue, as being cancelled does
        except BaseException:
            self._slots.leave(run)
            raise

    def read(self) -> list[Event]:
        """Return the events that have come next; none at the clean end of the body."""
        self._connection.check_place(self._home)
        run = self._run
        run.check()
        while True:
            stream = self._stream or self._open()
            frames = stream.next_frames()
            if not frames:
                run.saw_end()
                return []
            events = run.take(frames, time.monotonic())
            if not events:
                run.check()
            if self._timer is None:
                self._watch()
            if run.refusal is None:
                if self._early:
                    events[1:1], self._early = self._early, []
                return events
            stream.discard_connection()
            if not self._slots.is_patient(run, run.refusal, time.monotonic()):
                return events
            run.try_again()
            self._stream = None
            stream.close()
            on.sleep(BUSY_PAUSE)

    def _open(self) -> EventStream[ServerStreamEvent]:
        run = self._run
        self._watch()
        while True:
            now = time.monotonic()
            stream = run_code.stream(
                client=self._connection.streams,
                body=run.plan.body,
                timeout=run.limits(self._connection.timeout, now),
            )
            try:
                stream.__enter__()
            except wire.UnexpectedStatus as error:
                if not self._slots.is_patient(run, known_error(error), time.monotonic()):
                    raise
                on.sleep(BUSY_PAUSE)
            else:
                # httpcore looks this limit up when it begins to read the body, so the headers had
                # another: from here on only the watch decides.
                stream.response.request.extensions["timeout"]["read"] = None
                self._stream = stream
                return stream

    def interrupt(self) -> None:
        """Ask the server to stop the run, unless its turn is over."""
        answered = on.Event()
        self._interrupts.append(answered)  # first: whoever ends the turn waits for it
        try:
            run_id = self._run.interrupt()
            if run_id is not None:
                ensure_stopped(
                    interrupt_code.sync_detailed(client=self._connection.rest, id=run_id)
                )
        finally:
            answered.set()

    def drop(self) -> None:
        """Stop the run, whose caller has left without a word."""
        if self._connection.is_inherited:
            return
        self._run.drop()
        on.detach(self._home, self.leave)

    def leave(self) -> None:
        """Stop the run if it is not over, and settle its Execution as interrupted."""
        self.__exit__(None, None, None)
        self._run.builder.settle(Outcome.INTERRUPTED)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._connection.is_inherited:
            return
        try:
            self._end_stream(error)
        finally:
            try:
                self._end_turn()
            finally:
                del self._runner.live[self._run]
                if not self._run.plan.within:
                    self._slots.leave(self._run)

    def _end_stream(self, error: BaseException | None) -> None:
        if self._stream is None:
            return
        try:
            if not self._run.seen_end and not isinstance(error, wire.StreamTruncated):
                self._abandon(self._stream)
        finally:
            self._stream.close()

    def _abandon(self, stream: EventStream[ServerStreamEvent]) -> None:
        """Stop the run, and read on to see its end."""
        self._run.stop(time.monotonic())
        self._look()
        try:
            while stream.next_frames():
                pass
            self._run.saw_end()
        except (wire.StreamError, httpx.HTTPError, httpx.StreamError):
            pass  # cut by us, by a cancelled read, or by the network: there is no end to see
        finally:
            if not self._run.seen_end:
                self._slots.unsettle(self._run, time.monotonic())
        on.join(self._jobs, self._run.watch.grace)

    def _end_turn(self) -> None:
        """End the turn: interrupts on their way must not meet the next run."""
        self._run.end_turn()
        with self._timing:
            if self._timer is not None:
                self._timer.cancel()
        for answered in list(self._interrupts):
            on.wait(answered, self._run.watch.grace)
        environ = self._environ
        try:
            if self._run.lost_context is not None:
                on.join([on.spawn(self._delete_context)], self._run.watch.grace)
            elif environ is not None and self._is_equipped:
                self._leave(environ)
        finally:
            if environ is not None and self._has_file:
                remove_file(self._connection, environ)

    def _enter(self, plan: EnvPlan) -> None:
        environ = self._environ = self._runner.put_file(plan)
        self._has_file = self._is_equipped = True
        try:
            timeout = self._run.watch.left(time.monotonic())
            self._run_part(environ.enter, timeout, self._early)
        except APIError:  # a refusal: it has not run
            self._is_equipped = False
            raise
        self._has_file = environ.keeps_file

    def _leave(self, environ: Environ) -> None:
        """Put back the environment; the caller of a run that has ended is told if that fails."""
        late: list[Event] = []
        try:
            if self._run.seen_end:
                self._run_part(environ.leave, RESTORING, late)
            else:
                with logged_errors("the environment of a context could not be put back"):
                    self._run_part(environ.leave, RESTORING, late)
        finally:
            for event in late:
                self._run.builder.take(event)

    def _run_part(self, code: str, timeout: float | None, said: list[Event]) -> None:
        """Run a part of the run; `said` gets what it did not print itself.

        That is what a kernel printed that has died since, what the server says of that, and what
        other threads of the code print meanwhile.
        """
        plan = self._run.plan.part(code, timeout)
        own = PRINTED.get(plan.body.context.language, ()) if plan.body.context else ()
        run = Run(plan, time.monotonic(), grace=self._run.watch.grace)
        with run.failures():
            has_begun = False
            with LiveRun(self._runner, run) as live:
                while events := live.read():
                    for event in events:
                        run.builder.take(event)
                        has_begun = has_begun or isinstance(event, ExecutionCount)
                        if isinstance(event, (Stdout, Stderr)) and not (
                            has_begun and isinstance(event, own)
                        ):
                            said.append(event)
            run.conclude().raise_for_error()

    def _watch(self) -> None:
        """Look again when it is time to."""
        with self._timing:
            due = self._run.due()
            if self._timer is None and due is not None:
                self._timer = on.call_at(due, self._look)

    def _look(self) -> None:
        with self._timing:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        action = self._run.look(time.monotonic())
        if action in {Action.INTERRUPT, Action.BREAK_OFF}:
            self._jobs.append(on.spawn(self._interrupt_quietly))
        if action not in {Action.GIVE_UP, Action.BREAK_OFF}:
            self._watch()
        elif self._stream is not None:
            self._jobs.append(on.spawn(self._stream.abort))

    def _interrupt_quietly(self) -> None:
        with logged_errors("a run could not be interrupted"):
            self.interrupt()

    def _delete_context(self) -> None:
        lost = self._run.lost_context or ""
        with logged_errors("the context of a lost run could not be deleted"):
            ensure_ok(delete_context.sync_detailed(lost, client=self._connection.rest))
