"""The command `doctor`: what this machine has for sandboxes, and whether the next would start."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

from code_interpreter._version import __version__
from code_interpreter.cli.kernel_commands import found_kernels, table
from code_interpreter.local.box import bubblewrap, landlock, tiers
from code_interpreter.local.box.box import IsolationUnavailableError
from code_interpreter.local.lifecycle.system import look

_AMISS = 1


def doctor(arguments: argparse.Namespace) -> int:
    """Say what there is; 1 when a sandbox would not start, or could run no Python."""
    amiss: list[str] = []
    tiers_here = {"namespaces": _finding(bubblewrap.find), "landlock": _finding(landlock.check)}
    chosen = os.environ.get(tiers.VARIABLE, "")
    try:
        tiers.box_for(chosen := tiers.chosen(None))
    except ValueError as error:
        amiss.append(f"{tiers.VARIABLE}: {error}")
    except IsolationUnavailableError as error:
        amiss.append(f"no sandbox can be isolated here: {error}")
    kernels, missing = found_kernels()
    if "python" in missing:
        amiss.append(f"there is no Python kernel: {missing['python']}")
    if arguments.json:
        report: dict[str, Any] = {
            "version": __version__,
            "python": {"version": platform.python_version(), "path": sys.executable},
            "isolation": {"chosen": chosen, **tiers_here},
            "limits": _limits(),
            "kernels": {"installed": [one._asdict() for one in kernels], "missing": missing},
            "amiss": amiss,
        }
        sys.stdout.write(f"{json.dumps(report, indent=1)}\n")
    else:
        python = f"Python {platform.python_version()} ({sys.executable})"
        system = f"{platform.system()} {platform.release()}"
        lines = [
            f"code-interpreter {__version__}, {python}, {system}, uid {os.geteuid()}",
            f"Isolation of a sandbox, unless it says otherwise: {chosen}",
            *(f"Boxes of {tier}: {finding}" for tier, finding in tiers_here.items()),
            *(f"Limit of {name}: {means}" for name, means in _limits().items()),
            table(kernels),
            *(f"No kernel for {language}: {command}" for language, command in missing.items()),
            *(f"Amiss: {problem}" for problem in amiss),
        ]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return _AMISS if amiss else 0


def _finding(probe: Callable[[], str]) -> str:
    try:
        return f"yes, {probe()}"
    except IsolationUnavailableError as error:
        return f"no, {error}"


def _limits() -> dict[str, str]:
    system = look()
    memory = "none"
    if system.memory is not None:
        memory = f"control group below {system.memory.parent}"
    elif system.data_limit:
        memory = "each process by itself (RLIMIT_DATA)"
    cpu = "none"
    if system.cpu is not None:
        cpu = f"control group below {system.cpu.parent}"
    elif system.affinity:
        cpu = "whole processors (affinity)"
    return {"memory": memory, "cpu": cpu}
