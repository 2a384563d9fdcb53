"""Go: gonb, built here, with one of this machine's Go toolchains.

What must stay true: nothing is downloaded but when it is installed and when a cell imports a
module; least of all another toolchain. What gonb and Go write for a kernel lies in the kernel's
own directory, and goes with it.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels.go.build import VERSION, build, installed_in
from code_interpreter.kernels.install import (
    home,
    homes,
    matches,
    program_dir,
    staged,
    write_kernelspec,
)
from code_interpreter.kernels.launch import (
    Installed,
    KernelMissingError,
    Launch,
    programs_in,
)
from code_interpreter.kernels.versions import Version, parse, pick

_PATIENCE = 20.0
_CACHES = ("GOCACHE", "GOMODCACHE")
_INSTALL = "code-interpreter kernels install go"
_REMEDY = (
    "Install Go 1.24.4 or newer, from https://go.dev/dl or as the package golang or go of your "
    "system."
)


class _Go(NamedTuple):
    """A Go toolchain of this machine."""

    root: Path
    version: str

    @property
    def go(self) -> str:
        return str(self.root / "bin" / "go")

    @property
    def number(self) -> Version:
        return parse(self.version)

    def __str__(self) -> str:
        return f"{self.version} ({self.root})"


class GoNB:
    """The Go kernel, with whichever toolchain a sandbox asks for."""

    languages = ("go",)

    def __init__(self) -> None:
        self._caches: dict[str, Mapping[str, str]] = {}

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of gonb with the Go that `GO_VERSION` asks for, else with the newest.

        Raises:
            KernelMissingError: There is no such Go, or gonb is not installed.
        """
        del language
        go = pick(
            await asyncio.to_thread(_toolchains, env),
            lambda go: go.number,
            variable="GO_VERSION",
            wanted=env.get("GO_VERSION", "").removeprefix("go"),
            what="Go",
            remedy=f"{_REMEDY} Then run `{_INSTALL}`.",
        )
        programs = installed_in() / "bin"
        if not (programs / "gonb").is_file():
            raise KernelMissingError(f"the Go kernel is not installed: run `{_INSTALL}`")
        return Launch(
            argv=_argv(programs),
            env={
                **await asyncio.to_thread(self._caches_of, go),
                **{name: env[name] for name in _CACHES if name in env},
                "PATH": os.pathsep.join(
                    [str(go.root / "bin"), str(programs), env.get("PATH", os.defpath)]
                ),
                "GOROOT": str(go.root),
                "GOTOOLCHAIN": "local",
                "TMPDIR": "{directory}",
            },
            interrupt="message",
            dialect="gonb",
            programs=programs_in(go.root / "bin", ("go", "gofmt")),
        )

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """The command of each Go here."""
        return [go.go for go in _toolchains(env)]

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """One for each Go here, the newest first; none while gonb is missing."""
        if not (installed_in() / "bin" / "gonb").is_file():
            return []
        toolchains = await asyncio.to_thread(_toolchains, env)
        return [
            Installed("go", go.version, f"gonb {VERSION.removeprefix('v')}", go.go)
            for go in sorted(toolchains, key=lambda go: go.number, reverse=True)
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Build gonb, unless it is here; with the newest Go, which must be here already.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: There is no Go, or something failed.
        """
        toolchains = _toolchains(os.environ)
        if not toolchains:
            raise KernelMissingError(f"Go is missing. {_REMEDY}")
        newest = max(toolchains, key=lambda go: go.number)
        folder = installed_in()
        if (folder / "bin" / "gonb").is_file():
            say(f"gonb {VERSION} is installed in {folder}")
        else:
            say(f"building gonb {VERSION} with Go {newest}; this takes a minute or two")
            with staged(program_dir("gonb")) as staging:
                build(staging / folder.name, newest.go, say)
        write_kernelspec(
            "gonb",
            argv=_argv(folder / "bin"),
            display_name="Go (gonb)",
            language="go",
            interrupt_mode="message",
            env={
                "PATH": os.pathsep.join([str(newest.root / "bin"), str(folder / "bin"), "${PATH}"])
            },
        )

    def _caches_of(self, go: _Go) -> Mapping[str, str]:
        """The user's caches: in a sandbox with a home of its own, Go would compile all anew."""
        if go.go not in self._caches:
            try:
                answer = subprocess.run(  # noqa: S603 - a toolchain that this machine offers
                    [go.go, "env", "-json", *_CACHES],
                    capture_output=True,
                    check=True,
                    cwd="/",  # no module lies there
                    env={**os.environ, "HOME": str(home()), "GOROOT": str(go.root)},
                    stdin=subprocess.DEVNULL,
                    timeout=_PATIENCE,
                ).stdout
                self._caches[go.go] = json.loads(answer)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                raise KernelMissingError(f"Go {go} does not work: {error}") from error
        return self._caches[go.go]


def _argv(programs: Path) -> tuple[str, ...]:
    # Raw errors: text instead of HTML.
    return (str(programs / "gonb"), "-kernel", "{connection_file}", "-raw_error")


def _toolchains(env: Mapping[str, str]) -> list[_Go]:
    """The Go toolchains of this machine, each once."""
    found: dict[Path, _Go] = {}
    for candidate in _roots(env):
        root = candidate.resolve()
        if root not in found and os.access(root / "bin" / "go", os.X_OK):
            try:
                version = (root / "VERSION").read_text().splitlines()[0]
            except (OSError, IndexError):
                continue  # a manager's shim: what it stands for is found elsewhere
            found[root] = _Go(root, version.removeprefix("go"))
    return list(found.values())


def _roots(env: Mapping[str, str]) -> Iterator[Path]:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        if folder:
            yield (Path(folder) / "go").resolve().parent.parent
    yield Path("/usr/local/go")
    yield from matches(Path("/usr/lib"), "go-*")
    yield from matches(Path("/opt/homebrew/opt"), "go*/libexec")
    for user in homes(env):
        yield from matches(user / "sdk", "go*")
        yield from matches(user / ".gimme" / "versions", "go*")
        yield from matches(user / ".goenv" / "versions", "*")
