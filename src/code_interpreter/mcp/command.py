"""The command `code-interpreter mcp`."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from typing import Final

from code_interpreter.execd.http.gate import authority, bind, uvicorn_server
from code_interpreter.local.box.box import IsolationUnavailableError
from code_interpreter.local.box.tiers import box_for, chosen
from code_interpreter.mcp.configs import FORMS, on_a_port, started_by_client
from code_interpreter.mcp.http import PATH, http_app
from code_interpreter.mcp.stdio import serve_stdio
from code_interpreter.places import DEFAULT_IMAGE, Place

TOKEN_VARIABLE: Final = "CODE_INTERPRETER_MCP_TOKEN"  # noqa: S105  # a name, not a secret
_KEY_VARIABLE: Final = "OPEN_SANDBOX_API_KEY"
_PASSED_ON: Final = ("isolation", "network", "domain", "sandbox", "image", "runtime")
_HOST: Final = "127.0.0.1"
_NO_CLIENT: Final = (
    "This is a server for programs that start it, clients of the Model Context Protocol: see"
    " --print-config. Ctrl-D ends it."
)
_CANNOT_START: Final = 1


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client is gone, or, over HTTP, until a signal; 1 if code could not run.

    With `--print-config`, say what a client needs to know instead.
    """
    is_here = arguments.domain is None and arguments.sandbox is None
    if not is_here and (arguments.isolation or arguments.network):
        return _refuse("--isolation and --network are of this machine; a cluster sees to it itself")
    if arguments.print_config:
        return _print_config(arguments, is_here=is_here)
    place = Place(
        domain=arguments.domain,
        sandbox_id=arguments.sandbox,
        image=arguments.image or DEFAULT_IMAGE,
        runtime=arguments.runtime or "native",
        isolation=arguments.isolation,
        network=arguments.network,
    )
    if place.is_here:
        # A sandbox starts with the first tool that needs it; that it can is known now.
        try:
            box_for(chosen(arguments.isolation))
        except (ValueError, IsolationUnavailableError) as error:
            return _refuse(str(error))
    if not arguments.http:
        if sys.stdin.isatty():
            sys.stderr.write(f"{_NO_CLIENT}\n")
        asyncio.run(serve_stdio(place))
        return 0
    try:
        listening = bind(_HOST, arguments.port)
    except OSError as error:
        return _refuse(f"cannot listen on {authority(_HOST, arguments.port)}: {error}")
    token = arguments.token or os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    return _serve_http(place, listening, token, arguments.idle_timeout)


def _serve_http(place: Place, listening: socket.socket, token: str, idle: float) -> int:
    # uvicorn takes signals, ends everything in order, and passes them on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    server = uvicorn_server(http_app(place, host=_HOST, token=token, idle=idle))
    address = authority(_HOST, listening.getsockname()[1])
    sys.stdout.write(
        f"MCP server on http://{address}{PATH}\n"
        "Every request needs this header:\n"
        f"Authorization: Bearer {token}\n"
    )
    sys.stdout.flush()
    with listening:
        asyncio.run(server.serve(sockets=[listening]))
    return 0


def _print_config(arguments: argparse.Namespace, *, is_here: bool) -> int:
    form = FORMS[arguments.print_config]
    if arguments.http and not arguments.port:
        return _refuse("a configuration needs a --port")
    if arguments.http:
        config = on_a_port(form, f"http://{authority(_HOST, arguments.port)}{PATH}", TOKEN_VARIABLE)
    else:
        given = ((name, getattr(arguments, name)) for name in _PASSED_ON)
        options = [word for name, value in given if value for word in (f"--{name}", value)]
        # Clients of a desktop have another PATH than a shell.
        config = started_by_client(
            form,
            [sys.executable, "-m", "code_interpreter.cli", "mcp", *options],
            os.environ,
            [] if is_here else [_KEY_VARIABLE],
        )
    sys.stdout.write(f"{json.dumps(config, indent=2)}\n")
    sys.stderr.write(f"It goes into {form.file}.\n")
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(f"code-interpreter: {message}\n")
    return _CANNOT_START
