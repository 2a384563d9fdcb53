"""What one sandbox of the stand-in has and how badly its daemon behaves."""

from dataclasses import dataclass
from typing import Literal

Python = Literal["3.10", "3.12", "3.13", "system"]
Lost = Literal["none", "some", "last"]


@dataclass(frozen=True)
class Settings:
    """What a sandbox has; how its daemon behaves.

    Attributes:
        python: The only Python that can be found: one of this machine's pyenv, seen at /opt/python
            and first on PATH, with no package but pip and what pip brings; or /usr/bin/python3.
            None for no Python at all.
        pip: Whether that Python has pip and ensurepip.
        uv: Whether uv is on PATH.
        root: Whether the daemon and its commands run as root, with what a container's root may do;
            else as user and group 61234, which have no entry in /etc/passwd.
        writable: The only folder, as an absolute path, that can be written to; not even /tmp and
            HOME can. None for the usual ones: /tmp, /var/tmp, HOME and /workspace, and for root
            new folders in /.
        index: Whether there is a way out, to HTTPS alone, which pip and uv find in HTTPS_PROXY;
            else the sandbox has no network but its loopback.
        lost: Which lines of output the daemon loses without a word. `some`: of every third stream
            that has output one line, in turns its last and its second. `last`: of each stream its
            last, even if that is all. The counter starts anew with each sandbox.
        languages: Whether Node, Java and Go of this machine, and the kernels in JUPYTER_DATA_DIR,
            are there, read-only.
    """

    python: Python | None = "3.13"
    pip: bool = True
    uv: bool = False
    root: bool = True
    writable: str | None = None
    index: bool = True
    lost: Lost = "none"
    languages: bool = False
