"""What clients have to be told of the server, each in its own form. Pure.

What must stay true: no secret is in it, but the name of the variable that has one, or a question
for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = "code-interpreter"
# What the server reads of its environment, which a client of a desktop may not pass on.
_VARIABLES: Final = (
    *("JUPYTER_DATA_DIR", "CODE_INTERPRETER_ISOLATION", "CODE_INTERPRETER_IDLE_KERNELS"),
    *("PYTHON_VERSION", "NODE_VERSION", "JAVA_VERSION", "GO_VERSION", "JAVA_HOME"),
    "OPEN_SANDBOX_DOMAIN",
)


@dataclass(frozen=True, slots=True)
class Form:
    """How one client writes it.

    Attributes:
        file: Where it goes.
        servers: The name of the object of servers.
        secret: What stands for the value of a variable.
        asks: Whether the client asks for secrets, and has to know which.
        has_types: Whether a server says how it is reached.
    """

    file: str
    servers: str
    secret: Callable[[str], str]
    asks: bool = False
    has_types: bool = True


FORMS: Final[Mapping[str, Form]] = {
    "claude-code": Form(".mcp.json of a project", "mcpServers", "${{{}}}".format),
    "cursor": Form(
        ".cursor/mcp.json of a project, or of your home",
        "mcpServers",
        "${{env:{}}}".format,
        has_types=False,
    ),
    "vscode": Form(
        ".vscode/mcp.json of a project, or `MCP: Open User Configuration`",
        "servers",
        "${{input:{}}}".format,
        asks=True,
    ),
}


def started_by_client(
    form: Form,
    command: Sequence[str],
    environment: Mapping[str, str],
    secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the configuration of a server that the client starts.

    Args:
        form: Of the client.
        command: What starts the server.
        environment: Of this process; what the server reads of it is kept.
        secrets: Names of the variables that hold secrets.
    """
    kept = {name: environment[name] for name in _VARIABLES if name in environment}
    kept |= {name: form.secret(name) for name in secrets}
    server = {
        "command": command[0],
        "args": [*command[1:]],
        **({"env": kept} if kept else {}),
    }
    return _whole(form, "stdio", server, secrets)


def on_a_port(form: Form, url: str, secret: str) -> dict[str, Any]:
    """Return the configuration of a server that runs already.

    Args:
        form: Of the client.
        url: Where it is.
        secret: The name of the variable that holds its token.
    """
    headers = {"Authorization": f"Bearer {form.secret(secret)}"}
    return _whole(form, "http", {"url": url, "headers": headers}, [secret])


def _whole(
    form: Form, kind: str, server: Mapping[str, Any], secrets: Sequence[str]
) -> dict[str, Any]:
    inputs = [
        {"type": "promptString", "id": name, "description": name, "password": True}
        for name in secrets
    ]
    return {
        **({"inputs": inputs} if inputs and form.asks else {}),
        form.servers: {_NAME: {**({"type": kind} if form.has_types else {}), **server}},
    }
