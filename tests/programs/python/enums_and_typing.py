import enum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Colour(enum.Enum):
    RED = 1
    BLUE = enum.auto()


class Point(NamedTuple):
    x: int
    y: int = 0


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value


print(Colour.BLUE, Colour(1).name, list(Colour))
print(Point(3), Point(1, 2)._asdict(), Box[int](4).value)
