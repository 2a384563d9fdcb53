"""How long `Execution.render` takes, in milliseconds: the median and the worst of several calls.

    python benchmarks/render.py

It needs nothing but this checkout's environment; without Pillow nothing is scaled.
"""

import base64
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from execd_client.streaming import FrameDecoder
from opensandbox.models.execd import OutputMessage

from code_interpreter._errors import StreamTruncatedError
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution, ExecutionError, Outcome
from code_interpreter._output.result import Result, from_bundle
from code_interpreter._wire.decode import decode

RECORDINGS = Path(__file__).parent.parent / "tests" / "recordings" / "streams"
CALLS = 11
SIZE = 100_000_000  # characters


def png(side: int) -> str:
    """Return a grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = (b"\x00" + bytes(i * j % 251 for j in range(side)) for i in range(side))
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    file += chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
    return base64.b64encode(file).decode()


def made(*outputs: OutputMessage | Result, error: ExecutionError | None = None) -> Execution:
    """Return the execution of a run that gave these outputs."""
    return Execution(outputs=list(outputs), outcome=Outcome.OK, error=error)


def printed(text: str) -> OutputMessage:
    """Return a chunk of stdout."""
    return OutputMessage(text=text, timestamp=0)


def shown(bundle: dict[str, object]) -> Result:
    """Return a display."""
    return from_bundle(bundle, 0, is_main_result=False, display_id=None)


def figure(picture: str) -> Result:
    """Return what matplotlib shows."""
    return shown({"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": picture})


def recorded(path: Path) -> Execution:
    """Return the execution of a recorded stream, as far as it goes."""
    decoder, builder = FrameDecoder(), ExecutionBuilder()
    for frame in decoder.feed(path.read_bytes()):
        builder.take(decode(frame))
    try:
        return builder.finish()
    except StreamTruncatedError:
        return builder.execution


def cases() -> Iterator[tuple[str, Execution]]:
    """What is measured."""
    line = "the quick brown fox jumps over the lazy dog, and the lazy dog does not move one bit\n"
    colour = f"\x1b[31m{line[:40]}\x1b[0m{line[40:]}"
    pictures = [png(400 + i) for i in range(200)]
    block = line * 12
    yield "nothing", made()
    yield "100 MB, one message", made(printed(line * (SIZE // len(line))))
    chunks = [printed(block) for _ in range(SIZE // len(block))]
    yield "100 MB, messages of 1 kB", made(*chunks)
    yield "100 MB, a message a line", made(*[printed(line) for _ in range(SIZE // len(line))])
    yield "100 MB in colours", made(printed(colour * (SIZE // len(colour))))
    bar = "".join(f"\r{i // 1000:3}%|{'#' * (i // 10000):10}| {i}/100000" for i in range(100_000))
    yield "progress bar, 100 MB", made(printed(bar * (SIZE // len(bar))))
    yield "backspaces, 100 MB", made(printed("working |\b/\b-\b\\\b" * (SIZE // 17)))
    yield "200 pictures", made(*map(figure, pictures))
    mixed = [part for i, p in enumerate(pictures) for part in (*chunks[i::200], figure(p))]
    yield "100 MB and 200 pictures", made(*mixed)
    yield "one picture to scale", made(figure(png(2500)))
    rows = "".join(f"<tr><th>{i}</th>{'<td>1.25</td>' * 20}</tr>" for i in range(60))
    head = f"<thead><tr><th></th>{'<th>column</th>' * 20}</tr></thead>"
    table = f'<table class="dataframe">{head}<tbody>{rows}</tbody></table>'
    yield "a table of 60 x 20", made(shown({"text/plain": "frame", "text/html": table}))
    yield "200 such tables", made(*[shown({"text/html": table})] * 200)
    frames = ["Cell In[1], line 2, in f(n)\n----> 2     return f(n + 1)\n\n"] * 3000
    deep = ExecutionError(name="E", value="v", timestamp=0, traceback=frames)
    yield "a traceback of 3,000 frames", made(error=deep)


def milliseconds(execution: Execution) -> list[float]:
    """Return how long each of several calls takes."""
    taken: list[float] = []
    for _ in range(CALLS):
        start = time.perf_counter()
        execution.render()
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def main() -> None:
    """Measure, and print a table."""
    made().render()  # imports it
    print(f"{'':32}{'median':>10}{'worst':>10}")
    for name, execution in cases():
        taken = milliseconds(execution)
        print(f"{name:32}{median(taken):10.2f}{max(taken):10.2f}")
    each = [median(milliseconds(recorded(path))) for path in RECORDINGS.glob("*.stream")]
    print(f"{f'{len(each)} recordings, each':32}{median(each):10.2f}{max(each):10.2f}")
    print(f"{'all of them':32}{sum(each):10.2f}")


if __name__ == "__main__":
    main()
