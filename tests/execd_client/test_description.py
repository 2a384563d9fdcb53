"""openapi/execd.yaml is valid, complete and names everything as the real API does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

HERE = Path(__file__).parent
DESCRIPTION: dict[str, Any] = yaml.safe_load(
    (HERE.parents[1] / "openapi" / "execd.yaml").read_text()
)
EXPECTED: dict[str, Any] = json.loads((HERE / "data" / "execd-1.1.json").read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}

# The table names types as Python does; any field of an event can be null besides.
NULLABLE = {"ServerStreamEvent", "ServerStreamEventError"}


def resolve(node: Any) -> Any:
    while "$ref" in node:
        found: Any = DESCRIPTION
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def operations() -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                both = item.get("parameters", []) + operation.get("parameters", [])
                yield path, method, operation, [resolve(parameter) for parameter in both]


def type_of(schema: dict[str, Any], name: str = "") -> str:  # noqa: PLR0911  # one for each kind
    """A schema's type as the table writes it; `name` is what an inline object is called."""
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
    if schema.get("format") in {"date-time", "binary"}:
        return str(schema["format"])
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}[kinds]


def capitalised(name: str) -> str:
    return name[0].upper() + name[1:]


def body_of(name: str, operation: dict[str, Any]) -> str | None:
    body = operation.get("requestBody")
    if body is None:
        return None
    (media,) = body["content"].values()
    kind = type_of(media["schema"], f"{capitalised(name)}Body")
    return kind if body["required"] else f"{kind}?"


def response_of(name: str, status: str, response: dict[str, Any]) -> str:
    content = response.get("content")
    if not content:
        return "no body"
    media_type, media = next(iter(content.items()))
    if media_type == "text/plain":
        return "text/plain"
    kind = type_of(media["schema"], f"{capitalised(name)}Response{status}")
    if media_type == "text/event-stream":
        return f"{kind} (event stream)"
    if response.get("x-may-be-empty"):
        return "map or empty body"
    return "array" if kind.startswith("list[") else kind


def test_it_is_strictly_valid_openapi_3_1() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1.")
    validate(DESCRIPTION, cls=OpenAPIV31SpecValidator)


def test_operations_are_those_of_the_real_api() -> None:
    actual = {
        operation["operationId"]: {
            "tag": operation["tags"][0],
            "method": method,
            "path": path,
            "parameters": [
                {
                    "name": parameter["name"],
                    "in": parameter["in"],
                    "type": type_of(parameter["schema"]),
                    "required": parameter["required"],
                    **{k: v for k, v in parameter["schema"].items() if k == "default"},
                }
                for parameter in parameters
            ],
            "body": body_of(operation["operationId"], operation),
            "responses": {
                status: response_of(operation["operationId"], status, resolve(response))
                for status, response in operation["responses"].items()
            },
        }
        for path, method, operation, parameters in operations()
    }

    assert actual == EXPECTED["operations"]


def test_schemas_are_those_of_the_real_api() -> None:
    def properties(name: str) -> dict[str, Any]:
        schema = SCHEMAS[name]
        return {
            key: {
                "required": key in schema.get("required", []),
                "type": type_of(value, name + capitalised(key)).removesuffix(
                    " or null" if name in NULLABLE else "\0"
                ),
            }
            for key, value in schema["properties"].items()
        }

    with_properties = {name for name, schema in SCHEMAS.items() if "properties" in schema}
    assert {name: properties(name) for name in with_properties} == EXPECTED["schemas"]
    assert set(SCHEMAS) - with_properties == {"ServerStreamEventResults"}


@pytest.mark.parametrize("name", ["text", "execution_count", "timestamp", "results", "error"])
def test_fields_of_an_event_can_be_null(name: str) -> None:
    assert type_of(SCHEMAS["ServerStreamEvent"]["properties"][name]).endswith(" or null")


def test_the_token_is_optional_and_has_its_own_header() -> None:
    assert DESCRIPTION["security"] == [{}, {"accessToken": []}]
    scheme = DESCRIPTION["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == (
        "apiKey",
        "header",
        "X-EXECD-ACCESS-TOKEN",
    )


def test_its_version_is_that_of_the_distribution() -> None:
    pyproject = (HERE.parents[1] / "generated" / "pyproject.toml").read_text()
    assert f'\nversion = "{DESCRIPTION["info"]["version"]}"\n' in pyproject


def is_sentences(text: str) -> bool:
    return bool(re.match(r"[A-Z`e]", text)) and text.strip().endswith((".", ":"))


def test_everything_is_described_in_sentences() -> None:
    described: dict[str, str] = {}
    for _, _, operation, parameters in operations():
        name = operation["operationId"]
        described[name] = operation["description"]
        for parameter in parameters:
            described[f"{name} {parameter['name']}"] = parameter["description"]
        for status, response in operation["responses"].items():
            described[f"{name} {status}"] = resolve(response)["description"]
    for name, schema in SCHEMAS.items():
        described[name] = schema["description"]
        for key, value in schema.get("properties", {}).items():
            described[f"{name}.{key}"] = resolve(value)["description"]

    assert [where for where, text in described.items() if not is_sentences(text)] == []


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
    }
    for (schema, name), unit in units.items():
        assert unit in SCHEMAS[schema]["properties"][name]["description"]


def examples() -> Iterator[tuple[str, Any, Any]]:
    for name, schema in SCHEMAS.items():
        for example in schema["examples"]:
            yield name, {"$ref": f"#/components/schemas/{name}"}, example
        for key, value in schema.get("properties", {}).items():
            for example in value.get("examples", []):
                yield f"{name}.{key}", value, example
    for _, _, operation, parameters in operations():
        for parameter in parameters:
            yield parameter["name"], parameter["schema"], parameter["example"]
        if body := operation.get("requestBody"):
            for media in body["content"].values():
                yield operation["operationId"], media["schema"], media["example"]


def test_examples_fit_their_schemas() -> None:
    errors = [
        f"{where}: {error.message}"
        for where, schema, example in examples()
        for error in OAS31Validator(
            {**schema, "components": DESCRIPTION["components"]}
        ).iter_errors(example)
    ]
    assert errors == []
