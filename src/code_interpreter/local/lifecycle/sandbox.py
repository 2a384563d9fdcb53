"""One sandbox from its start to its end, and the registry of all.

What must stay true: a sandbox that is not in the registry has no processes and no directory. A
sandbox whose guard or execd died by itself loses its processes and its directory at once. It stays
listed as Failed, with the reason, until it is deleted, it expires, or ten minutes have passed. All
methods belong to the server's event loop.
"""

import asyncio
import logging
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from code_interpreter.execd.host.processes import continue_tree
from code_interpreter.local.box.box import Box
from code_interpreter.local.box.volumes import Volume
from code_interpreter.local.guard.spawn import Guarded, launch, ready_port, storage_used
from code_interpreter.local.lifecycle.limits import (
    Confinement,
    Limits,
    System,
    confinement,
)
from code_interpreter.local.lifecycle.requests import ListQuery, SandboxSpec
from code_interpreter.local.lifecycle.system import look
from code_interpreter.local.network.choice import Outside, described
from code_interpreter.local.network.control import RelayError, open_port, set_policy
from code_interpreter.local.network.policy import NOTHING, Policy

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

_START_PATIENCE = 20.0
_END_PATIENCE = 8.0
_FAILED_LISTED = 600.0
_DRAINING = 0.2
_TAIL = 8192


class StartError(Exception):
    """A sandbox did not start; nothing of it is left. The message ends with its final output."""


class StateError(Exception):
    """A sandbox is in a state in which this cannot be done."""


class PauseError(Exception):
    """The processes of a sandbox cannot be stopped."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a sandbox is in its life. The states have the names that `opensandbox` gives them."""

    state: str
    reason: str
    message: str
    since: datetime


class Sandbox:
    """A sandbox.

    Args:
        spec: What was asked for.
        host: The address that its execd listens on.
        box: What is around it; None for nothing.
        policy: What it may reach through its box.
        volumes: Folders of the machine that its box shows, resolved.
    """

    def __init__(
        self,
        spec: SandboxSpec,
        host: str,
        box: Box | None = None,
        policy: Policy = NOTHING,
        volumes: Sequence[Volume] = (),
    ) -> None:
        self.id = str(uuid.uuid4())
        self.spec = spec
        self.confinement = Confinement()
        self.metadata: Mapping[str, str] = spec.metadata
        self.created_at = _now()
        self.expires_at = self.created_at + spec.timeout if spec.timeout else None
        self.status = Status("Pending", "STARTING", "execd is starting", self.created_at)
        self.port = 0
        self.token = ""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.box = box
        self.policy = policy
        self._volumes = volumes
        self.network_token = secrets.token_urlsafe(24)
        self._changing = asyncio.Lock()
        self._host = host
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked_to_end = False
        self._tail = b""
        self._guarded: Guarded | None = None
        self._paused: list[psutil.Process] = []
        self._ran = self.status  # when it was paused
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        """Return whether its services accept requests."""
        return self.status.state == "Running"

    @property
    def alive(self) -> bool:
        """Return whether it runs, or will run again when it is resumed."""
        return self.status.state in {"Running", "Pausing", "Paused"}

    async def start(self) -> None:
        """Start its processes and wait until execd listens.

        Raises:
            StartError: It does not, or the sandbox was ended meanwhile.
            OSError: No process can be started.
        """
        self._guarded = launch(
            sandbox_id=self.id,
            env=self.spec.env,
            host=self._host,
            limits=self.confinement.arguments,
            arguments=self.confinement.own_arguments,
            box=self.box,
            volumes=self._volumes,
        )
        self.token = self._guarded.token
        self._spawn(self._attend(self._guarded))
        try:
            either: set[asyncio.Future[Any]] = {self._ready, self.over}
            await asyncio.wait(either, timeout=_START_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if not self._ready.done():
                why = "ended" if self.over.done() else f"not listening after {_START_PATIENCE:g} s"
                await self.end()
                output = self._tail.decode(errors="replace").strip()
                why = "; ".join((why, *self.confinement.notes))
                raise StartError(f"execd did not start ({why}); its final output:\n{output}")
        except asyncio.CancelledError:
            await self.end()
            raise
        self.port = self._ready.result()
        try:
            if self.box is not None:
                await set_policy(self._guarded.scratch, self.policy)
        except RelayError as error:
            await self.end()
            raise StartError(f"the way out of the sandbox was not made: {error}") from error
        self._become("Running", "READY", self._described())

    def _described(self) -> str:
        isolated = "not isolated"
        gaps: Sequence[str] = ()
        if self.box is not None:
            isolated = f"in a box of its own ({self.box.tier}), {described(self.policy)}"
            gaps = self.box.gaps
        return "; ".join(("execd is listening", isolated, *gaps, *self.confinement.notes))

    async def change_policy(self, change: Callable[[Policy], Policy]) -> None:
        """Have it reach something else from now on.

        Args:
            change: Makes the new policy of the old one.

        Raises:
            RelayError: The sandbox is about to end.
        """
        assert self._guarded is not None  # noqa: S101 - it runs
        async with self._changing:
            policy = change(self.policy)
            await set_policy(self._guarded.scratch, policy)
            self.policy = policy
            if self.running:
                self.status = replace(self.status, message=self._described())

    async def open_port(self, port: int) -> int:
        """The port of this machine that leads to a port of its box.

        Raises:
            RelayError: The sandbox is about to end, or has too many already.
        """
        assert self._guarded is not None  # noqa: S101 - it runs
        return await open_port(self._guarded.scratch, port, self._host)

    async def pause(self) -> None:
        """Stop its processes, which keep their memory, until `resume`.

        Raises:
            StateError: It is not running.
            PauseError: They cannot be stopped; it runs on.
        """
        self._require("Running")
        assert self._guarded is not None  # noqa: S101 - it runs
        before = self.status
        self._become("Pausing", "PAUSING", "its processes are being stopped")
        try:
            stopped = await asyncio.to_thread(self._guarded.pause)
        except TimeoutError as error:
            if self.status.state == "Pausing":
                self.status = before
            raise PauseError(f"the sandbox cannot be paused: {error}") from error
        if self.status.state == "Pausing":  # it may have ended meanwhile
            self._paused, self._ran = stopped, before
            self._become("Paused", "PAUSED", "its processes are stopped, and keep their memory")

    async def resume(self) -> None:
        """Let its processes go on.

        Raises:
            StateError: It is not paused.
        """
        self._require("Paused")
        continue_tree(self._paused)
        self._paused = []
        self._become("Running", "RESUMED", self._ran.message)

    def _require(self, state: str) -> None:
        if self.status.state != state:
            raise StateError(f"the sandbox is {self.status.state}: {self.status.message}")

    async def end(self) -> None:
        """Kill its processes, remove its directory, and wait until that is done."""
        if not self._asked_to_end:
            self._asked_to_end = True
            self._become("Stopping", "ENDING", "its processes are being killed")
            if self._guarded is None:
                self.over.set_result(None)
                return
            self._guarded.hang_up()
        await asyncio.wait({self.over}, timeout=_END_PATIENCE)
        if not self.over.done() and self._guarded is not None:
            # `_attend` then removes what the guard has left.
            self._guarded.process.kill()
            await asyncio.wait({self.over})

    async def _attend(self, guarded: Guarded) -> None:
        """Follow the guard until it is gone, then see that nothing else is left."""
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        guarded.line.setblocking(False)
        loop.add_reader(guarded.line, gone.set)
        reader = asyncio.StreamReader()
        output, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), guarded.process.stdout
        )
        listening = asyncio.create_task(self._listen(reader))
        await gone.wait()
        loop.remove_reader(guarded.line)
        why = "its guard is gone"
        try:
            code = await asyncio.to_thread(guarded.finish)
            which = "execd, its box or its relay" if self.box else "execd"
            why = f"{which} exited with status {code}"
            if code < 0:
                why = f"its guard was killed by signal {-code}"
        except OSError:
            logger.exception("cannot remove %s of sandbox %s", guarded.scratch, self.id)
        # Final output is in the pipe; a process that survived may still hold the other end.
        await asyncio.wait({listening}, timeout=_DRAINING)
        listening.cancel()
        output.close()
        if not self._asked_to_end:
            reason = "EXECD_DIED"
            if (used := storage_used(self._tail)) is not None:
                reason = "STORAGE_EXCEEDED"
                why = f"its files took {used / 2**20:.0f} MiB, more than its ephemeral-storage"
            self._become("Failed", reason, why)
            logger.warning("sandbox %s failed: %s", self.id, why)
        self.over.set_result(None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Find the port in the output, and keep reading, so that no writer blocks."""
        pending = b""
        while chunk := await reader.read(65536):
            self._tail = (self._tail + chunk)[-_TAIL:]
            logger.debug("sandbox %s: %r", self.id, chunk)
            if self._ready.done():
                continue
            *lines, pending = (pending + chunk).split(b"\n")
            for port in map(ready_port, lines):
                if port is not None and not self._ready.done():
                    self._ready.set_result(port)

    def _become(self, state: str, reason: str, message: str) -> None:
        self.status = Status(state, reason, message, _now())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(frozen=True, slots=True)
class Provision:
    """What all sandboxes of a server have.

    Attributes:
        limits: Whether they are held to the limits that they are created with.
        box: How the boxes around them are made; None for none.
        outside: What they may reach out of these.
        mounts: Folders of the machine that each box shows, resolved.
        folders: Of which folders they may ask for more, as real paths.
    """

    limits: bool = True
    box: Box | None = None
    outside: Outside = field(default_factory=Outside)
    mounts: Sequence[Volume] = ()
    folders: Sequence[str] = ()


class Sandboxes:
    """All sandboxes of a server.

    Args:
        host: The address that their execds listen on.
        provision: What they have.
    """

    def __init__(self, host: str, provision: Provision) -> None:
        self._host = host
        self._provision = provision
        self._told: set[str] = set()
        self._all: dict[str, Sandbox] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Start a sandbox.

        Raises:
            StartError: It did not start.
            MountError: It asks for a folder that it cannot have.
            OSError: No process can be started.
        """
        if self._closed:
            raise StartError("the server is stopping")
        given = self._provision
        volumes = [*given.mounts]
        if spec.volumes and given.box is not None:
            resolve = partial(given.box.resolve, beside=given.mounts)
            volumes += await asyncio.to_thread(resolve, spec.volumes, given.folders)
        policy = spec.network if spec.network is not None else given.outside.policy
        sandbox = Sandbox(spec, self._host, given.box, policy, volumes)
        sandbox.confinement = self._confine(sandbox)
        self._all[sandbox.id] = sandbox
        try:
            await sandbox.start()
        except BaseException:
            self._forget(sandbox.id)
            raise
        self._set_timer(sandbox)
        sandbox.over.add_done_callback(lambda _: self._keep_record(sandbox))
        return sandbox

    def _confine(self, sandbox: Sandbox) -> Confinement:
        limits = sandbox.spec.limits if self._provision.limits else Limits()
        box = self._provision.box
        taken = Counter(cpu for other in self._all.values() for cpu in other.confinement.cpus)
        name = f"ci-{sandbox.id}"
        found = confinement(
            limits,
            self._system,
            name=name,
            taken=taken,
            boxed=box is not None,
            counts_its_own=box is not None and box.own_users,
        )
        if not self._provision.limits:
            said = "its own limits are not applied, since this server is started so"
            found = replace(found, notes=(said, *found.notes))
        for note in set(found.unmet) - self._told:
            self._told.add(note)
            logger.info("sandboxes of this server: %s", note)
        return found

    @cached_property
    def _system(self) -> System:
        return look()

    def get(self, sandbox_id: str) -> Sandbox | None:
        """Return the sandbox with this id."""
        return self._all.get(sandbox_id)

    def find(self, query: ListQuery) -> tuple[list[Sandbox], int]:
        """Return one page of those that match, oldest first, and the number of all that match."""
        matching = [
            sandbox
            for sandbox in self._all.values()
            if (not query.states or sandbox.status.state.lower() in query.states)
            and query.metadata.items() <= sandbox.metadata.items()
        ]
        first = (query.page - 1) * query.page_size
        return matching[first : first + query.page_size], len(matching)

    def renew(self, sandbox: Sandbox, expires_at: datetime) -> None:
        """Move a sandbox's end, to an earlier or a later time."""
        sandbox.expires_at = expires_at
        self._set_timer(sandbox)

    async def delete(self, sandbox: Sandbox) -> None:
        """End a sandbox and forget it."""
        try:
            await sandbox.end()
        finally:
            self._forget(sandbox.id)

    async def close(self) -> None:
        """End all sandboxes, side by side."""
        self._closed = True
        await asyncio.gather(*(self.delete(sandbox) for sandbox in list(self._all.values())))

    def _set_timer(self, sandbox: Sandbox) -> None:
        if sandbox.expires_at is not None:
            self._delete_after((sandbox.expires_at - _now()).total_seconds(), sandbox)

    def _keep_record(self, sandbox: Sandbox) -> None:
        """Keep a sandbox that failed listed for a while; `delete` forgets one that it ends."""
        if sandbox.status.state == "Failed" and sandbox.id in self._all:
            left = (sandbox.expires_at - _now()).total_seconds() if sandbox.expires_at else None
            self._delete_after(min(_FAILED_LISTED, left or _FAILED_LISTED), sandbox)

    def _delete_after(self, seconds: float, sandbox: Sandbox) -> None:
        if sandbox.id in self._timers:
            self._timers[sandbox.id].cancel()
        loop = asyncio.get_running_loop()
        self._timers[sandbox.id] = loop.call_later(seconds, self._expire, sandbox)

    def _expire(self, sandbox: Sandbox) -> None:
        task = asyncio.create_task(self.delete(sandbox))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, sandbox_id: str) -> None:
        self._all.pop(sandbox_id, None)
        timer = self._timers.pop(sandbox_id, None)
        if timer is not None:
            timer.cancel()


def _now() -> datetime:
    return datetime.now(timezone.utc)
