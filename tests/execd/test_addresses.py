"""Where kernels listen: ports that are given out in turn."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from code_interpreter.execd.code.addresses import Ports, new_connection


def some_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def test_kernels_that_start_at_once_get_other_ports(tmp_path: Path) -> None:
    ports = Ports(some_ports(10))
    first, second = (new_connection("ipc", tmp_path, ports) for _ in range(2))
    assert first.transport == "tcp"
    assert not {*first.ports.values()} & {*second.ports.values()}
    assert new_connection("ipc", tmp_path, ports).ports == first.ports  # in turn


def test_a_port_that_is_taken_is_left_out_and_too_few_are_an_error(tmp_path: Path) -> None:
    numbers = some_ports(6)
    ports = Ports(numbers)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", numbers[2]))
        assert numbers[2] not in new_connection("password", tmp_path, ports).ports.values()
        with socket.socket() as another:
            another.bind(("127.0.0.1", numbers[4]))
            with pytest.raises(OSError, match="fewer than 5 ports are free of the 6"):
                new_connection("ipc", tmp_path, ports)
