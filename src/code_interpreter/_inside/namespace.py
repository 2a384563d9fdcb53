"""Describe the variables of the IPython that runs this, without running any code of their types.

What must stay true: a value is only asked what its exact type, one that is known here, answers in a
bounded time. Of all others, a class with a hostile `__repr__` among them, the type's name is told.
"""

import contextlib
import itertools
import sys
import types
from typing import Any

_class_of: Any = type
_NAME = type.__dict__["__name__"].__get__
_MODULE = type.__dict__["__module__"].__get__
_ROOM = 200
_LONGEST_NAME = 200
_MOST_BITS = 512
_DEEPEST = 4
_COLUMNS = 30
_ELEMENTS = 10

_ATOMS = {bool, complex, float, type(None), type(Ellipsis), type(NotImplemented)}
_BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_TEXTS = (str, bytes, bytearray)
_KNOWN = {
    ("datetime", "date"),
    ("datetime", "timedelta"),
    ("decimal", "Decimal"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "PurePosixPath"),
    ("uuid", "UUID"),
}


def describe(shell: Any, limit: int) -> "list[dict[str, Any]]":
    """Return what is known of the first `limit` variables, in the order of their names' making."""
    hidden: dict[str, Any] = shell.user_ns_hidden
    missing = object()
    found: list[dict[str, Any]] = []
    for name, value in list(shell.user_ns.items()):
        if len(found) == limit:
            break
        if type(name) is not str or not name.isidentifier() or len(name) > _LONGEST_NAME:
            continue
        if name.startswith("_"):
            continue
        if name in {"In", "Out", "exit", "quit", "get_ipython"}:
            continue
        if hidden.get(name, missing) is value:
            continue
        found.append({"name": name, **_variable(value)})
    return found


def _variable(value: Any) -> "dict[str, Any]":
    name = _type_name(value)
    told: dict[str, Any] = {"type": name, "shape": None, "size": None, "text": f"<{name}>"}
    # Of one that another thread changes meanwhile, or that a library has broken: its type.
    with contextlib.suppress(Exception):
        told.update(_details(value))
    told["text"] = _plain(told["text"])
    return told


def _plain(text: str) -> str:
    """Escape control characters and halves of surrogate pairs: no server passes these on."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")[:_ROOM]


def _type_name(value: Any) -> str:
    kind = _class_of(value)
    module, name = _MODULE(kind), _NAME(kind)
    if type(module) is not str or module == "builtins":
        return _plain(str(name)[:_ROOM])
    return _plain(f"{module}.{name}"[:_ROOM])


def _details(value: Any) -> "dict[str, Any]":
    kind = _class_of(value)
    if kind in _ATOMS or kind is int:
        return {"size": sys.getsizeof(value), "text": _short(value, _ROOM)}
    if kind in _BRACKETS or kind in _TEXTS:
        shape = [len(value)]
        return {"shape": shape, "size": sys.getsizeof(value), "text": _short(value, _ROOM)}
    module, _, _ = _type_name(value).partition(".")
    for library, names, details in (
        ("numpy", ("ndarray",), _array),
        ("pandas", ("DataFrame",), _frame),
        ("pandas", ("Series",), _series),
        ("polars", ("DataFrame", "LazyFrame"), _polars),
        ("polars", ("Series",), _polars_series),
        ("pyarrow", ("Table", "RecordBatch"), _arrow),
    ):
        if module == library and any(
            getattr(sys.modules.get(library), name, None) is kind for name in names
        ):
            return details(value)
    return {"text": _short(value, _ROOM)}


def _array(value: Any) -> "dict[str, Any]":
    text = str(value.dtype)
    if value.dtype.kind in "biufcSUmM":
        first = [str(item)[:30] for item in value.flat[:_ELEMENTS].tolist()]
        more = ", ..." if value.size > _ELEMENTS else ""
        text = f"{text} [{', '.join(first)}{more}]"
    return {"shape": list(value.shape), "size": int(value.nbytes), "text": text[:_ROOM]}


def _frame(value: Any) -> "dict[str, Any]":
    rows, columns = value.shape
    some = value.iloc[:0, :_COLUMNS]
    pairs = zip(some.columns.tolist(), some.dtypes.tolist())  # noqa: B905  # as old as they may be
    return {
        "shape": [rows, columns],
        "size": int(value.memory_usage(index=True, deep=False).sum()),
        "text": _columns(pairs, columns),
    }


def _series(value: Any) -> "dict[str, Any]":
    return {
        "shape": list(value.shape),
        "size": int(value.memory_usage(index=True, deep=False)),
        "text": f"{_dtype(value.dtype)} {_short(value.iloc[:_ELEMENTS].tolist(), _ROOM)}"[:_ROOM],
    }


def _polars(value: Any) -> "dict[str, Any]":
    if _NAME(type(value)) == "LazyFrame":
        return {}  # its schema may have to be read from files
    pairs = itertools.islice(value.schema.items(), _COLUMNS)
    return {
        "shape": list(value.shape),
        "size": int(value.estimated_size()),
        "text": _columns(pairs, value.width),
    }


def _polars_series(value: Any) -> "dict[str, Any]":
    first = _short(value.head(_ELEMENTS).to_list(), _ROOM)
    return {
        "shape": list(value.shape),
        "size": int(value.estimated_size()),
        "text": f"{_dtype(value.dtype)} {first}"[:_ROOM],
    }


def _arrow(value: Any) -> "dict[str, Any]":
    pairs = ((field.name, field.type) for field in itertools.islice(value.schema, _COLUMNS))
    return {
        "shape": [value.num_rows, value.num_columns],
        "size": int(value.nbytes),
        "text": _columns(pairs, value.num_columns),
    }


def _columns(pairs: Any, count: int) -> str:
    told = [f"{_short(name, 40)}: {_dtype(kind)}" for name, kind in pairs]
    more = ", ..." if count > len(told) else ""
    return _cut(f"columns {', '.join(told)}{more}", _ROOM)


def _dtype(kind: Any) -> str:
    library = _type_name(kind).partition(".")[0]
    known = library in ("numpy", "pandas", "polars", "pyarrow")
    return str(kind)[:60] if known else _type_name(kind)


def _short(value: Any, room: int, depth: int = 0) -> str:  # noqa: PLR0911  # a table
    kind = _class_of(value)
    if kind in _ATOMS:
        return repr(value)
    if kind is int:
        bits = value.bit_length()
        return repr(value) if bits <= _MOST_BITS else f"<int of {bits} bits>"
    if kind in _TEXTS:
        return _cut(repr(value[: room + 1]), room)
    if kind in _BRACKETS:
        return _items(value, room, depth)
    if kind is types.ModuleType:
        return f"<module {_cut(str(types.ModuleType.__getattribute__(value, '__name__')), room)}>"
    if kind is types.FunctionType:
        code = value.__code__
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        return _cut(f"def {value.__name__}({', '.join(arguments)})", room)
    if kind is type:
        bases = [_NAME(base) for base in type.__dict__["__bases__"].__get__(value)]
        named = f"({', '.join(bases)})" if bases != ["object"] else ""
        return _cut(f"class {_NAME(value)}{named}", room)
    module, name = _MODULE(kind), _NAME(kind)
    if (module, name) in _KNOWN and getattr(sys.modules.get(module), name, None) is kind:
        return _cut(repr(value), room)
    return f"<{_type_name(value)}>"


def _items(value: Any, room: int, depth: int) -> str:
    kind = _class_of(value)
    opening, closing = _BRACKETS[kind]
    if not value:
        return "set()" if kind is set else opening + closing
    if depth == _DEEPEST:
        return f"{opening}...{closing}"
    left = room - len(opening) - len(closing)
    told: list[str] = []
    item: Any
    for item in value.items() if kind is dict else value:
        if left <= 0:
            told.append("...")
            break
        if kind is dict:
            key = _short(item[0], left, depth + 1)
            text = f"{key}: {_short(item[1], max(left - len(key), 3), depth + 1)}"
        else:
            text = _short(item, left, depth + 1)
        told.append(text)
        left -= len(text) + 2
    single = "," if kind is tuple and len(told) == 1 else ""
    return _cut(f"{opening}{', '.join(told)}{single}{closing}", room)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def publish(shell: Any, limit: int, mime: str) -> None:
    """Show what `describe` returns as a display of a MIME type."""
    shell.display_pub.publish({mime: {"variables": describe(shell, limit)}})
