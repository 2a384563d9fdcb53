"""The variables of a Python context are told, whatever they are, and nothing is changed by that."""

import pytest

import code_interpreter as ci
from code_interpreter import SupportedLanguage, Variable
from tests.conformance.client import Client, stdout
from tests.conformance.conftest import Kernels
from tests.conformance.languages import PYTHON

pytestmark = [pytest.mark.anyio, pytest.mark.kernels]

MADE = """
import collections, datetime, math, threading
whole, broken, yes, none = 7, 0.5, True, None
text, data = "x" * 10**6, b"ab"
listed = [1, "two", {"three": (3,)}, [[[[[[5]]]]]]]
listed_itself = []
listed_itself.append(listed_itself)
wide = {i: str(i) for i in range(10**5)}
empty = set()
huge = 1 << 10**6
day = datetime.date(2026, 5, 1)
when = datetime.datetime(2026, 5, 1)

def area(width, height=1, *, unit="m"):
    return width * height

class Point:
    pass

point = Point()
_hidden = 1
"""
HOSTILE = """
import sys, time

def strike(*arguments):
    sys.exit("struck")

def hang(*arguments):
    time.sleep(1000)

class Meta(type):
    __name__ = property(strike)
    __module__ = property(strike)
    __getattribute__ = strike
    __repr__ = strike

class Hostile(metaclass=Meta):
    __class__ = property(strike)
    __repr__ = __str__ = __len__ = __sizeof__ = __getattribute__ = __eq__ = __bool__ = strike
    __format__ = __dir__ = __iter__ = strike

class Slow(list):
    __repr__ = __len__ = __iter__ = hang

class Named:
    pass

class datetime:
    __repr__ = hang

Named.__module__ = "a\\x1b[31m\\udc80" * 100
datetime.__module__ = "datetime"
hostile = Hostile()
in_list = [hostile, Slow()]
slow = Slow()
named = Named()
spoofed = datetime()
lone = "\\udc80"
strike.__name__ = "\\udc80"
globals()["\\udc80"] = 1
globals()["n" * 10**6] = 1
globals()[3] = 1
"""


async def told(client: Client, context: ci.CodeContext) -> dict[str, Variable]:
    return {each.name: each for each in await client.codes.variables(context)}


async def test_variables_are_told(client: Client) -> None:
    context = await client.codes.create_context(SupportedLanguage.PYTHON)
    assert context.id is not None
    assert (await client.run(MADE, context=context)).error is None
    found = await told(client, context)
    assert list(found)[4:8] == ["whole", "broken", "yes", "none"]
    assert "_hidden" not in found
    whole = found["whole"]
    assert (whole.type, whole.shape, whole.text) == ("int", None, "7")
    assert found["none"].type == "NoneType"
    text = found["text"]
    assert (text.shape, len(text.text), text.text[-3:]) == ((10**6,), 200, "...")
    assert text.size is not None
    assert text.size > 10**6
    assert found["data"].text == "b'ab'"
    assert found["listed"].text == "[1, 'two', {'three': (3,)}, [[[[...]]]]]"
    assert found["listed_itself"].text == "[[[[[...]]]]]"
    assert found["wide"].shape == (10**5,)
    assert found["wide"].text.startswith("{0: '0', 1: '1', ")
    assert len(found["wide"].text) <= 200
    assert found["empty"].text == "set()"
    assert found["huge"].text == "<int of 1000001 bits>"
    assert found["day"].text == "datetime.date(2026, 5, 1)"
    assert found["when"].text == "<datetime.datetime>"
    assert found["area"].text == "def area(width, height, unit)"
    assert found["Point"].text == "class Point"
    assert (found["point"].type, found["point"].text) == ("__main__.Point", "<__main__.Point>")
    assert found["math"].text == "<module math>"
    some = await client.codes.variables(context, limit=2)
    assert [each.name for each in some] == ["collections", "datetime"]
    await client.codes.delete_context(context.id)


async def test_telling_them_changes_nothing(client: Client) -> None:
    context = await client.codes.create_context(SupportedLanguage.PYTHON)
    assert context.id is not None
    state = (
        "print(_, Out, In[:-1], _ii, [n for n in dir() if n.startswith('_i')], sorted(globals()))"
    )
    await client.run("first = 40\nfirst + 2", context=context)
    await client.run("second = 1", context=context)
    control = await client.codes.create_context(SupportedLanguage.PYTHON)
    assert control.id is not None
    for code in ("first = 40\nfirst + 2", "second = 1"):
        await client.run(code, context=control)
    for _ in range(2):
        assert [*await told(client, context)] == ["first", "second"]
    asked = await client.run(state, context=context)
    assert stdout(asked) == stdout(await client.run(state, context=control))
    number = "print(get_ipython().execution_count)"
    asked = await client.run(number, context=context)
    assert stdout(asked) == stdout(await client.run(number, context=control))
    for made in (context.id, control.id):
        await client.codes.delete_context(made)


async def test_no_code_of_theirs_is_run(client: Client) -> None:
    context = await client.codes.create_context(SupportedLanguage.PYTHON)
    assert context.id is not None
    assert (await client.run(HOSTILE, context=context)).error is None
    found = await told(client, context)
    assert found["hostile"].type == "__main__.Hostile"
    assert found["in_list"].text == "[<__main__.Hostile>, <__main__.Slow>]"
    assert found["slow"].shape is None
    assert found["Hostile"].type == "Meta"
    assert len(found["named"].type) <= 200
    assert all(each.type.isprintable() and each.text.isprintable() for each in found.values())
    assert found["spoofed"].text == "<datetime.datetime>"
    assert found["lone"].text == r"'\udc80'"
    assert {"\udc80", "n" * 10**6}.isdisjoint(found)
    await client.codes.delete_context(context.id)


async def test_only_python_has_them(client: Client, kernels: Kernels) -> None:
    with pytest.raises(ci.InvalidArgumentError, match="bash"):
        await client.codes.variables(ci.CodeContext(id="any", language="bash"))
    with pytest.raises(ci.InvalidArgumentError, match="limit"):
        await client.codes.variables(kernels(PYTHON), limit=0)
