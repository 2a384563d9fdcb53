"""What both benchmarks share: environments to measure in, processes that measure, tables."""

import argparse
import json
import os
import platform
import re
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
_TAKEN: Final = {
    *("async", "bare", "box", "constraints", "httpx", "local", "ours", "reference", "sync"),
}
# Installs with the shell scripts' own helpers: a Debian Python may come without ensurepip.
_INSTALL: Final = '. "$1"; make_venv "$2" "$3"; install_into "${@:3}"'


def environment(name: str, *packages: str, checkout: Path = ROOT) -> Path:
    """Return the interpreter of a kept environment with these packages.

    Args:
        name: The environment's.
        packages: Arguments of `pip install`.
        checkout: When its pyproject.toml changes, the packages are installed again.
    """
    home = ROOT / ".venvs" / f"bench-{name}-{sys.version_info.major}.{sys.version_info.minor}"
    command = ["bash", "-ec", _INSTALL, "bash", ROOT / "scripts" / "_env.sh", sys.executable, home]
    subprocess.run([*command, *packages], cwd=checkout, check=True)
    return home / "bin" / "python"


def our_packages(checkout: Path, extra: str = "") -> list[str]:
    """Return what to install for the SDK of a checkout."""
    return ["-e", str(checkout / "generated"), "-e", f"{checkout}{extra}"]


def commit(checkout: Path) -> str:
    """Return which commit a checkout is at."""
    command = ["git", "-C", checkout, "describe", "--always", "--dirty"]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return said.stdout.strip() or "no commit"


class Worker:
    """A process that measures: first it says its packages' versions, then it answers commands.

    Args:
        command: Its program and arguments. It reads one JSON object per line, and answers each
            with one.
    """

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._answer()

    def ask(self, **command: Any) -> dict[str, Any]:
        """Return the worker's answer: its clocks, and what else it saw."""
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
    """Parse the command line of a benchmark.

    Args:
        parser: Has what only this benchmark takes; the rest is added.
        cases: The names of its cases.
        quick: What `--quick` means.
    """
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--rounds", type=int, help="how many; 15 unless --quick")
    parser.add_argument(
        "--case", dest="cases", action="append", choices=cases, help="only this; may be repeated"
    )
    parser.add_argument(
        "--subject", dest="subjects", action="append", default=[], type=_subject,
        metavar="NAME=CHECKOUT", help="measure the SDK of another checkout too; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    given = parser.parse_args()
    given.cases = given.cases or list(cases)
    given.rounds = given.rounds or (3 if given.quick else 15)
    given.subjects = dict(given.subjects)
    return given


def _subject(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    checkout = Path(path).resolve()
    if not re.fullmatch(r"[a-z0-9]+", name) or name in _TAKEN:
        raise argparse.ArgumentTypeError(f"{name!r} is not a name for another subject")
    if not (checkout / "generated" / "pyproject.toml").exists():
        raise argparse.ArgumentTypeError(f"{checkout} is not a checkout of the SDK")
    return name, checkout


def say(progress: str) -> None:
    """Show where the benchmark is, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{progress:40}", end="\r", file=sys.stderr, flush=True)


def spread(values: Sequence[float]) -> str:
    """Return the median, and the quartiles in brackets."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def yes(*, met: bool) -> str:
    """Return a word for a table."""
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
    """Return what it ran on."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return f"{cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the version of Python, and of these packages where they are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
