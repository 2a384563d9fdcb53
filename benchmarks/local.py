"""How long the local runtime takes, beside ipykernel through jupyter_client: one command.

    python benchmarks/local.py             whole: fifteen minutes on a quiet machine
    python benchmarks/local.py --quick     three rounds, for a first look
    python benchmarks/local.py --subject before=../before
                                           another checkout of ours in the same run

It makes environments below .venvs/ (needs pip and, the first time, PyPI) and measures bare
jupyter_client, our blocking and our async client in turn, and both again with sandboxes in boxes,
round by round, each in a separate process, so that other work on the machine disturbs all of them
alike. Ratios and differences are taken within a round; tables have their medians, and their
quartiles in brackets: first beside bare, then those in a box beside those without. Targets stand
beside the figures; nothing fails when one is missed.
"""

import argparse
import json
import os
import subprocess
import sys
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
        more: The target of a box beside none, as `target`.
        kept: Whether figures in a box and without meet it.
    """

    name: str
    title: str
    idle: int = 1
    target: str = ""
    met: "Met | None" = None
    more: str = ""
    kept: "Met | None" = None


Met = Callable[[Sequence[float], Sequence[float]], bool]


def _ratio(limit: float) -> Met:
    return lambda ours, bare: median(_ratios(ours, bare)) <= limit


def _at_most(more: float) -> Met:
    return lambda ours, bare: median(_on_top(ours, bare)) <= more


def _ratios(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [mine / others for mine, others in zip(ours, bare, strict=True)]


def _on_top(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Milliseconds."""
    return [(mine - others) * 1000 for mine, others in zip(ours, bare, strict=True)]


_FIRST: Final = ("≤ 40 ms more", _at_most(40.0))
_CONTEXT: Final = ("≤ 1.1", _ratio(1.1))
_OUTPUT: Final = ("≤ 1.1", _ratio(1.1))
CASES: Final = (
    Case("fresh", "first result, from a new process", 1, "≤ 2.0 bare", _ratio(2.0), *_FIRST),
    Case("first", "first result, in one process", 1, "≤ 2.0 bare", _ratio(2.0), *_FIRST),
    Case("first", "the same without a pool", 0, "", None, *_FIRST),
    Case(
        "context", "new context's first result", 1,
        "< 50 ms", lambda ours, _: median(ours) < 0.05, *_CONTEXT,
    ),
    Case("context", "the same without a pool", 0, "", None, *_CONTEXT),
    Case(
        "trip", "round trip of 1 + 1", 1,
        "≤ bare + 4 ms", _at_most(4.0), "≤ 0.3 ms more", _at_most(0.3),
    ),
    Case("lines", "100 MB in lines of 100 bytes", 1, "≤ 1.5 bare", _ratio(1.5), *_OUTPUT),
    Case("blocks", "100 MB in lines of 1 MB", 1, "≤ 1.5 bare", _ratio(1.5), *_OUTPUT),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A case, and the seconds that each program took, one figure per round."""

    case: Case
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Program:
    """What is measured: a subject's interpreter, and what `local_worker.py` is to be there.

    Attributes:
        isolation: Of its sandboxes.
    """

    python: Path
    role: str
    isolation: str = "none"

    @property
    def command(self) -> tuple[str | Path, ...]:
        """Start the worker with this."""
        isolation = f"CODE_INTERPRETER_ISOLATION={self.isolation}"
        return "/usr/bin/env", isolation, self.python, WORKER, self.role


def _programs(checkouts: Mapping[str, Path], box: str) -> dict[str, Program]:
    """Return bare, and each client of each subject under "SUBJECT CLIENT".

    Args:
        checkouts: The other subjects.
        box: Which kind the subject "box" has; "none" for no such subject.
    """
    ours = environment("local", *our_packages(ROOT, "[local]"))
    pythons = {"ours": ours}
    for name, checkout in checkouts.items():
        packages = our_packages(checkout, "[local]")
        pythons[name] = environment(f"local-{name}", *packages, checkout=checkout)
    programs = {"bare": Program(ours, "bare")}
    for client in CLIENTS:
        for name, python in pythons.items():
            programs[f"{name} {client}"] = Program(python, client)
        if box != "none":
            programs[f"box {client}"] = Program(ours, client, box)
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


def _table_of_boxes(rows: Sequence[Row]) -> list[list[str]]:
    table = [["case", "client", "without ms", "in a box ms", "box / without", "more ms", "target",
              "met"]]  # fmt: skip
    for row in rows:
        for client in CLIENTS:
            without, box = row.seconds[f"ours {client}"], row.seconds[f"box {client}"]
            table.append([
                row.case.title, client,
                *(spread([value * 1000 for value in took]) for took in (without, box)),
                spread(_ratios(box, without)), spread(_on_top(box, without)), row.case.more,
                yes(met=row.case.kept(box, without)) if row.case.kept else "",
            ])  # fmt: skip
    return table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [*dict.fromkeys(case.name for case in CASES)]
    parser.add_argument(
        "--isolation",
        default="namespaces" if sys.platform == "linux" else "none",
        choices=["namespaces", "landlock", "none"],
        help="the kind of box that is measured beside none; none: no box is measured",
    )
    given = options(parser, names, quick="three rounds")
    programs = _programs(given.subjects, given.isolation)
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
    if given.isolation != "none":
        print(f"With isolation={given.isolation!r}, beside without:\n")
        show(_table_of_boxes(rows), markdown=given.markdown)
    if given.json:
        samples = [
            {**vars(row.case), "met": None, "kept": None, "seconds": row.seconds} for row in rows
        ]
        raw = {"machine": machine(), "versions": versions, "samples": samples}
        given.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
