"""Servers for the tests of the public API: replayed ones, and the local runtime with real kernels."""

from collections.abc import Iterator

import pytest

from code_interpreter.local import LocalServer
from tests.support.replay import ReplayServer, replay_server


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    with replay_server() as server:
        yield server


@pytest.fixture(scope="session")
def local_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server
