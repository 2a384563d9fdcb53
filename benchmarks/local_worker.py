"""One subject of local.py: carries out commands with real kernels, and says how long each took.

`bare` is ipykernel reached through jupyter_client as its documentation shows it; `sync` and `async`
are our two clients with the embedded server. Commands come on stdin and answers go to stdout, one
JSON object per line; it ends when stdin does. Called with a second argument it only says when it
has its first result: the caller looks at the clock.

The imports of a subject are a part of that, so each subject makes its own.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness import versions

if TYPE_CHECKING:
    from psutil import Process

    from code_interpreter import CodeInterpreter, CodeInterpreterSync, Execution

_PACKAGES = (
    "opensandbox-code-interpreter", "opensandbox", "ipykernel", "ipython", "jupyter_client",
    "pyzmq", "httpx", "uvicorn",
)  # fmt: skip
_OUTPUT = {
    "lines": ("for _ in range(1_000_000): print('x' * 99)", 100_000_000),
    "blocks": ("for _ in range(100): print('x' * 999_999)", 100_000_000),
}
_TRIPS = 50
_CODE = "1 + 1"
_STILL = 0.8  # seconds: longer than the pool waits before it starts one

Value = TypeVar("Value")


class Subject(Protocol):
    """What is measured; every answer is in seconds."""

    def first(self, idle: int) -> AbstractContextManager[float]:
        """Go from nothing to the first result; on leaving, to nothing again."""
        ...

    def context(self, idle: int) -> float:
        """Go from asking for a new Python context to its first result."""
        ...

    def trip(self) -> float:
        """Make 50 round trips, and return the mean."""
        ...

    def output(self, code: str, size: int) -> float:
        """Run code with that many characters of output, all of which are kept and looked at."""
        ...

    def close(self) -> None:
        """End what still runs."""
        ...


class Bare:
    """ipykernel through jupyter_client."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - see the top

        self._start: Callable[..., tuple[Any, Any]] = start_new_kernel
        self._manager: Any = None
        self._client: Any = None

    def _open(self) -> tuple[Any, Any]:
        return self._start(stderr=subprocess.DEVNULL)

    def _warm(self) -> Any:
        if self._client is None:
            self._manager, self._client = self._open()
            self._execute(self._client)
        return self._client

    @staticmethod
    def _execute(client: Any, code: str = _CODE) -> list[str]:
        texts: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            if message["header"]["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        reply = client.execute_interactive(code, output_hook=keep)
        assert reply["content"]["status"] == "ok"
        return texts

    @contextmanager
    def first(self, idle: int) -> Generator[float, None, None]:
        """See `Subject`."""
        del idle
        began = time.perf_counter()
        manager, client = self._open()
        self._execute(client)
        yield time.perf_counter() - began
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    def context(self, idle: int) -> float:
        """See `Subject`: a kernel is all there is."""
        with self.first(idle) as took:
            return took

    def trip(self) -> float:
        """See `Subject`."""
        client = self._warm()
        return _mean(lambda: self._execute(client))

    def output(self, code: str, size: int) -> float:
        """See `Subject`."""
        client = self._warm()
        took, seen = _timed(lambda: sum(map(len, self._execute(client, code))))
        _check(seen, size)
        return took

    def close(self) -> None:
        """See `Subject`."""
        if self._client is not None:
            self._client.stop_channels()
            self._manager.shutdown_kernel(now=True)


class Blocking:
    """Ours, from a program without an event loop."""

    def __init__(self) -> None:
        from code_interpreter import CodeInterpreterSync  # noqa: PLC0415 - see the top

        self._local = CodeInterpreterSync.local
        self._open: dict[int, CodeInterpreterSync] = {}
        self._stack = ExitStack()

    def _warm(self, idle: int) -> "CodeInterpreterSync":
        if idle not in self._open:
            self._open[idle] = self._stack.enter_context(self._local(_env(idle)))
            self._open[idle].codes.run(_CODE)
        return self._open[idle]

    @contextmanager
    def first(self, idle: int) -> Generator[float, None, None]:
        """See `Subject`."""
        began = time.perf_counter()
        with self._local(_env(idle)) as interpreter:
            assert interpreter.codes.run(_CODE).ok
            yield time.perf_counter() - began

    def context(self, idle: int) -> float:
        """See `Subject`."""
        codes = self._warm(idle).codes
        _wait_until_still()
        began = time.perf_counter()
        context = codes.create_context("python")
        assert codes.run(_CODE, context=context).ok
        took = time.perf_counter() - began
        codes.delete_context(context.id or "")
        return took

    def trip(self) -> float:
        """See `Subject`."""
        codes = self._warm(1).codes
        return _mean(lambda: codes.run(_CODE))

    def output(self, code: str, size: int) -> float:
        """See `Subject`."""
        codes = self._warm(1).codes
        took, seen = _timed(lambda: _characters(codes.run(code)))
        _check(seen, size)
        return took

    def close(self) -> None:
        """See `Subject`."""
        self._stack.close()


class Asyncio:
    """Ours, in an event loop."""

    def __init__(self) -> None:
        from code_interpreter import CodeInterpreter  # noqa: PLC0415 - see the top

        self._local = CodeInterpreter.local
        self._open: dict[int, CodeInterpreter] = {}
        self._stack = AsyncExitStack()
        self._loop = asyncio.new_event_loop()

    def _wait(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._loop.run_until_complete(work)

    async def _warm(self, idle: int) -> "CodeInterpreter":
        if idle not in self._open:
            self._open[idle] = await self._stack.enter_async_context(self._local(_env(idle)))
            await self._open[idle].codes.run(_CODE)
        return self._open[idle]

    @contextmanager
    def first(self, idle: int) -> Generator[float, None, None]:
        """See `Subject`."""
        stack = AsyncExitStack()

        async def first() -> float:
            began = time.perf_counter()
            interpreter = await stack.enter_async_context(self._local(_env(idle)))
            assert (await interpreter.codes.run(_CODE)).ok
            return time.perf_counter() - began

        yield self._wait(first())
        self._wait(stack.aclose())

    def context(self, idle: int) -> float:
        """See `Subject`."""
        codes = self._wait(self._warm(idle)).codes
        _wait_until_still()

        async def context() -> float:
            began = time.perf_counter()
            context = await codes.create_context("python")
            assert (await codes.run(_CODE, context=context)).ok
            took = time.perf_counter() - began
            await codes.delete_context(context.id or "")
            return took

        return self._wait(context())

    def trip(self) -> float:
        """See `Subject`."""
        codes = self._wait(self._warm(1)).codes
        return _mean(lambda: self._wait(codes.run(_CODE)))

    def output(self, code: str, size: int) -> float:
        """See `Subject`."""
        codes = self._wait(self._warm(1)).codes
        took, seen = _timed(lambda: _characters(self._wait(codes.run(code))))
        _check(seen, size)
        return took

    def close(self) -> None:
        """See `Subject`."""
        self._wait(self._stack.aclose())
        self._loop.close()


SUBJECTS: dict[str, Callable[[], Subject]] = {"bare": Bare, "sync": Blocking, "async": Asyncio}


def _env(idle: int) -> dict[str, str]:
    return {"CODE_INTERPRETER_IDLE_KERNELS": str(idle)}


def _timed(work: Callable[[], Value]) -> tuple[float, Value]:
    gc.collect()
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def _mean(work: Callable[[], object]) -> float:
    work()
    took, _ = _timed(lambda: [work() for _ in range(_TRIPS)])
    return took / _TRIPS


def _characters(execution: "Execution") -> int:
    return sum(len(message.text) for message in execution.logs.stdout)


def _check(seen: int, expected: int) -> None:
    if seen != expected:
        raise AssertionError(f"{seen} characters of output instead of {expected}")


def _wait_until_still() -> None:
    """Wait until no kernel works: then the idle one, if any, has been started."""
    import psutil  # noqa: PLC0415 - see the top

    seen: object = None
    while seen != (seen := [child.cpu_times()[:2] for child in _kernels(psutil.Process())]):
        time.sleep(_STILL)


def _kernels(root: "Process") -> "list[Process]":
    import psutil  # noqa: PLC0415 - see the top

    def is_kernel(process: "Process") -> bool:
        try:
            return "python_kernel.py" in " ".join(process.cmdline())
        except psutil.NoSuchProcess:  # it is over, whether or not it has been waited for
            return False

    return [process for process in root.children(recursive=True) if is_kernel(process)]


def _measure(subject: Subject, what: str, idle: int) -> float:
    if what == "first":
        with subject.first(idle) as took:
            return took
    if what == "context":
        return subject.context(idle)
    return subject.trip() if what == "trip" else subject.output(*_OUTPUT[what])


def main() -> None:
    """Answer commands until stdin ends."""
    subject = SUBJECTS[sys.argv[1]]()
    if len(sys.argv) > 2:
        with subject.first(1):
            print("{}", flush=True)
        return
    print(json.dumps(versions(_PACKAGES)), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps({"wall": _measure(subject, **command)}), flush=True)
    subject.close()


if __name__ == "__main__":
    main()
