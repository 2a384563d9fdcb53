"""Install packages for the Python that runs this.

What must stay true: they go to where this server has room for them, if it says where; else into the
environment of this Python; else, where that cannot be changed, into the user's own folder, under
constraints that keep to what the environment has.
"""

import ensurepip
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOM = "CODE_INTERPRETER_PACKAGES"


def install(packages: "list[str]", mark: str) -> None:
    """Install, print what is said meanwhile, and print the mark if all went well."""
    target = _target()
    with tempfile.TemporaryDirectory() as folder:
        options: list[str] = []
        if target is not None:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("\n".join(_present()), encoding="utf-8")
            options = ["--target", str(target), "--constraint", str(constraints)]
        command, env = _installer(replaces=target is not None)
        succeeded = _run([*command, *options, *packages], env)
    if succeeded:
        if target is not None:
            site.addsitedir(str(target))
        importlib.invalidate_caches()
        print(mark)  # noqa: T201  # the client reads it


def _target() -> "Path | None":
    if room := os.environ.get(ROOM):
        return Path(room)
    places = sysconfig.get_paths()
    is_managed = sys.prefix == sys.base_prefix and (
        Path(places["stdlib"], "EXTERNALLY-MANAGED").exists()
    )
    folders = {places["purelib"], places["platlib"]}
    if not is_managed and all(os.access(folder, os.W_OK) for folder in folders):
        return None
    return Path(site.getusersitepackages())


def _present() -> "list[str]":
    """What the environment has from an index."""
    return sorted(
        f"{each.metadata['Name']}=={each.version}"
        for each in importlib.metadata.distributions()
        if each.read_text("direct_url.json") is None
        and re.fullmatch(r"[0-9][0-9A-Za-z.!_-]*", each.version)
    )


def _installer(*, replaces: bool) -> "tuple[list[str], dict[str, str]]":
    """The command of uv, or else of pip, up to its options; and its environment."""
    env = {**os.environ, "UV_LINK_MODE": "copy"}
    uv = shutil.which("uv")
    if uv or importlib.util.find_spec("uv"):
        program = [uv] if uv else [sys.executable, "-m", "uv"]
        quiet = ["--no-progress", "--color", "never"]
        return [*program, "pip", "install", "--python", sys.executable, *quiet], env
    if not importlib.util.find_spec("pip"):
        # It comes with Python, as a wheel that can be run as it is.
        wheels = [*(Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")]
        if not wheels:
            raise RuntimeError("this Python has neither uv nor pip")
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(wheels[0]), env.get("PYTHONPATH")]))
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-color"]
    replace = ["--upgrade"] if replaces else []
    return [sys.executable, "-m", "pip", "install", *quiet, *replace], env


def _run(command: "list[str]", env: "dict[str, str]") -> bool:
    with subprocess.Popen(  # noqa: S603  # the client asked for it
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        try:
            for line in process.stdout:
                sys.stdout.write(line.decode("utf-8", "replace"))
                sys.stdout.flush()
        finally:
            process.terminate()  # if it has not ended: it was interrupted
        return process.wait() == 0
