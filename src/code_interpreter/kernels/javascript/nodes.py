"""JavaScript and TypeScript: tslab, and the Node that a sandbox asks for."""

import asyncio
import hashlib
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels import install
from code_interpreter.kernels.launch import Installed, KernelMissingError, Launch
from code_interpreter.kernels.specs import kernelspecs
from code_interpreter.kernels.versions import Version, parse, pick

_TSLAB = "1.0.22"  # exactly: the kernel's program replaces parts of what is inside
_PACKAGES = Path(__file__).with_name("packages")  # what npm installs, and the hash of each
_SPECS = {"javascript": ("jslab", "JavaScript"), "typescript": ("tslab", "TypeScript")}
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


class _Package(NamedTuple):
    """An installed tslab."""

    path: Path
    version: str


class Tslab:
    """tslab, under the Nodes of this machine."""

    languages = tuple(_SPECS)

    def __init__(self) -> None:
        self._versions: dict[str, Version] = {}

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of tslab under the Node that `NODE_VERSION` asks for, else the newest.

        Raises:
            KernelMissingError: There is no such Node, or no tslab.
        """
        node = _pick(await self._nodes(env), env.get("NODE_VERSION", ""))
        package = await asyncio.to_thread(_package)
        if package is None:
            raise KernelMissingError(f"tslab, which runs {language}, is not installed; {_REMEDY}")
        return Launch(
            argv=(
                node.path,
                str(Path(__file__).with_name("tslab_kernel.js")),
                str(package.path),
                "{connection_file}",
                language,
            ),
            dialect="tslab",
            streams_are_output=True,
        )

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """Both languages under each Node, the newest first; nothing without tslab."""
        package = await asyncio.to_thread(_package)
        if package is None:
            return []
        nodes = sorted(await self._nodes(env), key=lambda node: node.version, reverse=True)
        return [
            Installed(language, node.version_text, f"tslab {package.version}", node.path)
            for language in self.languages
            for node in nodes
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Install tslab from npm, unless it is there, and its two kernelspecs.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: Node or npm must be there first, or npm failed.
        """
        node = _pick(asyncio.run(self._nodes(os.environ)), os.environ.get("NODE_VERSION", ""))
        package = _package()
        if package is None:
            with install.staged(install.program_dir("tslab")) as staging:
                _npm_install(node, staging / installed_in().name, say)
            package = _read(_own_package())
        if package is None:
            raise KernelMissingError(f"npm installed no tslab in {_own_package()}")
        say(f"tslab {package.version} is in {package.path}, and runs under Node {node}")
        if package.path == _own_package():
            _write_kernelspecs(node, package)

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
    # The user's home and, where the sandbox has one of its own, that too.
    homes = (Path(pwd.getpwuid(os.getuid()).pw_dir), Path(env.get("HOME") or "/"))
    places = [(home, pattern) for home in homes for pattern in _IN_HOME]
    places += [(Path(env[name]), pattern) for name, pattern in _SETTINGS.items() if env.get(name)]
    places += [(Path("/"), pattern) for pattern in _ANYWHERE]
    for root, pattern in places:
        for path in sorted(root.glob(pattern)):
            if os.access(path, os.X_OK):
                yield str(path)


def installed_in() -> Path:
    """Return where the packages that we want are installed: other versions are elsewhere."""
    digest = hashlib.sha256((_PACKAGES / "package-lock.json").read_bytes()).hexdigest()
    return install.program_dir("tslab") / f"{_TSLAB}-{digest[:8]}"


def _own_package() -> Path:
    return installed_in() / "node_modules" / "tslab"


def _package() -> _Package | None:
    """The tslab that was installed here, else one that a kernelspec of the user's starts."""
    if package := _read(_own_package()):
        return package
    for language in _SPECS:
        for spec in kernelspecs(language):
            for part in spec.argv:
                program = shutil.which(part)  # PATH/bin/tslab, a link to its bin/tslab
                if program and (package := _read(Path(program).resolve().parent.parent)):
                    return package
    return None


def _read(path: Path) -> _Package | None:
    try:
        about = json.loads((path / "package.json").read_bytes())
        name, version = about["name"], str(about["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _Package(path, version) if (name, version) == ("tslab", _TSLAB) else None


def _npm_install(node: _Node, folder: Path, say: Callable[[str], None]) -> None:
    # npm's first line asks the PATH for a Node.
    env = {**os.environ, "PATH": f"{Path(node.path).parent}{os.pathsep}{os.environ['PATH']}"}
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise KernelMissingError(f"npm is missing. {_NEEDS_NODE}")
    shutil.copytree(_PACKAGES, folder)
    # zeromq brings binaries; newer npms would not run its script, and complain about that.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    install.run(command, say=say, cwd=folder, env=env)
    package = folder / "node_modules" / "tslab"
    check = "require(require.resolve('zeromq', { paths: [process.argv[1]] }))"
    install.run([node.path, "-e", check, str(package)], say=say, cwd=folder)


def _write_kernelspecs(node: _Node, package: _Package) -> None:
    # For other programs: they start tslab as it is.
    tslab = [node.path, str(package.path / "bin" / "tslab"), "kernel"]
    for language, (name, display_name) in _SPECS.items():
        install.write_kernelspec(
            name,
            argv=[
                *tslab,
                *("--config-path", "{connection_file}"),
                *(["--js"] if language == "javascript" else []),
            ],
            display_name=display_name,
            language=language,
        )
