"""A model made the fast way cannot be told from one that its constructor made."""

import copy
import pickle
from typing import Any

import pytest
from opensandbox.models import execd as shared
from opensandbox.models.execd import OutputMessage
from pydantic import PrivateAttr, TypeAdapter, ValidationError

from code_interpreter._output.execution import Execution
from code_interpreter._output.message import maker

FIELDS: dict[str, Any] = {"text": "a", "timestamp": 5, "is_error": False}
messages = maker(OutputMessage, FIELDS)


def message_of(text: str, timestamp: int, is_error: bool) -> OutputMessage:  # noqa: FBT001
    fields = {"text": text, "timestamp": timestamp, "is_error": is_error}
    return messages(fields)


def test_models_are_made_without_their_constructor_here() -> None:
    fields = {"text": "a", "timestamp": "never", "is_error": False}
    assert messages(fields).text == "a"


@pytest.mark.parametrize("is_error", [False, True])
def test_it_is_the_message_that_the_constructor_makes(*, is_error: bool) -> None:
    fast = message_of("a\n", 5, is_error)
    slow = OutputMessage(text="a\n", timestamp=5, is_error=is_error)
    assert type(fast) is OutputMessage
    assert fast == slow
    assert slow == fast
    assert fast != message_of("b\n", 5, is_error)
    assert fast.__getstate__() == slow.__getstate__()
    assert (repr(fast), str(fast)) == (repr(slow), str(slow))
    assert fast.model_fields_set == slow.model_fields_set
    assert fast.model_extra is slow.model_extra is None
    assert fast.model_dump() == slow.model_dump()
    assert fast.model_dump_json() == slow.model_dump_json()
    assert fast.model_dump(exclude_unset=True) == slow.model_dump(exclude_unset=True)
    assert fast.model_dump(exclude_defaults=True) == slow.model_dump(exclude_defaults=True)
    assert not hasattr(fast, "nothing")


def test_copies_of_it_are_whole() -> None:
    message = message_of("a", 5, False)
    for twin in (
        copy.copy(message),
        copy.deepcopy(message),
        message.model_copy(),
        pickle.loads(pickle.dumps(message)),
        OutputMessage.model_validate(message),
        OutputMessage.model_validate(message.model_dump()),
        OutputMessage.model_validate_json(message.model_dump_json()),
    ):
        assert twin == message
        assert twin.__getstate__() == message.__getstate__()
    assert message.model_copy(update={"text": "b"}) == OutputMessage(text="b", timestamp=5)


def test_changing_one_message_changes_no_other() -> None:
    one, other = message_of("a", 5, False), message_of("a", 5, False)
    one.text, one.is_error = "b", True
    with pytest.raises(ValueError, match="nothing"):
        setattr(one, "nothing", 1)  # noqa: B010  # the type checkers know better
    twin = other.model_copy(update={"text": "c"})
    twin.timestamp = 6
    assert other == OutputMessage(text="a", timestamp=5)
    assert other.model_fields_set == {"text", "timestamp", "is_error"}


def test_models_that_hold_it_are_whole() -> None:
    message = message_of("a", 5, True)
    execution = Execution(outcome=None)
    execution.logs.stderr.append(message)
    execution.outputs.append(message)
    for kind in (Execution, shared.Execution):
        assert kind.model_validate(execution.model_dump()).logs.stderr == [message]
        assert kind.model_validate_json(execution.model_dump_json()).logs.stderr == [message]
    assert Execution.model_validate(execution) == execution
    assert pickle.loads(pickle.dumps(execution)) == copy.deepcopy(execution) == execution
    assert TypeAdapter(list[OutputMessage]).validate_python([message]) == [message]


def test_a_model_with_another_state_is_left_to_its_constructor() -> None:
    class Timed(OutputMessage):
        zone: str = "UTC"

    class Remembering(OutputMessage):
        _seen: int = PrivateAttr(default=0)

    for kind in (Timed, Remembering):
        made = maker(kind, dict(FIELDS))(dict(FIELDS))
        assert made.__getstate__() == kind(**FIELDS).__getstate__()


def test_a_pydantic_without_those_slots_is_left_to_its_constructor() -> None:
    make = maker(OutputMessage, FIELDS, slots=object)
    assert make(FIELDS) == OutputMessage(**FIELDS)
    with pytest.raises(ValidationError):
        make({"text": "a", "timestamp": "never"})
