"""The extras: what the table of modules says is what the distribution declares."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from code_interpreter._version import __version__
from code_interpreter.kernels import extras

ROOT = Path(__file__).parents[2]
MODULE_OF = {"pyzmq": "zmq", "pillow": "PIL"}


def declared(extra: str) -> set[str]:
    """Modules of the requirements of an extra, those of the extras that it includes too."""
    modules: set[str] = set()
    for line in importlib.metadata.requires("opensandbox-code-interpreter") or []:
        if not line.endswith(f"extra == '{extra}'"):
            continue
        if "sys_platform" in line:  # looked for by whoever makes boxes, and nobody else needs it
            continue
        if included := re.match(r"opensandbox-code-interpreter\[(\w+)\]", line):
            modules |= declared(included[1])
        else:
            name = re.split(r"[^\w-]", line, maxsplit=1)[0]
            modules.add(MODULE_OF.get(name, name.replace("-", "_")))
    return modules


@pytest.mark.parametrize("extra", extras.MODULES)
def test_an_extra_brings_the_modules_that_are_looked_for(extra: str) -> None:
    assert set(extras.MODULES[extra]) == declared(extra) != set()


def test_the_readme_installs_the_extra_as_the_hint_does() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    (pip .*?)(?: +#.*)?$", readme, re.MULTILINE)
    assert commands == [*extras.commands("local")]


@pytest.mark.parametrize(
    ("entry", "extra"),
    [
        ("import code_interpreter.execd", "runtime"),
        ("import code_interpreter.local", "local"),
        ("from code_interpreter.cli import main; sys.exit(main(['kernels', 'list']))", "runtime"),
        ("from code_interpreter.cli import main; sys.exit(main(['serve']))", "local"),
        ("import code_interpreter.mcp", "mcp"),
        ("from code_interpreter.cli import main; sys.exit(main(['mcp']))", "mcp"),
    ],
)
def test_a_missing_extra_is_named_with_what_installs_it(entry: str, extra: str) -> None:
    code = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'zmq' else find(name)\n" + entry
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    checkout, wheels = extras.commands(extra)
    hint = f"code_interpreter needs zmq, from its extra [{extra}]. In a checkout: {checkout}."
    assert hint in done.stderr
    assert done.stderr.rstrip().endswith(wheels)


def test_the_version_has_one_source() -> None:
    assert importlib.metadata.version("opensandbox-code-interpreter") == __version__
