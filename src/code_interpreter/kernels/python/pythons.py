"""Python: the interpreters of this machine, and the one that a sandbox asks for."""

import asyncio
import itertools
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels.install import distribution_version, homes, matches
from code_interpreter.kernels.launch import Installed, KernelMissingError, Launch
from code_interpreter.kernels.python.environments import find_uv, interpreters, make
from code_interpreter.kernels.specs import kernelspecs
from code_interpreter.kernels.versions import asked


class Python(NamedTuple):
    """An interpreter and what a probe said of it."""

    path: str
    version: tuple[int, ...]
    ipykernel: str  # its version; empty where it is missing

    @property
    def label(self) -> str:
        """Version and path, for people."""
        return f"{self.version_text} ({self.path})"

    @property
    def version_text(self) -> str:
        """The version, dotted."""
        return ".".join(map(str, self.version))


_PROBE = """
import importlib.util, json, sys
ipykernel = ""
if importlib.util.find_spec("ipykernel"):
    import importlib.metadata
    ipykernel = importlib.metadata.version("ipykernel")
print(json.dumps([list(sys.version_info[:3]), ipykernel]))
"""
_PROBE_PATIENCE = 20.0
_EXECUTABLE = re.compile(r"python(3(\.\d+)?)?")
_OLDEST = (3, 10)  # that an environment is made for
_INSTALL = "code-interpreter kernels install python"

_log = logging.getLogger(__name__)


class Pythons:
    """The Python interpreters of this machine, probed when they are needed."""

    languages = ("python",)

    def __init__(self) -> None:
        self._usable: dict[str, Python] = {}
        self._looking = asyncio.Lock()  # one environment is made at a time

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of the Python that `PYTHON_VERSION` asks for, else of the running one.

        Where that Python lacks ipykernel and uv is here, an environment with it is made.

        Raises:
            KernelMissingError: There is no such Python, or it lacks ipykernel.
        """
        del language
        wanted, version = _wanted(env)
        if sys.version_info[: len(version)] == version and find_spec("ipykernel") is not None:
            return _launch(sys.executable)
        async with self._looking:
            return _launch(await asyncio.to_thread(self._find, wanted, version, env))

    def _find(self, wanted: str, version: tuple[int, ...], env: Mapping[str, str]) -> str:
        pythons = self.look(env)
        fitting = [python for python in pythons if python.version[: len(version)] == version]
        if usable := [python for python in fitting if python.ipykernel]:
            return _newest(usable).path
        bases = bases_of(fitting)
        uv = find_uv(env)
        if not bases or uv is None:
            raise _missing(wanted, version, pythons)
        base = _newest(bases)
        try:
            return str(make(base.path, base.version_text, uv=uv, env=env, say=_log.debug))
        except KernelMissingError as error:
            raise KernelMissingError(
                f"Python {base.label} lacks ipykernel, and an environment with it cannot be made:"
                f" {error}"
            ) from error

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """Each Python here, whatever it is good for; not those that a kernelspec alone names."""
        return [*_new(_places(env))]

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """Every Python here that has ipykernel, the newest first."""
        usable = {p.path: p for p in await asyncio.to_thread(self.look, env) if p.ipykernel}
        return [
            Installed("python", python.version_text, f"ipykernel {python.ipykernel}", python.path)
            for python in sorted(usable.values(), key=lambda p: p.version, reverse=True)
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Make an environment for each version here that lacks ipykernel.

        `PYTHON_VERSION` in our own environment limits it to what fits.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: There is no such Python, or not all environments could be made.
        """
        wanted, version = _wanted(os.environ)
        pythons = self.look(os.environ)
        fitting = [python for python in pythons if python.version[: len(version)] == version]
        usable = {python.version: python for python in fitting if python.ipykernel}
        for python in usable.values():
            say(f"Python {python.label} has ipykernel {python.ipykernel}")
        # Of each version the one that comes first.
        lacking = {p.version: p for p in reversed(bases_of(fitting)) if p.version not in usable}
        if not usable and not lacking:
            raise _missing(wanted, version, pythons)
        uv = find_uv(os.environ)
        failures: list[str] = []
        for python in lacking.values():
            say(f"Python {python.label} lacks ipykernel: making an environment that has it")
            try:
                make(python.path, python.version_text, uv=uv, env=os.environ, say=say)
            except KernelMissingError as error:
                failures.append(f"Python {python.label}: {error}")
        if failures:
            raise KernelMissingError("\n".join(failures))

    def look(self, env: Mapping[str, str]) -> list[Python]:
        """All Pythons that work, the running one first."""
        with ThreadPoolExecutor() as pool:
            found = itertools.chain(_places(env), _of_kernelspecs(env))
            probed = pool.map(partial(self._probe, env=env), _new(found))
            return [_running(), *(python for python in probed if python is not None)]

    def _probe(self, path: str, env: Mapping[str, str]) -> Python | None:
        # Only what is usable is remembered: ipykernel can be installed at any time.
        if path in self._usable:
            return self._usable[path]
        try:
            answer = subprocess.run(  # noqa: S603 - an interpreter that this machine offers
                [path, "-c", _PROBE],
                capture_output=True,
                check=True,
                cwd="/",  # nothing importable lies there
                env=dict(env),
                stdin=subprocess.DEVNULL,
                timeout=_PROBE_PATIENCE,
            ).stdout
            version, ipykernel = json.loads(answer)
        except (OSError, subprocess.SubprocessError, ValueError):
            return None  # Python 2, a broken link, a shim without a version behind it
        python = Python(path, tuple(version), ipykernel)
        if ipykernel:
            self._usable[path] = python
        return python


def _running() -> Python:
    return Python(sys.executable, tuple(sys.version_info[:3]), distribution_version("ipykernel"))


def _wanted(env: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    """The version that is asked for, as text and as numbers; both empty when none is."""
    wanted = env.get("PYTHON_VERSION", "").strip()
    return wanted, asked("PYTHON_VERSION", wanted, "3.12 or 3.12.1")


def _newest(pythons: Iterable[Python]) -> Python:
    return max(pythons, key=lambda python: python.version)


def bases_of(pythons: Iterable[Python]) -> list[Python]:
    """Those that an environment can be made from."""
    ours = set(map(str, interpreters()))
    return [p for p in pythons if not p.ipykernel and p.version >= _OLDEST and p.path not in ours]


def _launch(path: str) -> Launch:
    return Launch(
        argv=(
            path,
            str(Path(__file__).with_name("python_kernel.py")),
            "-f",
            "{connection_file}",
            "--HistoryManager.enabled=False",
        ),
        # Keeps the debugger's warning about frozen modules out of the user's stderr.
        env={"PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        streams_are_output=True,
        programs=_programs(path),
    )


def _programs(path: str) -> dict[str, str]:
    python = shlex.quote(path)
    run = f'exec {python} "$@"'
    # What uv makes has no pip.
    has_pip = shlex.quote("import importlib.util as u, sys; sys.exit(u.find_spec('pip') is None)")
    pip = f'{python} -c {has_pip} || {python} -m ensurepip >/dev/null\nexec {python} -m pip "$@"'
    return {"python": run, "python3": run, "pip": pip, "pip3": pip}


def _missing(
    wanted: str, version: tuple[int, ...], pythons: Sequence[Python]
) -> KernelMissingError:
    usable = sorted({python.label for python in pythons if python.ipykernel})
    bases = bases_of(pythons)
    # Those that were asked for, if any; and of each version the one that comes first in the path.
    fitting = [python for python in bases if python.version[: len(version)] == version]
    offered = {python.version: python for python in reversed(fitting or bases)}
    problem = f"Python {wanted} is not available" if wanted else "no Python with ipykernel is here"
    text = f"{problem}. Usable: {', '.join(usable) or 'none'}."
    if offered:
        labels = ", ".join(python.label for _, python in sorted(offered.items()))
        text += f" `{_INSTALL}` makes usable: {labels}."
    return KernelMissingError(text)


def _new(paths: Iterable[Path]) -> Iterator[str]:
    """Those of these that are interpreters, each once, and without the running one."""

    def identity(path: Path) -> tuple[Path, Path]:
        # The folder too: a virtual environment's python is a link, and not what it links to.
        return path.parent.resolve(), path.resolve()

    seen = {identity(Path(sys.executable))}
    for path in paths:
        if os.access(path, os.X_OK) and (this := identity(path)) not in seen:
            seen.add(this)
            yield str(path)


def _places(env: Mapping[str, str]) -> Iterator[Path]:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        # Shims stand for interpreters that are found below.
        if folder and Path(folder).name != "shims":
            named = matches(Path(folder), "python*")
            yield from (path for path in named if _EXECUTABLE.fullmatch(path.name))
    roots = [home / ".pyenv" / "versions" for home in homes(env)]
    roots += [home / ".local" / "share" / "uv" / "python" for home in homes(env)]
    if "PYENV_ROOT" in env:
        roots.append(Path(env["PYENV_ROOT"]) / "versions")
    if "XDG_DATA_HOME" in env:
        roots.append(Path(env["XDG_DATA_HOME"]) / "uv" / "python")
    if "UV_PYTHON_INSTALL_DIR" in env:
        roots.append(Path(env["UV_PYTHON_INSTALL_DIR"]))
    for root in roots:
        yield from matches(root, "*/bin/python3")
    yield from interpreters()


def _of_kernelspecs(env: Mapping[str, str]) -> Iterator[Path]:
    for spec in kernelspecs("python"):
        found = shutil.which(spec.argv[0], path=env.get("PATH")) if spec.argv else None
        if found:
            yield Path(found)
