"""Events fold into an Execution, in any order, and nothing is judged before the end."""

import pickle
from typing import Any

import pytest
from opensandbox.models import execd as shared
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter import events as e
from code_interpreter._errors import (
    InvalidArgumentError,
    OutputLostWarning,
    StreamTruncatedError,
)
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.execution import Execution, ExecutionError, Outcome, RunId
from code_interpreter._output.result import Result
from code_interpreter._run.handlers import listeners
from code_interpreter._sync.primitives import settle

DONE = e.Complete(9, 1)


def fold(*events: e.Event, keep_output: bool = True) -> Execution:
    builder = ExecutionBuilder(keep_output=keep_output)
    for event in events:
        builder.take(event)
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
    assert fold(e.Error(1, None)).error == ExecutionError(name="", value="", timestamp=1)


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
    builder.take(e.Error(1, e.ErrorDetails("CommandExecError", "130")))
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
    init = builder.take(e.Init(1, "id"))
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


def test_each_event_has_its_handler_and_its_value() -> None:
    events: list[e.Event] = [
        e.Init(1, "run"),
        e.Stdout(1, "a"),
        e.Stderr(1, "b"),
        e.MimeBundle(1, {"text": "c"}),
        e.Error(1, e.ErrorDetails("E", "v")),
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
    each: Any = {name: name for name in names}
    told: dict[type, Any] = listeners(ExecutionHandlersSync.model_construct(**each), awaits=False)
    assert [told[type(event)] for event in events] == names
    builder = ExecutionBuilder()
    values = [builder.take(event) for event in events]
    execution = builder.execution
    assert values[1] is execution.logs.stdout[0] is execution.outputs[0]
    assert values[2] is execution.logs.stderr[0] is execution.outputs[1]
    assert values[3] is execution.result[0] is execution.outputs[2]
    assert values[4] is execution.error
    assert values[5] is execution.complete
    silent: list[e.Event] = [
        e.Ping(), e.Status(), e.Unknown("x"), e.ExecutionCount(1, 3), e.ErrorObject("a", "b")
    ]  # fmt: skip
    assert not {type(event) for event in silent} & told.keys()
    for event in silent:
        builder.take(event)
    assert execution.execution_count == 3


def test_output_that_was_added_by_hand_has_a_text() -> None:
    execution = Execution()
    execution.logs.add_stdout(shared.OutputMessage(text="a\n", timestamp=1))
    execution.add_result(shared.ExecutionResult(text="4", timestamp=2))
    assert execution.text == "a\n4"


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
        listeners(handlers, awaits=False)


def test_a_plain_function_that_returns_a_coroutine_is_refused_when_it_does() -> None:
    with pytest.raises(InvalidArgumentError, match="on_result is async"):
        settle(_async_handler(None), e.MimeBundle())
    settle("anything else", e.MimeBundle())
    listeners(None, awaits=False)
    listeners(ExecutionHandlersSync(on_stdout=print), awaits=False)
    assert ExecutionHandlers().skip_accumulation is False


def test_clearing_empties_the_output_at_once_or_with_the_next_output() -> None:
    execution = fold(
        e.Stdout(1, "old"),
        e.Stderr(2, "old"),
        e.MimeBundle(3, {"text": "old"}, display=True),
        e.ClearOutput(4),
        DONE,
    )
    assert (execution.outputs, execution.result, str(execution)) == ([], [], "")
    assert (execution.logs.stdout, execution.logs.stderr) == ([], [])
    waits = fold(e.Stdout(1, "1%"), e.ClearOutput(2, wait=True), DONE)
    assert waits.text == "1%"
    replaced = fold(
        e.Stdout(1, "1%"), e.ClearOutput(2, wait=True), e.Stdout(3, "2%"), e.Stdout(4, " now"), DONE
    )
    assert replaced.text == "2% now"
    assert len(replaced.outputs) == len(replaced.logs.stdout) == 2
    shown = fold(
        e.Stdout(1, "1%"), e.ClearOutput(2, wait=True), e.MimeBundle(3, {"text": "2%"}), DONE
    )
    assert [output.text for output in shown.outputs] == ["2%"]


def test_a_figures_name_is_no_text_beside_the_figure() -> None:
    figure = "<Figure size 640x480 with 1 Axes>"
    execution = fold(
        e.MimeBundle(1, {"text": figure, "image/png": "iVBORw0="}, display=True),
        e.MimeBundle(2, {"text": "[1, 2]", "image/png": "iVBORw0="}, display=True),
        e.MimeBundle(3, {"text": figure}),
        DONE,
    )
    assert execution.text == f"[1, 2]\n{figure}"
    assert execution.result[0].text == figure


def test_a_traceback_is_there_as_plain_text() -> None:
    lines = [
        "\x1b[31m--------\x1b[39m",
        "\x1b[31mZeroDivisionError\x1b[39m   Traceback",
        "\x1b]8;;http://x\x1b\\Cell\x1b]8;;\x07 In[1], line 1",
        "\x1b[91m\x1b(Bwhy\x1b[K",
    ]
    plain = "--------\nZeroDivisionError   Traceback\nCell In[1], line 1\nwhy"
    execution = fold(e.Error(1, e.ErrorDetails("ZeroDivisionError", "why", lines)))
    assert execution.error is not None
    assert execution.error.plain_traceback == plain
    assert str(execution) == f"[error] {plain}"
    assert ExecutionError(name="E", value="v", timestamp=1).plain_traceback == "E: v"
    by_hand = Execution(error=shared.ExecutionError(name="E", value="v", timestamp=1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # validation makes it one of ours
    assert by_hand.error == ExecutionError(name="E", value="v", timestamp=1)
