"""How long the local runtime takes, beside ipykernel through jupyter_client: one command.

    python benchmarks/local.py             whole: eight minutes, if nothing else runs
    python benchmarks/local.py --quick     three rounds, for a first look

It makes an environment below .venvs/ (needs pip and, the first time, PyPI) and measures bare
jupyter_client, our blocking and our async client in turn, round by round, each in a process of its
own, so that whatever else the machine does disturbs all of them alike. Ratios and differences are
taken within a round; the table has their medians, and their quartiles in brackets. Issue 6's
targets stand beside the figures; nothing fails when one is missed.
"""

import argparse
import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from harness import (
    HERE,
    Worker,
    environment,
    machine,
    options,
    say,
    show,
    show_versions,
    spread,
    yes,
)

WORKER: Final = HERE / "local_worker.py"
CLIENTS: Final = ("sync", "async")
SUBJECTS: Final = ("bare", *CLIENTS)


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        title: What it is called in the table.
        idle: How many idle kernels ours may keep.
        target: What issue 6 wants, in words.
        met: Whether figures of ours and of bare, both in seconds, are what it wants; None where
            it wants nothing.
    """

    name: str
    title: str
    idle: int = 1
    target: str = ""
    met: Callable[[Sequence[float], Sequence[float]], bool] | None = None


def _ratio(limit: float) -> Callable[[Sequence[float], Sequence[float]], bool]:
    return lambda ours, bare: median(_ratios(ours, bare)) <= limit


def _ratios(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [mine / others for mine, others in zip(ours, bare, strict=True)]


def _on_top(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Milliseconds."""
    return [(mine - others) * 1000 for mine, others in zip(ours, bare, strict=True)]


CASES: Final = (
    Case("fresh", "first result, from a new process", 1, "≤ 2.0 bare", _ratio(2.0)),
    Case("first", "first result, in one process", 1, "≤ 2.0 bare", _ratio(2.0)),
    Case("first", "the same without a pool", 0),
    Case(
        "context", "new context's first result", 1, "< 50 ms", lambda ours, _: median(ours) < 0.05
    ),
    Case("context", "the same without a pool", 0),
    Case(
        "trip", "round trip of 1 + 1", 1, "≤ bare + 4 ms",
        lambda ours, bare: median(_on_top(ours, bare)) <= 4.0,
    ),
    Case("lines", "100 MB in lines of 100 bytes", 1, "≤ 1.5 bare", _ratio(1.5)),
    Case("blocks", "100 MB in lines of 1 MB", 1, "≤ 1.5 bare", _ratio(1.5)),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A case, and the seconds that each subject took, one figure a round."""

    case: Case
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def _measure(rows: Sequence[Row], python: Path, workers: Mapping[str, Worker], rounds: int) -> None:
    """Fill the rows."""
    for number in range(rounds + 1):  # the first is to warm up
        for row in rows:
            say(f"round {number} of {rounds}: {row.case.title}")
            for subject, worker in workers.items():
                seconds = _seconds(row.case, python, subject, worker)
                if number:
                    row.seconds[subject].append(seconds)
    say("")


def _seconds(case: Case, python: Path, subject: str, worker: Worker) -> float:
    if case.name != "fresh":
        wall: float = worker.ask(what=case.name, idle=case.idle)["wall"]
        return wall
    began = time.perf_counter()
    with subprocess.Popen([python, WORKER, subject, "once"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        took = time.perf_counter() - began
    if not said or process.returncode:
        raise SystemExit(f"a worker ended with {process.returncode}")
    return took


def _table(rows: Sequence[Row]) -> list[list[str]]:
    table = [["case", "client", "bare ms", "ours ms", "ours / bare", "on top of bare ms",
              "target", "met"]]  # fmt: skip
    for row in rows:
        bare, case = row.seconds["bare"], row.case
        for client in CLIENTS:
            ours = row.seconds[client]
            table.append([
                case.title, client, spread([value * 1000 for value in bare]),
                spread([value * 1000 for value in ours]), spread(_ratios(ours, bare)),
                spread(_on_top(ours, bare)), case.target,
                yes(met=case.met(ours, bare)) if case.met else "",
            ])  # fmt: skip
    return table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [*dict.fromkeys(case.name for case in CASES)]
    given = options(parser, names, quick="three rounds")
    python = environment("local", "-e", "./generated", "-e", ".[local]")
    rows = [Row(case) for case in CASES if case.name in given.cases]
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        workers = {subject: Worker(python, WORKER, subject) for subject in SUBJECTS}
        for worker in workers.values():
            stack.callback(worker.close)
        _measure(rows, python, workers, given.rounds)
        versions = workers["bare"].versions
    print(machine() + "\n")
    show_versions("all", versions)
    print(
        f"{given.rounds} rounds; load {load:.1f} at the beginning, "
        f"{os.getloadavg()[0]:.1f} at the end.\n"
    )
    show(_table(rows), markdown=given.markdown)
    if given.json:
        samples = [{**vars(row.case), "met": None, "seconds": row.seconds} for row in rows]
        raw = {"machine": machine(), "versions": versions, "samples": samples}
        given.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
