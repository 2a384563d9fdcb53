"""Real servers: one for most tests, fresh ones for those that end it or set its environment."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.execd.server import Server

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share."""
    server = Server(tmp_path_factory.mktemp("work"))
    yield server
    server.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers that end with the test."""
    servers: list[Server] = []

    def start(*arguments: str, **options: Any) -> Server:
        servers.append(Server(tmp_path / f"work{len(servers)}", *arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty directory fit for execd's TMPDIR, which execd does not use where it is long.

    Its sockets lie there, and `tmp_path` grows by a character with the hundredth run of pytest.
    """
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def context(server: Server) -> Iterator[str]:
    """A context that the tests of one file share; nobody may leave it broken."""
    with server.context() as context_id:
        yield context_id
