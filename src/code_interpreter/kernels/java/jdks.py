"""Java: jjava from PyPI, run by one of this machine's JDKs.

What must stay true: the kernel is one process, a JVM that we start ourselves. jjava's own
launcher is a JVM too, whose only work is to start the second one. An interrupt stops the code,
and no output is lost: both are the work of the classes beside this file, which are compiled when
jjava is installed.
"""

import asyncio
import hashlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from code_interpreter.kernels.install import (
    homes,
    matches,
    program_dir,
    run,
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

_JJAVA = "1.0a8"
_JJAVA_SHA256 = "b86ddf2eee6037a33a0adc2ac2f318a94638f42eefaeeeb13db381587e5f2a69"
_OLDEST = 11  # the release of Java that jjava is compiled for
_SOURCES = Path(__file__).parent
_JAR = "share/jupyter/kernels/java/jjava.jar"
_CLASSES = "classes"
_MAIN = "code_interpreter.Kernel"
_PASSWORD = "-Dcode_interpreter.password=true"  # noqa: S105 - not the password itself
_RELEASE = re.compile(r'^(\w+)="(.*)"$', re.MULTILINE)
_PROGRAMS = ("java", "javac", "jar", "javadoc", "javap", "jshell", "keytool")
_OPTIONS = "CODE_INTERPRETER_JAVA_OPTIONS"  # of every JVM in a sandbox, as for the way out of a box
_INSTALL = "code-interpreter kernels install java"
_REMEDY = (
    f"Install a JDK {_OLDEST} or newer (a JRE is not enough), such as Debian's package "
    "openjdk-17-jdk or Homebrew's openjdk."
)


class _Jdk(NamedTuple):
    """A JDK of this machine."""

    home: Path
    version: str

    @property
    def java(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def number(self) -> Version:
        return parse(self.version)

    def __str__(self) -> str:
        return f"{self.version} ({self.home})"


class JJava:
    """The Java kernel, on whichever JDK a sandbox asks for."""

    languages = ("java",)

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of jjava on the JDK that `JAVA_VERSION` asks for, else on the newest.

        Raises:
            KernelMissingError: There is no such JDK, or jjava is not installed.
        """
        del language
        jdk = pick(
            await asyncio.to_thread(jdks, env),
            lambda jdk: jdk.number,
            variable="JAVA_VERSION",
            # Images of Eclipse Temurin have it as `jdk-17.0.15+6`.
            wanted=env.get("JAVA_VERSION", "").removeprefix("jdk-").partition("+")[0],
            what="JDK",
            remedy=f"{_REMEDY} Then run `{_INSTALL}`.",
        )
        folder = installed_in()
        if not (folder / _JAR).is_file():
            raise KernelMissingError(f"the Java kernel is not installed: run `{_INSTALL}`")
        java, *arguments = _argv(jdk, folder, env)
        argv = (java, _PASSWORD, *arguments)
        programs = programs_in(Path(jdk.java).parent, _PROGRAMS)
        # Java's own variables do the same, with a line on stderr each time.
        programs["java"] = f'set -f; exec {shlex.quote(jdk.java)} ${_OPTIONS} "$@"'
        return Launch(
            argv=argv,
            transport="password",
            dialect="jjava",
            streams_are_output=True,
            programs=programs,
        )

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """The command of each JDK here."""
        return [jdk.java for jdk in jdks(env)]

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """One for each JDK here, the newest first; none while jjava is missing."""
        if not (installed_in() / _JAR).is_file():
            return []
        found = await asyncio.to_thread(jdks, env)
        return [
            Installed("java", jdk.version, f"jjava {_JJAVA}", jdk.java)
            for jdk in sorted(found, key=lambda jdk: jdk.number, reverse=True)
        ]

    def install(self, say: Callable[[str], None]) -> None:
        """Install jjava, unless it is here; for all JDKs, of which one must be here already.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: There is no JDK, or something failed.
        """
        found = jdks(os.environ)
        if not found:
            raise KernelMissingError(f"Java needs a JDK. {_REMEDY}")
        newest = max(found, key=lambda jdk: jdk.number)
        folder = installed_in()
        if (folder / _JAR).is_file():
            say(f"jjava {_JJAVA} is installed in {folder}")
        else:
            say(f"installing jjava {_JJAVA} for JDK {newest}")
            with staged(program_dir("java")) as staging:
                _install(staging / folder.name, newest, say)
        write_kernelspec(
            "java",
            argv=_argv(newest, folder, {}),
            display_name=f"Java {newest.number[0]} (jjava)",
            language="java",
        )


def _install(target: Path, jdk: _Jdk, say: Callable[[str], None]) -> None:
    install = [sys.executable, "-m", "pip", "install"]
    if find_spec("pip") is None:
        uv = shutil.which("uv")
        if uv is None:
            raise KernelMissingError(f"neither {sys.executable} has pip, nor is uv in the PATH")
        install = [uv, "pip", "install", "--python", sys.executable]
    target.mkdir()
    pinned = target / "requirements.txt"  # the only place where pip takes a hash from
    pinned.write_text(f"jjava=={_JJAVA} --hash=sha256:{_JJAVA_SHA256}\n")
    wanted = ["--require-hashes", "--requirement", str(pinned)]
    run([*install, "--no-deps", "--target", str(target), *wanted], say=say)
    javac = [str(jdk.home / "bin" / "javac"), "--release", str(_OLDEST)]
    classes = ["-cp", str(target / _JAR), "-d", str(target / _CLASSES)]
    # Warns of a class that is old but without a successor; what fails is told all the same.
    run([*javac, *classes, *map(str, _sources())], say=lambda _line: None)


def _sources() -> list[Path]:
    return sorted(_SOURCES.glob("*.java"))


def installed_in() -> Path:
    """Where the jjava that we want is installed: another version, or other sources, is not it."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in _sources())).hexdigest()
    return program_dir("java") / f"{_JJAVA}-{digest[:8]}"


def _argv(jdk: _Jdk, folder: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    # JVMs know nothing of TMPDIR; nor may they leave files of their own in /tmp when killed.
    temporary = [f"-Djava.io.tmpdir={env['TMPDIR']}"] if env.get("TMPDIR") else []
    return (
        jdk.java,
        "-XX:-UsePerfData",
        *temporary,
        *env.get(_OPTIONS, "").split(),
        *env.get("JJAVA_JVM_OPTS", "").split(),  # as its own launcher has it
        *("--add-opens", "jdk.jshell/jdk.jshell=ALL-UNNAMED"),
        *("--add-exports", "java.base/jdk.internal.access=ALL-UNNAMED"),
        *("--add-exports", "java.base/jdk.internal.misc=ALL-UNNAMED"),
        *("-cp", os.pathsep.join([str(folder / _CLASSES), str(folder / _JAR)])),
        _MAIN,
        "{connection_file}",
    )


def jdks(env: Mapping[str, str]) -> list[_Jdk]:
    """The JDKs of this machine, each once."""
    found: dict[Path, _Jdk] = {}
    for candidate in _homes(env):
        home = candidate.resolve()
        if home not in found and (jdk := _jdk(home)) is not None:
            found[home] = jdk
    return list(found.values())


def _jdk(home: Path) -> _Jdk | None:
    """What is in a folder, as its file `release` tells; None when it is no JDK that can be used."""
    if not all(os.access(home / "bin" / name, os.X_OK) for name in ("java", "javac")):
        return None
    try:
        release = dict(_RELEASE.findall((home / "release").read_text(errors="replace")))
    except OSError:
        return None
    jdk = _Jdk(home, release.get("JAVA_VERSION", ""))
    shell = "jdk.jshell" in release.get("MODULES", "jdk.jshell")
    return jdk if shell and jdk.number >= (_OLDEST,) else None


def _homes(env: Mapping[str, str]) -> Iterator[Path]:
    if given := env.get("JAVA_HOME"):
        yield Path(given)
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        if folder:
            yield (Path(folder) / "java").resolve().parent.parent
    yield from matches(Path("/usr/lib/jvm"), "*")
    yield from matches(Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home")
    yield from matches(Path("/opt/homebrew/opt"), "openjdk*/libexec/openjdk.jdk/Contents/Home")
    for home in homes(env):
        sdkman = Path(env.get("SDKMAN_DIR") or home / ".sdkman")
        yield from matches(sdkman / "candidates" / "java", "*")
        yield from matches(home / "Library/Java/JavaVirtualMachines", "*/Contents/Home")
