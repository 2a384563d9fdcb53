"""The bytecode of what every sandbox imports, kept by the server.

A box sees the packages of our own Python, but cannot write there. Installed without bytecode, as uv
does by default, they would be compiled anew at every start.
"""

import os
import subprocess
import sys
import threading
from importlib.util import cache_from_source, find_spec
from pathlib import Path

_IMPORTS = "import code_interpreter.execd.process, ipykernel.kernelapp"


def keep() -> None:
    """Have it written, in the background, if it is missing."""
    spec = find_spec("ipykernel")
    if spec is None or spec.origin is None:
        return
    module = Path(spec.origin).with_name("kernelapp.py")
    if is_missing(module) and os.access(module.parent, os.W_OK):
        threading.Thread(target=write, name="code-interpreter-bytecode", daemon=True).start()


def is_missing(module: Path) -> bool:
    """Whether a module has no bytecode of this Python."""
    return not Path(cache_from_source(str(module))).exists()


def write() -> None:
    """Import all of it in another process, which writes the bytecode."""
    subprocess.run(  # noqa: S603 - our own interpreter, our own packages
        [sys.executable, "-c", _IMPORTS],
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # boxes are slower without it, and that is all
    )
