"""What is left of contexts that are gone: nothing.

CODE_INTERPRETER_LEAK_CONTEXTS=200 makes it a longer test.
"""

import os
from collections import Counter

import psutil
import pytest

from tests.execd.conftest import StartServer
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

_CONTEXTS = int(os.environ.get("CODE_INTERPRETER_LEAK_CONTEXTS", "30"))
_WARM_UP = 5
_MEGABYTES = 2.0  # 0.9 after 200 contexts; to keep what each prints would take 0.1 for each


def use_contexts(server: Server, count: int) -> None:
    for _ in range(count):
        with server.context() as context_id:
            assert server.run("print('x' * 100_000)\n1 + 1", context_id).ok


def is_connected(kernel: psutil.Process) -> bool:
    """Whether execd has connected to all that it talks to a kernel by: shell, iopub, control."""
    listening = Counter(c.laddr for c in kernel.net_connections("unix") if "execd-" in c.laddr)
    return sum(count > 1 for count in listening.values()) == 3


def test_contexts_one_after_another_leave_descriptors_threads_and_memory_flat(
    start: StartServer,
) -> None:
    server = start()
    execd = psutil.Process(server.process.pid)

    def only_an_idle_kernel() -> bool:
        children = execd.children(recursive=True)
        return len(children) == 1 and is_connected(children[0])

    use_contexts(server, _WARM_UP)
    wait_until(only_an_idle_kernel)
    descriptors = execd.num_fds()
    threads = execd.num_threads()
    memory = execd.memory_info().rss

    use_contexts(server, _CONTEXTS)
    wait_until(only_an_idle_kernel)
    wait_until(lambda: execd.num_fds() <= descriptors)
    wait_until(lambda: execd.num_threads() <= threads)
    assert execd.memory_info().rss - memory < _MEGABYTES * 1e6
