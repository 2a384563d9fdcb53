"""gonb, built here from its sources and our patches.

What must stay true: the module beside this file pins every source by its hash. Our patches apply
to exactly those sources. To any other Jupyter client, what is built is still gonb.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from code_interpreter.kernels import patches
from code_interpreter.kernels.install import program_dir, run
from code_interpreter.kernels.launch import KernelMissingError

VERSION = "v0.11.3"
_GONB = "github.com/janpfeifer/gonb"
_GOIMPORTS = "golang.org/x/tools/cmd/goimports"
_HERE = Path(__file__).parent
# gonb asks for Go 1.24.4, and goimports here is the last one that does not ask for more.
_MODULE = _HERE / "module"
PATCHES = sorted((_HERE / "patches").glob("*.patch"))
_ADDED = _HERE / "whole_runes.go"
_ADDED_TO = "internal/jpyexec"


def installed_in() -> Path:
    """Return where the gonb that we want is installed: one of other sources is elsewhere."""
    sources = [*sorted(_MODULE.iterdir()), *PATCHES, _ADDED]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    return program_dir("gonb") / f"{VERSION}-{digest[:8]}"


def build(target: Path, go: str, say: Callable[[str], None]) -> None:
    """Build gonb and goimports.

    Args:
        target: The folder that is made; the programs are in its `bin`.
        go: The program `go` of a toolchain.
        say: Takes a line of progress.

    Raises:
        KernelMissingError: Something failed.
    """
    module = target / "module"
    shutil.copytree(_MODULE, module)
    # The user's settings are meant for the user's modules.
    env = {
        **{name: value for name, value in os.environ.items() if name not in {"GOFLAGS", "GOROOT"}},
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }

    def command(*arguments: str) -> None:
        run([go, *arguments], say=say, cwd=module, env=env)

    command("mod", "vendor")  # separate sources to change: all modules share those in Go's cache
    sources = module / "vendor" / _GONB
    try:
        patches.apply(PATCHES, sources)
    except patches.PatchError as error:
        raise KernelMissingError(f"{_GONB} {VERSION} is not as expected: {error}") from error
    shutil.copy(_ADDED, sources / _ADDED_TO)
    programs = f"{target / 'bin'}{os.sep}"
    command("build", "-mod=vendor", "-trimpath", "-o", programs, _GONB, _GOIMPORTS)
    shutil.rmtree(module)
