"""What a box shows of the machine, as arguments of bubblewrap. Decides; looks at files only.

What must stay true: nothing of anybody's home is shown but the folders that programs of ours are
in, and never a home itself. A mount point lies only where code in a box cannot write: in the box's
own root, which is read-only in the end.
"""

import os
import pwd
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from code_interpreter.kernels.extras import MODULES
from code_interpreter.kernels.install import data_dir
from code_interpreter.local.box.volumes import Volume
from code_interpreter.local.network import signposts

# Inside; `run` has what execd itself writes.
ROOT = "/sandbox"
WORK, HOME, RUN = (f"{ROOT}/{name}" for name in ("work", "home", "run"))
# Of the box's loopback; none that a system gives out by itself.
PROXY_PORT = 18_081
NET = f"{ROOT}/net"  # has the socket that is the way out

_SHARED_MEMORY = 2**30  # bytes
SYSTEM = ("/usr", "/etc", "/opt")
_NO_HOMES = {Path(path) for path in ("/", "/usr/sbin", "/bin", "/sbin", "/dev", "/usr/bin")}
OF_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# What a box has of the environment around it; the rest may be anything, keys too.
_VARIABLES = {
    *("PATH", "LANG", "LANGUAGE", "TZ", "TERM"),
    *("PYTHON_VERSION", "NODE_VERSION", "JAVA_VERSION", "GO_VERSION", "JAVA_HOME"),
    "CODE_INTERPRETER_IDLE_KERNELS",
}


@dataclass(frozen=True, slots=True)
class View:
    """What a box shows.

    Attributes:
        programs: Folders of the machine, read-only, at their own paths.
    """

    programs: tuple[str, ...]

    def places(self) -> Sequence[str]:
        """What it has of its own, beside what every system has, as paths in it."""
        folders = (f"{ROOT}/{name}" for name in ("work", "home", "run", "net"))
        return [*SYSTEM, *(f"/{name}" for name in OF_USR), *self.programs, *folders]

    def arguments(self, scratch: str, volumes: Mapping[Volume, int]) -> Iterator[str]:
        """Arguments of bubblewrap.

        Args:
            scratch: The sandbox's own directory, with the folders of `box.FOLDERS` and `net` in it.
            volumes: Folders that it was asked to have, and descriptors of them.
        """
        for folder in SYSTEM:
            yield from ("--ro-bind-try", folder, folder)
        for name in OF_USR:
            link = f"/{name}"
            if os.path.islink(link):  # noqa: PTH114
                yield from ("--symlink", os.readlink(link), link)  # noqa: PTH115
            else:
                yield from ("--ro-bind-try", link, link)
        yield from ("--ro-bind-try", f"{scratch}/passwd", "/etc/passwd")
        yield from ("--proc", "/proc", "--dev", "/dev")
        shared_memory = ("--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm")  # noqa: S108
        yield from ("--perms", "1777", *shared_memory)
        yield from ("--bind", f"{scratch}/tmp", "/tmp")  # noqa: S108 - of the box
        yield from ("--bind", f"{scratch}/tmp", "/var/tmp")  # noqa: S108 - of the box
        # Behind temporary folders: a program may be in the machine's. Without --dir,
        # bubblewrap makes what is above for its own user alone.
        for folder in sorted({str(above) for one in self.programs for above in Path(one).parents}):
            yield from ("--perms", "0755", "--dir", folder)
        for folder in self.programs:
            yield from ("--ro-bind", folder, folder)
        yield from ("--perms", "0755", "--dir", ROOT)
        for name in ("work", "home", "run"):
            yield from ("--bind", f"{scratch}/{name}", f"{ROOT}/{name}")
        yield from ("--ro-bind", f"{scratch}/net", NET)
        for volume, descriptor in volumes.items():
            for above in reversed(Path(volume.path).parents):
                yield from ("--perms", "0755", "--dir", str(above))
            how = "--bind-fd" if volume.writable else "--ro-bind-fd"
            yield from (how, str(descriptor), volume.path)
        yield from ("--remount-ro", "/", "--chdir", "/")


def look(places: Iterable[str]) -> View:
    """What boxes show on this machine.

    Args:
        places: The programs that run kernels, such as `/usr/lib/jvm/x/bin/java`.
    """
    wanted = [sys.prefix, sys.base_prefix, *_packages()]
    # Its `runtime` has the keys of the user's other kernels.
    wanted += [str(data_dir() / name) for name in ("code-interpreter", "kernels")]
    wanted += os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for program in map(Path, places):
        wanted.append(str(program.resolve().parent.parent))
        if (program.parent.parent / "pyvenv.cfg").is_file():
            wanted.append(str(program.parent.parent))
    private = _private()
    shown: list[str] = []
    for folder in sorted(
        {os.path.realpath(one) for one in wanted if one} | {*filter(None, wanted)}
    ):
        if (
            os.path.isdir(folder)  # noqa: PTH112
            and not any(_is_below(folder, seen) for seen in (*SYSTEM, *shown))
            and not any(_is_below(one, folder) for one in private)
        ):
            shown.append(folder)
    return View(tuple(shown))


def environment(around: Mapping[str, str], *, home: str, tmp: str, proxy: int) -> dict[str, str]:
    """The variables in a box, of those of the program around it: a short list.

    Args:
        around: The variables of that program.
        home: The home in the box.
        tmp: Its folder of temporary files.
        proxy: The port of its loopback that is the way out.
    """
    kept = {k: v for k, v in around.items() if k in _VARIABLES or k.startswith("LC_")}
    own = {"HOME": home, "TMPDIR": tmp, "JUPYTER_DATA_DIR": str(data_dir())}
    if path := around.get("PYTHONPATH"):
        own["PYTHONPATH"] = absolute_path(path)
    return {**kept, **own, **signposts.through(proxy)}


def absolute_path(path: str) -> str:
    """A search path whose entries are relative to nothing."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in path.split(os.pathsep))


def _packages() -> Iterator[str]:
    """Where our own Python finds what execd is made of: an editable install is anywhere."""
    for name in ("code_interpreter", "msgspec", *MODULES["local"]):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            yield str(Path(spec.origin).parent.parent)


def _private() -> Sequence[str]:
    """Folders that are not to be shown, nor one above them: homes, and what holds all in one."""
    homes = {Path(user.pw_dir) for user in pwd.getpwall()} | {Path.home()}
    # Of users without a home, those of the system among them.
    homes = {home for home in homes if home.is_dir() and home not in _NO_HOMES}
    inner = (
        home / name for home in homes for name in (".local/share", ".config", ".cache", ".ssh")
    )
    return [os.path.realpath(one) for one in (*homes, *inner)]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
