"""Which JDKs and Go toolchains are found, which is chosen, and what is said of those that lack."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from code_interpreter.kernels.go import build
from code_interpreter.kernels.go.toolchains import GoNB
from code_interpreter.kernels.java import jdks
from code_interpreter.kernels.java.jdks import JJava
from code_interpreter.kernels.launch import KernelMissingError, Launch
from code_interpreter.kernels.specs import kernelspecs
from tests.execd.needs import need_kernel

# Newer than any that a machine has, so that these are chosen.
NEWEST, OLDER = "999.1.2", "998.7"


# What `go env` is asked for.
CACHES = {"GOCACHE": "/c", "GOMODCACHE": "/m"}


def program(path: Path, output: object = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)


def jdk(home: Path, version: str, modules: str = "java.base jdk.compiler jdk.jshell") -> Path:
    program(home / "bin" / "java")
    program(home / "bin" / "javac")
    home.joinpath("release").write_text(
        f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\nMODULES="{modules}"\n'
    )
    return home


def go(root: Path, version: str) -> Path:
    program(root / "bin" / "go", json.dumps(CACHES))
    (root / "VERSION").write_text(f"go{version}\ntime 2026-01-01T00:00:00Z\n")
    return root


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path / "jupyter"


@pytest.fixture
def find_java(data: Path) -> Callable[..., Launch]:
    """Finds the launch of an installed jjava."""
    del data
    jar = jdks.installed_in() / "share/jupyter/kernels/java/jjava.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()

    def find(**env: str) -> Launch:
        return asyncio.run(JJava().find("java", env))

    return find


@pytest.fixture
def find_go(data: Path) -> Callable[..., Launch]:
    """Finds the launch of an installed gonb."""
    del data
    program(build.installed_in() / "bin" / "gonb")

    def find(**env: str) -> Launch:
        return asyncio.run(GoNB().find("go", env))

    return find


def test_the_newest_jdk_is_chosen_wherever_it_is(
    tmp_path: Path, find_java: Callable[..., Launch]
) -> None:
    older, newest = jdk(tmp_path / "a", OLDER), jdk(tmp_path / "b", NEWEST)
    link = tmp_path / "bin" / "java"
    link.parent.mkdir()
    link.symlink_to(newest / "bin" / "java")
    for env in (
        {"JAVA_HOME": str(older), "PATH": str(newest / "bin")},
        {"JAVA_HOME": str(older), "PATH": str(link.parent)},
        {"JAVA_HOME": str(newest), "PATH": str(older / "bin")},
    ):
        assert find_java(**env).argv[0] == str(newest / "bin" / "java")


def test_a_jdk_of_sdkman_is_found(tmp_path: Path, find_java: Callable[..., Launch]) -> None:
    home = jdk(tmp_path / ".sdkman" / "candidates" / "java" / "x", NEWEST)
    assert find_java(HOME=str(tmp_path)).argv[0] == str(home / "bin" / "java")


@pytest.mark.parametrize("wanted", ["998", "998.7", "jdk-998.7+6"])
def test_java_version_asks_for_a_jdk(
    tmp_path: Path, find_java: Callable[..., Launch], wanted: str
) -> None:
    older, newest = jdk(tmp_path / "a", OLDER), jdk(tmp_path / "b", NEWEST)
    env = {"JAVA_HOME": str(newest), "PATH": str(older / "bin"), "JAVA_VERSION": wanted}
    assert find_java(**env).argv[0] == str(older / "bin" / "java")


def test_what_cannot_run_the_kernel_is_no_jdk(
    tmp_path: Path, find_java: Callable[..., Launch]
) -> None:
    jre = jdk(tmp_path / "jre", NEWEST)
    (jre / "bin" / "javac").unlink()
    for home in (jre, jdk(tmp_path / "old", "1.8.0_402"), jdk(tmp_path / "small", NEWEST, "a b")):
        with pytest.raises(KernelMissingError) as caught:
            find_java(JAVA_HOME=str(home), PATH="/nowhere", JAVA_VERSION=NEWEST)
        assert str(home) not in str(caught.value)


def test_a_jdk_that_is_not_here_is_told_with_those_that_are(
    tmp_path: Path, find_java: Callable[..., Launch]
) -> None:
    home = jdk(tmp_path / "a", NEWEST)
    message = re.escape(f"JDK 997 is not installed. Installed: {NEWEST} ({home})")
    with pytest.raises(KernelMissingError, match=message):
        find_java(JAVA_HOME=str(home), JAVA_VERSION="997")


def test_the_jvm_takes_the_users_options_and_the_sandboxes_directory(
    tmp_path: Path, find_java: Callable[..., Launch]
) -> None:
    home = jdk(tmp_path / "a", NEWEST)
    argv = find_java(JAVA_HOME=str(home), JJAVA_JVM_OPTS="-Xmx1g  -ea", TMPDIR="/t").argv
    assert {"-Xmx1g", "-ea", "-Djava.io.tmpdir=/t"} < set(argv[: argv.index("-cp")])
    assert argv[-1] == "{connection_file}"


@pytest.mark.parametrize(
    ("provider", "language"), [(JJava(), "java"), (GoNB(), "go")], ids=["java", "go"]
)
def test_a_kernel_that_is_not_installed_is_told_with_the_command_that_installs_it(
    tmp_path: Path, data: Path, provider: JJava | GoNB, language: str
) -> None:
    del data
    env = {
        "JAVA_HOME": str(jdk(tmp_path / "jdk", NEWEST)),
        "PATH": str(go(tmp_path / "go", NEWEST) / "bin"),
    }
    assert asyncio.run(provider.installed(env)) == []
    with pytest.raises(KernelMissingError, match=f"code-interpreter kernels install {language}"):
        asyncio.run(provider.find(language, env))


def test_the_newest_go_is_chosen_wherever_it_is(
    tmp_path: Path, find_go: Callable[..., Launch]
) -> None:
    older, newest = go(tmp_path / "go", OLDER), go(tmp_path / "sdk" / f"go{NEWEST}", NEWEST)
    launch = find_go(PATH=str(older / "bin"), HOME=str(tmp_path), GOTOOLCHAIN="auto", GOCACHE="/d")
    assert {name: launch.env[name] for name in CACHES} == {**CACHES, "GOCACHE": "/d"}
    assert launch.env["GOROOT"] == str(newest)
    assert launch.env["PATH"].startswith(f"{newest / 'bin'}{os.pathsep}")
    assert launch.env["PATH"].endswith(f"{os.pathsep}{older / 'bin'}")
    assert launch.env["GOTOOLCHAIN"] == "local"


@pytest.mark.parametrize("wanted", ["998", "998.7", "go998.7"])
def test_go_version_asks_for_a_toolchain(
    tmp_path: Path, find_go: Callable[..., Launch], wanted: str
) -> None:
    older, newest = go(tmp_path / "a", OLDER), go(tmp_path / "b", NEWEST)
    path = os.pathsep.join([str(newest / "bin"), str(older / "bin")])
    assert find_go(PATH=path, GO_VERSION=wanted).env["GOROOT"] == str(older)


def test_a_go_that_is_not_here_is_told_with_those_that_are(
    tmp_path: Path, find_go: Callable[..., Launch]
) -> None:
    root = go(tmp_path / "a", NEWEST)
    message = re.escape(f"Go 997.1 is not installed. Installed: {NEWEST} ({root})")
    with pytest.raises(KernelMissingError, match=message):
        find_go(PATH=str(root / "bin"), GO_VERSION="997.1")


def test_a_sandbox_with_a_home_of_its_own_shares_the_users_caches() -> None:
    need_kernel("go")
    env = {**os.environ, "HOME": "/nowhere"}
    launch = asyncio.run(GoNB().find("go", env))
    assert not launch.env["GOCACHE"].startswith("/nowhere")
    assert launch.env["GOMODCACHE"]


def test_every_source_of_gonb_is_pinned_by_its_hash() -> None:
    module = Path(build.__file__).with_name("module")
    required = re.findall(r"^\s+(\S+ v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    sums = (module / "go.sum").read_text()
    assert f"github.com/janpfeifer/gonb {build.VERSION}" in required
    assert [one for one in required if f"{one} h1:" not in sums] == []


@pytest.mark.parametrize("language", ["java", "go"])
def test_what_is_installed_is_listed_and_installing_it_again_does_nothing(language: str) -> None:
    need_kernel(language)
    provider = JJava() if language == "java" else GoNB()
    found = asyncio.run(provider.installed(os.environ))
    assert found
    assert {kernel.language for kernel in found} == {language}
    versions = [tuple(map(int, kernel.version.split("."))) for kernel in found]
    assert versions == sorted(versions, reverse=True)
    lines: list[str] = []
    provider.install(lines.append)
    assert len(lines) == 1
    (spec,) = [
        spec for spec in kernelspecs(language) if spec.argv and "code-interpreter" in str(spec.argv)
    ]
    assert spec.interrupt_mode == ("signal" if language == "java" else "message")
