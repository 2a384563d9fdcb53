"""The process: one per sandbox.

What must stay true:

- stdout carries one line, the port, and nothing else, ever.
- Secrets leave the environment before anything is started.
- When it is told to end, or its parent closes stdin, everything that runs in the sandbox is
  killed first, and the process is gone within a second.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from code_interpreter.execd.app import Execd, guarded
from code_interpreter.execd.code.available import Languages
from code_interpreter.execd.code.contexts import Contexts
from code_interpreter.execd.code.kernel import Kernels
from code_interpreter.execd.code.pool import Pool
from code_interpreter.execd.commands.commands import Commands
from code_interpreter.execd.commands.sessions import Sessions
from code_interpreter.execd.commands.variables import VARIABLE
from code_interpreter.execd.files.files import Files
from code_interpreter.execd.host.doorkeeper import Doorkeeper
from code_interpreter.execd.host.enclosure import become, enclose
from code_interpreter.execd.host.processes import MARKER_VARIABLE, kill_tree
from code_interpreter.execd.host.programs import Programs
from code_interpreter.execd.http.gate import (
    API_KEY_VARIABLE,
    TOKEN_VARIABLE,
    bind,
    uvicorn_server,
)
from code_interpreter.execd.metrics import Meter, Watches

IDLE_KERNELS_VARIABLE = "CODE_INTERPRETER_IDLE_KERNELS"

_SECRETS = (TOKEN_VARIABLE, API_KEY_VARIABLE)
# What commands of clients look at, and user code has no use for.
_OF_COMMANDS = {VARIABLE, "JUPYTER_PORT", IDLE_KERNELS_VARIABLE}
_ANSWERS_PATIENCE = 0.4  # for the last events of runs that were killed to reach their clients
_LONGEST_DIRECTORY = 80  # of the 103 bytes that a socket's path may have on macOS


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the execd API until told to end.

    Args:
        argv: Arguments without the program's name; the process's own by default.

    Returns:
        The exit status.
    """
    arguments = _parse(argv)
    token = os.environ.get(TOKEN_VARIABLE, "")
    for name in _SECRETS:
        os.environ.pop(name, None)
    if not token:
        sys.stderr.write(f"execd: {TOKEN_VARIABLE} must hold the access token\n")
        return 2
    try:
        if arguments.processes is not None:
            resource.setrlimit(resource.RLIMIT_NPROC, (arguments.processes,) * 2)
        if arguments.enclosure is not None:
            enclose(arguments.enclosure, arguments.become)
        elif arguments.become is not None:
            become(arguments.become)
        workdir = arguments.workdir.resolve()
        workdir.mkdir(parents=True, exist_ok=True)
        asyncio.run(_serve(arguments, token, workdir))
    except OSError as error:
        sys.stderr.write(f"execd: {error}\n")
        return 1
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="execd",
        description="Serve the execd API. The access token comes from "
        f"the environment variable {TOKEN_VARIABLE}.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=44772, help="0 chooses a free one")
    parser.add_argument(
        "--socket",
        type=_count,
        metavar="FD",
        help="serve this inherited socket too: in a box, HOST and PORT are the box's own",
    )
    parser.add_argument(
        "--doors",
        metavar="'PROGRAM WAY_OUT PORT FD'",
        help="ways out of a box and to its other ports: `Doorkeeper` says what these are",
    )
    parser.add_argument(
        "--become", type=_count, metavar="UID", help="the user that all of it runs as (needs root)"
    )
    parser.add_argument(
        "--enclosure",
        type=_count,
        metavar="FD",
        help="enclose all of it as this inherited file says",
    )
    parser.add_argument(
        "--ports",
        type=_range,
        metavar="FIRST-LAST",
        help="where kernels listen, all on loopback; by default on sockets of the file system,"
        " where they can",
    )
    parser.add_argument(
        "--processes",
        type=_count,
        metavar="N",
        help="how many processes and threads its user may have (RLIMIT_NPROC)",
    )
    parser.add_argument(
        "--workdir", type=Path, default=Path(), help="where code and commands start"
    )
    parser.add_argument("--scratch", help="where its own files go; default: with temporary files")
    parser.add_argument(
        "--idle-kernels",
        type=_count,
        default=os.environ.get(IDLE_KERNELS_VARIABLE) or "1",
        metavar="N",
        help="how many Python kernels to keep ready, about 51 MB each; 0 for none "
        f"(default: {IDLE_KERNELS_VARIABLE}, else 1)",
    )
    parser.add_argument("--exit-on-stdin-eof", action="store_true", help="end when stdin is closed")
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        # The value may come from the variable.
        raise argparse.ArgumentTypeError(f"{text!r} is no number ({IDLE_KERNELS_VARIABLE})")
    return int(text)


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last) + 1)


async def _serve(arguments: argparse.Namespace, token: str, workdir: Path) -> None:
    stop = asyncio.Event()
    marker = os.environ.setdefault(MARKER_VARIABLE, uuid4().hex)
    directory = _private_directory(arguments.scratch or tempfile.gettempdir())
    try:
        with contextlib.ExitStack() as listening:
            listener = listening.enter_context(bind(arguments.host, arguments.port))
            port: int = listener.getsockname()[1]
            listeners = [listener]
            if arguments.socket is not None:
                listeners.append(listening.enter_context(socket.socket(fileno=arguments.socket)))
            if arguments.doors is not None:
                listening.enter_context(Doorkeeper.parse(arguments.doors))
            # Where the reference image's Jupyter server would be: its readiness check looks there.
            env = {VARIABLE: str(directory / "envs"), **os.environ, "JUPYTER_PORT": str(port)}
            env = _with_room(env, directory / "packages")
            of_kernels = {k: v for k, v in env.items() if k not in _OF_COMMANDS}
            programs = Programs(directory / "bin")
            languages = Languages(env, programs)
            kernels = Kernels(directory, of_kernels, programs, ports=arguments.ports)
            pool = Pool(kernels, languages, workdir, size=arguments.idle_kernels)
            pool.fill()
            contexts = Contexts(languages, pool, workdir)
            files = Files(workdir, held=[directory, Path(tempfile.gettempdir())])
            watches = Watches(Meter())
            of_commands = programs.ahead_of(env)
            commands = Commands(workdir, of_commands, languages.find_programs, logs=directory)
            sessions = Sessions(commands, of_commands, directory=directory)
            execd = Execd(contexts, commands, sessions, files, watches)
            server = uvicorn_server(guarded(execd.app, token=token, host=arguments.host))
            serving = asyncio.create_task(server.serve(sockets=listeners))
            # After uvicorn has set its own handlers, which would let open streams hold us up.
            await asyncio.sleep(0)
            _on_end(stop, stdin=arguments.exit_on_stdin_eof)
            print(json.dumps({"port": port}), flush=True)  # noqa: T201 - the contract
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            contexts.close()
            watches.close()
            kill_tree(marker=marker, root=os.getpid())
            server.should_exit = True
            await asyncio.wait({serving}, timeout=_ANSWERS_PATIENCE)
            server.force_exit = True
    finally:
        kill_tree(marker=marker, root=os.getpid())
        shutil.rmtree(directory, ignore_errors=True)


def _with_room(env: Mapping[str, str], packages: Path) -> dict[str, str]:
    """Return an environment whose Pythons find what clients install in a folder, which is made.

    The environment of the kernels may be someone else's, or not to be written.
    """
    packages.mkdir()
    added = {"PYTHONPATH": packages, "PATH": packages / "bin"}
    joined = {
        name: os.pathsep.join(filter(None, [env.get(name), str(folder)]))
        for name, folder in added.items()
    }
    return {**env, **joined, "CODE_INTERPRETER_PACKAGES": str(packages)}


def _on_end(stop: asyncio.Event, *, stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stdin:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _private_directory(usual: str) -> Path:
    """A new directory that only we may enter, its path short enough for sockets in it."""
    place = usual if len(os.fsencode(usual)) <= _LONGEST_DIRECTORY - 15 else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="execd-", dir=place))
