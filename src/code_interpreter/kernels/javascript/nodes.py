"""JavaScript and TypeScript: our kernel, its packages, and the Node that a sandbox asks for."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels import install
from code_interpreter.kernels.launch import (
    Installed,
    KernelMissingError,
    Launch,
    programs_in,
)
from code_interpreter.kernels.versions import Version, parse, pick

_PROGRAM = Path(__file__).with_name("kernel.js")
_PACKAGES = Path(__file__).with_name("packages")  # what npm installs, and the hash of each
_PROGRAMS = ("node", "npm", "npx", "corepack")
_SPECS = {"javascript": "JavaScript", "typescript": "TypeScript"}
_NEEDS_NODE = "Install Node 18 or newer with npm first: from nodejs.org, nvm or the system."
_REMEDY = "`code-interpreter kernels install javascript typescript` installs it"
_PROBE_PATIENCE = 20.0

# Where Nodes are that no PATH need hold; below a home, and anywhere.
_IN_HOME = (
    ".nvm/versions/node/*/bin/node",
    ".local/share/fnm/node-versions/*/installation/bin/node",
    "Library/Application Support/fnm/node-versions/*/installation/bin/node",
    ".volta/tools/image/node/*/bin/node",
    "n/n/versions/node/*/bin/node",
)
_ANYWHERE = (
    "usr/local/n/versions/node/*/bin/node",
    "usr/local/lib/nodejs/*/bin/node",
    "opt/node*/bin/node",
    "opt/homebrew/opt/node*/bin/node",
)
_SETTINGS = {  # a variable that moves one of these
    "NVM_DIR": "versions/node/*/bin/node",
    "FNM_DIR": "node-versions/*/installation/bin/node",
    "VOLTA_HOME": "tools/image/node/*/bin/node",
    "N_PREFIX": "n/versions/node/*/bin/node",
}


class _Node(NamedTuple):
    path: str
    version: Version

    def __str__(self) -> str:
        return f"{self.version_text} ({self.path})"

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


class Nodes:
    """Our kernel, under the Nodes of this machine."""

    languages = tuple(_SPECS)

    def __init__(self) -> None:
        self._versions: dict[str, Version] = {}

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of the kernel under the Node that `NODE_VERSION` asks for, else the newest.

        Raises:
            KernelMissingError: There is no such Node, or the kernel's packages are missing.
        """
        node = _pick(await self._nodes(env), env.get("NODE_VERSION", ""))
        packages = installed_in()
        if not await asyncio.to_thread(packages.is_dir):
            raise KernelMissingError(f"the kernel of {language} is not installed; {_REMEDY}")
        return Launch(
            argv=_argv(node, language),
            streams_are_output=True,
            programs=programs_in(Path(node.path).parent, _PROGRAMS),
        )

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """Each Node here, whatever it is good for."""
        return [*_candidates(env)]

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """Both languages under each Node, the newest first; nothing without the packages."""
        if not await asyncio.to_thread(installed_in().is_dir):
            return []
        nodes = sorted(await self._nodes(env), key=lambda node: node.version, reverse=True)
        return [
            Installed(language, node.version_text, "our own", node.path)
            for language in self.languages
            for node in nodes
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Install the packages from npm, unless they are there, and write the kernelspecs.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: Node or npm must be there first, or npm failed.
        """
        node = _pick(asyncio.run(self._nodes(os.environ)), os.environ.get("NODE_VERSION", ""))
        packages = installed_in()
        if not packages.is_dir():
            with install.staged(packages) as staging:
                _npm_install(node, staging, say)
        say(f"the packages are in {packages}, and the kernel runs under Node {node}")
        for language, display_name in _SPECS.items():
            install.write_kernelspec(
                language,
                argv=_argv(node, language),
                display_name=display_name,
                language=language,
            )

    async def _nodes(self, env: Mapping[str, str]) -> list[_Node]:
        paths = await asyncio.to_thread(lambda: list(dict.fromkeys(_candidates(env))))
        versions = await asyncio.gather(*(asyncio.to_thread(self._probe, path) for path in paths))
        return [_Node(*found) for found in zip(paths, versions, strict=True) if found[1]]

    def _probe(self, path: str) -> Version:
        if path not in self._versions:
            try:
                said = subprocess.run(  # noqa: S603 - a Node that this machine offers
                    [path, "--version"],
                    capture_output=True,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    text=True,
                    timeout=_PROBE_PATIENCE,
                ).stdout
            except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
                return ()  # a broken link, a shim without a version behind it
            self._versions[path] = parse(said)
        return self._versions[path]


def _argv(node: _Node, language: str) -> tuple[str, ...]:
    return (node.path, str(_PROGRAM), str(installed_in()), "{connection_file}", language)


def _pick(nodes: Sequence[_Node], wanted: str) -> _Node:
    return pick(
        nodes,
        lambda node: node.version,
        variable="NODE_VERSION",
        wanted=wanted,
        what="Node",
        remedy=_NEEDS_NODE,
    )


def _candidates(env: Mapping[str, str]) -> Iterator[str]:
    if on_path := shutil.which("node", path=env.get("PATH", os.defpath)):
        yield on_path
    places = [(home, pattern) for home in install.homes(env) for pattern in _IN_HOME]
    places += [(Path(env[name]), pattern) for name, pattern in _SETTINGS.items() if env.get(name)]
    places += [(Path("/"), pattern) for pattern in _ANYWHERE]
    for root, pattern in places:
        for path in install.matches(root, pattern):
            if os.access(path, os.X_OK):
                yield str(path)


def installed_in() -> Path:
    """Return where the packages that we want are installed: other versions are elsewhere."""
    digest = hashlib.sha256((_PACKAGES / "package-lock.json").read_bytes()).hexdigest()
    return install.program_dir("javascript") / digest[:12]


def _npm_install(node: _Node, folder: Path, say: Callable[[str], None]) -> None:
    # npm's first line asks the PATH for a Node.
    env = {**os.environ, "PATH": f"{Path(node.path).parent}{os.pathsep}{os.environ['PATH']}"}
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise KernelMissingError(f"npm is missing. {_NEEDS_NODE}")
    shutil.copytree(_PACKAGES, folder, dirs_exist_ok=True)
    # zeromq brings binaries; newer npms would not run its script, and complain about that.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    install.run(command, say=say, cwd=folder, env=env)
    install.run([node.path, "-e", "require('zeromq')"], say=say, cwd=folder)
