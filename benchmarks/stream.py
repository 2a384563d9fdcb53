"""How much our SDK costs on top of httpx, and what the reference SDK costs: one command.

    python benchmarks/stream.py                whole: four minutes, if nothing else runs
    python benchmarks/stream.py --quick        three rounds and 100 MB, for a first look
    python benchmarks/stream.py --clock cpu    on a machine that has other things to do

It makes an environment for each SDK below .venvs/ (needs pip and, the first time, PyPI), starts a
server that replays the same bytes to all, and measures bare httpx, ours and the reference in turn,
round by round, so that whatever else the machine does disturbs all of them alike. Ratios are taken
within a round; the table has their medians, and their quartiles in brackets. Issue 5's targets
stand beside the figures; nothing fails when one is missed.
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
    environment,
    machine,
    options,
    say,
    show,
    show_versions,
    spread,
    yes,
)

REFERENCE: Final = "opensandbox-code-interpreter==1.1.1"
SDKS: Final = ("ours", "reference")
SUBJECTS: Final = ("httpx", *SDKS)
ASIDES: Final = ("socket", "keeping", "decoding")  # say what the others' figures are made of
MODES: Final = ("async", "sync")
# Without a handler, with one for stdout, and with it as the only one who gets the output.
HANDLING: Final = ("no", "yes", "only")


def _environments() -> dict[str, Path]:
    """One for each SDK; what both need is of the same version in both."""
    ours = environment("ours", "-e", "./generated", "-e", ".")
    frozen = subprocess.run(
        [ours, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True
    )
    constraints = ROOT / ".venvs" / "bench-constraints.txt"
    constraints.write_bytes(frozen.stdout)
    return {"ours": ours, "reference": environment("reference", REFERENCE, "-c", str(constraints))}


@contextmanager
def _server() -> Generator[int, None, None]:
    """A running server's port."""
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
    """One line of the table: what is measured, and the samples of each subject, one a round."""

    case: Case
    mode: str
    handling: str
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def micros(self, subject: str, clock: str) -> list[float]:
        """Microseconds a unit, in each round."""
        return [sample[clock] / self.case.units * 1e6 for sample in self.samples[subject]]

    def extra(self, clock: str) -> float:
        """Microseconds a unit that ours takes on top of httpx."""
        pairs = zip(self.micros("ours", clock), self.micros("httpx", clock), strict=True)
        return median(ours - httpx for ours, httpx in pairs)

    def ratio(self, one: str, other: str, clock: str) -> list[float]:
        """How many times as long as the other it takes, in each round."""
        pairs = zip(self.samples[one], self.samples[other], strict=True)
        return [mine[clock] / others[clock] for mine, others in pairs]


def _measure(rows: Sequence[Row], workers: Mapping[str, Worker], rounds: int) -> None:
    """Fill the rows."""
    for number in range(rounds + 1):  # the first is to warm up
        say(f"round {number} of {rounds}")
        for row in rows:
            for subject in (*SUBJECTS, *ASIDES) if row in _plain(rows) else SUBJECTS:
                worker = workers.get(subject, workers["httpx"])
                sample = _ask(worker, subject, row.case, row.mode, row.handling)
                if number:
                    row.samples[subject].append(sample)


def _measure_memory(case: Case, start: Callable[[str], Worker]) -> dict[str, dict[str, float]]:
    """MB by which the peak grows: subject → mode → MB; each in a process of its own."""
    say(f"{case.title} of output")
    return {
        subject: {
            mode: _ask(start(subject), subject, case, mode, "only")["growth"] / 1e6
            for mode in MODES
        }
        for subject in SUBJECTS
    }


def _ask(worker: Worker, subject: str, case: Case, mode: str, handling: str) -> dict[str, Any]:
    return worker.ask(
        subject="sdk" if subject in SDKS else subject,
        case=case.name,
        mode=mode,
        handler=handling != "no",
        keep=handling != "only",
    )


def _plain(rows: Sequence[Row]) -> list[Row]:
    """One row of each case."""
    return [row for row in rows if (row.mode, row.handling) == ("sync", "no")]


def _timed_table(rows: Sequence[Row], clock: str) -> list[list[str]]:
    table = [[
        "case", "client", "handler", "httpx µs", "ours µs", "reference µs", "ours a second",
        "ours / httpx", "on top of httpx µs", "reference / ours", "target", "met",
    ]]  # fmt: skip
    for row in rows:
        httpx, ours, reference = (median(row.micros(subject, clock)) for subject in SUBJECTS)
        cost = row.ratio("ours", "httpx", clock)
        gain = row.ratio("reference", "ours", clock)
        if row.case.name == "fifty":
            target = "reference ≥ 4 ours, < 2.0 µs on top"
            met = median(gain) >= 4 and row.extra(clock) < 2.0
        else:
            limit = 1.15 if row.case.name == "empty" else 1.3
            target, met = f"≤ {limit} httpx", median(cost) <= limit
        table.append([
            f"{row.case.title}, per {row.case.unit}", row.mode, row.handling,
            f"{httpx:.2f}", f"{ours:.2f}", f"{reference:.2f}", f"{1e6 / ours:,.0f}",
            spread(cost), f"{row.extra(clock):.2f}", spread(gain), target, yes(met=met),
        ])  # fmt: skip
    return table


def _memory_table(case: Case, growth: dict[str, dict[str, float]]) -> list[list[str]]:
    table = [["case", "client", *(f"{subject} MB" for subject in SUBJECTS), "target", "met"]]
    for mode in MODES:
        figures = [f"{growth[subject][mode]:.1f}" for subject in SUBJECTS]
        met = yes(met=growth["ours"][mode] < 30)
        table.append([f"{case.title}, growth of peak memory", mode, *figures, "< 30 MB", met])
    return table


def _floor_table(rows: Sequence[Row], clock: str) -> list[list[str]]:
    """What no client can avoid: the server, kept output's memory, and reading JSON."""
    table = [[
        "case", "events a run", "bytes a run", "chunks sent", "chunks httpx sees",
        "the server alone µs", "of httpx's time", "httpx that keeps the bytes / httpx",
        "httpx that reads the JSON / httpx",
    ]]  # fmt: skip
    for row in rows:
        chunks = sum(1 for _ in row.case.chunks())
        alone = min(row.micros("socket", "wall"))
        table.append([
            row.case.title, f"{row.case.events:,}", f"{row.case.size:,}", f"{chunks:,}",
            f"{row.samples['httpx'][-1]['seen']:,}", f"{alone:.2f}",
            f"{alone / min(row.micros('httpx', 'wall')):.0%}",
            spread(row.ratio("keeping", "httpx", clock)),
            spread(row.ratio("decoding", "httpx", clock)),
        ])  # fmt: skip
    return table


def _busy(rows: Sequence[Row]) -> float:
    """The share of its time that a client was on a CPU."""
    shares: list[float] = [
        sample["cpu"] / sample["wall"]
        for row in rows
        for subject in SUBJECTS
        for sample in row.samples[subject]
    ]
    return median(shares)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu counts only the client's own work: for a machine that has other things to do",
    )  # fmt: skip
    names = [*(case.name for case in TIMED), "memory"]
    return options(parser, names, quick="three rounds, and 100 MB, not 1 GB")


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    environments = _environments()
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
            python = environments["reference" if subject == "reference" else "ours"]
            worker = Worker(python, HERE / "worker.py", str(port))
            stack.callback(worker.close)
            return worker

        workers = {subject: start(subject) for subject in SUBJECTS}
        _measure(rows, workers, given.rounds if rows else 0)
        if "memory" in given.cases:
            growth = _measure_memory(large, start)
        say("")
        versions = {subject: workers[subject].versions for subject in SDKS}

    print(machine() + "\n")
    for subject, packages in versions.items():
        show_versions(subject, packages)
    if rows:
        print(
            f"{given.rounds} rounds, {given.clock} time; load {load:.1f} at the beginning, "
            f"{os.getloadavg()[0]:.1f} at the end; clients were on a CPU for {_busy(rows):.0%} of "
            "the time.\n"
        )
        show(_timed_table(rows, given.clock), markdown=given.markdown)
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
