"""The programs of the chosen versions, ahead of all others on PATH.

A sandbox's `python`, `pip`, `node`, `java` or `go` is the one that its kernels run, whichever comes
first on the machine's own PATH, and whether or not an environment is activated. Each is a small
script: a link would lose the virtual environment that it leads to.
"""

import os
from collections.abc import Mapping
from pathlib import Path


class Programs:
    """A folder of scripts.

    Args:
        folder: Where they go; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o755)

    def add(self, programs: Mapping[str, str]) -> None:
        """Write what is missing: shell code by the name of the program. Blocking, shortly."""
        for name, code in programs.items():
            script = self._folder / name
            if not script.exists():
                new = script.with_name(f".{name}")
                new.write_text(f"#!/bin/sh\n{code}\n", errors="surrogateescape")
                new.chmod(0o755)
                new.replace(script)

    def ahead_of(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with these programs first."""
        path = os.pathsep.join([str(self._folder), env.get("PATH", os.defpath)])
        return {**env, "PATH": path}
