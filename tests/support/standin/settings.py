"""What one sandbox of the stand-in has and how badly its daemon behaves."""

from dataclasses import dataclass
from typing import Literal

Python = Literal["3.10", "3.11", "3.12", "3.13", "system"]
Lost = Literal["none", "some", "last"]


@dataclass(frozen=True)
class Settings:
    """What a sandbox has; how its daemon behaves.

    Attributes:
        python: First on PATH: a Python of this machine's pyenv, seen at /opt/python, with no
            package but pip and what pip brings; or /usr/bin/python3. No other can be found.
        pip: Whether that Python has pip and ensurepip.
        uv: Whether uv is on PATH.
        root: Whether the daemon and its commands run as root, with what a container's root may do;
            else as user and group 61234, which have no entry in /etc/passwd.
        writable: The only folder, as an absolute path, that can be written to; not even /tmp and
            HOME can. None for the usual ones: /tmp, /var/tmp, HOME and /workspace.
        index: Whether pip and uv reach the package index; else their variables name a closed port.
        lost: Which lines of output the daemon loses without a word. `some`: every third
            stream of a command with output loses one of its lines, in turns the last and a middle
            one. `last`: each loses its last. The counter starts anew with each sandbox.
        languages: Whether Node, Java and Go of this machine, and the kernels in JUPYTER_DATA_DIR,
            are there, read-only.
    """

    python: Python = "3.13"
    pip: bool = True
    uv: bool = False
    root: bool = True
    writable: str | None = None
    index: bool = True
    lost: Lost = "none"
    languages: bool = False
