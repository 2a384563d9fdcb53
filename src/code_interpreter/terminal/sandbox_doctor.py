"""The command `doctor --sandbox`: what a sandbox has to run code, and what would give it ours."""

import argparse
import json
import sys
from typing import Any

from opensandbox import SandboxSync
from opensandbox.config.connection_sync import ConnectionConfigSync
from opensandbox.exceptions import SandboxException

from code_interpreter._bundled.settings import BundledRuntime
from code_interpreter._errors import CodeInterpreterError
from code_interpreter._sync.bundled import Setup
from code_interpreter._sync.interpreter import CodeInterpreterSync
from code_interpreter._version import __version__

_AMISS = 1
_CREATE = 'CodeInterpreter.create(sandbox, runtime="bundled")'


def doctor(arguments: argparse.Namespace) -> int:
    """Say what a sandbox has; 1 when ours cannot be had there, or the sandbox not be reached."""
    config = ConnectionConfigSync(domain=arguments.domain)
    try:
        with SandboxSync.connect(arguments.sandbox, connection_config=config) as sandbox:
            report = _report(sandbox)
    except SandboxException as error:
        sys.stderr.write(f"code-interpreter: sandbox {arguments.sandbox}: {error}\n")
        return _AMISS
    if arguments.json:
        sys.stdout.write(f"{json.dumps(report, indent=1)}\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(report)))
    return _AMISS if report["amiss"] else 0


def _report(sandbox: SandboxSync) -> dict[str, Any]:
    report: dict[str, Any] = {"sandbox": sandbox.id, "version": __version__, "amiss": None}
    with CodeInterpreterSync.create(sandbox, skip_health_check=True) as interpreter:
        report["daemon"] = {
            "version": interpreter.codes.check_ping(),
            "runs_code": interpreter.is_healthy(),
        }
    try:
        report["found"] = found = Setup(sandbox, BundledRuntime()).look()
    except CodeInterpreterError as error:
        report["amiss"] = str(error)
    else:
        if not (found["running"] or found["installed"] or found["uv"] or found["pip"]):
            report["amiss"] = (
                "there is neither uv nor pip with venv: use an image with one of them, or give "
                "wheels, pip's too: BundledRuntime(wheels=...)"
            )
    return report


def _lines(report: dict[str, Any]) -> list[str]:
    daemon = report["daemon"]
    whose = f"ours, {daemon['version']}" if daemon["version"] else "not ours; its version it keeps"
    runs = "runs code" if daemon["runs_code"] else "runs no code (no kernels' server answers)"
    lines = [f"Sandbox {report['sandbox']}", f"Its own daemon: {whose}; {runs}"]
    if found := report.get("found"):
        if running := found["running"]:
            languages = ", ".join(running["languages"])
            state = f"runs, on port {running['port']}, with {languages}"
        elif found["installed"]:
            state = "is installed, and starts when it is asked for"
        else:
            state = "is not there"
        have = [name for name, path in found["programs"].items() if path]
        installers = [name for name in ("uv", "pip") if found[name]]
        lines += [
            f"Runtime {report['version']}: {state}",
            f"Python {found['python_version']} ({found['python']}), uid {found['user']}",
            f"Installers: {', '.join(installers) or 'none'}",
            f"For other languages: {', '.join(have) or 'none'}",
            f"Its folder: {found['home']}",
        ]
    if report["amiss"]:
        return [*lines, f"Amiss: {report['amiss']}"]
    return [*lines, f"To have it: {_CREATE}"]
