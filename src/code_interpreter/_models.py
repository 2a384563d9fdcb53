"""Models made without pydantic's constructor, which would be most of what a run costs.

To construct an output message takes longer than to read, decode and keep its event; to set the four
slots of a model takes half of that, for fields that are known to be what they should be. What must
stay true: a model made here cannot be told from one that its constructor made. That is checked when
a maker is made, against the pydantic and the opensandbox that are installed; if it is not so, the
constructor makes the models.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Maker(Generic[M]):
    """Makes models of one kind; the dicts that it is called with become theirs.

    Attributes:
        one: Makes a model of its fields.
        many: Makes a model of each; to call `one` for each of them takes a twelfth longer.
    """

    one: Callable[[dict[str, Any]], M]
    many: Callable[[Iterable[dict[str, Any]]], list[M]]


_SLOTS = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def maker(kind: type[M], sample: dict[str, Any], slots: type = BaseModel) -> Maker[M]:
    """The fastest way to make models of a kind.

    Args:
        kind: The model.
        sample: Good values for all its fields, in their order.
        slots: The class whose descriptors set the slots of a model.
    """

    def construct(fields: dict[str, Any]) -> M:
        return kind(**fields)

    def construct_all(all_fields: Iterable[dict[str, Any]]) -> list[M]:
        return list(map(construct, all_fields))

    constructor = Maker(construct, construct_all)
    setters = _setters(slots)
    if setters is None:
        return constructor
    set_dict, set_fields_set, set_extra, set_private = setters
    new = object.__new__
    # All of them share it: it names every field already, so that nothing is ever added to it.
    fields_set = set(sample)

    def assemble(fields: dict[str, Any]) -> M:
        model = new(kind)
        set_dict(model, fields)
        set_fields_set(model, fields_set)
        set_extra(model, None)
        set_private(model, None)
        return model

    def assemble_all(all_fields: Iterable[dict[str, Any]]) -> list[M]:
        models: list[M] = []
        for fields in all_fields:
            model = new(kind)
            set_dict(model, fields)
            set_fields_set(model, fields_set)
            set_extra(model, None)
            set_private(model, None)
            models.append(model)
        return models

    same = assemble(dict(sample)).__getstate__() == construct(sample).__getstate__()
    return Maker(assemble, assemble_all) if same else constructor


def blank_maker(
    kind: type[M],
    defaults: Callable[[], dict[str, Any]],
    private: Callable[[], dict[str, Any] | None] = lambda: None,
) -> Callable[[], M]:
    """The fastest way to make models of which no field was given.

    Args:
        kind: The model.
        defaults: Makes the values of all its fields, in their order.
        private: Makes its private attributes.
    """
    setters = _setters(BaseModel)
    if setters is None:
        return kind
    set_dict, set_fields_set, set_extra, set_private = setters
    new = object.__new__

    def assembled() -> M:
        model = new(kind)
        set_dict(model, defaults())
        set_fields_set(model, set())
        set_extra(model, None)
        set_private(model, private())
        return model

    return assembled if assembled().__getstate__() == kind().__getstate__() else kind


def _setters(slots: type) -> list[Callable[[Any, Any], None]] | None:
    """What sets the slots of a model; None where they are others than we know."""
    try:
        return [vars(slots)[name].__set__ for name in _SLOTS]
    except (AttributeError, KeyError):
        return None
