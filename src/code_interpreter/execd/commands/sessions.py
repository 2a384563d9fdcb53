"""Shell sessions: commands that share their working directory, variables, functions and options.

Each command runs in a bash of its own, as the reference daemon has it, which starts from what the
last one left: its variables (with their attributes), functions, aliases, shell options, umask and
directory. So an `exit`, `set -e` or a syntax error ends a command and not the session, a command
that is killed takes nothing with it, and a session that does nothing costs nothing. What does not
pass from one command to the next: jobs, traps, open files, `$?` and positional parameters.

What must stay true: one command at a time; the state is that of the last command that came to its
end (`exit` is one, SIGKILL and `exec` are none) or of none at all, never a part of one; what a
session has started ends with it, daemons too, since the environment of all of it names the session.
"""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from shlex import quote
from uuid import uuid4

from anyio import to_thread

from code_interpreter.execd.commands.commands import Commands
from code_interpreter.execd.commands.jobs import Job
from code_interpreter.execd.host.processes import MARKER_VARIABLE, kill_tree
from code_interpreter.execd.refusals import (
    ApiError,
    invalid_body,
    not_supported,
    runtime_error,
)
from code_interpreter.execd.runs import encode
from code_interpreter.execd.runs.running import Run

SESSION_VARIABLE = "EXECD_SESSION_ID"

# Options that change how the rest is read come first, those that change how it runs come last.
_DUMP = (
    'shopt -p; alias -p; declare -f; export -pf; declare -p; printf "umask %s\\n" "$(umask)"; '
    'set +o; printf "#\\n"'
)


class Session:
    """What one command leaves for the next.

    Args:
        session_id: Its id.
        directory: A folder of its own; what is in there are files for bash.
        cwd: Where its first command runs.
    """

    def __init__(self, session_id: str, directory: Path, *, cwd: Path) -> None:
        self.id = session_id
        self.directory = directory
        self.cwd = cwd
        self.busy = False
        self.run: Run | None = None
        self._code = directory / "code"
        self._state = directory / "state"
        self._next = directory / "next"
        self._next_cwd = directory / "cwd"  # written last: what is next is whole when it is there

    @property
    def has_state(self) -> bool:
        """Whether a command has left something."""
        return self._state.exists()

    def prepare(self, code: str) -> None:
        """Lay out the next command. Blocking."""
        self._code.write_text(code, encoding="utf-8")
        for left_over in (self._next, self._next_cwd):
            left_over.unlink(missing_ok=True)

    def script(self, cwd: Path) -> str:
        """What bash runs: it takes the state up, runs the command, and lays the state down."""
        state, code, following, folder = (
            quote(str(path)) for path in (self._state, self._code, self._next, self._next_cwd)
        )
        dump = f'{{ {_DUMP}; }} >{following} && printf %s "$PWD" >{folder}'
        # The command may set a trap of its own here, so the state is laid down without it too.
        on_exit = quote(f"{{ [[ -e {folder} ]] || {{ {dump}; }}; }} 2>/dev/null")
        enter = f'set -- "${{OLDPWD-}}"; builtin cd -- {quote(str(cwd))} && OLDPWD=$1; set --'
        restore = f"[[ ! -e {state} ]] || {{ . {state}; {enter}; }}"
        # All on one line, so that bash counts the lines of the command from one.
        return (
            f"trap {on_exit} EXIT; {{ {restore}; }} 2>/dev/null; "
            f'eval "$(<{code})"\n'
            f'{{ set -- "$?"; {dump}; set +x; }} 2>/dev/null; exit "$1"'
        )

    def settle(self, *, keep_cwd: bool) -> None:
        """Take over what the command has left, if it came to its end. Blocking, shortly."""
        if not self._next_cwd.exists():
            return
        self._next.replace(self._state)
        if not keep_cwd:
            self.cwd = Path(self._next_cwd.read_text(errors="surrogateescape"))


class Sessions:
    """The shell sessions of one sandbox.

    Args:
        commands: Runs their commands.
        env: The sandbox's environment.
        directory: Where their files go.
    """

    def __init__(self, commands: Commands, env: Mapping[str, str], *, directory: Path) -> None:
        self._commands = commands
        self._directory = directory
        self._bash = shutil.which("bash", path=env.get("PATH"))
        # All that the state of a session does not bring along.
        self._least = {MARKER_VARIABLE: env.get(MARKER_VARIABLE, "")}
        self._sessions: dict[str, Session] = {}

    async def create(self, cwd: str | None) -> str:
        """Make a session; returns its id.

        Args:
            cwd: Where its first command runs; relative to the working directory.

        Raises:
            ApiError: There is no such directory, or no bash.
        """
        if self._bash is None:
            raise not_supported("shell sessions need bash, and there is none on PATH: install it")
        folder = await self._commands.folder(cwd)
        session_id = str(uuid4())
        directory = self._directory / session_id
        await to_thread.run_sync(directory.mkdir)
        self._sessions[session_id] = Session(session_id, directory, cwd=folder)
        return session_id

    async def reserve(
        self,
        session_id: str,
        command: str,
        *,
        cwd: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the command's, not this call's
    ) -> Run:
        """A run of a command that has its session to itself, and waits to begin.

        Args:
            session_id: The session.
            command: For the shell.
            cwd: Where this command runs; the session stays where it is.
            timeout: Seconds until the command is killed.

        Raises:
            ApiError: No such session or directory; the session is busy; the command is none.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise _session_not_found()
        if session.busy:
            raise runtime_error("error running in session. session is busy")
        if "\0" in command:
            raise invalid_body("a command must not hold a NUL byte")
        session.busy = True
        try:
            run = await self._prepare(session, command, cwd, timeout)
        except BaseException:
            session.busy = False
            if session.id not in self._sessions:
                raise _session_not_found() from None  # deleted in the very moment
            raise
        session.run = run
        if session.id not in self._sessions:
            self._commands.kill(run)
        return run

    def running(self, session_id: str) -> str | None:
        """The id of what runs in a session; None when nothing does, or there is no session."""
        session = self._sessions.get(session_id)
        return session.run.run_id if session is not None and session.run is not None else None

    async def delete(self, session_id: str) -> None:
        """End a session with everything that it has started.

        Raises:
            ApiError: There is none.
        """
        session = self._sessions.pop(session_id, None)
        if session is None:
            raise ApiError(404, "CONTEXT_NOT_FOUND", f"session {session_id} not found")
        if session.run is not None:
            self._commands.kill(session.run)
        await to_thread.run_sync(_end, session)

    async def _prepare(
        self, session: Session, command: str, cwd: str | None, seconds: float | None
    ) -> Run:
        notice = ""
        if cwd:
            folder = await self._commands.folder(cwd)
        elif await to_thread.run_sync(session.cwd.is_dir):
            folder = session.cwd
        else:
            folder = await self._commands.folder(None)
            notice = f"The session's directory {session.cwd} is gone; this runs in {folder}."
        await to_thread.run_sync(session.prepare, command)
        env = self._least if session.has_state else await self._commands.environment()
        env = {**env, "PWD": str(folder), SESSION_VARIABLE: session.id}
        argv = (self._bash or "", "--noprofile", "--norc", "-c", session.script(folder), "bash")
        run = self._commands.reserve_job(
            Job(command, argv, folder, env, seconds),
            on_end=partial(self._ended, session, keep_cwd=bool(cwd)),
        )
        if notice:
            run.put([encode.frame("stderr", text=notice)])
        return run

    def _ended(self, session: Session, run: Run, *, keep_cwd: bool) -> None:
        del run
        session.run = None
        session.busy = False
        if session.id in self._sessions:
            session.settle(keep_cwd=keep_cwd)


def _session_not_found() -> ApiError:
    return runtime_error("error running in session. context not found")


def _end(session: Session) -> None:
    kill_tree(marker=session.id, root=None, variable=SESSION_VARIABLE)
    shutil.rmtree(session.directory, ignore_errors=True)
