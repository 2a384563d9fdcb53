"""Runs: their streams, their ends, interrupts, two at a time."""

import pytest
from execd_client.api.command import run_command
from execd_client.models import RunCommandRequest

import code_interpreter as ci
from code_interpreter import CodeContext, Outcome
from code_interpreter.events import Complete, Error, Init, Ping, Stdout
from tests.conformance.client import Client, Target, connected, stdout
from tests.conformance.conftest import Kernels
from tests.conformance.languages import PYTHON

pytestmark = [pytest.mark.anyio, pytest.mark.kernels]

UNTIL_THERE = """
import os, time
print('going', flush=True)
while not os.path.exists('{path}'):
    time.sleep(0.02)
print('done')
"""


@pytest.fixture
def kernel(kernels: Kernels) -> CodeContext:
    return kernels(PYTHON)


async def touch(client: Client, path: str) -> None:
    await client.raw.items(run_command, body=RunCommandRequest(command=f": > {path}"))


async def test_a_good_run_is_named_first_and_completed_once(
    client: Client, kernel: CodeContext
) -> None:
    events = await client.events("print('a')\nprint('b')", context=kernel)
    told = [event for event in events if not isinstance(event, Ping)]
    assert isinstance(told[0], Init)
    assert told[0].id
    assert sum(isinstance(event, Init) for event in told) == 1
    assert sum(isinstance(event, Complete) for event in told) == 1
    assert not any(isinstance(event, Error) for event in told)
    texts = [event.text for event in told if isinstance(event, Stdout)]
    assert "".join(text or "" for text in texts) == "a\nb\n"


async def test_a_failed_run_has_one_error(client: Client, kernel: CodeContext) -> None:
    events = await client.events("print('before')\n1 / 0", context=kernel)
    (error,) = [event.error for event in events if isinstance(event, Error)]
    assert error is not None
    assert (error.ename, error.evalue) == ("ZeroDivisionError", "division by zero")
    assert error.traceback
    assert "".join(event.text or "" for event in events if isinstance(event, Stdout)) == "before\n"


async def test_output_arrives_while_the_code_runs(
    client: Client, kernel: CodeContext, folder: str
) -> None:
    running = client.start(UNTIL_THERE.format(path=folder), context=kernel)
    await running.prints("going\n")
    assert running.going
    await touch(client, folder)
    assert stdout(await running.ends()) == "going\ndone\n"


async def test_code_that_prints_nothing_has_an_end_too(client: Client, kernel: CodeContext) -> None:
    execution = await client.run("pass", context=kernel)
    assert (execution.outputs, execution.outcome) == ([], Outcome.OK)


async def test_a_value_has_all_its_forms(client: Client, kernel: CodeContext) -> None:
    execution = await client.run(
        "from IPython.display import HTML\nHTML('<b>bold</b>')", context=kernel
    )
    assert execution.main_result is not None
    assert execution.main_result.html == "<b>bold</b>"
    assert "HTML" in (execution.main_result.text or "")


async def test_a_line_of_half_a_megabyte_arrives(client: Client, kernel: CodeContext) -> None:
    execution = await client.run("print('x' * 500_000)", context=kernel)
    assert stdout(execution) == "x" * 500_000 + "\n"


async def test_cells_are_counted(client: Client, kernel: CodeContext) -> None:
    first = (await client.run("1", context=kernel)).execution_count
    second = (await client.run("2", context=kernel)).execution_count
    assert first is not None
    assert second == first + 1


async def test_an_interrupted_run_leaves_its_state(client: Client, kernel: CodeContext) -> None:
    running = client.start(
        "left = 3\nprint('going', flush=True)\nimport time\nwhile True:\n    time.sleep(0.1)",
        context=kernel,
    )
    await running.prints("going\n")
    await client.codes.interrupt(running.id)
    execution = await running.ends()
    assert execution.outcome is Outcome.INTERRUPTED
    assert stdout(await client.run("print(left)", context=kernel)) == "3\n"


async def test_a_run_past_its_timeout_is_stopped_and_leaves_its_state(
    client: Client, kernel: CodeContext
) -> None:
    await client.run("pass", context=kernel)  # its start is not what is limited here
    code = "late = 4\nprint('going', flush=True)\nimport time\nwhile True:\n    time.sleep(0.1)"
    with pytest.raises(ci.ExecutionTimeoutError) as caught:
        await client.codes.run(code, context=kernel, timeout=3)
    assert caught.value.context_usable
    assert caught.value.execution is not None
    assert stdout(caught.value.execution) == "going\n"
    assert stdout(await client.run("print(late)", context=kernel)) == "4\n"


async def test_one_context_runs_one_cell_at_a_time(
    client: Client, kernel: CodeContext, target: Target, folder: str
) -> None:
    running = client.start(UNTIL_THERE.format(path=folder), context=kernel)
    await running.prints("going\n")
    async with connected(client.kind, target) as somebody_else:
        with pytest.raises(ci.ContextBusyError):
            await somebody_else.run("1", context=kernel)
    await touch(client, folder)
    assert stdout(await running.ends()) == "going\ndone\n"
    assert (await client.run("1", context=kernel)).outcome is Outcome.OK


async def test_two_contexts_run_at_once(client: Client, kernel: CodeContext, folder: str) -> None:
    other = await client.codes.create_context(PYTHON.name)
    assert other.id is not None
    running = client.start(UNTIL_THERE.format(path=folder), context=kernel)
    await running.prints("going\n")
    await client.run(f"open('{folder}', 'w').close()", context=other)
    assert stdout(await running.ends()) == "going\ndone\n"
    await client.codes.delete_context(other.id)
