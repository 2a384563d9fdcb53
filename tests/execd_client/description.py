"""openapi/execd.yaml as tests read it: every reference followed, every operation in one list."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "openapi" / "execd.yaml").read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]


class Operation(NamedTuple):
    name: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    responses: dict[str, dict[str, Any]]


def capitalised(name: str) -> str:
    return name[0].upper() + name[1:]


def resolve(node: Any) -> Any:
    while "$ref" in node:
        found: Any = DESCRIPTION
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


OPERATIONS = [
    Operation(
        name=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        parameters=[
            resolve(parameter)
            for parameter in item.get("parameters", []) + operation.get("parameters", [])
        ],
        body=resolve(operation["requestBody"]) if "requestBody" in operation else None,
        responses={status: resolve(answer) for status, answer in operation["responses"].items()},
    )
    for path, item in DESCRIPTION["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]
