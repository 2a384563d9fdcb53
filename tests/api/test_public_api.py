"""The public face: its names, its likeness to the reference SDK's, async and sync as one."""

import importlib
import inspect

import pytest

import code_interpreter as ci

# The reference SDK's 1.1.1 signatures, as data: parameter names in order, "*" before the
# keyword-only ones, "=" behind those with a default.
REFERENCE = {
    "create": [
        "sandbox", "*", "ready_timeout=", "health_check_polling_interval=", "skip_health_check="
    ],
    "check_ready": ["timeout", "polling_interval"],
    "ping": [],
    "is_healthy": [],
    "codes.create_context": ["language"],
    "codes.get_context": ["context_id"],
    "codes.list_contexts": ["language"],
    "codes.delete_context": ["context_id"],
    "codes.delete_contexts": ["language"],
    "codes.run": ["code", "*", "language=", "context=", "handlers="],
    "codes.interrupt": ["execution_id"],
    "codes.ping": [],
}  # fmt: skip


def member(kind: type, codes: type, path: str) -> inspect.Signature:
    owner = codes if path.startswith("codes.") else kind
    return inspect.signature(getattr(owner, path.removeprefix("codes.")))


@pytest.mark.parametrize("path", REFERENCE)
@pytest.mark.parametrize(
    ("kind", "codes"), [(ci.CodeInterpreter, ci.Codes), (ci.CodeInterpreterSync, ci.CodesSync)]
)
def test_every_call_of_the_reference_sdk_is_taken(kind: type, codes: type, path: str) -> None:
    ours = member(kind, codes, path).parameters
    positional = [
        name
        for name, parameter in ours.items()
        if name != "self" and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    theirs = REFERENCE[path]
    names = [name.rstrip("=") for name in theirs if name != "*"]
    before_star = names[: theirs.index("*")] if "*" in theirs else names
    assert positional[: len(before_star)] == before_star
    assert set(names) <= set(ours)
    added = set(ours) - set(names) - {"self"}
    assert all(ours[name].kind is inspect.Parameter.KEYWORD_ONLY for name in added)
    required = {n for n in ours if n != "self" and ours[n].default is inspect.Parameter.empty}
    assert required <= {name for name in theirs if not name.endswith("=")}


@pytest.mark.parametrize(
    ("a", "b"), [(ci.CodeInterpreter, ci.CodeInterpreterSync), (ci.Codes, ci.CodesSync)]
)
def test_the_async_and_the_sync_class_are_one(a: type, b: type) -> None:
    def face(kind: type) -> dict[str, list[tuple[str, object, object]]]:
        return {
            name.replace("aclose", "close"): [
                (p.name, p.kind, p.default) for p in inspect.signature(value).parameters.values()
            ]
            for name, value in inspect.getmembers(kind, callable)
            if not name.startswith("_")
        }

    def properties(kind: type) -> list[str]:
        return [n for n, v in inspect.getmembers(kind) if isinstance(v, property)]

    assert face(a) == face(b)
    assert properties(a) == properties(b)


def test_all_is_sorted_and_true() -> None:
    assert sorted(ci.__all__) == ci.__all__
    assert all(hasattr(ci, name) for name in ci.__all__)
    assert ci.__version__


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("code_interpreter.models", ["CodeContext", "SupportedLanguage"]),
        ("code_interpreter.models.code", ["CodeContext", "SupportedLanguage"]),
        ("code_interpreter.services", ["Codes"]),
        ("code_interpreter.services.code", ["CodeContext", "Codes"]),
        ("code_interpreter.sync", ["CodeInterpreterSync"]),
    ],
)
def test_the_reference_sdks_import_paths_lead_to_the_same_objects(
    path: str, names: list[str]
) -> None:
    module = importlib.import_module(path)
    assert module.__all__ == names
    assert all(getattr(module, name) is getattr(ci, name) for name in names)


def test_everything_public_has_a_docstring() -> None:
    def ours(value: object) -> bool:
        function = value.fget if isinstance(value, property) else value
        return (getattr(function, "__module__", None) or "").startswith("code_interpreter.")

    public = [getattr(ci, name) for name in ci.__all__]
    members = [
        member
        for kind in public
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and ours(member)
    ]
    assert len(members) > 40
    assert [member for member in public + members if not member.__doc__] == []
