"""Which Node is found, and whether the kernel is installed."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from code_interpreter.kernels.javascript import nodes
from code_interpreter.kernels.javascript.nodes import Nodes, installed_in
from code_interpreter.kernels.launch import KernelMissingError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Jupyter data directory, and no other."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PATH", "")
    return tmp_path / "jupyter"


def node(folder: Path, version: str) -> Path:
    """A program that says of itself what Node does."""
    folder.mkdir(parents=True)
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho v{version}\n")
    program.chmod(0o755)
    return program


def install_packages() -> None:
    """Make what npm would have installed."""
    installed_in().mkdir(parents=True)


@pytest.mark.parametrize(
    ("wanted", "version"), [("", "99.1.0"), ("98", "98.2.0"), ("98.1", "98.1.0")]
)
def test_node_version_chooses_among_all_that_are_installed(
    data: Path, tmp_path: Path, wanted: str, version: str
) -> None:
    del data
    install_packages()
    node(tmp_path / "path", "98.1.0")
    node(tmp_path / ".nvm" / "versions" / "node" / "v99.1.0" / "bin", "99.1.0")
    node(tmp_path / "fnm" / "node-versions" / "v98.2.0" / "installation" / "bin", "98.2.0")
    env = {
        "PATH": str(tmp_path / "path"),
        "HOME": str(tmp_path),
        "FNM_DIR": str(tmp_path / "fnm"),
        "NODE_VERSION": wanted,
    }
    launch = asyncio.run(Nodes().find("javascript", env))
    assert version.rpartition(".")[0] in Path(launch.argv[0]).read_text()
    assert launch.argv[2:] == (str(installed_in()), "{connection_file}", "javascript")
    installed = asyncio.run(Nodes().installed(env))
    ours = [(i.language, i.version) for i in installed if i.version.startswith("9")]
    assert ours == [
        (language, version)
        for language in ("javascript", "typescript")
        for version in ("99.1.0", "98.2.0", "98.1.0")
    ]


def test_a_node_that_does_not_run_is_passed_over(data: Path, tmp_path: Path) -> None:
    del data
    install_packages()
    node(tmp_path / "path", "98.1.0")
    node(tmp_path / ".nvm" / "versions" / "node" / "v99.1.0" / "bin", "99").write_text(
        "#!/bin/sh\nexit 1\n"
    )
    env = {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path)}
    assert asyncio.run(Nodes().find("javascript", env)).argv[0] == str(tmp_path / "path" / "node")


def test_without_its_packages_the_error_says_how_to_install_it(data: Path, tmp_path: Path) -> None:
    del data
    node(tmp_path / "path", "99.1.0")
    env = {"PATH": str(tmp_path / "path")}
    with pytest.raises(KernelMissingError, match="code-interpreter kernels install javascript"):
        asyncio.run(Nodes().find("javascript", env))
    assert asyncio.run(Nodes().installed(env)) == []


def test_without_npm_the_installer_says_what_must_be_there_first(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del data
    node(tmp_path / "path", "99.1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(KernelMissingError, match=r"npm is missing\. Install Node 18 or newer"):
        Nodes().install(print)
    assert not installed_in().exists()


def test_what_is_installed_stays_and_gets_its_kernelspecs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = node(tmp_path / "path", "99.1.0")
    install_packages()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    lines: list[str] = []
    Nodes().install(lines.append)
    assert lines == [
        f"the packages are in {installed_in()}, and the kernel runs under Node 99.1.0 ({program})"
    ]
    for language in ("javascript", "typescript"):
        spec = json.loads((data / "kernels" / language / "kernel.json").read_text())
        assert (spec["argv"][0], spec["argv"][-1]) == (str(program), language)
        assert (spec["argv"][2], spec["language"]) == (str(installed_in()), language)


def test_the_sandboxs_home_is_searched_and_the_users_too(data: Path, tmp_path: Path) -> None:
    del data
    install_packages()
    program = node(tmp_path / "home" / ".volta" / "tools" / "image" / "node" / "99" / "bin", "99")
    env = {"PATH": os.devnull, "HOME": str(tmp_path / "home")}
    assert asyncio.run(Nodes().find("javascript", env)).argv[0] == str(program)


def test_packages_of_an_earlier_version_are_not_taken(data: Path, tmp_path: Path) -> None:
    (data / "code-interpreter" / "javascript" / "0123456789ab").mkdir(parents=True)
    node(tmp_path / "path", "99.1.0")
    with pytest.raises(KernelMissingError, match="code-interpreter kernels install javascript"):
        asyncio.run(Nodes().find("javascript", {"PATH": str(tmp_path / "path")}))


def test_every_package_is_pinned_by_its_hash() -> None:
    folder = Path(nodes.__file__).with_name("packages")
    locked = json.loads((folder / "package-lock.json").read_bytes())["packages"]
    wanted = json.loads((folder / "package.json").read_bytes())["dependencies"]
    assert locked.pop("")["dependencies"] == wanted
    assert all(about["integrity"].startswith("sha512-") for about in locked.values())
    for name, version in wanted.items():
        assert locked[f"node_modules/{name}"]["version"] == version.rpartition("@")[2]
