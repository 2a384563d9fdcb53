"""Python: the interpreters of this machine, and the one that a sandbox asks for."""

import asyncio
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import NamedTuple

from code_interpreter.local.kernels._launch import Installed, KernelMissingError, Launch
from code_interpreter.local.kernels._specs import kernelspecs


class _Python(NamedTuple):
    """An interpreter and what a probe said of it."""

    path: str
    version: tuple[int, ...]
    ipykernel: str  # its version; empty where it is missing
    managed: bool  # a system's or uv's own, which refuses a plain `pip install`
    pip: bool

    @property
    def label(self) -> str:
        return f"{self.version_text} ({self.path})"

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def remedy(self) -> str:
        flag = " --break-system-packages" if self.managed else ""
        if self.pip:
            return f"{self.path} -m pip install{flag} ipykernel"
        return f"uv pip install{flag} --python {self.path} ipykernel"


_PROBE = """
import importlib.metadata, importlib.util, json, os, sys, sysconfig
has = lambda name: importlib.util.find_spec(name) is not None
ipykernel = importlib.metadata.version("ipykernel") if has("ipykernel") else ""
managed = os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
managed = managed and sys.prefix == sys.base_prefix
print(json.dumps([list(sys.version_info[:3]), ipykernel, managed, has("pip")]))
"""
_PROBE_PATIENCE = 20.0
_VERSION = re.compile(r"\d+(\.\d+){0,2}")
_EXECUTABLE = re.compile(r"python(3(\.\d+)?)?")


class Pythons:
    """The Python interpreters of this machine, probed when they are needed."""

    languages = ("python",)

    def __init__(self) -> None:
        self._usable: dict[str, _Python] = {}

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of the Python that `PYTHON_VERSION` asks for, else of the running one.

        Raises:
            KernelMissingError: There is no such Python, or it lacks ipykernel.
        """
        del language
        wanted = env.get("PYTHON_VERSION", "").strip()
        running = _running()
        if not wanted and running.ipykernel:
            return _launch(running)
        if wanted and not _VERSION.fullmatch(wanted):
            raise KernelMissingError(
                f"PYTHON_VERSION={wanted!r} is no version such as 3.12 or 3.12.1"
            )
        version = tuple(map(int, wanted.split("."))) if wanted else ()
        if running.ipykernel and running.version[: len(version)] == version:
            return _launch(running)
        paths = await asyncio.to_thread(lambda: list(_candidates(env)))
        pythons = [running, *await self._probe_all(paths, env)]
        fitting = [p for p in pythons if p.ipykernel and p.version[: len(version)] == version]
        if not fitting:
            raise _missing(wanted, version, pythons)
        return _launch(max(fitting, key=lambda python: python.version))

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """Every Python here that has ipykernel, the newest first."""
        paths = await asyncio.to_thread(lambda: list(_candidates(env)))
        pythons = [_running(), *await self._probe_all(paths, env)]
        usable = {python.path: python for python in pythons if python.ipykernel}
        return [
            Installed("python", python.version_text, f"ipykernel {python.ipykernel}", python.path)
            for python in sorted(usable.values(), key=lambda p: p.version, reverse=True)
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Install nothing: the Python that runs this has ipykernel, by the extra `local`.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: It lacks ipykernel all the same.
        """
        running = _running()
        if not running.ipykernel:
            raise KernelMissingError(f"ipykernel is missing: {running.remedy}")
        say(f"Python {running.label} has ipykernel {running.ipykernel}")

    async def _probe_all(self, paths: Iterable[str], env: Mapping[str, str]) -> list[_Python]:
        probes = (asyncio.to_thread(self._probe, path, env) for path in paths)
        return [python for python in await asyncio.gather(*probes) if python is not None]

    def _probe(self, path: str, env: Mapping[str, str]) -> _Python | None:
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
            version, ipykernel, managed, pip = json.loads(answer)
        except (OSError, subprocess.SubprocessError, ValueError):
            return None  # Python 2, a broken link, a shim without a version behind it
        python = _Python(path, tuple(version), ipykernel, managed, pip)
        if ipykernel:
            self._usable[path] = python
        return python


def _running() -> _Python:
    try:
        ipykernel = version_of("ipykernel")
    except PackageNotFoundError:
        ipykernel = ""
    return _Python(
        path=sys.executable,
        version=tuple(sys.version_info[:3]),
        ipykernel=ipykernel,
        managed=False,
        pip=True,
    )


def _launch(python: _Python) -> Launch:
    return Launch(
        argv=(
            python.path,
            str(Path(__file__).with_name("_python_kernel.py")),
            "-f",
            "{connection_file}",
            "--HistoryManager.enabled=False",
        ),
        # Keeps the debugger's warning about frozen modules out of the user's stderr.
        env={"PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        transport="ipc",
    )


def _missing(
    wanted: str, version: tuple[int, ...], pythons: Sequence[_Python]
) -> KernelMissingError:
    usable = sorted({python.label for python in pythons if python.ipykernel})
    lacking = [python for python in pythons if not python.ipykernel]
    # Those that were asked for, if any; and of each version the one that comes first in the path.
    fitting = [python for python in lacking if python.version[: len(version)] == version]
    offered: dict[tuple[int, ...], _Python] = {}
    for python in fitting or lacking:
        offered.setdefault(python.version, python)
    problem = f"Python {wanted} is not available" if wanted else "no Python with ipykernel is here"
    text = f"{problem}. Usable: {', '.join(usable) or 'none'}."
    if offered:
        text += " Found without ipykernel, each with the command that would make it usable: "
        text += "; ".join(f"{p.label}: {p.remedy}" for _, p in sorted(offered.items()))
    return KernelMissingError(text)


def _candidates(env: Mapping[str, str]) -> Iterator[str]:
    """Paths of interpreters, each once."""
    seen = {sys.executable}
    for path in _all_candidates(env):
        # Not resolved: a virtual environment's python is a link, and not what it links to.
        text = str(path)
        if text not in seen and os.access(text, os.X_OK):
            seen.add(text)
            yield text


def _all_candidates(env: Mapping[str, str]) -> Iterator[Path]:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        # Shims stand for interpreters that are found below.
        if folder and Path(folder).name != "shims" and Path(folder).is_dir():
            yield from sorted(p for p in Path(folder).iterdir() if _EXECUTABLE.fullmatch(p.name))
    # The user's home and, where the sandbox has one of its own, that too.
    homes = {Path(pwd.getpwuid(os.getuid()).pw_dir), Path(env.get("HOME") or "/")}
    roots = [home / ".pyenv" / "versions" for home in homes]
    roots += [home / ".local" / "share" / "uv" / "python" for home in homes]
    if "PYENV_ROOT" in env:
        roots.append(Path(env["PYENV_ROOT"]) / "versions")
    if "XDG_DATA_HOME" in env:
        roots.append(Path(env["XDG_DATA_HOME"]) / "uv" / "python")
    if "UV_PYTHON_INSTALL_DIR" in env:
        roots.append(Path(env["UV_PYTHON_INSTALL_DIR"]))
    for root in roots:
        yield from sorted(root.glob("*/bin/python3"))
    for spec in kernelspecs("python"):
        found = shutil.which(spec.argv[0], path=env.get("PATH")) if spec.argv else None
        if found:
            yield Path(found)
