"""Whatever happens, a run ends with one outcome and all that had arrived; by every road alike."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.models.execd import ExecutionHandlers, OutputMessage
from opensandbox.models.execd_sync import ExecutionHandlersSync

import code_interpreter as ci
from code_interpreter._async.connection import Connection
from code_interpreter._sync.connection import Connection as SyncConnection
from code_interpreter._wire.target import BareTarget
from tests.faults import (
    BUSY,
    CASES,
    DONE,
    INIT,
    OUT,
    RUN_ID,
    Case,
    Faults,
    fault_server,
    hangs,
    obeys,
    plays,
)
from tests.support.replay import STREAMS

GRACE = 0.6

Road = Callable[..., ci.Execution]


def hurried(url: str) -> ci.CodeInterpreter:
    """An interpreter with a short grace."""
    target = BareTarget.parse(url, None, None)
    config = ConnectionConfig(protocol=target.protocol)
    return ci.CodeInterpreter(Connection(config, target.endpoint), grace=GRACE)


def hurried_sync(url: str) -> ci.CodeInterpreterSync:
    """The blocking one."""
    target = BareTarget.parse(url, None, None)
    config = ConnectionConfigSync(protocol=target.protocol)
    return ci.CodeInterpreterSync(SyncConnection(config, target.endpoint), grace=GRACE)


def by_run(url: str, **options: Any) -> ci.Execution:
    with hurried_sync(url) as interpreter:
        return interpreter.codes.run("1", **options)


def by_stream(url: str, **options: Any) -> ci.Execution:
    with (
        hurried_sync(url) as interpreter,
        interpreter.codes.stream("1", **options) as events,
    ):
        for _ in events:
            pass
        return events.execution


def by_async_run(url: str, **options: Any) -> ci.Execution:
    async def main() -> ci.Execution:
        async with hurried(url) as interpreter:
            return await interpreter.codes.run("1", **options)

    return asyncio.run(main())


def by_async_stream(url: str, **options: Any) -> ci.Execution:
    async def main() -> ci.Execution:
        async with (
            hurried(url) as interpreter,
            interpreter.codes.stream("1", **options) as events,
        ):
            async for _ in events:
                pass
            return events.execution

    return asyncio.run(main())


@pytest.fixture(params=[by_run, by_stream, by_async_run, by_async_stream])
def road(request: pytest.FixtureRequest) -> Road:
    chosen: Road = request.param
    return chosen


def play(case: Case, road: Road, faults: Faults) -> ci.Execution:
    if case.raises is None:
        return road(faults.url, **case.options)
    with pytest.raises(ci.CodeInterpreterError) as caught:
        road(faults.url, **case.options)
    assert type(caught.value) is case.raises or case.text is None
    assert caught.value.execution is not None
    return caught.value.execution


@pytest.mark.filterwarnings("ignore::code_interpreter.OutputLostWarning")
@pytest.mark.parametrize("name", CASES)
def test_a_fault_has_its_outcome(name: str, road: Road) -> None:
    case = CASES[name]
    with fault_server(case.script) as faults:
        execution = play(case, road, faults)
    assert execution.outcome is case.outcome
    assert execution.ok is (case.outcome is ci.Outcome.OK)
    assert case.text in {None, execution.text}
    assert faults.interrupts == [RUN_ID] * case.interrupts
    assert faults.deleted == [RUN_ID] * case.deletes


@pytest.mark.parametrize(
    ("name", "usable"), [("stopped by timeout", True), ("pings for ever", False)]
)
def test_a_run_out_of_time_says_whether_its_context_is_usable(
    name: str, road: Road, *, usable: bool
) -> None:
    case = CASES[name]
    with fault_server(case.script) as faults, pytest.raises(TimeoutError) as caught:
        road(faults.url, timeout=timedelta(milliseconds=200))
    assert isinstance(caught.value, ci.ExecutionTimeoutError)
    assert caught.value.context_usable is usable
    assert ("state of its context is gone" in str(caught.value)) is not usable


def test_a_context_that_is_named_is_interrupted_and_deleted_before_its_first_event(
    road: Road,
) -> None:
    context = ci.CodeContext(id="mine", language="python")
    with fault_server(hangs()) as faults, pytest.raises(ci.ExecutionTimeoutError):
        road(faults.url, timeout=0.1, context=context)
    assert faults.interrupts == ["mine"]
    assert faults.deleted == ["mine"]


def test_the_recorded_death_of_a_kernel_is_ended_by_the_timeout(road: Road) -> None:
    recorded = (STREAMS / "python-kernel_died.stream").read_bytes()
    expected = json.loads((STREAMS / "python-kernel_died.json").read_text())["expected"]
    with (
        fault_server(hangs(recorded, pings=True)) as faults,
        pytest.raises(ci.ExecutionTimeoutError) as caught,
    ):
        road(faults.url, timeout=0.2)
    assert not caught.value.context_usable
    assert caught.value.execution is not None
    assert caught.value.execution.text == expected["stdout"].rstrip("\n")
    assert faults.interrupts == faults.deleted == [expected["init"]]


def test_dropped_output_is_warned_of(road: Road) -> None:
    with (
        fault_server(CASES["output was dropped"].script) as faults,
        pytest.warns(ci.OutputLostWarning, match="dropped output"),
    ):
        execution = road(faults.url)
    assert execution.output_lost
    assert execution.ok


def test_a_rate_limit_says_how_long_to_wait(road: Road) -> None:
    with (
        fault_server(CASES["429"].script) as faults,
        pytest.raises(ci.RateLimitedError) as caught,
    ):
        road(faults.url)
    assert caught.value.retry_after == timedelta(seconds=7)


def test_output_can_be_bounded(road: Road) -> None:
    with fault_server(plays(INIT, *[OUT] * 1000, DONE)) as faults:
        execution = road(faults.url, max_output=10)
    assert execution.truncated
    assert execution.omitted_bytes == 3990
    assert execution.text == "out\no\n[... 3990 bytes of output left out ...]\n\nout"


def test_bad_arguments_are_refused_before_any_io(road: Road) -> None:
    bad: list[dict[str, Any]] = [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": "1"},
        {"timeout": float("nan")},
        {"idle_timeout": timedelta(0)},
        {"on_busy": "wait"},
        {"max_output": -1},
        {"max_output": 1.5},
    ]
    with fault_server(plays(INIT, DONE)) as faults:
        for options in bad:
            with pytest.raises(ci.InvalidArgumentError):
                road(faults.url, **options)
        assert road(faults.url, timeout=float("inf"), idle_timeout=None).ok
    assert len(faults.runs) == 1


def test_raise_for_error_tells_what_became_of_the_code(road: Road) -> None:
    expected = {
        "an error alone": ci.CodeError,
        "somebody interrupted it": ci.CodeInterruptedError,
        "the kernel died": ci.KernelDiedError,
    }
    for name, kind in expected.items():
        with fault_server(CASES[name].script) as faults:
            execution = road(faults.url)
        with pytest.raises(ci.CodeError) as caught:
            execution.raise_for_error()
        assert type(caught.value) is kind
        assert caught.value.execution is execution
    with fault_server(plays(INIT, DONE)) as faults:
        execution = road(faults.url)
    assert execution.raise_for_error() is execution


# --- leaving early ---


class Mine(Exception):  # noqa: N818  # whatever a user may raise
    pass


def fail(_: object) -> Any:
    raise Mine


def test_a_handler_that_raises_stops_the_run_and_its_exception_arrives_unchanged() -> None:
    for road, handlers in (
        (by_run, ExecutionHandlersSync(on_stdout=fail)),
        (by_async_run, ExecutionHandlers(on_stdout=fail)),
    ):
        with fault_server(obeys(INIT, OUT)) as faults, pytest.raises(Mine):
            road(faults.url, handlers=handlers)
        assert faults.interrupts == [RUN_ID]
        assert faults.deleted == []


def test_a_handler_that_raises_does_not_wait_for_ever() -> None:
    with fault_server(hangs(INIT, OUT, pings=True)) as faults, pytest.raises(Mine):
        by_run(faults.url, handlers=ExecutionHandlersSync(on_stdout=fail))
    assert faults.interrupts == faults.deleted == [RUN_ID]


@pytest.mark.parametrize("in_block", [True, False])
def test_leaving_a_loop_stops_the_run(*, in_block: bool) -> None:
    async def main(url: str) -> None:
        async with hurried(url) as interpreter:
            if in_block:
                async with interpreter.codes.stream("1") as events:
                    async for _ in events:
                        break
                assert events.execution.outcome is ci.Outcome.INTERRUPTED
            else:
                with pytest.warns(ResourceWarning, match="unclosed stream"):  # noqa: PT031  # a loop
                    async for _ in interpreter.codes.stream("1"):
                        break
            assert (await interpreter.codes.run("2")).ok

    with fault_server(obeys(INIT, OUT), plays(INIT, DONE)) as faults:
        asyncio.run(main(faults.url))
    assert faults.interrupts == [RUN_ID]

    with (
        fault_server(obeys(INIT, OUT), plays(INIT, DONE)) as faults,
        hurried_sync(faults.url) as interpreter,
    ):
        if in_block:
            with interpreter.codes.stream("1") as events:
                for _ in events:
                    break
            assert events.execution.outcome is ci.Outcome.INTERRUPTED
        else:
            with pytest.warns(ResourceWarning, match="unclosed stream"):  # noqa: PT031  # a loop
                for _ in interpreter.codes.stream("1"):
                    break
        assert interpreter.codes.run("2").ok
    assert faults.interrupts == [RUN_ID]


def test_a_cancelled_run_is_stopped_and_the_next_one_is_patient() -> None:
    async def main(url: str) -> ci.Execution:
        async with hurried(url) as interpreter:
            printed = asyncio.Event()

            async def on_stdout(_: OutputMessage) -> None:
                printed.set()

            handlers = ExecutionHandlers(on_stdout=on_stdout)
            task = asyncio.create_task(interpreter.codes.run("1", handlers=handlers))
            await printed.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await interpreter.codes.run("2")

    scripts = (hangs(INIT, OUT), plays(INIT, BUSY), plays(INIT, BUSY), plays(INIT, OUT, DONE))
    with fault_server(*scripts) as faults:
        execution = asyncio.run(main(faults.url))
    assert execution.ok
    assert faults.interrupts == [RUN_ID]
    assert [run["code"] for run in faults.runs] == ["1", "2", "2", "2"]


def test_a_stream_can_be_read_once() -> None:
    with (
        fault_server(plays(INIT, DONE)) as faults,
        hurried_sync(faults.url) as interpreter,
    ):
        events = interpreter.codes.stream("1")
        assert len(list(events)) == 2
        with pytest.raises(ci.InvalidArgumentError):
            iter(events)
