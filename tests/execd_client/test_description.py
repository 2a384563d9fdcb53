"""openapi/execd.yaml is valid, complete and names everything as the real API does.

What the real API is stands in data/execd-api-tables.md, which is kept as it was published, and in
DIFFERENCES below: where a real server's wire is not what the tables say. Both the tables and the
description are taken apart into facts, one line each, and the two sets have to be the same.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.execd_client.description import (
    DESCRIPTION,
    OPERATIONS,
    ROOT,
    SCHEMAS,
    Operation,
    capitalised,
    resolve,
)

TABLES = (Path(__file__).parent / "data" / "execd-api-tables.md").read_text()
IDENTITY = "IdentityFilesystem"  # no table has it: it is compared with Filesystem


class Difference(NamedTuple):
    reason: str
    tables: str
    """A pattern over the facts of the tables; empty where the tables have nothing."""
    wire: str
    """What these facts are on the wire."""


DIFFERENCES = [
    Difference(
        "the tables give path parameters their Python names",
        r"(?<=[{(])(session|run)_id(?=\}| in path)",
        r"\1Id",
    ),
    Difference(
        "the tables give this property its Python name",
        r"^ReplaceFileContentResult\.replaced_count: int$",
        "ReplaceFileContentResult.replacedCount: int",
    ),
    Difference(
        "real servers list all languages without it",
        r"^listContexts\(language in query\): str$",
        "listContexts(language in query): str?",
    ),
    Difference(
        "any field of an event can be null; a null type is no event",
        r"^(ServerStreamEvent(?:Error)?\.(?!type\?)\w+\?: .*)$",
        r"\1 or null",
    ),
    Difference(
        "without `verbose` a real execd answers with no body, as replaceContent does",
        r"^isolatedReplaceContent 200: IsolatedReplaceContentResponse200$",
        "isolatedReplaceContent 200: map or empty body",
    ),
    Difference(
        "the tables name this schema and leave it out", "", "CodeContextRequest.language?: str"
    ),
    Difference("execd starts a context in a directory", "", "CodeContextRequest.cwd?: str"),
    Difference("our server starts a context anew", "", "CodeContextRequest.id?: str"),
    Difference("which may not exist", "", "createCodeContext 404: ErrorResponse"),
    Difference("execd echoes the directory of a context", "", "CodeContext.cwd?: str"),
    *(
        Difference(
            "our own server adds it, and others pass over it", "", f"ServerStreamEvent.{fact}"
        )
        for fact in (
            "display?: bool or null",
            "update?: bool or null",
            "display_id?: str or null",
            "wait?: bool or null",
        )
    ),
    Difference(
        "our own server takes back what was shown, and others pass over it",
        r'^(ServerStreamEvent\.type\?: )("error".*)$',
        r'\1"clear_output" | \2',
    ),
]


def cells(section: str) -> Iterator[list[str]]:
    """The rows of a Markdown table, without its head."""
    rows = [line for line in section.splitlines() if line.startswith("|")]
    for row in rows[2:]:
        yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def facts_of_tables() -> tuple[set[str], Counter[str]]:
    """The facts of the tables, and how many operations each tag has."""
    facts: set[str] = set()
    count: Counter[str] = Counter()
    operations, schemas = TABLES.split("\n## Schemas\n")
    for section in operations.split("\n### ")[1:]:
        tag = section.partition("\n")[0]
        for name, path, parameters, body, responses in cells(section):
            count[tag] += 1
            facts.add(f"{name}: {path} [{tag}]")
            for parameter in filter(None, parameters.split("; ")):
                found = re.fullmatch(r"(\w+): (.+) \((\w+)(?: (\w+))?\)", parameter)
                assert found, parameter
                python, kind, place, wire = found.groups()
                facts.add(f"{name}({wire or python} in {place}): {kind}")
            facts.add(f"{name} body: {body or 'none'}")
            for response in responses.split(", "):
                status, _, kind = response.partition(" ")
                facts.add(f"{name} {status}: {kind}")
    for schema, properties in cells(schemas):
        for found in re.finditer(r"`(\w+\??)`: (.+?)(?=, `|$)", properties):
            facts.add(f"{schema}.{found[1]}: {found[2]}")
    return facts, count


def type_of(schema: dict[str, Any], name: str = "") -> str:  # noqa: PLR0911  # one for each kind
    """A schema's type as the tables write it; `name` is what an inline object is called."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "oneOf" in schema:
        one, null = schema["oneOf"]
        assert null == {"type": "null"}
        return f"{type_of(one)} or null"
    kinds = schema["type"]
    if not isinstance(kinds, str):
        assert kinds[1:] == ["null"]
        return type_of({**schema, "type": kinds[0]}, name) + " or null"
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in sorted(schema["enum"]))
    if kinds == "array":
        return f"list[{type_of(schema['items'])}]"
    if kinds == "object":
        return name
    if schema.get("format") in {"date-time", "binary", "uuid"}:
        return str(schema["format"])
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}[kinds]


def kind_of_body(operation: Operation) -> str:
    if operation.body is None:
        return "none"
    (media,) = operation.body["content"].values()
    kind = type_of(media["schema"], f"{capitalised(operation.name)}Body")
    return kind if operation.body["required"] else f"{kind}?"


def kind_of_response(operation: Operation, status: str) -> str:
    response = operation.responses[status]
    content = response.get("content")
    if not content:
        return "no body"
    media_type, media = next(iter(content.items()))
    if media_type == "text/plain":
        return "text/plain"
    kind = type_of(media["schema"], f"{capitalised(operation.name)}Response{status}")
    if media_type == "text/event-stream":
        return f"{kind} (event stream)"
    if response.get("x-may-be-empty"):
        return "map or empty body"
    return "array" if kind.startswith("list[") else kind


def kind_of_parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    default = f" = {schema['default']!r}" if "default" in schema else ""
    return f"{type_of(schema)}{'' if parameter['required'] else '?'}{default}"


def facts_of_operation(operation: Operation) -> set[str]:
    name = operation.name
    return {
        f"{name}: {operation.method} {operation.path} [{operation.tag}]",
        f"{name} body: {kind_of_body(operation)}",
        *(
            f"{name}({parameter['name']} in {parameter['in']}): {kind_of_parameter(parameter)}"
            for parameter in operation.parameters
        ),
        *(
            f"{name} {status}: {kind_of_response(operation, status)}"
            for status in operation.responses
        ),
    }


def facts_of_schemas() -> set[str]:
    return {
        f"{name}.{key}{'' if key in schema.get('required', []) else '?'}: "
        + type_of(value, name + capitalised(key))
        for name, schema in SCHEMAS.items()
        for key, value in schema.get("properties", {}).items()
    }


def test_it_is_strictly_valid_openapi_3_1() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1.")
    validate(DESCRIPTION, cls=OpenAPIV31SpecValidator)


def test_it_is_what_the_tables_say_but_for_the_named_differences(
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    expected, compared = facts_of_tables()
    for reason, tables, wire in DIFFERENCES:
        changed = {re.sub(tables, wire, fact) for fact in expected} if tables else expected | {wire}
        assert changed != expected, f"the tables do not differ any more: {reason}"
        expected = changed

    described = facts_of_schemas().union(
        *(facts_of_operation(operation) for operation in OPERATIONS if operation.tag != IDENTITY)
    )

    assert sorted(described - expected) == []
    assert sorted(expected - described) == []
    record_testsuite_property("operations compared with the tables", sum(compared.values()))
    assert compared == {
        "Health": 1,
        "CodeInterpreting": 7,
        "Command": 7,
        "Filesystem": 11,
        "Metric": 2,
        "IsolatedExecution": 21,
    }


def test_file_operations_of_an_identity_are_the_ordinary_ones_below_its_path() -> None:
    expected: set[str] = set()
    for operation in OPERATIONS:
        if operation.tag == "Filesystem":
            name = f"identity{capitalised(operation.name)}"
            ordinary = operation._replace(
                name=name, tag=IDENTITY, path="/v1/filesystem/{uid}/{gid}" + operation.path
            )
            expected |= facts_of_operation(ordinary) | {
                f"{name}(uid in path): int",
                f"{name}(gid in path): int",
                f"{name} 503: ErrorResponse",
            }

    identity = [operation for operation in OPERATIONS if operation.tag == IDENTITY]
    assert set[str]().union(*map(facts_of_operation, identity)) == expected
    assert len(identity) == 11


def test_every_component_is_used() -> None:
    written = (ROOT / "openapi" / "execd.yaml").read_text()
    for kind, components in DESCRIPTION["components"].items():
        if kind != "securitySchemes":
            for name in components:
                assert f"'#/components/{kind}/{name}'" in written, name


def test_the_token_is_optional_and_has_its_own_header() -> None:
    assert DESCRIPTION["security"] == [{}, {"accessToken": []}]
    scheme = DESCRIPTION["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == (
        "apiKey",
        "header",
        "X-EXECD-ACCESS-TOKEN",
    )


def test_its_version_is_that_of_the_distribution() -> None:
    pyproject = (ROOT / "generated" / "pyproject.toml").read_text()
    assert f'\nversion = "{DESCRIPTION["info"]["version"]}"\n' in pyproject


def is_sentences(text: str) -> bool:
    return bool(re.match(r"[A-Z`e]", text)) and text.strip().endswith((".", ":"))


def test_everything_is_described_in_sentences() -> None:
    described: dict[str, str] = {tag["name"]: tag["description"] for tag in DESCRIPTION["tags"]}
    assert {operation.tag for operation in OPERATIONS} == set(described)
    for operation in OPERATIONS:
        name = operation.name
        described[f"{name} summary"] = operation.summary
        described[name] = operation.description
        for parameter in operation.parameters:
            described[f"{name} {parameter['name']}"] = parameter["description"]
        if operation.body:
            described[f"{name} body"] = operation.body["description"]
        for status, response in operation.responses.items():
            described[f"{name} {status}"] = response["description"]
            for header, value in response.get("headers", {}).items():
                described[f"{name} {header}"] = resolve(value)["description"]
    for name, schema in SCHEMAS.items():
        described[name] = schema["description"]
        for key, value in schema.get("properties", {}).items():
            described[f"{name}.{key}"] = resolve(value)["description"]

    assert [where for where, text in described.items() if not is_sentences(text)] == []


def test_no_two_operations_have_the_same_words() -> None:
    count = Counter(operation.description for operation in OPERATIONS)
    count.update(operation.summary for operation in OPERATIONS)
    assert [text for text, times in count.items() if times > 1] == []


def test_times_are_described_with_their_units() -> None:
    units = {
        ("RunCommandRequest", "timeout"): "milliseconds",
        ("RunInSessionRequest", "timeout"): "milliseconds",
        ("ServerStreamEvent", "execution_time"): "milliseconds",
        ("ServerStreamEvent", "timestamp"): "Unix milliseconds",
        ("Metrics", "timestamp"): "Unix milliseconds",
        ("Metrics", "mem_used_mib"): "mebibytes",
        ("Metrics", "cpu_used_pct"): "percent",
        ("FileInfo", "size"): "bytes",
        ("CreateIsolatedSessionRequest", "idle_timeout_seconds"): "seconds",
        ("SessionState", "idle_remaining_seconds"): "seconds",
        ("IsolatedRunRequest", "timeout_seconds"): "seconds",
    }
    for (schema, name), unit in units.items():
        assert unit in SCHEMAS[schema]["properties"][name]["description"]


def examples_of_schemas() -> Iterator[tuple[str, Any, Any]]:
    for name, schema in SCHEMAS.items():
        for example in schema["examples"]:
            yield name, {"$ref": f"#/components/schemas/{name}"}, example
        for key, value in schema.get("properties", {}).items():
            for example in value.get("examples", []):
                yield f"{name}.{key}", value, example


def examples_of_operation(operation: Operation) -> Iterator[tuple[str, Any, Any]]:
    name = operation.name
    for parameter in operation.parameters:
        yield f"{name} {parameter['name']}", parameter["schema"], parameter["example"]
    if operation.body:
        for media in operation.body["content"].values():
            yield f"{name} body", media["schema"], media["example"]
    for status, response in operation.responses.items():
        for header in map(resolve, response.get("headers", {}).values()):
            yield f"{name} {status}", header["schema"], header["example"]
        for media in response.get("content", {}).values():
            if "example" in media:
                yield f"{name} {status}", media["schema"], media["example"]


def test_examples_fit_their_schemas() -> None:
    errors = [
        f"{where}: {error.message}"
        for where, schema, example in chain(
            examples_of_schemas(), *map(examples_of_operation, OPERATIONS)
        )
        for error in OAS31Validator(
            {**schema, "components": DESCRIPTION["components"]},
            format_checker=OAS31Validator.FORMAT_CHECKER,
        ).iter_errors(example)
    ]
    assert errors == []
