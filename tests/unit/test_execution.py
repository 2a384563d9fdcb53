"""Events fold into an Execution, in any order, and nothing is judged before the end."""

import pickle

import pytest
from opensandbox.models import execd as shared
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter import _events as e
from code_interpreter._errors import (
    InvalidArgumentError,
    OutputLostWarning,
    StreamTruncatedError,
)
from code_interpreter._execution import (
    Execution,
    ExecutionBuilder,
    Outcome,
    RunId,
    listeners,
    refuse_async,
    refuse_awaitable,
)
from code_interpreter._results import Result


def fold(*events: e.Event, keep_output: bool = True) -> Execution:
    builder = ExecutionBuilder(keep_output=keep_output)
    builder.apply_all(events)
    return builder.finish()


def test_output_keeps_its_one_order_of_arrival() -> None:
    execution = fold(
        e.Init(1, "run"),
        e.Stdout(2, "a\n"),
        e.Stderr(3, "b\n"),
        e.MimeBundle(4, {"text": "4"}),
        e.Stdout(5, "c\n"),
        e.Complete(6, 12),
    )
    assert [o.text for o in execution.outputs] == ["a\n", "b\n", "4", "c\n"]
    assert [m.text for m in execution.logs.stdout] == ["a\n", "c\n"]
    assert [m.text for m in execution.logs.stderr] == ["b\n"]
    assert execution.logs.stderr[0].is_error
    assert execution.result[0].text == "4"
    assert execution.id == "run"
    assert execution.complete is not None
    assert execution.complete.execution_time_in_millis == 12


def test_output_after_execution_complete_is_kept() -> None:
    execution = fold(e.Init(1, "run"), e.Complete(2, 1), e.Stdout(3, "late\n"))
    assert execution.logs.stdout[0].text == "late\n"


def test_an_error_after_execution_complete_counts() -> None:
    execution = fold(
        e.Complete(1, 1), e.Error(2, e.ErrorDetails("ValueError", "no", ["line 1", "line 2"]))
    )
    assert execution.error is not None
    assert (execution.error.name, execution.error.value) == ("ValueError", "no")
    assert execution.error.traceback == ["line 1", "line 2"]


def test_an_error_alone_ends_a_run_too() -> None:
    assert fold(e.Error(1, None)).error == shared.ExecutionError(name="", value="", timestamp=1)


def test_a_traceback_of_one_string_is_one_line() -> None:
    execution = fold(e.Error(1, e.ErrorDetails("E", "v", "only line")))
    assert execution.error is not None
    assert execution.error.traceback == ["only line"]


def test_an_end_with_neither_complete_nor_error_is_a_lost_stream() -> None:
    with pytest.raises(StreamTruncatedError):
        fold(e.Init(1, "run"), e.Stdout(2, "a"))
    with pytest.raises(StreamTruncatedError):
        fold()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.OK),
        ("ValueError", Outcome.ERROR),
        ("KeyboardInterrupt", Outcome.INTERRUPTED),
        ("KernelDied", Outcome.KERNEL_DIED),
    ],
)
def test_the_outcome_is_judged_by_the_error(error: str | None, outcome: Outcome) -> None:
    events = [] if error is None else [e.Error(1, e.ErrorDetails(error, ""))]
    execution = fold(e.Complete(1, 1), *events)
    assert execution.outcome is outcome
    assert execution.ok is (error is None)


def test_an_error_of_a_run_that_we_interrupted_is_an_interrupt_in_any_language() -> None:
    builder = ExecutionBuilder()
    builder.interrupted = True
    builder.apply_all([e.Error(1, e.ErrorDetails("CommandExecError", "130"))])
    assert builder.finish().outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize("kind", ["data", "message"])
def test_a_notice_of_lost_output_is_noticed(kind: str) -> None:
    notice = f"IOPub {kind} rate exceeded.\nThe Jupyter server will temporarily stop"
    with pytest.warns(OutputLostWarning):
        assert fold(e.Stderr(1, notice), e.Complete(2, 1)).output_lost
    assert not fold(e.Stdout(1, notice), e.Complete(2, 1)).output_lost


def test_an_updated_display_replaces_its_earlier_states() -> None:
    shown = fold(
        e.MimeBundle(1, {"text": "10%"}, display=True, display_id="p"),
        e.Stdout(2, "a\n"),
        e.MimeBundle(3, {"text": "10%"}, display=True, display_id="p"),
        e.MimeBundle(4, {"text": "99%"}, display=True, display_id="p", update=True),
        e.MimeBundle(5, {"text": "old"}, display=True, display_id="earlier", update=True),
        e.MimeBundle(6, {"text": "4"}),
        e.Complete(7, 1),
    )
    assert [result.text for result in shown.result] == ["99%", "99%", "old", "4"]
    assert [output.text for output in shown.outputs] == ["99%", "a\n", "99%", "old", "4"]
    assert shown.main_result is shown.result[3]
    assert [result.is_main_result for result in shown.result] == [False, False, False, True]


def test_text_is_in_order_of_arrival_and_results_have_their_own_lines() -> None:
    execution = fold(
        e.Stdout(1, "a"),
        e.Stderr(2, "warning\n"),
        e.Stdout(3, "b\r"),
        e.Stdout(4, "c"),
        e.MimeBundle(5, {"text": "shown"}, display=True),
        e.MimeBundle(6, {"image/png": ""}, display=True),
        e.Stdout(7, "d\n\n"),
        e.MimeBundle(8, {"text": "4"}),
        e.Error(9, e.ErrorDetails("E", "why")),
    )
    assert execution.text == "cb\nshown\nd\n\n4"
    assert str(execution) == "cb\nshown\nd\n\n4\n[stderr]\nwarning\n[error] E: why"
    assert str(fold(e.Complete(1, 1))) == ""


def test_a_run_id_knows_its_run_and_its_copies_are_strings() -> None:
    builder = ExecutionBuilder(owner="the run")
    ((_, (init,)),) = builder.tell([e.Init(1, "id")], {"on_init": print})
    assert isinstance(init.id, RunId)
    assert init.id is builder.execution.id
    assert init.id.owner == "the run"
    assert type(pickle.loads(pickle.dumps(init.id))) is str
    assert type(builder.execution.model_copy(deep=True).id) is str
    assert '"id":"id"' in builder.execution.model_dump_json()


def test_a_mime_bundle_is_kept_whole() -> None:
    bundle = {"text": "plot", "image/png": "iVBORw0=", "application/json": {"a": [1, "ü"]}}
    result = fold(e.MimeBundle(7, bundle), e.Complete(8, 1)).result[0]
    assert result.text == "plot"
    assert result.timestamp == 7
    assert result.mime == {
        "text/plain": "plot",
        "image/png": "iVBORw0=",
        "application/json": {"a": [1, "ü"]},
    }
    assert result.extra_properties == {
        "image/png": "iVBORw0=",
        "application/json": '{"a": [1, "ü"]}',
    }


def test_both_names_of_plain_text_are_understood() -> None:
    assert fold(e.MimeBundle(1, {"text/plain": "4"}), e.Complete()).result[0].text == "4"
    assert fold(e.MimeBundle(1, {"image/png": ""}), e.Complete()).result[0].text == ""
    assert fold(e.MimeBundle(1, None), e.Complete()).result[0].mime == {}


def test_output_left_to_the_handlers_is_not_kept() -> None:
    execution = fold(
        e.Stdout(1, "a"), e.Stderr(2, "b"), e.MimeBundle(3, {"text": "c"}), e.Complete(),
        keep_output=False,
    )  # fmt: skip
    assert execution.result == []
    assert execution.outputs == []
    assert execution.logs.stdout == execution.logs.stderr == []


def test_each_event_says_which_handler_wants_it() -> None:
    builder = ExecutionBuilder()
    events: list[e.Event] = [
        e.Init(1, "run"),
        e.Stdout(1, "a"),
        e.Stderr(1, "b"),
        e.MimeBundle(1, {}),
        e.Error(1, None),
        e.Complete(1, 1),
    ]
    names = [
        "on_init",
        "on_stdout",
        "on_stderr",
        "on_result",
        "on_error",
        "on_execution_complete",
    ]
    assert [name for name, _ in builder.tell(events, {name: name for name in names})] == names
    for left_out in names:
        some = [name for name in names if name != left_out]
        told = ExecutionBuilder().tell(events, {name: name for name in some})
        assert [name for name, _ in told] == some
    silent: list[e.Event] = [
        e.Ping(), e.Status(), e.Unknown("x"), e.ExecutionCount(1, 3), e.ErrorObject("a", "b")
    ]  # fmt: skip
    assert list(builder.tell(silent, {name: name for name in names})) == []
    assert builder.execution.execution_count == 3


@pytest.mark.parametrize("keep_output", [True, False])
@pytest.mark.parametrize("max_output", [None, 3])
def test_much_output_is_told_and_kept_as_it_is_one_by_one(
    keep_output: bool,  # noqa: FBT001  # pytest passes it by name
    max_output: int | None,
) -> None:
    events: list[e.Event] = [e.Stdout(1, "ab"), e.Stdout(None, None), e.Stdout(3, "cd")]
    at_once = ExecutionBuilder(keep_output=keep_output, max_output=max_output)
    one_by_one = ExecutionBuilder(keep_output=keep_output, max_output=max_output)
    ((_, told),) = at_once.tell(events, {"on_stdout": print})
    assert [(message.text, message.timestamp, message.is_error) for message in told] == [
        ("ab", 1, False), ("", 0, False), ("cd", 3, False)
    ]  # fmt: skip
    pairs = [pair for event in events for pair in one_by_one.tell([event], {"on_stdout": print})]
    assert [value for _, values in pairs for value in values] == told
    for builder in (at_once, one_by_one):
        builder.settle(Outcome.OK)
    assert at_once.execution == one_by_one.execution


def test_the_models_are_those_of_opensandbox() -> None:
    execution = fold(e.MimeBundle(1, {"text": "4", "text/html": "<b>4</b>"}), e.Complete(2, 3))
    assert isinstance(execution, shared.Execution)
    assert isinstance(execution.result[0], shared.ExecutionResult)
    assert isinstance(execution.result[0], Result)
    dumped = execution.model_dump()
    assert dumped["result"][0]["extra_properties"] == {"text/html": "<b>4</b>"}
    assert Execution.model_validate(dumped).result[0].mime["text/html"] == "<b>4</b>"


async def _async_handler(_: object) -> None: ...


class _AsyncCallable:
    async def __call__(self, _: object) -> None: ...


@pytest.mark.parametrize("handler", [_async_handler, _AsyncCallable()])
def test_the_blocking_client_refuses_async_handlers(handler: object) -> None:
    handlers = ExecutionHandlersSync.model_construct(on_stdout=handler)
    with pytest.raises(InvalidArgumentError, match="on_stdout is async"):
        refuse_async(listeners(handlers))


def test_a_plain_function_that_returns_a_coroutine_is_refused_when_it_does() -> None:
    with pytest.raises(InvalidArgumentError, match="on_result is async"):
        refuse_awaitable({"on_error": repr, "on_result": print}, print, _async_handler(None))
    refuse_awaitable({"on_result": print}, print, "anything else")
    refuse_async(listeners(None))
    refuse_async(listeners(ExecutionHandlersSync(on_stdout=print)))
    assert ExecutionHandlers().skip_accumulation is False
