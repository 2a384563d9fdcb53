"""How busy the processors are, and how much memory is in use.

What must stay true: every figure is measured between two looks at the machine, the first one too;
and where a control group limits what the sandbox may use, the figures are those of the group, since
the rest of the machine is not the sandbox's.
"""

import asyncio
import os
import time
from dataclasses import dataclass

import msgspec
import psutil
from anyio import to_thread

from code_interpreter.execd.host import cgroups
from code_interpreter.execd.http.event_stream import HEADERS, gone
from code_interpreter.execd.http.gate import Receive, Scope, Send

_MEBIBYTE = 1024 * 1024
_LOOK = 0.25  # seconds between the two looks of a single measurement
_EVERY = 1.0


class Metrics(msgspec.Struct, frozen=True):
    """One measurement, as the API gives it."""

    cpu_count: float
    cpu_used_pct: float
    mem_total_mib: float
    mem_used_mib: float
    timestamp: int


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to see at one moment.

    Attributes:
        busy: Seconds that processors have worked, of all together.
        passed: Seconds that they could have worked.
        processors: How many may be used; a quota can make it a fraction.
        memory: Bytes that may be used.
        used: Bytes that are in use.
    """

    busy: float
    passed: float
    processors: float
    memory: int
    used: int

    def since(self, earlier: "Look") -> Metrics:
        """The load between two looks."""
        passed = self.passed - earlier.passed
        share = (self.busy - earlier.busy) / passed if passed > 0 else 0.0
        return Metrics(
            cpu_count=self.processors,
            cpu_used_pct=100 * min(max(share, 0.0), 1.0),
            mem_total_mib=self.memory / _MEBIBYTE,
            mem_used_mib=self.used / _MEBIBYTE,
            timestamp=time.time_ns() // 1_000_000,
        )


class Meter:
    """Looks at the machine.

    Args:
        membership: The file that names the control groups of this process.
        mounted: Where control groups are mounted.
    """

    def __init__(
        self, *, membership: str = cgroups.MEMBERSHIP, mounted: str = cgroups.MOUNTED
    ) -> None:
        self._processors = float(_usable_processors())
        cpu_group, quota = cgroups.tightest_quota(membership, mounted)
        self._memory_group, self._memory = cgroups.tightest_memory(membership, mounted)
        self._accounts: str | None = None
        if cpu_group is not None and quota < self._processors:
            self._processors = quota
            self._accounts = cgroups.accounts_of(cpu_group, membership, mounted)

    def look(self) -> Look:
        """What there is to see now."""
        memory = psutil.virtual_memory()
        total, used = memory.total, memory.used
        if self._memory_group is not None and self._memory < total:
            total, used = int(self._memory), cgroups.memory_used(self._memory_group)
        if self._accounts is not None:
            return Look(
                cgroups.processor_time(self._accounts),
                time.monotonic() * self._processors,
                self._processors,
                total,
                used,
            )
        times = psutil.cpu_times()
        # Time of guests counts as time of their users already; waiting for a disk is idling.
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        passed = sum(times) - guests
        idle = times.idle + getattr(times, "iowait", 0.0)
        return Look(passed - idle, passed, self._processors, total, used)


class Watches:
    """Measurements for clients: one, or one a second.

    Args:
        meter: Looks at the machine.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._closing = asyncio.Event()

    async def measure(self) -> Metrics:
        """One measurement; takes a moment."""
        before = await to_thread.run_sync(self._meter.look)
        await asyncio.sleep(_LOOK)
        return (await to_thread.run_sync(self._meter.look)).since(before)

    def close(self) -> None:
        """End all answers that go on."""
        self._closing.set()

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI answer: a line a second, until the client has gone or the server ends."""
        del scope
        loop = asyncio.get_running_loop()
        ends = {loop.create_task(gone(receive)), loop.create_task(self._closing.wait())}
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            before = await to_thread.run_sync(self._meter.look)
            next_at = loop.time() + _EVERY
            while True:
                ended, _ = await asyncio.wait(
                    ends, timeout=next_at - loop.time(), return_when=asyncio.FIRST_COMPLETED
                )
                if ended:
                    break
                next_at += _EVERY
                now = await to_thread.run_sync(self._meter.look)
                line = msgspec.json.encode(now.since(before)) + b"\n"
                before = now
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            for end in ends:
                end.cancel()


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
