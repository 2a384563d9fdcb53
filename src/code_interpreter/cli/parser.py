"""The arguments of `code-interpreter`; finds the command that they name.

What must stay true: `--version` and `--help` work without any extra, and a command whose extra is
missing says how to install it.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from code_interpreter._version import __version__
from code_interpreter.kernels.extras import require

_LIFECYCLE_PORT = 8080
_EXECD_PORT = 44772
_MCP_PORT = 8765
_MISSING_EXTRA = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments, without the program's name; those of this process by default.

    Returns:
        The exit status: 0 after a clean end, 1 when a server cannot start or a kernel cannot be
        installed, 2 when an argument is wrong (most by SystemExit) or an extra is missing.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.run == "doctor" and arguments.sandbox is not None:
        arguments.module, arguments.extra = "terminal.sandbox_doctor", None
    elif arguments.module == "terminal.run_code" and (arguments.domain or arguments.sandbox):
        arguments.extra = None
    elif arguments.run == "doctor" and arguments.domain is not None:
        parser.error("--domain is the server of a sandbox: name the sandbox, too, by --sandbox")
    try:
        if arguments.extra is not None:
            require(arguments.extra)
    except ImportError as error:
        print(f"code-interpreter: {error}", file=sys.stderr)  # noqa: T201
        return _MISSING_EXTRA
    # Found by name, so that nothing of it is imported before it is needed.
    module = importlib.import_module(f"code_interpreter.{arguments.module}")
    status: int = getattr(module, arguments.run)(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="code-interpreter",
        description="Code interpreter sandboxes on this machine.",
        epilog="CODE_INTERPRETER_IDLE_KERNELS in the environment says how many idle Python kernels "
        "a sandbox keeps for new contexts, at about 51 MB each; default: 1.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser(
        "serve",
        help="run a sandbox server that opensandbox clients can use",
        description="Run a sandbox server: make sandboxes with Sandbox.create(...).",
    )
    serve.set_defaults(extra="local", module="cli.servers", run="serve")
    _add_address(serve, _LIFECYCLE_PORT)
    serve.add_argument(
        "--api-key",
        help="what clients must send; default: OPEN_SANDBOX_API_KEY if set, else a new one",
    )

    serve.add_argument(
        "--export",
        action="store_true",
        help="print nothing to standard output but the two lines that a shell's `eval` takes",
    )
    _add_isolation(serve)
    serve.add_argument(
        "--network",
        choices=("public", "none"),
        help="what sandboxes in a box may reach: what is public and nothing private, unless their "
        "networkPolicy says otherwise (the default); or nothing, whatever it says",
    )
    serve.add_argument(
        "--allow-volume",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that the volumes of a sandbox in a box may name, with all that is in it; "
        "may be given several times",
    )
    serve.add_argument(
        "--no-limits",
        action="store_false",
        dest="limits",
        help="let sandboxes use all of the machine, whatever resource they are created with",
    )

    execd = commands.add_parser(
        "execd",
        help="run one bare sandbox, without the API that makes and ends sandboxes",
        description="Run one bare sandbox; it ends with this command.",
    )
    execd.set_defaults(extra="local", module="cli.servers", run="execd")
    _add_address(execd, _EXECD_PORT)
    _add_isolation(execd)
    execd.add_argument(
        "--network",
        choices=("public", "none"),
        help="what code in a box may reach: what is public and nothing private (the default), or "
        "nothing",
    )
    execd.add_argument(
        "--workdir",
        help="an existing folder to work in, which stays, and is in a box at its own path; "
        "default: a new one, removed at the end",
    )
    execd.add_argument(
        "--token", help="what clients must send; default: EXECD_ACCESS_TOKEN if set, else a new one"
    )

    _add_run(
        commands.add_parser(
            "run",
            help="run code in a sandbox: of a file, of standard input, or given with -c",
            description="Run code in a new sandbox, and show its output as it comes. Exits with 0; "
            "with the status that the code ends itself with; with 1 when it fails, 124 when it "
            "takes longer than --timeout, and 130 when it is interrupted. Ctrl-C interrupts the "
            "code, a second one leaves.",
        )
    )

    _add_mcp(
        commands.add_parser(
            "mcp",
            help="run a server of the Model Context Protocol, for agents",
            description="Run a server of the Model Context Protocol, on the standard streams, or "
            "over --http. Each connection has a sandbox of its own, which starts with the first "
            "call that needs it.",
        )
    )

    kernels = commands.add_parser(
        "kernels",
        help="list and install the Jupyter kernels that run the languages",
        description="The Jupyter kernels of this machine, which run the languages of a sandbox.",
    )
    _add_actions(kernels)

    doctor = commands.add_parser(
        "doctor",
        help="say what this machine, or a sandbox, has to run code",
        description="Say what this machine has for sandboxes: isolation, limits, kernels. Exits "
        "with 1 when a sandbox would not start, or could run no Python. With --sandbox, say what "
        "one has to run code; exits with 1 when our runtime cannot be had there.",
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--sandbox", metavar="ID", help="a sandbox that exists")
    doctor.add_argument(
        "--domain",
        help="the server of that sandbox; default: OPEN_SANDBOX_DOMAIN. Its key is in "
        "OPEN_SANDBOX_API_KEY",
    )
    doctor.set_defaults(extra="local", module="cli.doctor", run="doctor")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(extra="local", module="terminal.run_code", run="run")
    parser.add_argument("file", nargs="?", metavar="FILE", help="what to run; - for standard input")
    parser.add_argument("-c", dest="code", metavar="CODE", help="run this; its value is shown, too")
    parser.add_argument(
        "-l",
        "--language",
        metavar="LANGUAGE",
        help="python, bash, javascript, typescript, java or go; default: by the ending of FILE or "
        "its first line, and Python for -c",
    )
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="stop the code after this time"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of the sandbox's environment; may be given several times",
    )
    parser.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="FOLDER[:/PATH[:rw]]",
        help="a folder of this machine that the code has, at its own path or at PATH, read-only "
        "unless it ends with :rw; may be given several times",
    )
    parser.add_argument(
        "--json", action="store_true", help="print all of the run as JSON, at its end"
    )
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="write pictures to files in this folder"
    )
    _add_isolation(parser)
    _add_place(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--network",
        choices=("public", "none"),
        help="what code in a box may reach: what is public and nothing private (the default), or "
        "nothing",
    )
    parser.add_argument(
        "--domain",
        help="run code on the cluster of this server, in a new sandbox; its key is "
        "OPEN_SANDBOX_API_KEY",
    )
    parser.add_argument(
        "--sandbox",
        metavar="ID",
        help="run code in this sandbox, which stays; its server is that of --domain, else "
        "OPEN_SANDBOX_DOMAIN",
    )
    parser.add_argument(
        "--image",
        help="what a new sandbox of a cluster is made of; default: "
        "opensandbox/code-interpreter:latest",
    )
    parser.add_argument(
        "--runtime",
        choices=("native", "bundled", "auto"),
        help="what runs code on a cluster: the daemon of the image (the default), ours, which is "
        "set up in a sandbox of any image that has Python, or ours where it can be had",
    )


def _add_mcp(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(extra="mcp", module="mcp.command", run="run")
    _add_isolation(parser)
    _add_place(parser)
    parser.add_argument(
        "--print-config",
        choices=("claude-code", "cursor", "vscode"),
        help="print the JSON that this client needs to start the server with the other arguments, "
        "or, with --http, to reach it; nothing is started",
    )

    parser.add_argument(
        "--http",
        action="store_true",
        help="listen on 127.0.0.1 (streamable HTTP), for any number of clients",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=_MCP_PORT,
        help="port to listen on; 0: a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        help="what clients must send over HTTP; default: CODE_INTERPRETER_MCP_TOKEN if set, else a "
        "new one",
    )
    parser.add_argument(
        "--idle-timeout",
        type=_seconds,
        default=1800.0,
        metavar="SECONDS",
        help="end a session over HTTP after this time without a request (default: %(default)g)",
    )


def _add_actions(kernels: argparse.ArgumentParser) -> None:
    actions = kernels.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser(
        "list",
        help="list the kernels that are installed",
        description="List the kernels that are installed, and how to install those that are not.",
    )
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(extra="runtime", module="cli.kernel_commands", run="show")

    install = actions.add_parser(
        "install",
        help="install the kernels of languages",
        description="Install what is missing, from the ordinary registries, into the user's "
        "Jupyter data directory. What is installed already stays.",
    )
    install.add_argument(
        "languages", nargs="+", metavar="LANGUAGE", help="a language, or `all` for all of them"
    )
    install.set_defaults(extra="runtime", module="cli.kernel_commands", run="install")


def _add_isolation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--isolation",
        choices=("auto", "namespaces", "landlock", "none"),
        help="what the box around a sandbox is made of, the strongest that there is, or no box; "
        "default: CODE_INTERPRETER_ISOLATION if set, else auto",
    )


def _add_address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow a --host that other machines can reach: everyone who has the secret, which "
        "travels unencrypted, can run code as you",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=port,
        help="port to listen on; 0: a free one (default: %(default)s)",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):  # noqa: PLR2004 - the highest
        raise argparse.ArgumentTypeError(f"{text!r} is no port: type a number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: type seconds, such as 30 or 0.5")
    return seconds
