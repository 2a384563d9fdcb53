"""Make the blocking code from the code for asyncio: one source for both.

    python scripts/unasync.py            write the blocking files
    python scripts/unasync.py --check    fail if one of them is not what its source says

The rules are `_SYNTAX` and `_WORDS`; ruff sorts the imports and formats. What asyncio and threads
do differently is not here but in the packages' `primitives.py`, which exist twice, by hand.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT: Final = ROOT / "src/code_interpreter"
RUNTIME: Final = ROOT / "openapi/runtime"  # `scripts/regen.sh` copies it into the generated client

_BY_HAND: Final = {"__init__.py", "primitives.py"}

_SYNTAX: Final = {
    "await CodeInterpreter.local()": "CodeInterpreterSync.local().start()",  # before its parts
    "async def ": "def ",
    "async with ": "with ",
    "async for ": "for ",
    "await ": "",
    "plain or async functions": "plain functions",  # what a handler may be
    "a plain or async function": "a plain function",
    "by cancelling it or by": "by Ctrl-C or by",  # how a run is left
    "opensandbox.models.execd import ExecutionHandlers, OutputMessage, RunCommandOpts": (
        "opensandbox.models.execd import OutputMessage, RunCommandOpts\n"
        "from opensandbox.models.execd_sync import ExecutionHandlersSync"
    ),
    "opensandbox.models.execd import ExecutionHandlers": (
        "opensandbox.models.execd_sync import ExecutionHandlersSync"
    ),
    "Coroutine[Any, Any, InterpreterT]": "InterpreterT",
    "starts when it is awaited,": "starts when it is told to,",
    "opensandbox.services": "opensandbox.sync.services",
    "server.connection_config": "server.connection_config_sync",
    "httpx.AsyncByteStream": "httpx.SyncByteStream",
    "from any task": "from any thread",
}
_WORDS: Final = {
    "_async": "_sync",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncBodyStream": "BodyStream",
    "AsyncByteStream": "ByteStream",
    "AsyncClient": "Client",
    "AsyncEventStream": "EventStream",
    "AsyncIterator": "Iterator",
    "AsyncLock": "Lock",
    "StopAsyncIteration": "StopIteration",
    "_AsyncBody": "_Body",
    "abreak_connection": "break_connection",
    "aclose": "close",
    "aiter": "iter",
    "aiter_bytes": "iter_bytes",
    "astream": "stream",
    "asyncio_detailed": "sync_detailed",
    "set_async_httpx_client": "set_httpx_client",
    # Each refuses the other's kind, so these go both ways.
    "CodeInterpreter": "CodeInterpreterSync",
    "CodeInterpreterSync": "CodeInterpreter",
    "Sandbox": "SandboxSync",
    "SandboxSync": "Sandbox",
    "Codes": "CodesSync",
    "Commands": "CommandsSync",
    "ConnectionConfig": "ConnectionConfigSync",
    "ExecutionHandlers": "ExecutionHandlersSync",
    "Filesystem": "FilesystemSync",
    "Metrics": "MetricsSync",
    "RunStream": "RunStreamSync",
}
_RULES: Final = re.compile(
    "|".join(
        [rf"\b{re.escape(text)}" for text in _SYNTAX]
        + [rf"(?<![A-Za-z0-9_]){word}(?![A-Za-z0-9_])" for word in _WORDS]
    )
)


def pairs() -> Iterator[tuple[Path, Path]]:
    """Yield each source with the file to make of it."""
    for source in sorted((CLIENT / "_async").glob("*.py")):
        if source.name not in _BY_HAND:
            yield source, CLIENT / "_sync" / source.name
    yield RUNTIME / "_async_streams.py", RUNTIME / "_sync_streams.py"


def blocking(source: Path, target: Path) -> str:
    """Return the blocking code for a source."""
    note = f"# Made from {source.name} in {source.parent.name}/ by scripts/unasync.py: edit that.\n"
    rules = {**_SYNTAX, **_WORDS}
    text = note + _RULES.sub(lambda match: rules[match[0]], source.read_text(encoding="utf-8"))
    for step in (["check", "--select", "I,F401", "--fix", "--quiet"], ["format", "--quiet"]):
        command = ["ruff", *step, "--stdin-filename", str(target), "-"]
        text = subprocess.run(
            command, input=text, check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout
    return text


def main() -> int:
    """Write or check every blocking file; returns the exit status."""
    check = sys.argv[1:] == ["--check"]
    stale: list[Path] = []
    for source, target in pairs():
        text = blocking(source, target)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            stale.append(target.relative_to(ROOT))
            if not check:
                target.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path} {'is not what its source says' if check else 'written'}")
    if check and stale:
        print("run python scripts/unasync.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
