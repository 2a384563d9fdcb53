"""What several tests of the generated client share."""

import socket
from typing import Any, NoReturn

import pytest

pytest.register_assert_rewrite("tests.execd_client.replay")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a name nor a connection can be had."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("this test has no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
