"""What `--print-config` prints is what starts the server, or reaches it."""

import json
import os
import subprocess
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.mcp.agents import COMMAND, agent, text_of

SECRET = "bait-4711"


def printed(client: str, *arguments: str, **env: str) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, "--print-config", client, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.startswith("It goes into .")
    assert SECRET not in done.stdout
    config: dict[str, Any] = json.loads(done.stdout)
    return config


@pytest.mark.kernels
@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "servers"),
    [("claude-code", "mcpServers"), ("cursor", "mcpServers"), ("vscode", "servers")],
)
def test_the_command_in_it_starts_the_server_with_the_arguments(client: str, servers: str) -> None:
    config = printed(client, "--isolation", "none")
    assert config.keys() == {servers}
    server = config[servers]["code-interpreter"]
    assert server.pop("type", "stdio") == "stdio"
    with agent(Client(StdioServerParameters(**server))) as one:
        assert "/sandbox" not in text_of(one.run("pwd", "bash"))


def test_a_cluster_is_told_with_the_name_of_the_key_alone() -> None:
    def server(client: str) -> Any:
        config = printed(client, "--domain", "d:80", OPEN_SANDBOX_API_KEY=SECRET)
        return config, (config.get("servers") or config["mcpServers"])["code-interpreter"]

    for client, reference in (
        ("claude-code", "${OPEN_SANDBOX_API_KEY}"),
        ("cursor", "${env:OPEN_SANDBOX_API_KEY}"),
        ("vscode", "${input:OPEN_SANDBOX_API_KEY}"),
    ):
        config, found = server(client)
        assert found["args"][-2:] == ["--domain", "d:80"]
        assert found["env"]["OPEN_SANDBOX_API_KEY"] == reference
        assert ("inputs" in config) == (client == "vscode")


def test_a_server_on_a_port_is_told_with_the_name_of_the_token_alone() -> None:
    url = "http://127.0.0.1:8000/mcp"

    def config(client: str) -> dict[str, Any]:
        return printed(client, "--http", "--port", "8000", CODE_INTERPRETER_MCP_TOKEN=SECRET)

    assert config("claude-code") == {
        "mcpServers": {
            "code-interpreter": {
                "type": "http",
                "url": url,
                "headers": {"Authorization": "Bearer ${CODE_INTERPRETER_MCP_TOKEN}"},
            }
        }
    }
    assert config("cursor") == {
        "mcpServers": {
            "code-interpreter": {
                "url": url,
                "headers": {"Authorization": "Bearer ${env:CODE_INTERPRETER_MCP_TOKEN}"},
            }
        }
    }
    assert config("vscode") == {
        "inputs": [
            {
                "type": "promptString",
                "id": "CODE_INTERPRETER_MCP_TOKEN",
                "description": "CODE_INTERPRETER_MCP_TOKEN",
                "password": True,
            }
        ],
        "servers": {
            "code-interpreter": {
                "type": "http",
                "url": url,
                "headers": {"Authorization": "Bearer ${input:CODE_INTERPRETER_MCP_TOKEN}"},
            }
        },
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--print-config", "cursor", "--http", "--port", "0"], "a configuration needs a --port"),
        (["--domain", "d:80", "--network", "none"], "--isolation and --network are of this"),
        (["--sandbox", "x", "--isolation", "none"], "--isolation and --network are of this"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"code-interpreter: {words}")
