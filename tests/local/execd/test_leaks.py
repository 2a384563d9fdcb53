"""What is left of contexts that are gone: nothing.

CODE_INTERPRETER_LEAK_CONTEXTS=200 makes it a longer test.
"""

import os

import psutil

from tests.local.execd.conftest import StartServer
from tests.local.execd.server import Server, wait_until

_CONTEXTS = int(os.environ.get("CODE_INTERPRETER_LEAK_CONTEXTS", "30"))
_WARM_UP = 5
# The idle kernel may be about to start when counting begins: then it adds 12 and 2.
_OF_AN_IDLE_KERNEL = 15
_MEGABYTES = 2.0  # 0.9 after 200 contexts; to keep what each prints would take 0.1 for each


def use_contexts(server: Server, count: int) -> None:
    for _ in range(count):
        with server.context() as context_id:
            assert server.run("print('x' * 100_000)\n1 + 1", context_id).ok


def test_contexts_one_after_another_leave_descriptors_threads_and_memory_flat(
    start: StartServer,
) -> None:
    server = start()
    execd = psutil.Process(server.process.pid)

    def children() -> int:
        return len(execd.children(recursive=True))

    use_contexts(server, _WARM_UP)
    wait_until(lambda: children() == 1)  # the idle kernel
    descriptors = execd.num_fds()
    threads = execd.num_threads()
    memory = execd.memory_info().rss

    use_contexts(server, _CONTEXTS)
    wait_until(lambda: children() == 1)
    wait_until(lambda: execd.num_fds() <= descriptors + _OF_AN_IDLE_KERNEL)
    wait_until(lambda: execd.num_threads() <= threads + _OF_AN_IDLE_KERNEL)
    assert execd.memory_info().rss - memory < _MEGABYTES * 1e6
