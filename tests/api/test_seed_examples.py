"""The seed's examples: through the public API as a user of a cluster calls it, on real kernels.

The programs are those that the reference SDK runs too (tests/reference). It cannot close its
interpreters; here, what is opened is closed, and pytest takes a connection left open for an error.
"""

import asyncio

import pytest
from opensandbox import Sandbox, SandboxSync

from code_interpreter import CodeInterpreter, CodeInterpreterSync
from code_interpreter.local import LocalServer
from tests.execd.needs import need_kernel
from tests.seed import blocking, with_asyncio

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

IMAGE = "opensandbox/code-interpreter:latest"


@pytest.fixture(params=list(with_asyncio.EXAMPLES))
def example(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need_kernel("python" if name == "streaming" else name)
    return name


def test_an_example_runs_with_asyncio(local_server: LocalServer, example: str) -> None:
    async def main() -> None:
        sandbox = await Sandbox.create(IMAGE, connection_config=local_server.connection_config)
        async with sandbox:
            async with await CodeInterpreter.create(sandbox=sandbox) as interpreter:
                await with_asyncio.EXAMPLES[example](interpreter)
            await sandbox.kill()

    asyncio.run(main())


def test_an_example_runs_without_asyncio(local_server: LocalServer, example: str) -> None:
    config = local_server.connection_config_sync
    with SandboxSync.create(IMAGE, connection_config=config) as sandbox:
        with CodeInterpreterSync.create(sandbox=sandbox) as interpreter:
            blocking.EXAMPLES[example](interpreter)
        sandbox.kill()


def test_both_programs_have_the_same_examples() -> None:
    assert list(with_asyncio.EXAMPLES) == list(blocking.EXAMPLES)
