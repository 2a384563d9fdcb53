"""When a run is interrupted, and when it is given up."""

import pytest

from code_interpreter._run.watch import GRACE, Action, Watch


def test_without_limits_there_is_nothing_to_watch() -> None:
    watch = Watch(None, None)
    watch.heard_at = 5
    assert watch.due() is None
    assert watch.look(1e9) is Action.NOTHING


def test_a_run_is_interrupted_at_its_deadline_and_given_up_after_its_grace() -> None:
    watch = Watch(10, None)
    assert watch.due() == 10
    assert watch.look(9.9) is Action.NOTHING
    assert watch.look(10) is Action.INTERRUPT
    assert watch.interrupting
    assert watch.due() == 10 + GRACE
    assert watch.look(10 + GRACE - 0.1) is Action.NOTHING
    assert watch.look(10 + GRACE) is Action.GIVE_UP
    assert not watch.idle


def test_silence_counts_from_the_first_event_and_is_given_up_at_once() -> None:
    watch = Watch(None, 30)
    assert watch.due() is None
    assert watch.look(1000) is Action.NOTHING
    watch.heard_at = 1000
    assert watch.due() == 1030
    watch.heard_at = 1010
    assert watch.look(1030) is Action.NOTHING
    assert watch.due() == 1040
    assert watch.look(1040) is Action.BREAK_OFF
    assert watch.idle
    assert not watch.interrupting


def test_silence_is_watched_during_the_grace_too() -> None:
    watch = Watch(10, 3)
    watch.heard_at = 9
    assert watch.due() == 10
    assert watch.look(10) is Action.INTERRUPT
    assert watch.due() == 12
    assert watch.look(12) is Action.BREAK_OFF


@pytest.mark.parametrize("deadline", [None, 100])
def test_a_run_that_nobody_waits_for_is_stopped_now(deadline: float | None) -> None:
    watch = Watch(deadline, None)
    watch.stop(7)
    assert watch.look(7) is Action.INTERRUPT
    assert watch.due() == 7 + GRACE


def test_stopping_a_run_that_is_being_stopped_changes_nothing() -> None:
    watch = Watch(5, None)
    assert watch.look(5) is Action.INTERRUPT
    watch.stop(8)
    assert watch.look(8) is Action.NOTHING
    assert watch.due() == 5 + GRACE
