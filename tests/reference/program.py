"""Run by the reference SDK's environment, against the address in the environment variables.

It imports nothing of this project: what it proves is that the server speaks the real protocol.
"""

import asyncio
import importlib.metadata
from collections.abc import Awaitable

from opensandbox import Sandbox, SandboxSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import ExecutionHandlers, ExecutionInit, OutputMessage

from code_interpreter import CodeInterpreter, CodeInterpreterSync, SupportedLanguage

PYTHON = SupportedLanguage.PYTHON


async def status_of(call: Awaitable[object]) -> int | None:
    try:
        await call
    except SandboxApiException as error:
        return error.status_code
    return None


async def with_asyncio() -> None:
    sandbox = await Sandbox.create("opensandbox/code-interpreter:latest")
    async with sandbox:
        interpreter = await CodeInterpreter.create(sandbox=sandbox)
        assert await interpreter.is_healthy()
        codes = interpreter.codes
        context = await codes.create_context(PYTHON)
        assert context.id is not None
        execution = await codes.run("print('out')\nresult = 2 + 2\nresult", context=context)
        assert execution.logs.stdout[0].text == "out\n"
        assert execution.result[0].text == "4"
        assert execution.complete is not None

        assert context.id in [c.id for c in await codes.list_contexts(PYTHON)]
        assert (await codes.get_context(context.id)).language == PYTHON

        ids: list[str] = []
        going = asyncio.Event()

        async def on_init(init: ExecutionInit) -> None:
            ids.append(init.id)

        async def on_stdout(_: OutputMessage) -> None:
            going.set()

        run = asyncio.create_task(
            codes.run(
                "kept = 1\nprint('going')\nimport time\ntime.sleep(60)",
                context=context,
                handlers=ExecutionHandlers(on_init=on_init, on_stdout=on_stdout),
            )
        )
        await asyncio.wait_for(going.wait(), 30)
        await codes.interrupt(ids[0])
        interrupted = await asyncio.wait_for(run, 30)
        assert interrupted.error is not None
        assert interrupted.error.name == "KeyboardInterrupt"
        assert (await codes.run("kept", context=context)).result[0].text == "1"

        failed = await codes.run("1/0", context=context)
        assert failed.error is not None
        assert failed.error.name == "ZeroDivisionError"

        await codes.delete_context(context.id)
        assert await status_of(codes.get_context(context.id)) == 404
        await codes.run("x = 1", language=PYTHON)
        await codes.delete_contexts(PYTHON)
        assert await codes.list_contexts(PYTHON) == []
        await sandbox.kill()


def without() -> None:
    sandbox = SandboxSync.create("opensandbox/code-interpreter:latest")
    with sandbox:
        interpreter = CodeInterpreterSync.create(sandbox=sandbox)
        assert interpreter.codes.run("x = 42", language=PYTHON).error is None
        assert interpreter.codes.run("result = x\nresult", language=PYTHON).result[0].text == "42"
        sandbox.kill()


if __name__ == "__main__":
    assert importlib.metadata.version("opensandbox-code-interpreter") == "1.1.1"
    asyncio.run(with_asyncio())
    without()
    print("the reference SDK is content")
