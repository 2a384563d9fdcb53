"""Which Node and which tslab are found."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from code_interpreter.kernels import install
from code_interpreter.kernels.javascript import nodes
from code_interpreter.kernels.javascript.nodes import Tslab, installed_in
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


def package(folder: Path, version: str = "1.0.22", name: str = "tslab") -> Path:
    """A folder that npm could have made."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "tslab").touch(mode=0o755)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    return folder


def own() -> Path:
    return installed_in() / "node_modules" / "tslab"


@pytest.mark.parametrize(
    ("wanted", "version"), [("", "99.1.0"), ("98", "98.2.0"), ("98.1", "98.1.0")]
)
def test_node_version_chooses_among_all_that_are_installed(
    data: Path, tmp_path: Path, wanted: str, version: str
) -> None:
    del data
    package(own())
    node(tmp_path / "path", "98.1.0")
    node(tmp_path / ".nvm" / "versions" / "node" / "v99.1.0" / "bin", "99.1.0")
    node(tmp_path / "fnm" / "node-versions" / "v98.2.0" / "installation" / "bin", "98.2.0")
    env = {
        "PATH": str(tmp_path / "path"),
        "HOME": str(tmp_path),
        "FNM_DIR": str(tmp_path / "fnm"),
        "NODE_VERSION": wanted,
    }
    launch = asyncio.run(Tslab().find("typescript", env))
    assert version.rpartition(".")[0] in Path(launch.argv[0]).read_text()
    assert launch.argv[2:] == (str(own()), "{connection_file}", "typescript")
    installed = asyncio.run(Tslab().installed(env))
    ours = [(i.language, i.version) for i in installed if i.version.startswith("9")]
    assert ours == [
        (language, version)
        for language in ("javascript", "typescript")
        for version in ("99.1.0", "98.2.0", "98.1.0")
    ]
    assert {i.kernel for i in installed} == {"tslab 1.0.22"}


def test_a_node_that_does_not_run_is_passed_over(data: Path, tmp_path: Path) -> None:
    del data
    package(own())
    node(tmp_path / "path", "98.1.0")
    node(tmp_path / ".nvm" / "versions" / "node" / "v99.1.0" / "bin", "99").write_text(
        "#!/bin/sh\nexit 1\n"
    )
    env = {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path)}
    assert asyncio.run(Tslab().find("javascript", env)).argv[0] == str(tmp_path / "path" / "node")


def test_without_tslab_the_error_says_how_to_install_it(data: Path, tmp_path: Path) -> None:
    del data
    node(tmp_path / "path", "99.1.0")
    env = {"PATH": str(tmp_path / "path")}
    with pytest.raises(KernelMissingError, match="code-interpreter kernels install javascript"):
        asyncio.run(Tslab().find("javascript", env))
    assert asyncio.run(Tslab().installed(env)) == []


def test_a_tslab_that_a_kernelspec_starts_is_found(data: Path, tmp_path: Path) -> None:
    node(tmp_path / "path", "99.1.0")
    theirs = package(tmp_path / "prefix" / "lib" / "node_modules" / "tslab")
    link = tmp_path / "prefix" / "tslab"
    link.symlink_to(theirs / "bin" / "tslab")
    install.write_kernelspec("mine", argv=[str(link)], display_name="Mine", language="typescript")
    env = {"PATH": str(tmp_path / "path")}
    assert str(theirs) in asyncio.run(Tslab().find("javascript", env)).argv
    # What our installer makes comes first.
    package(own())
    assert str(own()) in asyncio.run(Tslab().find("javascript", env)).argv
    assert data.exists()


@pytest.mark.parametrize(
    ("version", "name"), [("2.0.0", "tslab"), ("1.0.23", "tslab"), ("1.0.22", "other")]
)
def test_another_program_is_not_taken_for_tslab(
    data: Path, tmp_path: Path, version: str, name: str
) -> None:
    del data
    node(tmp_path / "path", "99.1.0")
    package(own(), version, name)
    with pytest.raises(KernelMissingError, match="tslab"):
        asyncio.run(Tslab().find("javascript", {"PATH": str(tmp_path / "path")}))


def test_without_npm_the_installer_says_what_must_be_there_first(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(tmp_path / "path", "99.1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(KernelMissingError, match=r"npm is missing\. Install Node 18 or newer"):
        Tslab().install(print)
    assert not (data / "code-interpreter" / "tslab").exists()


def test_what_is_installed_stays_and_gets_its_kernelspecs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = node(tmp_path / "path", "99.1.0")
    package(own())
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    lines: list[str] = []
    Tslab().install(lines.append)
    assert lines == [f"tslab 1.0.22 is in {own()}, and runs under Node 99.1.0 ({program})"]
    specs = {
        name: json.loads((data / "kernels" / name / "kernel.json").read_text())
        for name in ("jslab", "tslab")
    }
    command = [str(program), str(own() / "bin" / "tslab"), "kernel"]
    assert specs["tslab"]["argv"] == [*command, "--config-path", "{connection_file}"]
    assert specs["jslab"]["argv"] == [*command, "--config-path", "{connection_file}", "--js"]
    assert specs["jslab"]["language"] == "javascript"


def test_the_sandboxs_home_is_searched_and_the_users_too(data: Path, tmp_path: Path) -> None:
    del data
    package(own())
    program = node(tmp_path / "home" / ".volta" / "tools" / "image" / "node" / "99" / "bin", "99")
    env = {"PATH": os.devnull, "HOME": str(tmp_path / "home")}
    assert asyncio.run(Tslab().find("javascript", env)).argv[0] == str(program)


def test_a_tslab_of_an_earlier_installation_is_not_taken(data: Path, tmp_path: Path) -> None:
    package(data / "code-interpreter" / "tslab" / "lib" / "node_modules" / "tslab")
    package(data / "code-interpreter" / "tslab" / "1.0.22-00000000" / "node_modules" / "tslab")
    node(tmp_path / "path", "99.1.0")
    with pytest.raises(KernelMissingError, match="code-interpreter kernels install javascript"):
        asyncio.run(Tslab().find("javascript", {"PATH": str(tmp_path / "path")}))


def test_every_package_is_pinned_by_its_hash() -> None:
    folder = Path(nodes.__file__).with_name("packages")
    locked = json.loads((folder / "package-lock.json").read_bytes())["packages"]
    wanted = json.loads((folder / "package.json").read_bytes())["dependencies"]
    assert locked.pop("")["dependencies"] == wanted
    assert all(about["integrity"].startswith("sha512-") for about in locked.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    # Where tslab looks for its own, and what the kernel's program replaces parts of.
    assert wanted["tslab"] == installed_in().name.rpartition("-")[0]
    assert "node_modules/tslab/node_modules/zeromq" in locked
