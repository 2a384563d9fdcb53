"""What benchmarks share: environments to measure in, processes that measure, tables."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
# Installs with the shell scripts' own helpers: a Debian Python may come without ensurepip.
_INSTALL: Final = '. scripts/_env.sh; make_venv "$1" "$2"; install_into "${@:2}"'


def environment(name: str, *packages: str) -> Path:
    """The interpreter of an environment that is kept, with those packages."""
    home = ROOT / ".venvs" / f"bench-{name}-{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run(
        ["bash", "-ec", _INSTALL, "bash", sys.executable, home, *packages], cwd=ROOT, check=True
    )
    return home / "bin" / "python"


class Worker:
    """A process that measures: first it says its packages' versions, then it answers commands.

    Args:
        command: Its program and arguments. It reads a JSON object a line, and writes one for each.
    """

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._answer()

    def ask(self, **command: Any) -> dict[str, Any]:
        """What the worker says: its clocks, and what else it saw."""
        assert self._process.stdin is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def options(
    parser: argparse.ArgumentParser, cases: Sequence[str], *, quick: str
) -> argparse.Namespace:
    """The command line of a benchmark: what all of them take, and what its parser has already.

    Args:
        parser: Its own; what all take is added.
        cases: The names of its cases.
        quick: What `--quick` means.
    """
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--rounds", type=int, help="how many; 15 unless --quick")
    parser.add_argument(
        "--case", dest="cases", action="append", choices=cases, help="only this; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    given = parser.parse_args()
    given.cases = given.cases or list(cases)
    given.rounds = given.rounds or (3 if given.quick else 15)
    return given


def say(progress: str) -> None:
    """Show where the benchmark is, to somebody who watches."""
    if sys.stderr.isatty():
        print(f"\r{progress:40}", end="\r", file=sys.stderr, flush=True)


def spread(values: Sequence[float]) -> str:
    """The median, and the quartiles in brackets."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def yes(*, met: bool) -> str:
    """A word for a table."""
    return "yes" if met else "no"


def show(table: list[list[str]], *, markdown: bool) -> None:
    """Print a table whose first row is its head."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if markdown:
        table = [table[0], ["-" * width for width in widths], *table[1:]]
    for cells in table:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        print(f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip())
    print()


def show_versions(subject: str, versions: Mapping[str, str]) -> None:
    """Print what a subject is made of."""
    print(f"{subject}: " + ", ".join(f"{name} {v}" for name, v in versions.items()) + "\n")


def machine() -> str:
    """What it ran on."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return f"{cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python, and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
