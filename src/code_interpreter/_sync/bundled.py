# Made from bundled.py in _async/ by scripts/unasync.py: edit that.
"""Our execd in a sandbox that came without it: found, or set up and started, by public services."""

import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal

from opensandbox import SandboxSync
from opensandbox.constants import DEFAULT_EXECD_PORT
from opensandbox.exceptions import SandboxException
from opensandbox.models.execd import OutputMessage, RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter._bundled.package import archive
from code_interpreter._bundled.settings import BundledRuntime, Runtime, SetupProgress, Step
from code_interpreter._bundled.talk import USUAL_HOMES, Daemon, Talk, state_path
from code_interpreter._errors import CodeInterpreterError, RequestTimeoutError, RuntimeSetupError
from code_interpreter._sync.codes import CodesSync
from code_interpreter._sync.connection import Connection
from code_interpreter._sync.primitives import within
from code_interpreter._version import __version__

_ANSWER: Final = 5.0  # seconds in which a daemon that runs answers
_AGAIN: Final = 3  # times that a job is done whose answer was lost
_LAST_WORDS: Final = 10.0  # seconds that a job may take longer than it was given

_log: Final = logging.getLogger("code_interpreter")


def connect(
    sandbox: SandboxSync, settings: BundledRuntime, *, or_native: bool
) -> tuple[Connection, Runtime]:
    """Return a connection to our execd in a sandbox, which is set up where it has to be.

    Args:
        sandbox: The sandbox.
        settings: How it is to be set up.
        or_native: Whether the sandbox's own daemon will do where ours cannot be had.

    Raises:
        RuntimeSetupError: Ours cannot be had.
    """
    native = _connection(sandbox, DEFAULT_EXECD_PORT, {})
    try:
        if _is_ours(native):
            why = "the sandbox's own daemon is ours, in this version"
            return native, Runtime("bundled", __version__, None, why)
        setup = Setup(sandbox, settings)
        ours, daemon, how = setup.found() or setup.started()
    except BaseException as error:
        if or_native and isinstance(error, RuntimeSetupError):
            return native, Runtime("native", None, None, f"ours cannot be had: {error}")
        native.close()
        raise
    native.close()
    return ours, Runtime("bundled", __version__, daemon.languages, how)


def _connection(sandbox: SandboxSync, port: int, headers: Mapping[str, str]) -> Connection:
    endpoint = sandbox.get_endpoint(port)
    wanted = endpoint.model_copy(update={"headers": {**endpoint.headers, **headers}})
    return Connection(sandbox.connection_config, wanted)


def _is_ours(connection: Connection) -> bool:
    """Whether our execd, in this version, answers there."""
    try:
        return CodesSync(connection).check_ping() == __version__
    except CodeInterpreterError:
        return False


class _AnsweredError(Exception):
    """Ends a command that has said all that matters."""


class Setup:
    """The way to our daemon in one sandbox.

    Args:
        sandbox: The sandbox, whose commands and files are used.
        settings: How it is to be set up.
    """

    def __init__(self, sandbox: SandboxSync, settings: BundledRuntime) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._deadline = time.monotonic() + settings.start_timeout.total_seconds()

    def found(self) -> tuple[Connection, Daemon, str] | None:
        """Connect to the daemon that runs where it usually would, without running anything."""
        homes = USUAL_HOMES if self._settings.home is None else (self._settings.home,)
        wanted = {*self._settings.languages}
        for home in homes:
            with suppress(SandboxException, ValueError):
                daemon = self._state(home)
                if wanted <= {*daemon.languages}:
                    ours = _connection(self._sandbox, daemon.port, daemon.headers)
                    try:
                        CodesSync(ours).check_health(_ANSWER)
                    except BaseException:
                        ours.close()
                        raise
                    return ours, daemon, "it ran already"
        return None

    def started(self) -> tuple[Connection, Daemon, str]:
        """Start the daemon, unless it runs, and install it first where it has to be.

        Returns:
            A connection to it, the daemon, and what had to be done for it.

        Raises:
            RuntimeSetupError: It cannot be had.
        """
        self._tell(SetupProgress("look", "the sandbox is asked what it has"))
        sent = archive(self._settings.wheels)
        upload: str | None = None
        for _ in range(_AGAIN):
            answer = self._do("setup", sent.digest, upload)
            if answer is None:
                continue
            with self._failures("send"):
                if "needs" not in answer:
                    daemon = self._state(str(answer["home"]))
                    ours = _connection(self._sandbox, daemon.port, daemon.headers)
                    return ours, daemon, str(answer["how"])
                upload = str(answer["needs"])
                size = f"{len(sent.data) / 1e6:.1f} MB"
                self._tell(SetupProgress("send", f"our packages are sent: {size}"))
                self._sandbox.files.write_file(upload, sent.data, mode=600)
        raise RuntimeSetupError(
            "the sandbox runs the set-up, and its answer does not arrive",
            step="look",
            cure="its daemon loses more output than any that is known: renew the sandbox",
        )

    def look(self) -> dict[str, Any]:
        """Return what the sandbox has, as `inside.look` says it.

        Raises:
            RuntimeSetupError: It cannot be found out, or ours has no place there.
        """
        digest = archive(self._settings.wheels).digest
        for _ in range(_AGAIN):
            if (answer := self._do("look", digest, None)) is not None:
                return answer
        raise RuntimeSetupError(
            "the answer of the sandbox does not arrive", step="look", cure="renew the sandbox"
        )

    def _do(
        self, action: Literal["look", "setup"], digest: str, upload: str | None
    ) -> dict[str, Any] | None:
        """Run a job to its end; return its answer, or None if that was lost."""
        left = self._deadline - time.monotonic()
        talk = Talk(action, self._settings, digest, upload=upload, limit=max(left, 0.1))
        failed: list[Exception] = []

        def hear(message: OutputMessage) -> None:
            progress = talk.hear(message.text)
            if progress is not None and not failed:
                try:
                    self._tell(progress)
                except Exception as error:  # noqa: BLE001  # the caller's; raised below
                    failed.append(error)
            if talk.is_answered:  # by now; a real server ends the body a second later
                raise _AnsweredError

        def run(seconds: float) -> None:
            del seconds
            try:
                self._sandbox.commands.run(
                    talk.command,
                    opts=RunCommandOpts(envs=talk.environment),
                    handlers=ExecutionHandlersSync(
                        on_stdout=hear, on_stderr=hear, skip_accumulation=True
                    ),
                )
            except SandboxException:
                if not talk.is_answered:
                    raise

        with self._failures("look"):
            within(max(left, 0.1) + _LAST_WORDS, run)
        if failed:
            raise failed[0]
        _log.debug("the set-up in sandbox %s also printed: %s", self._sandbox.id, talk.output())
        return talk.answer()

    def _state(self, home: str) -> Daemon:
        """Return the daemon that a state file names; ValueError if it is not whole."""
        return Daemon(self._sandbox.files.read_file(state_path(home)))

    def _tell(self, progress: SetupProgress) -> None:
        _log.info("runtime of sandbox %s: %s", self._sandbox.id, progress.message)
        if self._settings.on_progress is not None:
            self._settings.on_progress(progress)

    @contextmanager
    def _failures(self, step: Step) -> Generator[None, None, None]:
        """Turn failures of the sandbox's services into ours."""
        try:
            yield
        except RuntimeSetupError:
            raise
        except RequestTimeoutError as error:
            raise RuntimeSetupError(
                "the sandbox did not end the set-up when start_timeout was over",
                step=step,
                cure="give a longer start_timeout, or renew the sandbox",
            ) from error
        except (SandboxException, ValueError) as error:
            raise RuntimeSetupError(
                f"the sandbox's own services failed: {error}",
                step=step,
                cure="the cause is theirs: see it",
            ) from error
