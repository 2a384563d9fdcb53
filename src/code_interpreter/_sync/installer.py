# Made from installer.py in _async/ by scripts/unasync.py: edit that.
"""Installing packages: a run whose output is what the installer says."""

import logging
from collections.abc import Callable
from typing import Final

from code_interpreter._call.code_context import CodeContext
from code_interpreter._call.installation import Installation, InstallPlan
from code_interpreter._call.plan import Seconds
from code_interpreter._sync.codes import CodesSync
from code_interpreter._sync.primitives import settle
from code_interpreter.events import Stderr, Stdout

_log: Final = logging.getLogger("code_interpreter")

OnProgress = Callable[[str], object]


def install(
    codes: CodesSync,
    plan: InstallPlan,
    context: CodeContext | None,
    on_progress: OnProgress | None,
    timeout: Seconds | None,
) -> None:
    """Carry out an installation; see `CodeInterpreterSync.install`."""
    installation = Installation(plan)
    _log.info("packages for %s are being installed", plan.language)
    with codes.stream(
        plan.cell,
        language=None if context is not None else plan.language,
        context=context,
        timeout=timeout,
    ) as events:
        for event in events:
            if isinstance(event, (Stdout, Stderr)):
                for line in installation.take(event.text or ""):
                    _log.debug("installer: %s", line)
                    outcome = on_progress(line) if on_progress is not None else None
                    if outcome is not None:
                        settle(outcome, event)
    installation.end()
    error = events.execution.error
    installation.check(f"{error.name}: {error.value}" if error is not None else None)
    _log.info("packages for %s were installed", plan.language)
