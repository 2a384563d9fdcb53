"""Runs in a sandbox: finds our execd there, or sets it up and starts it.

It travels as text and is given to whichever Python the sandbox has, with one job in JSON in the
environment. What must stay true:

- It needs the standard library alone, of Python 3.10.
- Lines that it prints may be lost, so each answer is printed several times, and the token is in
  none of them: it is in a file that only its user reads.
- It may be killed at any moment, by SIGKILL too, and the next one goes on from there. One at a time
  does the work; the others wait, and find it done.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
import zipfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, cast

JOB = "CODE_INTERPRETER_JOB"
IMAGE = Path("/opt/code-interpreter")  # where images/code-interpreter puts it
COPIES = 5  # of each answer
PORT = 44790  # unless another is asked for, or it is taken
HEADER = "X-CODE-INTERPRETER-TOKEN"
MARKER = "OPENSANDBOX_SANDBOX_ID"  # by which execd knows the processes that are its own

_TAIL = 4000  # characters of a failed program's output that are told
_EXCLUDED_FLAGS = os.ST_NOEXEC | os.ST_RDONLY
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_PACKAGES = ("site-packages", "dist-packages")

# Whether a Python has this package, in this version, with all that its servers need.
_HAS_OURS = """
from code_interpreter._version import __version__
from code_interpreter.kernels.extras import require
require("runtime")
print(__version__)
"""
_ABOUT = """
import importlib.util as u, json, os, site, sys
pip, ensurepip = u.find_spec("pip"), u.find_spec("ensurepip")
bundled = ensurepip and os.path.join(os.path.dirname(ensurepip.origin), "_bundled")
if bundled and sys.base_prefix == "/usr" and not os.path.isdir(bundled):
    bundled = "/usr/share/python-wheels"  # where Debian keeps it
is_venv = sys.prefix != sys.base_prefix
print(json.dumps({
    "packages": [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")]
        + [site.getusersitepackages()],
    "pip": pip and os.path.dirname(os.path.dirname(pip.origin)),
    "wheels": [os.path.join(bundled, n) for n in os.listdir(bundled) if n.startswith("pip-")]
        if bundled and os.path.isdir(bundled) else [],
    "python": sys.executable if is_venv else os.path.realpath(sys.executable),
    "venv": u.find_spec("venv") is not None,
    "version": ".".join(map(str, sys.version_info[:3])),
}))
"""
_LANGUAGES = """
import asyncio, json, os
from code_interpreter.kernels.providers import installed, providers
found = asyncio.run(installed(providers(), os.environ))
print(json.dumps(sorted({one.language for one in found})))
"""
_INSTALL = """
import os
from code_interpreter.kernels.providers import providers
for provider in providers():
    if {*provider.languages} & {*os.environ["CODE_INTERPRETER_WANTED"].split()}:
        provider.install(print)
"""
_END = """
import sys
from code_interpreter.execd.host.processes import kill_tree
kill_tree(marker=sys.argv[1], root=None)
"""
_SERVE = """
from code_interpreter.execd.process import main
sys.exit(main())
"""


class Failure(Exception):  # noqa: N818  # of the set-up, as it is told
    """What keeps the runtime from being set up."""

    def __init__(self, step: str, problem: str, *, cure: str, output: str = "") -> None:
        super().__init__(problem)
        self.told = {"step": step, "problem": problem, "cure": cure, "output": output[-_TAIL:]}


class Job:
    """What is to be done, until when, and how it is told."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.action: str = told["action"]
        self.version: str = told["version"]
        self.digest: str = told["digest"]
        self.upload = Path(told["upload"]) if told.get("upload") else None
        self.home = Path(told["home"]) if told.get("home") else None
        self.port: int | None = told.get("port")
        self.index_url: str | None = told.get("index_url")
        self.languages: list[str] = told.get("languages") or []
        self.step = "look"
        self.umask = 0  # of the sandbox's commands, and so of the daemon
        self._mark: str = told["mark"]
        self._limit: float = told["limit"]
        self._deadline: float = time.monotonic() + self._limit

    def left(self) -> float:
        return max(self._deadline - time.monotonic(), 0.1)

    def say(self, step: str, message: str) -> None:
        self.step = step
        self._print({"step": step, "message": message}, 1)

    def answer(self, told: dict[str, Any]) -> None:
        self._print({"answer": told}, COPIES)

    def _print(self, told: dict[str, Any], copies: int) -> None:
        # Whoever reads this may have gone, which is no reason to stop.
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{self._mark}{json.dumps(told)}\n" * copies)
            sys.stdout.flush()

    def too_long(self, step: str, what: str, output: str = "") -> NoReturn:
        raise Failure(
            step,
            f"{what} had not ended when the {self._limit:g} s of start_timeout were over",
            cure="give a longer start_timeout, or make an image with the runtime in it",
            output=output,
        )


def main() -> None:
    """Do the job that the environment names."""
    job = Job(json.loads(os.environ.pop(JOB)))
    job.umask = os.umask(0o077)
    try:
        if job.action == "look":
            job.answer(look(job))
        else:
            job.answer(set_up(job))
    except Failure as failure:
        job.answer({"failure": failure.told})
    except Exception as error:  # noqa: BLE001  # whoever waits is told of any
        unforeseen = Failure(
            job.step,
            f"{type(error).__name__}: {error}",
            cure="the output says where; once that is mended, the set-up goes on",
            output=traceback.format_exc(),
        )
        job.answer({"failure": unforeseen.told})


# -- Where everything is


def _homes(job: Job) -> Iterator[Path]:
    """Folders that may be the runtime's, the best first."""
    if job.home is not None:
        yield job.home
        return
    if IMAGE.is_dir():
        yield IMAGE
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111
    if cache.is_absolute():
        yield cache / "code-interpreter"
    user = f"code-interpreter-{os.geteuid()}"
    yield from (Path(folder, user) for folder in ("/tmp", "/var/tmp"))  # noqa: S108  # see is_usable
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        folder = line.split()[1].encode().decode("unicode_escape")
        if not folder.startswith(("/proc", "/sys", "/dev")):
            yield Path(folder, user)


def is_usable(folder: Path) -> bool:
    """Whether a folder is, or can be made, ours alone to write to, for programs to run in."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    try:
        if os.statvfs(there).f_flag & _EXCLUDED_FLAGS or not os.access(there, os.W_OK | os.X_OK):
            return False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return is_ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _home(job: Job) -> Path:
    for folder in _homes(job):
        if is_usable(folder):
            return folder
    named = "no folder" if job.home is None else job.home
    raise Failure(
        "look",
        f"{named} can be written to by uid {os.geteuid()} alone, and have programs run in it",
        cure="name such a folder: BundledRuntime(home=...)",
    )


@contextlib.contextmanager
def _alone(job: Job, home: Path) -> Generator[None, None, None]:
    """Wait until no one else sets up; the system ends this with the process, however it ends."""
    with (home / "lock").open("w", encoding="utf-8") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    job.say("look", "another client sets up this sandbox: waiting for it")
                waiting = True
                if job.left() < 1:
                    job.too_long("look", "the set-up by another client")
                time.sleep(0.05)
        yield


# -- The daemon that runs


def _state_path(job: Job, home: Path) -> Path:
    return home / f"daemon-{job.version}.json"


def _state(job: Job, home: Path) -> dict[str, Any] | None:
    """What is known of the last daemon."""
    try:
        state: dict[str, Any] = json.loads(_state_path(job, home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state


def _is_alive(state: dict[str, Any]) -> bool:
    return bool(birth(state["pid"]) == state["birth"])


def _write_state(job: Job, home: Path, state: dict[str, Any]) -> None:
    path = _state_path(job, home)
    staged = path.with_suffix(".new")
    staged.write_text(json.dumps(state), encoding="utf-8")
    staged.replace(path)


def birth(pid: int) -> str | None:
    """When a process was started, in ticks; None once it has ended. Pids come again, this not."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = said.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _answers(state: dict[str, Any]) -> bool:
    url = f"http://127.0.0.1:{state['port']}/ping"
    request = urllib.request.Request(url, headers={HEADER: state["token"]})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5):
            return True
    except (OSError, ValueError):
        return False


def _running(job: Job, home: Path) -> dict[str, Any] | None:
    """The state of the daemon that runs and answers.

    One that does not is ended, with its kernels, and what one that was killed has left.
    """
    state = _state(job, home)
    if state is None:
        return None
    if _is_alive(state):
        if state["port"] is not None and _answers(state):
            return state
        os.kill(state["pid"], signal.SIGKILL)
    _probe(state["python"], _ours_in(_package_of(state)) + _END, state["marker"])
    shutil.rmtree(home / "scratch", ignore_errors=True)
    _state_path(job, home).unlink()
    return None


def _package_of(state: dict[str, Any]) -> Path | None:
    return Path(state["package"]) if state["package"] else None


# -- Programs of the sandbox


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _environment(home: Path) -> dict[str, str]:
    """What installers run in: only `home` may be writable."""
    scratch = home / "tmp"
    scratch.mkdir(exist_ok=True)
    left_out = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "TMPDIR": str(scratch), "PIP_USER": "0"}


def _have_temporary_files(home: Path) -> None:
    """Where the sandbox has no place for temporary files, let all that we start have one."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        os.environ["TMPDIR"] = _environment(home)["TMPDIR"]


def _run(
    job: Job, step: str, argv: Sequence[str], *, env: dict[str, str], cure: str, what: str
) -> None:
    """Run a program to its end.

    Raises:
        Failure: It fails, or takes too long.
    """
    with Path(env["TMPDIR"], "output").open("w+b") as out:
        try:
            process = subprocess.Popen(  # noqa: S603  # an installer
                argv,
                cwd="/",
                env=env,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # no threads are here
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise Failure(step, f"{argv[0]} cannot be started: {error}", cure=cure) from error
        try:
            status = process.wait(job.left())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            job.too_long(step, what, _read(out))
        output = _read(out)
    if status:
        raise Failure(step, f"{what} ended with {status}", cure=cure, output=output)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()


def _probe(python: str, program: str, *arguments: str) -> str | None:
    """What a short program prints with a Python; None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603  # a Python of the sandbox
            [python, "-c", program, *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()


def _ours_in(path: Path | None) -> str:
    """The beginning of a program that imports our package from a folder, or as it is installed.

    The working directory, where the user's files are, comes out of the path.
    """
    return f"import sys\nsys.path[:1] = {[str(path)] if path else []!r}\n"


# -- Installing


def _in_image(job: Job) -> str | None:
    """A Python that has this version of our package already, if there is one."""
    for python in (str(IMAGE / "env/bin/python"), sys.executable):
        if os.access(python, os.X_OK) and _probe(python, _HAS_OURS) == job.version:
            return python
    return None


class Installation:
    """What came with an archive, and the environment that was made for it."""

    def __init__(self, job: Job, home: Path) -> None:
        self._job = job
        self._home = home
        self._root = home / f"{job.version}-{job.digest[:16]}"
        self._complete = self._root / "complete"
        self._env = self._root / "env"
        self._wheels = self._root / "wheels"
        self.python = str(self._env / "bin/python")
        self.package = self._root / "package"

    @property
    def is_complete(self) -> bool:
        return self._complete.exists()

    def make(self, upload: Path) -> None:
        job = self._job
        shutil.rmtree(self._root, ignore_errors=True)  # of one that was cut off
        with upload.open("rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != job.digest:
                raise Failure(
                    "send", "what arrived is not what was sent", cure="create the interpreter again"
                )
            with zipfile.ZipFile(file) as archive:
                archive.extractall(self._root)
        about = json.loads(_probe(sys.executable, _ABOUT) or "null")
        if about is None:
            raise Failure(
                "install",
                f"{sys.executable} is broken: it cannot say what it has",
                cure="name another one: BundledRuntime(python=...)",
            )
        env = _environment(self._home)
        if uv := shutil.which("uv"):
            self._with_uv(uv, about, env)
        else:
            self._with_pip(about, env)
        self._show(about["packages"])
        shutil.rmtree(self._wheels, ignore_errors=True)
        self._complete.touch()

    def _with_uv(self, uv: str, about: dict[str, Any], env: dict[str, str]) -> None:
        job = self._job
        job.say("install", "uv installs what the runtime depends on")
        options = ["--quiet", "--no-cache", "--no-python-downloads", "--color", "never"]
        cure = self._cure()
        make = [uv, "venv", *options, "--python", about["python"], str(self._env)]
        _run(job, "install", make, env=env, cure=cure, what="uv venv")
        fill = [uv, "pip", "install", *options, "--python", self.python]
        fill += self._sources()
        _run(job, "install", fill, env=env, cure=cure, what="uv pip install")

    def _with_pip(self, about: dict[str, Any], env: dict[str, str]) -> None:
        job = self._job
        given = [*about["wheels"], *map(str, self._wheels.glob("pip-*.whl"))]
        pip: str | None = about["pip"] or next(iter(given), None)
        if pip is None or not about["venv"]:
            lacking = "venv" if pip else "pip"
            raise Failure(
                "install",
                f"the sandbox has no uv, and its Python ({sys.executable}) has no {lacking}",
                cure="use an image with uv, or with pip and venv; or give the wheels, pip's too: "
                "BundledRuntime(wheels=...)",
            )
        job.say("install", "pip installs what the runtime depends on")
        cure = self._cure()
        make = [about["python"], "-m", "venv", "--without-pip", str(self._env)]
        _run(job, "install", make, env=env, cure=cure, what="python -m venv")
        # This pip, whatever its age, but for the new environment; what lies beside it does not
        # count as installed there.
        fill = [self.python, "-m", "pip", "install", "--ignore-installed", "--no-compile"]
        fill += ["--no-cache-dir", "--no-input", "--disable-pip-version-check"]
        fill += ["--no-warn-script-location", "--quiet", *self._sources()]
        of_pip = {**env, "PYTHONPATH": pip, "PYTHONDONTWRITEBYTECODE": "1"}
        _run(job, "install", fill, env=of_pip, cure=cure, what="pip install")

    def _sources(self) -> list[str]:
        asked = ["-r", str(self._root / "requirements.txt")]
        if self._wheels.is_dir():
            return [*asked, "--no-index", "--find-links", str(self._wheels)]
        index = self._job.index_url
        return [*asked, "--index-url", index] if index else asked

    def _cure(self) -> str:
        if self._wheels.is_dir():
            return "give wheels for the sandbox's Python and system, of all that is missing"
        return (
            "let the sandbox reach a package index (BundledRuntime(index_url=...)), or give the "
            "wheels: BundledRuntime(wheels=...)"
        )

    def _show(self, packages: Sequence[str]) -> None:
        """Let code see the packages of the sandbox's Python, too, after ours."""
        (folder,) = self._env.glob("lib/python3*/site-packages")
        lines = [f"import site; site.addsitedir({path!r})\n" for path in packages]
        (folder / "of_the_sandbox.pth").write_text("".join(lines), encoding="utf-8")


def set_up(job: Job) -> dict[str, Any]:
    """Find the daemon, or start it, and install it first where it has to be.

    Returns:
        `{"home": ...}` when it runs, with how that came about in `how`; with `needs` and the file's
        name where the archive has to be sent first.
    """
    home = _home(job)
    _have_temporary_files(home)
    try:
        with _alone(job, home):
            if (state := _running(job, home)) is not None:
                languages = Languages(job, home, state["python"], _package_of(state))
                if languages.install(state["languages"]):
                    _write_state(job, home, {**state, "languages": languages.listed()})
                return {"home": str(home), "how": "it ran already"}
            how = "it was installed already"
            python, package = _in_image(job), None
            if (IMAGE / "jupyter").is_dir():  # the kernels that the image came with
                os.environ.setdefault("JUPYTER_DATA_DIR", str(IMAGE / "jupyter"))
            if python is None:
                installation = Installation(job, home)
                if not installation.is_complete:
                    if job.upload is None or not job.upload.exists():
                        name = f"{job.digest[:16]}-{secrets.token_hex(8)}.zip"
                        return {"home": str(home), "needs": str(home / name)}
                    installation.make(job.upload)
                    how = "it was installed now"
                python, package = installation.python, installation.package
            _start(job, home, python, package)
            return {"home": str(home), "how": how}
    finally:
        if job.upload is not None:
            job.upload.unlink(missing_ok=True)


class Languages:
    """The kernels that a Python finds, and those that are wanted."""

    def __init__(self, job: Job, home: Path, python: str, package: Path | None) -> None:
        self._job = job
        self._home = home
        self._python = python
        self._package = package

    def begin(self) -> None:
        """Begin to look for them."""
        self._search = subprocess.Popen(  # noqa: S603  # of ours
            [self._python, "-c", _ours_in(self._package) + _LANGUAGES],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # no threads are here
        )

    def listed(self) -> list[str]:
        """The languages that have kernels."""
        try:
            out, err = self._search.communicate(timeout=self._job.left())
        except subprocess.TimeoutExpired:
            self._search.kill()
            self._job.too_long("languages", "the search for kernels")
        if self._search.returncode:
            raise Failure(
                "languages",
                "the search for kernels failed",
                cure="the output says where",
                output=err.decode(errors="replace"),
            )
        languages: list[str] = json.loads(out)
        return languages

    def install(self, there: Sequence[str]) -> bool:
        """Install those that are wanted and not there; return whether there were any."""
        missing = [language for language in self._job.languages if language not in there]
        if missing:
            names = ", ".join(missing)
            self._job.say("languages", f"kernels are installed: {names}")
            _run(
                self._job,
                "languages",
                [self._python, "-c", _ours_in(self._package) + _INSTALL],
                env={**_environment(self._home), "CODE_INTERPRETER_WANTED": " ".join(missing)},
                cure="use an image that has what the output names, or leave that language out",
                what=f"the installation of kernels for {names}",
            )
            self.begin()
        return bool(missing)


# -- Starting


def _port(wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", PORT))
        except OSError:
            return 0
    return PORT


def _workdir(home: Path) -> Path:
    """Where code starts: where commands do, unless that cannot be written to."""
    for folder in (Path.cwd(), Path(os.path.expanduser("~"))):  # noqa: PTH111  # no user, no error
        if folder != Path("/") and folder.is_dir() and os.access(folder, os.W_OK):
            return folder
    return home / "work"


def _start(job: Job, home: Path, python: str, package: Path | None) -> None:
    job.say("start", "the daemon starts")
    token, marker = secrets.token_urlsafe(32), secrets.token_hex()
    scratch = home / "scratch"
    scratch.mkdir(exist_ok=True)
    argv = [python, "-c", _ours_in(package) + _SERVE, "--host", "0.0.0.0"]  # noqa: S104  # endpoints lead there
    argv += ["--port", str(_port(job.port)), "--workdir", str(_workdir(home))]
    argv += ["--scratch", str(scratch)]
    languages = Languages(job, home, python, package)
    languages.begin()
    with (home / f"daemon-{job.version}.log").open("w+b") as log:
        daemon = subprocess.Popen(  # noqa: S603  # ours
            argv,
            # A marker of the cluster's would mark all of the sandbox.
            env={**os.environ, "EXECD_ACCESS_TOKEN": token, MARKER: marker},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            umask=job.umask,
        )
        state: dict[str, Any] = {
            "version": job.version,
            "pid": daemon.pid,
            "birth": birth(daemon.pid),
        }
        state |= {"port": None, "token": token, "languages": []}
        state |= {"python": python, "package": package and str(package), "marker": marker}
        _write_state(job, home, state)  # so that it is found, should we be killed before its end
        said = _first_line(job, daemon)
        if not said:
            daemon.kill()
            if job.left() < 1:
                job.too_long("start", "the start of the daemon", _read(log))
            raise Failure(
                "start",
                f"the daemon ended with {daemon.wait()}",
                cure="the output says what it lacks; another port: BundledRuntime(port=...)",
                output=_read(log),
            )
    state["port"] = json.loads(said)["port"]
    while not _answers(state):
        if job.left() < 1:
            daemon.kill()
            job.too_long("start", "the start of the daemon")
        time.sleep(0.02)
    state["languages"] = languages.listed()
    if languages.install(state["languages"]):
        state["languages"] = languages.listed()
    _write_state(job, home, state)


def _first_line(job: Job, daemon: "subprocess.Popen[bytes]") -> bytes:
    """The daemon's first line; nothing if it ends before, or takes too long."""
    out = cast("IO[bytes]", daemon.stdout)
    os.set_blocking(out.fileno(), False)
    said = b""
    while not said.endswith(b"\n") and job.left() >= 1:
        block = out.read()
        if block == b"":
            return b""
        said += block or b""
        time.sleep(0.01)
    return said if said.endswith(b"\n") else b""


# -- Looking, for people


def look(job: Job) -> dict[str, Any]:
    """Say what the sandbox has, and change nothing that was there."""
    home = _home(job)
    state = _state(job, home)
    about = json.loads(_probe(sys.executable, _ABOUT) or "{}")
    return {
        "home": str(home),
        "running": (
            state and _is_alive(state) and {k: state[k] for k in ("version", "port", "languages")}
        )
        or None,
        "installed": _in_image(job) is not None or Installation(job, home).is_complete,
        "python": sys.executable,
        "python_version": about.get("version"),
        "uv": shutil.which("uv"),
        "pip": bool(about.get("pip") or about.get("wheels")) and about.get("venv", False),
        "user": os.geteuid(),
        "programs": {name: shutil.which(name) for name in ("bash", "node", "java", "go")},
    }


if __name__ == "__main__":
    main()
