"""Bash: whichever bash comes first in the sandbox's path, behind a kernel of our own."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from code_interpreter._version import __version__
from code_interpreter.kernels.install import write_kernelspec
from code_interpreter.kernels.launch import Installed, KernelMissingError, Launch

# In this interpreter: it has ipykernel.
_ARGV = (
    sys.executable,
    str(Path(__file__).with_name("bash_kernel.py")),
    "-f",
    "{connection_file}",
)


class Bash:
    """The bash of this machine."""

    languages = ("bash",)

    async def find(self, language: str, env: Mapping[str, str]) -> Launch:
        """The launch of Bash.

        Raises:
            KernelMissingError: There is no bash on the sandbox's path.
        """
        del language
        _bash(env)
        return Launch(argv=_ARGV)

    def candidates(self, env: Mapping[str, str]) -> Sequence[str]:
        """The bash that a sandbox would use, if there is one."""
        try:
            return [_bash(env)]
        except KernelMissingError:
            return []

    async def installed(self, env: Mapping[str, str]) -> Sequence[Installed]:
        """The bash that a sandbox would use, if there is one."""
        try:
            path = _bash(env)
            said = await asyncio.to_thread(_ask_version, path)
        except (KernelMissingError, OSError, subprocess.SubprocessError):
            return []
        number = re.match(r"[\d.]*\d", said)
        kernel = f"code-interpreter {__version__}"
        return [Installed("bash", number[0] if number else said, kernel, path)]

    def install(self, say: Callable[[str], None]) -> None:
        """Write a kernelspec for other Jupyter programs: the local runtime needs none.

        Args:
            say: Takes a line of progress.

        Raises:
            KernelMissingError: There is no bash.
        """
        _bash(os.environ)
        folder = write_kernelspec("bash", argv=_ARGV, display_name="Bash", language="bash")
        say(f"wrote the kernelspec {folder}")


def _bash(env: Mapping[str, str]) -> str:
    path = shutil.which("bash", path=env.get("PATH"))
    if path is None:
        raise KernelMissingError("bash is not on PATH: install it with the system's packages")
    return path


def _ask_version(path: str) -> str:
    asked = [path, "--norc", "--noprofile", "-c", 'echo "$BASH_VERSION"']
    return subprocess.run(  # noqa: S603 - the bash of this machine
        asked, capture_output=True, check=True, stdin=subprocess.DEVNULL, text=True, timeout=20
    ).stdout.strip()
