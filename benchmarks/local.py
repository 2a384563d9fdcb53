"""How long the local runtime takes, beside ipykernel through jupyter_client: one command.

    python benchmarks/local.py             whole: eight minutes on a quiet machine
    python benchmarks/local.py --quick     three rounds, for a first look
    python benchmarks/local.py --subject before=../before
                                           another checkout of ours in the same run

It makes environments below .venvs/ (needs pip and, the first time, PyPI) and measures bare
jupyter_client, our blocking and our async client in turn, round by round, each in a separate
process, so that other work on the machine disturbs all of them alike. Ratios and differences are
taken within a round; the table has their medians, and their quartiles in brackets. Targets stand
beside the figures; nothing fails when one is missed.
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
    ROOT,
    Worker,
    commit,
    environment,
    machine,
    options,
    our_packages,
    say,
    show,
    show_versions,
    spread,
    yes,
)

WORKER: Final = HERE / "local_worker.py"
CLIENTS: Final = ("sync", "async")


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        title: What it is called in the table.
        idle: How many idle kernels ours may keep.
        target: The target in words; empty where there is no target.
        met: Whether figures of ours and of bare, both in seconds, meet it.
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
    """A case, and the seconds that each program took, one figure per round."""

    case: Case
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Program:
    """What is measured: a subject's interpreter, and what `local_worker.py` is to be there."""

    python: Path
    role: str

    @property
    def command(self) -> tuple[str | Path, ...]:
        """Start the worker with this."""
        return self.python, WORKER, self.role


def _programs(checkouts: Mapping[str, Path]) -> dict[str, Program]:
    """Return bare, and each client of each subject under "SUBJECT CLIENT"."""
    ours = environment("local", *our_packages(ROOT, "[local]"))
    pythons = {"ours": ours}
    for name, checkout in checkouts.items():
        packages = our_packages(checkout, "[local]")
        pythons[name] = environment(f"local-{name}", *packages, checkout=checkout)
    programs = {"bare": Program(ours, "bare")}
    for client in CLIENTS:
        for name, python in pythons.items():
            programs[f"{name} {client}"] = Program(python, client)
    return programs


def _measure(
    rows: Sequence[Row],
    programs: Mapping[str, Program],
    workers: Mapping[str, Worker],
    rounds: int,
) -> None:
    """Fill the rows."""
    for number in range(rounds + 1):  # the first is to warm up
        for row in rows:
            say(f"round {number} of {rounds}: {row.case.title}")
            for name, worker in workers.items():
                seconds = _seconds(row.case, programs[name], worker)
                if number:
                    row.seconds[name].append(seconds)
    say("")


def _seconds(case: Case, program: Program, worker: Worker) -> float:
    if case.name != "fresh":
        wall: float = worker.ask(what=case.name, idle=case.idle)["wall"]
        return wall
    began = time.perf_counter()
    with subprocess.Popen([*program.command, "once"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        took = time.perf_counter() - began
    if not said or process.returncode:
        raise SystemExit(f"a worker ended with {process.returncode}")
    return took


def _table(rows: Sequence[Row], others: Sequence[str]) -> list[list[str]]:
    table = [[
        "case", "client", "bare ms", "ours ms", *(f"{name} ms" for name in others), "ours / bare",
        *(f"ours / {name}" for name in others), "on top of bare ms", "target", "met",
    ]]  # fmt: skip
    for row in rows:
        bare, case = row.seconds["bare"], row.case
        for client in CLIENTS:
            ours, *theirs = (row.seconds[f"{name} {client}"] for name in ("ours", *others))
            table.append([
                case.title, client,
                *(spread([value * 1000 for value in took]) for took in (bare, ours, *theirs)),
                *(spread(_ratios(ours, took)) for took in (bare, *theirs)),
                spread(_on_top(ours, bare)), case.target,
                yes(met=case.met(ours, bare)) if case.met else "",
            ])  # fmt: skip
    return table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [*dict.fromkeys(case.name for case in CASES)]
    given = options(parser, names, quick="three rounds")
    programs = _programs(given.subjects)
    rows = [Row(case) for case in CASES if case.name in given.cases]
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        workers = {name: Worker(*program.command) for name, program in programs.items()}
        for worker in workers.values():
            stack.callback(worker.close)
        _measure(rows, programs, workers, given.rounds)
    versions = {
        subject: {**workers[f"{subject} sync"].versions, "commit": commit(checkout)}
        for subject, checkout in {"ours": ROOT, **given.subjects}.items()
    }
    print(machine() + "\n")
    for subject, packages in versions.items():
        show_versions(subject, packages)
    print(
        f"{given.rounds} rounds; load {load:.1f} at the beginning, "
        f"{os.getloadavg()[0]:.1f} at the end.\n"
    )
    show(_table(rows, [*given.subjects]), markdown=given.markdown)
    if given.json:
        samples = [{**vars(row.case), "met": None, "seconds": row.seconds} for row in rows]
        raw = {"machine": machine(), "versions": versions, "samples": samples}
        given.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
