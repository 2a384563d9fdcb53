"""When idle kernels are started and which one is taken, fed by hand."""

from dataclasses import dataclass

from code_interpreter.execd.code.stock import CALM, Stock
from code_interpreter.kernels.launch import Launch

PYTHON = Launch(("python",))
NEWER = Launch(("newer python",))


@dataclass(eq=False)
class Item:
    alive: bool = True


def stock_of(*items: Item, size: int = 2) -> Stock[Item]:
    stock: Stock[Item] = Stock(size, lambda item: item.alive)
    for item in items:
        stock.add(PYTHON, item)
    return stock


def test_the_first_ones_are_started_at_once() -> None:
    assert stock_of().pause(1000.0) == 0.0
    assert stock_of(Item()).pause(1000.0) == 0.0


def test_there_are_never_more_than_asked_for() -> None:
    assert stock_of(Item(), Item()).pause(1000.0) is None
    assert stock_of(size=0).pause(1000.0) is None


def test_none_is_started_while_somebody_waits_nor_right_after() -> None:
    stock = stock_of()
    stock.wait_begins()
    stock.wait_begins()
    stock.wait_ends(1000.0)
    assert stock.pause(1000.0) is None
    stock.wait_ends(1001.0)
    assert stock.pause(1001.0) == CALM
    assert stock.pause(1001.0 + CALM / 2) == CALM / 2
    assert stock.pause(1010.0) == 0.0


def test_the_oldest_is_taken_and_only_once() -> None:
    first, second = Item(), Item()
    stock = stock_of(first, second)
    assert [stock.take(PYTHON) for _ in range(3)] == [(first, []), (second, []), (None, [])]


def test_what_was_taken_is_replaced() -> None:
    stock = stock_of(Item(), Item())
    stock.take(PYTHON)
    assert stock.pause(1000.0) == 0.0


def test_the_dead_are_replaced_and_never_taken() -> None:
    dead, living = Item(), Item()
    stock = stock_of(dead, living)
    dead.alive = False
    assert stock.pause(1000.0) == 0.0
    assert stock.items == [living]
    living.alive = False
    assert stock.take(PYTHON) == (None, [])


def test_one_of_another_launch_is_handed_back_to_be_ended() -> None:
    old = Item()
    stock = stock_of(old)
    assert stock.take(NEWER) == (None, [old])
    assert stock.items == []
