"""Environments with ipykernel, for Pythons that lack it.

One for each version, in the user's Jupyter data directory. It sees the packages of the Python that
it was made from, as a sandbox that asks for that Python expects; ipykernel and what it needs come
first. Made with uv where uv is, in seconds, else with venv and pip.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from code_interpreter.kernels.install import program_dir, run, staged

_PACKAGES = ("ipykernel>=6.29,<8", "pip")  # with pip, `%pip install` works in a cell


def interpreters() -> list[Path]:
    """The Pythons of all environments that were made."""
    return sorted(program_dir("python").glob("*/bin/python"))


def find_uv(env: Mapping[str, str]) -> str | None:
    """The path of uv: on the path, or installed beside our own Python."""
    beside = str(Path(sys.executable).with_name("uv"))
    return shutil.which("uv", path=env.get("PATH")) or shutil.which(beside)


def make(
    python: str, version: str, *, uv: str | None, env: Mapping[str, str], say: Callable[[str], None]
) -> Path:
    """Make the environment of one version. Blocks, for a minute if need be.

    Args:
        python: The path of the interpreter to make it from.
        version: The interpreter's version, whose environment this is to be.
        uv: The path of uv, if there is one.
        env: What says where packages come from.
        say: Takes lines of progress.

    Returns:
        The path of its Python.

    Raises:
        KernelMissingError: It cannot be made.
    """
    target = program_dir("python") / version
    # What the sandbox's code is to import is none of an installer's business.
    env = {name: env[name] for name in env.keys() - {"PYTHONPATH", "PYTHONHOME"}}
    with staged(target) as folder:
        # Somewhere without a project whose settings uv would follow.
        cwd = Path(os.sep)
        inside = str(folder / "bin" / "python")
        if uv is None:
            make_it = [python, "-m", "venv", "--system-site-packages", str(folder)]
            fill_it = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        else:
            # The folder is there already, and empty.
            make_it = [uv, "--quiet", "venv", "--allow-existing", "--system-site-packages"]
            make_it += ["--relocatable", "--no-python-downloads", "--python", python, str(folder)]
            fill_it = [uv, "--quiet", "pip", "install", "--compile-bytecode", "--python", inside]
        run(make_it, say=say, cwd=cwd, env=env)
        run([*fill_it, *_PACKAGES], say=say, cwd=cwd, env=env)
    return target / "bin" / "python"
