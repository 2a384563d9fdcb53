"""Which languages there are, and how the kernel of one is started.

A language is a name and a way to find its kernel in a sandbox's environment. Finding is lazy:
nothing is probed until somebody asks for the language, so that a missing interpreter is an error
of that request and not of the start.
"""

import asyncio
import json
import logging
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from code_interpreter.local.execd._errors import ApiError, invalid_body, not_supported

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a kernel is started and spoken to.

    Attributes:
        argv: The command; `{connection_file}` in it stands for that file's path.
        env: Variables on top of the sandbox's.
        transport: `ipc` for kernels built on ipykernel: no ports, and nothing on the network.
        interrupt: How the kernel wants to be interrupted.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    transport: Literal["ipc", "tcp"] = "tcp"
    interrupt: Literal["signal", "message"] = "signal"


Find = Callable[[Mapping[str, str]], Awaitable[Launch]]


class Languages:
    """The languages of one sandbox.

    Args:
        env: The sandbox's environment, which names the wanted versions.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._finders: dict[str, Find] = {"python": Pythons().find}

    def name(self, given: str | None) -> str:
        """The name of a language that this server has.

        Raises:
            ApiError: It has none of that name, or no name was given.
        """
        name = (given or "").strip().lower()
        available = f"available: {', '.join(sorted(self._finders))}"
        if not name:
            raise invalid_body(f"the language is missing; {available}")
        if name not in self._finders:
            raise not_supported(f"this server does not have the language {name!r}; {available}")
        return name

    async def launch(self, name: str) -> Launch:
        """How to start a kernel of the language `name`, which `name()` has approved.

        Raises:
            ApiError: The version that the sandbox asks for is not installed.
        """
        return await self._finders[name](self._env)


class _Python(NamedTuple):
    """An interpreter and what a probe said of it."""

    path: str
    version: tuple[int, ...]
    ipykernel: bool
    managed: bool  # a system's or uv's own, which refuses a plain `pip install`
    pip: bool

    @property
    def label(self) -> str:
        return f"{'.'.join(map(str, self.version))} ({self.path})"

    @property
    def remedy(self) -> str:
        flag = " --break-system-packages" if self.managed else ""
        if self.pip:
            return f"{self.path} -m pip install{flag} ipykernel"
        return f"uv pip install{flag} --python {self.path} ipykernel"


_PROBE = """
import importlib.util, json, os, sys, sysconfig
has = lambda name: importlib.util.find_spec(name) is not None
managed = os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
managed = managed and sys.prefix == sys.base_prefix
print(json.dumps([list(sys.version_info[:3]), has("ipykernel"), managed, has("pip")]))
"""
_PROBE_PATIENCE = 20.0
_VERSION = re.compile(r"\d+(\.\d+){0,2}")
_EXECUTABLE = re.compile(r"python(3(\.\d+)?)?")


class Pythons:
    """The Python interpreters of this machine, probed when they are needed."""

    def __init__(self) -> None:
        self._usable: dict[str, _Python] = {}

    async def find(self, env: Mapping[str, str]) -> Launch:
        """The launch of the Python that `PYTHON_VERSION` asks for, else of the running one.

        Raises:
            ApiError: There is no such Python, or it lacks ipykernel.
        """
        wanted = env.get("PYTHON_VERSION", "").strip()
        running = _Python(
            path=sys.executable,
            version=tuple(sys.version_info[:3]),
            ipykernel=find_spec("ipykernel") is not None,
            managed=False,
            pip=True,
        )
        if not wanted and running.ipykernel:
            return _launch(running)
        if wanted and not _VERSION.fullmatch(wanted):
            raise not_supported(f"PYTHON_VERSION={wanted!r} is no version such as 3.12 or 3.12.1")
        version = tuple(map(int, wanted.split("."))) if wanted else ()
        if running.ipykernel and running.version[: len(version)] == version:
            return _launch(running)
        paths = await asyncio.to_thread(lambda: list(_candidates(env)))
        pythons = [running, *await self._probe_all(paths, env)]
        fitting = [p for p in pythons if p.ipykernel and p.version[: len(version)] == version]
        if not fitting:
            raise _missing(wanted, version, pythons)
        return _launch(max(fitting, key=lambda python: python.version))

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


def _missing(wanted: str, version: tuple[int, ...], pythons: Sequence[_Python]) -> ApiError:
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
    return not_supported(text)


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


def kernelspecs(language: str) -> "list[KernelSpec]":
    """The installed Jupyter kernelspecs for a language. Blocks for some tenths of a second."""
    # As much to import as all else here: only for those who ask for a kernel of another's making.
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415
    from traitlets import TraitError  # noqa: PLC0415

    manager = KernelSpecManager()
    specs: list[KernelSpec] = []
    for name in manager.find_kernel_specs():
        try:
            spec = manager.get_kernel_spec(name)
        except (OSError, ValueError, TraitError) as error:
            _log.warning("kernelspec %s is passed over: %s", name, error)
        else:
            if spec.language.lower() == language:
                specs.append(spec)
    return specs
