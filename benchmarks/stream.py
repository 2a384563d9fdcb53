"""How much our SDK costs beside bare httpx and the reference SDK: one command.

    python benchmarks/stream.py                whole: several minutes
    python benchmarks/stream.py --quick        three rounds and 100 MB, for a first look
    python benchmarks/stream.py --clock cpu    on a machine that is busy
    python benchmarks/stream.py --subject before=../before
                                               another checkout of ours in the same run

It makes an environment for each SDK below .venvs/ (needs pip and, the first time, PyPI), starts a
server that replays the same bytes to all, and measures bare httpx and the SDKs in turn, round by
round, so that other work on the machine disturbs all of them alike. All look at the output inside
the clock. Ratios are taken within a round; the table has their medians, and their quartiles in
brackets. Targets stand beside the figures; nothing fails when one is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from cases import GIGABYTE, TENTH, TIMED, Case
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

REFERENCE: Final = "opensandbox-code-interpreter==1.1.1"
ASIDES: Final = ("socket", "msgspec")  # say what the others' figures are made of
MODES: Final = ("async", "sync")
HANDLING: Final = ("no", "yes")  # a handler for stdout; the output is kept too


def _environments(checkouts: Mapping[str, Path]) -> dict[str, Path]:
    """Return an interpreter for each SDK; shared dependencies have the same versions in all."""
    ours = environment("ours", *our_packages(ROOT))
    frozen = subprocess.run(
        [ours, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True
    )
    constraints = ROOT / ".venvs" / "bench-constraints.txt"
    constraints.write_bytes(frozen.stdout)
    pinned = ("-c", str(constraints))
    others = {
        name: environment(name, *our_packages(checkout), *pinned, checkout=checkout)
        for name, checkout in checkouts.items()
    }
    return {"ours": ours, **others, "reference": environment("reference", REFERENCE, *pinned)}


@contextmanager
def _server() -> Generator[int, None, None]:
    """Start a server, and yield its port."""
    process = subprocess.Popen(
        [sys.executable, HERE / "replay.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, and the samples of each subject, one per round."""

    case: Case
    mode: str
    handling: str
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def micros(self, subject: str, clock: str) -> list[float]:
        """Return microseconds per unit, in each round."""
        return [sample[clock] / self.case.units * 1e6 for sample in self.samples[subject]]

    def ratio(self, one: str, other: str, clock: str) -> list[float]:
        """Return how many times as long as the other one takes, in each round."""
        pairs = zip(self.samples[one], self.samples[other], strict=True)
        return [mine[clock] / others[clock] for mine, others in pairs]


def _measure(rows: Sequence[Row], workers: Mapping[str, Worker], rounds: int) -> None:
    """Fill the rows."""
    for number in range(rounds + 1):  # the first is to warm up
        say(f"round {number} of {rounds}")
        for row in rows:
            for subject in (*workers, *ASIDES) if row in _plain(rows) else workers:
                worker = workers.get(subject, workers["httpx"])
                sample = _ask(worker, subject, row.case, row.mode, row.handling)
                if number:
                    row.samples[subject].append(sample)


def _measure_memory(
    case: Case, subjects: Sequence[str], start: Callable[[str], Worker]
) -> dict[str, dict[str, float]]:
    """Return the MB by which the peak grows: subject → mode → MB; each in a separate process."""
    say(f"{case.title} of output")
    return {
        subject: {
            mode: _ask(start(subject), subject, case, mode, "only")["growth"] / 1e6
            for mode in MODES
        }
        for subject in subjects
    }


def _ask(worker: Worker, subject: str, case: Case, mode: str, handling: str) -> dict[str, Any]:
    return worker.ask(
        subject=subject if subject in {"httpx", *ASIDES} else "sdk",
        case=case.name,
        mode=mode,
        handler=handling != "no",
        keep=handling != "only",
    )


def _plain(rows: Sequence[Row]) -> list[Row]:
    """Return one row of each case."""
    return [row for row in rows if (row.mode, row.handling) == ("sync", "no")]


def _timed_table(rows: Sequence[Row], subjects: Sequence[str], clock: str) -> list[list[str]]:
    others = [subject for subject in subjects if subject not in {"httpx", "ours"}]
    table = [[
        "case", "client", "handler", *(f"{subject} µs" for subject in subjects), "ours / httpx",
        *(f"{subject} / ours" for subject in others), "target", "met",
    ]]  # fmt: skip
    for row in rows:
        cost = row.ratio("ours", "httpx", clock)
        target, met = "", ""
        if row.case.name == "fifty":
            target = "reference ≥ 3 ours"
            met = yes(met=median(row.ratio("reference", "ours", clock)) >= 3)
        elif row.case.name == "one":
            target, met = "≤ 1.35 httpx", yes(met=median(cost) <= 1.35)
        table.append([
            f"{row.case.title}, per {row.case.unit}", row.mode, row.handling,
            *(f"{median(row.micros(subject, clock)):.2f}" for subject in subjects), spread(cost),
            *(spread(row.ratio(subject, "ours", clock)) for subject in others), target, met,
        ])  # fmt: skip
    return table


def _memory_table(case: Case, growth: dict[str, dict[str, float]]) -> list[list[str]]:
    table = [["case", "client", *(f"{subject} MB" for subject in growth), "target", "met"]]
    for mode in MODES:
        figures = [f"{growth[subject][mode]:.1f}" for subject in growth]
        met = yes(met=growth["ours"][mode] < 30)
        table.append([f"{case.title}, growth of peak memory", mode, *figures, "< 30 MB", met])
    return table


def _floor_table(rows: Sequence[Row], clock: str) -> list[list[str]]:
    """Return what no client can avoid: the server, and reading JSON as fast as possible."""
    table = [[
        "case", "events per run", "chunks per run", "server alone µs", "of httpx's time",
        "httpx with msgspec / httpx", "ours / httpx with msgspec",
    ]]  # fmt: skip
    for row in rows:
        chunks = sum(1 for _ in row.case.chunks())
        alone = min(row.micros("socket", "wall"))
        table.append([
            row.case.title, f"{row.case.events:,}", f"{chunks:,}", f"{alone:.2f}",
            f"{alone / min(row.micros('httpx', 'wall')):.0%}",
            spread(row.ratio("msgspec", "httpx", clock)),
            spread(row.ratio("ours", "msgspec", clock)),
        ])  # fmt: skip
    return table


def _busy(rows: Sequence[Row], subjects: Sequence[str]) -> float:
    """Return the share of its time that a client was on a CPU."""
    shares: list[float] = [
        sample["cpu"] / sample["wall"]
        for row in rows
        for subject in subjects
        for sample in row.samples[subject]
    ]
    return median(shares)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu counts only the client's own work: for a machine that is busy",
    )  # fmt: skip
    names = [*(case.name for case in TIMED), "memory"]
    return options(parser, names, quick="three rounds, and 100 MB, not 1 GB")


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    environments = _environments(given.subjects)
    subjects = ["httpx", *environments]
    rows = [
        Row(case, mode, handling)
        for case in TIMED
        if case.name in given.cases
        for handling in HANDLING
        if case.events or handling == "no"
        for mode in MODES
    ]
    large = TENTH if given.quick else GIGABYTE
    growth: dict[str, dict[str, float]] = {}
    load = os.getloadavg()[0]
    with _server() as port, ExitStack() as stack:

        def start(subject: str) -> Worker:
            python = environments["ours" if subject == "httpx" else subject]
            worker = Worker(python, HERE / "worker.py", str(port))
            stack.callback(worker.close)
            return worker

        workers = {subject: start(subject) for subject in subjects}
        _measure(rows, workers, given.rounds if rows else 0)
        if "memory" in given.cases:
            growth = _measure_memory(large, subjects, start)
        say("")
        versions = {subject: workers[subject].versions for subject in environments}
    for subject, checkout in {"ours": ROOT, **given.subjects}.items():
        versions[subject]["commit"] = commit(checkout)

    print(machine() + "\n")
    for subject, packages in versions.items():
        show_versions(subject, packages)
    if rows:
        print(
            f"{given.rounds} rounds, {given.clock} time; load {load:.1f} at the beginning, "
            f"{os.getloadavg()[0]:.1f} at the end; clients were on a CPU for "
            f"{_busy(rows, subjects):.0%} of the time.\n"
        )
        show(_timed_table(rows, subjects, given.clock), markdown=given.markdown)
        show(_floor_table(_plain(rows), given.clock), markdown=given.markdown)
    if growth:
        show(_memory_table(large, growth), markdown=given.markdown)
    if given.json:
        samples = [{**vars(row), "case": row.case.name} for row in rows]
        raw = {
            "machine": machine(), "versions": versions, "growth": growth, "samples": samples,
        }  # fmt: skip
        given.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
