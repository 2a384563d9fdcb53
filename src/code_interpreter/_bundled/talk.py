"""What is said with the program that runs in a sandbox, as text; no I/O.

Servers lose lines, so whatever matters is said several times, and the token is only in a file.
"""

import base64
import json
import shlex
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast
from uuid import uuid4

from code_interpreter._bundled.settings import BundledRuntime, SetupProgress
from code_interpreter._errors import RuntimeSetupError
from code_interpreter._version import __version__

VARIABLE: Final = "CODE_INTERPRETER_JOB"
TOKEN_HEADER: Final = "X-CODE-INTERPRETER-TOKEN"  # noqa: S105  # a name, not a secret
IMAGE: Final = "/opt/code-interpreter"
USUAL_HOMES: Final = (IMAGE, "/root/.cache/code-interpreter")
"""Where the state is looked for before anything is run."""

_PYTHONS: Final = ("python3", *(f"python3.{n}" for n in range(14, 9, -1)), "python")
_IS_NEW_ENOUGH: Final = "import sys; sys.exit(sys.version_info < (3, 10))"
_NONE: Final = "none"


class Daemon:
    """A daemon of ours in a sandbox, as its state file has it.

    Attributes:
        port: Where it listens.
        headers: What its clients must send, its token.
        languages: What it has kernels for.
    """

    def __init__(self, state: str) -> None:
        try:
            told = cast("dict[str, Any]", json.loads(state))
            self.port = int(told["port"])
            self.headers = {TOKEN_HEADER: str(told["token"])}
            self.languages: tuple[str, ...] = tuple(map(str, told["languages"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("the state of the daemon is not whole") from error


def state_path(home: str) -> str:
    """Return where the daemon's state is."""
    return f"{home}/daemon-{__version__}.json"


class Talk:
    """One job, and what has been heard of it.

    Args:
        action: What is to be done.
        settings: How.
        digest: Of our archive.
        upload: Where the archive was sent to.
        limit: Seconds that the job may take.
    """

    def __init__(
        self,
        action: Literal["look", "setup"],
        settings: BundledRuntime,
        digest: str,
        *,
        upload: str | None = None,
        limit: float,
    ) -> None:
        self._mark = f"{uuid4().hex} "
        self._answer: dict[str, Any] | None = None
        self._rest: list[str] = []
        pythons = _PYTHONS if settings.python is None else (settings.python,)
        self._asked = settings.python
        self.command = _command(pythons, self._mark)
        job = {
            "action": action,
            "version": __version__,
            "digest": digest,
            "upload": upload,
            "home": settings.home,
            "port": settings.port,
            "index_url": settings.index_url,
            "languages": [*settings.languages],
            "mark": self._mark,
            "limit": limit,
        }
        self.environment = {VARIABLE: json.dumps(job)}

    def hear(self, text: str) -> SetupProgress | None:
        """Take a message of the command's output; return the progress that it tells."""
        progress = None
        for line in text.splitlines():
            if not line.startswith(self._mark):
                self._rest.append(line)
                continue
            told = line.removeprefix(self._mark)
            if told == _NONE:
                self._answer = {"failure": self._no_python()}
                continue
            try:
                said = cast("dict[str, Any]", json.loads(told))
            except ValueError:  # cut off
                continue
            if "answer" in said:
                self._answer = said["answer"]
            else:
                progress = SetupProgress(said["step"], said["message"])
        return progress

    @property
    def is_answered(self) -> bool:
        """Whether the answer has come."""
        return self._answer is not None

    def answer(self) -> dict[str, Any] | None:
        """Return what was answered; None if it was lost.

        Raises:
            RuntimeSetupError: It failed.
        """
        if self._answer is None:
            return None
        if failure := self._answer.get("failure"):
            raise RuntimeSetupError(
                failure["problem"],
                step=failure["step"],
                cure=failure["cure"],
                output=failure["output"],
            )
        return self._answer

    def output(self) -> str:
        """Return what else the command printed."""
        return "\n".join(self._rest)

    def _no_python(self) -> dict[str, str]:
        asked = self._asked or "Python"
        return {
            "step": "look",
            "problem": f"the sandbox has no {asked}, or none that is 3.10 or newer",
            "cure": "use an image that has one, or name it: BundledRuntime(python=...)",
            "output": "",
        }


def _command(pythons: tuple[str, ...], mark: str) -> str:
    """Return shell text that runs our program with the first Python that will do."""
    named = " ".join(map(shlex.quote, pythons))
    start = f"import base64, zlib; exec(zlib.decompress(base64.b64decode('{_program()}')))"
    nothing = f"echo {shlex.quote(mark + _NONE)}"
    return (
        f"for python in {named}; do "
        f'"$python" -c {shlex.quote(_IS_NEW_ENOUGH)} 2>/dev/null || continue; '
        f'exec "$python" -ISB -c {shlex.quote(start)}; done; '
        f"{'; '.join([nothing] * 5)}"
    )


@cache
def _program() -> str:
    source = Path(__file__).with_name("inside.py").read_bytes()
    return base64.b64encode(zlib.compress(source, 9)).decode()
