"""The API as a user types it. Never run: the type checkers read it, in CI."""

from datetime import timedelta

from opensandbox import Sandbox, SandboxSync
from opensandbox.models.execd import (
    Execution as ReferenceExecution,
)
from opensandbox.models.execd import (
    ExecutionHandlers,
    OutputMessage,
)
from opensandbox.models.execd_sync import ExecutionHandlersSync
from typing_extensions import assert_type

from code_interpreter import (
    CodeContext,
    CodeInterpreter,
    CodeInterpreterSync,
    Execution,
    ExecutionError,
    Outcome,
    Result,
    SupportedLanguage,
    Variable,
)
from code_interpreter.events import Event, Stdout
from code_interpreter.local import LocalServer


async def on_stdout(message: OutputMessage) -> None: ...


async def with_asyncio(sandbox: Sandbox) -> None:
    interpreter = await CodeInterpreter.create(sandbox)
    assert_type(interpreter, CodeInterpreter)
    context = await interpreter.codes.create_context(SupportedLanguage.PYTHON, cwd="/tmp")
    assert_type(context, CodeContext)
    assert_type(await interpreter.codes.list_contexts(), list[CodeContext])
    equipped = await interpreter.codes.create_context("go", env={"A": "b"})
    await interpreter.codes.run("1", context=equipped, env={"A": "b"})
    await interpreter.install("a", "b", on_progress=print, timeout=60, context=context)
    assert_type(await interpreter.codes.restart_context(context), CodeContext)
    assert_type(await interpreter.codes.variables(context, limit=10), list[Variable])
    handlers = ExecutionHandlers(on_stdout=on_stdout)
    execution = await interpreter.codes.run("1", context=context, handlers=handlers)
    assert_type(execution, Execution)
    assert_type(execution.result, list[Result])
    assert_type(execution.outputs, list[OutputMessage | Result])
    assert_type(execution.error, ExecutionError | None)
    assert_type(execution.outcome, Outcome | None)
    assert_type(execution.raise_for_error(), Execution)
    for part in execution.render(max_chars=1000, prefer=["text/plain"]):
        assert_type(part.text if part.type == "text" else part.data, str | bytes)
    assert_type(execution.main_result, Result | None)
    assert_type(execution.result[0].png, bytes | None)
    await interpreter.codes.run(
        "1", timeout=timedelta(seconds=1), idle_timeout=None, on_busy="raise", max_output=10**6
    )
    async with interpreter.codes.stream("1", timeout=2.5) as stream:
        async for event in stream:
            assert_type(event, Event)
            if isinstance(event, Stdout):
                assert_type(event.text, str | None)
        assert_type(stream.execution, Execution)
        await interpreter.codes.interrupt(stream.execution)
    as_before: ReferenceExecution = execution
    assert_type(as_before.text, str)
    async with CodeInterpreter.local(env={"A": "b"}) as local, LocalServer() as server:
        assert_type(local, CodeInterpreter)
        await Sandbox.create("image", connection_config=server.connection_config)
    kept = await CodeInterpreter.local()
    assert_type(kept, CodeInterpreter)
    await kept.aclose()
    async with await CodeInterpreter.connect("http://127.0.0.1:44772") as bare:
        assert_type(bare, CodeInterpreter)


def without(sandbox: SandboxSync) -> None:
    with CodeInterpreterSync.create(sandbox) as interpreter:
        assert_type(interpreter, CodeInterpreterSync)
        handlers = ExecutionHandlersSync(on_stdout=print)
        execution = interpreter.codes.run("1", language=SupportedLanguage.BASH, handlers=handlers)
        assert_type(execution, Execution)
        assert_type(interpreter.codes.run("1"), Execution)
        for event in interpreter.codes.stream("1"):
            assert_type(event, Event)
    with CodeInterpreterSync.local() as local, LocalServer() as server:
        assert_type(local, CodeInterpreterSync)
        SandboxSync.create("image", connection_config=server.connection_config_sync)
    assert_type(CodeInterpreterSync.local().start(), CodeInterpreterSync)
