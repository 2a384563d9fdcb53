"""The commands that run until a signal: `serve` and `execd`.

What must stay true: each line for the shell is one `export` and nothing else, and nothing else that
is printed looks like one.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from code_interpreter.execd.http.gate import (
    API_KEY_VARIABLE,
    TOKEN_HEADER,
    TOKEN_VARIABLE,
    authority,
    bind,
    is_loopback,
)
from code_interpreter.local import LocalServer
from code_interpreter.local.box.box import Box, IsolationUnavailableError
from code_interpreter.local.box.tiers import box_for, chosen
from code_interpreter.local.box.volumes import Volume
from code_interpreter.local.guard.spawn import (
    Guarded,
    launch,
    ready_port,
)
from code_interpreter.local.lifecycle.limits import Confinement, Limits, confinement
from code_interpreter.local.lifecycle.system import look
from code_interpreter.local.network.choice import described, read_network
from code_interpreter.local.network.control import set_policy
from code_interpreter.local.network.policy import Policy

_CANNOT_START = 1
_ISOLATED = "Each sandbox is in a box of its own ({}), {}."
_NETWORKS = {
    "none": "without a network",
    "public": "and reaches what is public, unless it asks for something else",
}
_UNISOLATED = "Warning: code in its sandboxes runs as you, on this machine, without isolation."


def serve(arguments: argparse.Namespace) -> int:
    """Run a sandbox server until SIGINT or SIGTERM."""
    host: str = arguments.host
    if not _may_listen(arguments):
        return _refuse_exposure(host)
    api_key: str | None = arguments.api_key or os.environ.get(API_KEY_VARIABLE)
    try:
        isolation = chosen(arguments.isolation)
    except ValueError as error:
        return _refuse(str(error))
    stop = threading.Event()
    _on_stop(stop.set)
    try:
        server = LocalServer(
            host=host,
            port=arguments.port,
            api_key=api_key,
            allow_remote=arguments.allow_remote,
            limits=arguments.limits,
            isolation=isolation,
            network=arguments.network,
            allow_volumes=arguments.allow_volume,
        )
    except ValueError as error:
        return _refuse(str(error))
    try:
        server.start()
    except IsolationUnavailableError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot listen on {authority(host, arguments.port)}: {error}")
    try:
        network = _NETWORKS[arguments.network or "public"]
        tier = server.isolation
        said = _UNISOLATED if tier == "none" else _ISOLATED.format(tier, network)
        told = [f"Sandbox server on http://{server.address}", said, *_exposure(host)]
        if arguments.export:
            sys.stderr.write("".join(f"{line}\n" for line in told))
        else:
            _say(*told, "Clients find it by these two lines:")
        _say(
            f"export OPEN_SANDBOX_DOMAIN={server.address}",
            f"export {API_KEY_VARIABLE}={server.api_key}",
        )
        stop.wait()
    finally:
        server.stop()
    return 0


def execd(arguments: argparse.Namespace) -> int:
    """Run one bare execd, under a guard, until SIGINT or SIGTERM."""
    host: str = arguments.host
    if not _may_listen(arguments):
        return _refuse_exposure(host)
    workdir = Path(arguments.workdir).resolve() if arguments.workdir else None
    if workdir is not None and not workdir.is_dir():
        return _refuse(f"not a folder: {workdir}")
    try:
        box = box_for(chosen(arguments.isolation))
        outside = read_network(arguments.network, isolated=box is not None)
        mine = [Volume(str(workdir), str(workdir), writable=True)] if workdir else []
        volumes = box.resolve(mine, [mount.source for mount in mine]) if box else ()
        # For a clear error; execd binds the address itself.
        bind(host, arguments.port).close()
    except (ValueError, IsolationUnavailableError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot listen on {authority(host, arguments.port)}: {error}")
    sandbox_id = str(uuid.uuid4())
    confined = _confined(box, sandbox_id)
    guarded = launch(
        sandbox_id=sandbox_id,
        env={},
        host=host,
        port=arguments.port,
        workdir=str(workdir) if workdir else None,
        token=arguments.token or os.environ.get(TOKEN_VARIABLE),
        limits=confined.arguments,
        arguments=confined.own_arguments,
        box=box,
        volumes=volumes,
    )
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        guarded.hang_up()

    _on_stop(stop)
    if box is None:
        _follow(guarded, host, _UNISOLATED)
    else:
        isolated = f"Code in it is in a box ({box.tier}), {described(outside.policy)}"
        said = "; ".join((isolated, *box.gaps, *confined.notes))
        _follow(guarded, host, said, outside.policy)
    code = guarded.finish()
    if stopped.is_set():
        return 0
    return _refuse(f"execd ended by itself, with status {code}")


def _confined(box: Box | None, sandbox_id: str) -> Confinement:
    if box is None:
        return Confinement()
    return confinement(
        Limits(),
        look(),
        name=f"ci-{sandbox_id}",
        taken={},
        boxed=True,
        counts_its_own=box.own_users,
    )


def _follow(guarded: Guarded, host: str, said: str, policy: Policy | None = None) -> None:
    """Print where execd listens, and pass on its lines, until all of its processes are gone."""
    with guarded.process.stdout or contextlib.nullcontext(()) as lines:
        for line in lines:
            port = ready_port(line)
            if port is None:
                sys.stderr.buffer.write(line)
                sys.stderr.flush()
                continue
            if policy is not None:
                asyncio.run(set_policy(guarded.scratch, policy))
            _say(
                f"execd on http://{authority(host, port)}",
                said,
                *_exposure(host),
                "Every request needs this header:",
                f"{TOKEN_HEADER}: {guarded.token}",
            )


def _on_stop(act: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: act())


def _may_listen(arguments: argparse.Namespace) -> bool:
    return arguments.allow_remote or is_loopback(arguments.host)


def _refuse_exposure(host: str) -> int:
    return _refuse(
        f"other machines may reach {host}, and everyone who has the secret can run code as you: "
        "say --allow-remote if you want that"
    )


def _exposure(host: str) -> list[str]:
    if is_loopback(host):
        return []
    danger = f"Warning: {host} is not loopback: everyone who has the secret can run code as you."
    return [danger]


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _refuse(message: str) -> int:
    sys.stderr.write(f"code-interpreter: {message}\n")
    return _CANNOT_START
