"""What changed for callers of the client, from one description of execd to another.

`scripts/regen.sh --diff` runs this. Tools that compare OpenAPI descriptions look at the wire, and
repeat a change of one schema for every answer that holds it. Callers of a generated client live by
names too: an operation is their function, a tag its module, a schema their class. So a description
is read here as facts, each at an address that callers know, and the facts are compared. Comparing
two generated clients with griffe was tried: it finds 9 of the 25 breaks that the tests know, as it
sees neither the wire nor the annotations, and takes another default for a break.

A change breaks when a program written with the old client can fail because of it: against a server
of the new description, or with the client that is made from it. What must stay true:

- What is sent may only be accepted more widely, what is received may only become narrower, and a
  schema that goes both ways has to keep both rules.
- A new value of an enum never breaks, since the enums of the client are open. A value that goes
  breaks, since a member of a class goes with it.
- A status that goes breaks, a failure's too: what was returned is then raised as undocumented.
- A keyword that nothing here knows counts: its difference is reported, and breaks.
- Descriptions, titles, examples, servers, callbacks and links are no difference for callers.
"""

import enum
import json
import re
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, cast

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.readers import read_from_filename
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ANYTHING = "anything"
LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
# What a server checks in what it is sent, and the client nowhere.
LIMITS = {*LOWER, *UPPER, "format", "multipleOf", "pattern", "uniqueItems"}
WORDS = {"$comment", "description", "example", "examples", "externalDocs", "summary", "title"}
# Read into types, values and further facts; what else a schema says is an attribute as it is.
COMBINED = ("oneOf", "anyOf", "allOf")
SHAPE = {
    *("$ref", "type", "enum", "items", "properties", "required", "additionalProperties"),
    *COMBINED,
}


class Way(enum.Flag):
    """Which way a value goes, as callers see it."""

    SENT = enum.auto()
    RECEIVED = enum.auto()


@dataclass(frozen=True)
class Fact:
    """What is said of one address.

    Attributes:
        parent: The address that it is a part of.
        way: Which way it goes.
        attributes: What is said of it; what is not said is None.
        types: The types that its value can have, besides null.
    """

    parent: str | None
    way: Way
    attributes: Mapping[str, Any]
    types: AbstractSet[str] = frozenset()


@dataclass(frozen=True)
class Change:
    """One line of the report."""

    address: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'BREAKING ' if self.breaking else ''}{self.address}: {self.what}"


class Description:
    """The facts of a description, by their addresses.

    Args:
        path: The file that holds it.

    Raises:
        OSError: The file cannot be read.
        ValueError: What it holds is not valid OpenAPI 3.1, or a reference leads nowhere.
    """

    def __init__(self, path: str) -> None:
        self.facts: dict[str, Fact] = {}
        self._ways: dict[str, Way] = {}
        try:
            document: Any = read_from_filename(path)[0]
            validate(document, cls=OpenAPIV31SpecValidator)
            resource = DRAFT202012.create_resource(document)
            self._resolver = Registry[Any]().with_resource("", resource).resolver()
            self._read(document)
        except OpenAPIValidationError as error:
            # Where jsonschema-rs is installed, it is what validates, and it says more than a line.
            raise ValueError(f"{error.json_path}: {error.message.splitlines()[0]}") from error
        except Unresolvable as error:
            raise ValueError(f"{error.ref} leads nowhere") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(" ".join(str(error).split())) from error
        except (AttributeError, LookupError, TypeError) as error:
            # To what kind of thing a reference leads is not validated.
            raise ValueError(f"something in it is not of its kind: {error!r}") from error

    def _read(self, document: Any) -> None:
        components = document.get("components", {})
        self._schemas = components.get("schemas", {})
        access = _security({"security": [{}], **document})
        self.facts["every operation"] = Fact(None, Way.SENT, access)
        for name, scheme in components.get("securitySchemes", {}).items():
            self.facts[f"access {name}"] = Fact(None, Way.SENT, _rest(self._resolve(scheme)))
        for path, found in document.get("paths", {}).items():
            item = self._resolve(found)
            for method in METHODS:
                if method in item:
                    self._operation(f"{method.upper()} {path}", item, item[method])
        for name in self._schemas:
            if name not in self._ways:  # its class is there for callers all the same
                self._named(name, Way.SENT | Way.RECEIVED)

    def _resolve(self, node: Any) -> Any:
        while "$ref" in node:
            node = self._resolver.lookup(node["$ref"]).contents
        return node

    def _operation(self, request: str, item: Any, node: Any) -> None:
        here = f"operation {node.get('operationId', request)}"
        apart = {"callbacks", "operationId", "parameters", "requestBody", "responses", "servers"}
        attributes = {
            **_rest(node, {*apart, "security", "tags"}),
            **_security(node),
            "request": re.sub("{.*?}", "{}", request),  # parameters have the names in the path
            "tag": (node.get("tags") or ["default"])[0],
        }
        self.facts[here] = Fact(None, Way.SENT, attributes)
        in_path: list[str] = re.findall("{(.*?)}", request)
        both = [*item.get("parameters", []), *node.get("parameters", [])]
        for parameter in map(self._resolve, both):
            self._parameter(here, in_path, parameter)
        if "requestBody" in node:
            body = {"required": False, **self._resolve(node["requestBody"])}
            self.facts[f"{here}, body"] = Fact(here, Way.SENT, _rest(body, {"content"}))
            self._content(f"{here}, body", body, Way.SENT)
        for status, found in node.get("responses", {}).items():
            answer, at = self._resolve(found), f"{here}, answer {status}"
            attributes = _rest(answer, {"content", "headers", "links"})
            self.facts[at] = Fact(here, Way.RECEIVED, attributes)
            self._content(at, answer, Way.RECEIVED)
            for name, header in answer.get("headers", {}).items():
                self._holder(f"{at}, header {name}", at, self._resolve(header), Way.RECEIVED)

    def _parameter(self, here: str, in_path: list[str], node: Any) -> None:
        place, name = node["in"], node["name"]
        style = node.get("style", "form" if place in {"query", "cookie"} else "simple")
        told = {"style": style, "explode": style == "form", **node}
        if place == "path":  # known by where it stands, so that another name is a change of it
            self._holder(f"{here}, path parameter {in_path.index(name) + 1}", here, told, Way.SENT)
        else:
            del told["name"]
            self._holder(f"{here}, {place} parameter {name}", here, told, Way.SENT)

    def _holder(self, at: str, parent: str, node: Any, way: Way) -> None:
        """A parameter or a header: a value with a schema, or with a content type."""
        attributes = {"required": False, **_rest(node, {"content", "in", "schema"})}
        self._value(at, parent, node.get("schema", True), way, attributes)
        self._content(at, node, way)

    def _content(self, here: str, node: Any, way: Way) -> None:
        for media_type, media in node.get("content", {}).items():
            at, schema = f"{here}, {media_type}", media.get("schema", True)
            self._value(at, here, schema, way, _rest(media, {"schema"}))

    def _named(self, name: str, way: Way) -> None:
        before = self._ways.get(name, Way(0))
        if way not in before:
            self._ways[name] = before | way
            self._value(f"schema {name}", None, self._schemas[name], before | way, {})

    def _parts(self, schema: Any) -> list[Any]:
        """A schema with those that it combines; a named one stays a reference."""
        parts = [schema]
        for part in parts:  # which grows
            if not isinstance(part, bool):
                if "$ref" in part and not _name(part):
                    parts.append(self._resolver.lookup(part["$ref"]).contents)
                for keyword in COMBINED:
                    parts += part.get(keyword, [])
        return [
            ({} if part else {"type": "nothing"}) if isinstance(part, bool) else part
            for part in parts
        ]

    def _value(
        self, at: str, parent: str | None, schema: Any, way: Way, attributes: dict[str, Any]
    ) -> None:
        types: set[str] = set()
        fields: dict[str, Any] = {}
        required: set[str] = set()
        below: dict[str, Any] = {}
        for part in self._parts(schema):
            kinds = _types(part)
            types |= kinds
            attributes |= _said(part)
            fields |= part.get("properties", {})
            required |= {*part.get("required", [])}
            if "items" in part:
                below["[]"] = part["items"]
            if "object" in kinds and part.get("additionalProperties", True) is not False:
                below[".*"] = part.get("additionalProperties", True)
            if name := _name(part):
                self._resolver.lookup(part["$ref"])  # which fails when it leads nowhere
                self._named(name, way)
        attributes["null"] = "null" in types
        self.facts[at] = Fact(parent, way, attributes, types - {"null"})
        for field, value in fields.items():
            self._value(f"{at}.{field}", at, value, way, {"required": field in required})
        for suffix, value in below.items():
            self._value(f"{at}{suffix}", at, value, way, {})


def _rest(node: Any, apart: set[str] | None = None) -> dict[str, Any]:
    """What a node says besides words and what is read apart."""
    return {key: value for key, value in node.items() if key not in WORDS | (apart or set())}


def _security(node: Any) -> dict[str, Any]:
    """The ways in, each with the schemes that it asks for together."""
    if "security" not in node:
        return {}
    return {"security": {" with ".join(sorted(way)) or "nothing" for way in node["security"]}}


def _name(schema: Any) -> str | None:
    """The name of the schema that this one only refers to."""
    found = re.fullmatch("#/components/schemas/([^/]+)", schema.get("$ref", ""))
    return found and found[1]


def _types(schema: Any) -> set[str]:
    """What a schema says of its type, without what it combines."""
    if name := _name(schema):
        return {name}
    if "type" not in schema:
        return {ANYTHING} if SHAPE.isdisjoint(schema) else set()
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    # The format of a string decides its type in Python; that of a number is a limit.
    text = f"string ({schema['format']})" if "format" in schema else "string"
    return {text if kind == "string" else kind for kind in kinds}


def _said(schema: Any) -> dict[str, Any]:
    """What a schema says of its values besides their type and their parts."""
    apart = SHAPE | {"format"} if "string" in schema.get("type", ()) else SHAPE
    said = _rest(schema, apart)
    if "enum" in schema:
        said["enum"] = {_text(value) for value in schema["enum"]}
    if len(schema.get("allOf", ())) > 1:
        said["all of"] = True
    return said


def changes(old: Mapping[str, Fact], new: Mapping[str, Fact]) -> Iterator[Change]:
    """What differs: operations, then schemas, with all that concerns one of them together."""
    both = {**old, **new}
    order = {address: index for index, address in enumerate(both)}

    def group(address: str) -> tuple[bool, int]:
        parent = both[address].parent
        return group(parent) if parent else (address.startswith("schema "), order[address])

    for address in sorted(both, key=group):
        before, after = old.get(address), new.get(address)
        if before and after:
            yield from _differences(address, before, after)
        elif before and _is_news(before, old, new):
            yield Change(address, "removed", breaking=True)
        elif after and _is_news(after, new, old):
            required = after.attributes.get("required")
            what = "added" if required is None else f"added, {_word('required', required)}"
            yield Change(address, what, breaking=bool(required) and Way.SENT in after.way)


def _is_news(fact: Fact, here: Mapping[str, Fact], there: Mapping[str, Fact]) -> bool:
    """Whether that a fact is here only does not follow from a change of what it is a part of."""
    if fact.parent is None:
        return True
    return fact.parent in there and here[fact.parent].types <= there[fact.parent].types


def _differences(address: str, old: Fact, new: Fact) -> Iterator[Change]:
    way = old.way | new.way
    if old.types != new.types:
        what = f"type changed from {_text(old.types)} to {_text(new.types)}"
        yield Change(address, what, _type_breaks(old.types, new.types, way))
    for key in sorted(old.attributes.keys() | new.attributes.keys()):
        before, after = old.attributes.get(key), new.attributes.get(key)
        if before == after or _follows(key, old.types, new.types):
            continue
        if key == "enum" and before and after:
            for value in sorted(after - before):
                yield Change(address, f"value {value} added (enums are open)", breaking=False)
            for value in sorted(before - after):
                yield Change(address, f"value {value} removed", breaking=True)
        else:
            yield Change(address, _what(key, before, after), _breaks(key, before, after, way))


def _follows(key: str, old: AbstractSet[str], new: AbstractSet[str]) -> bool:
    """Whether a difference of an attribute follows from that of the types."""
    if key == "null":
        return ANYTHING in old | new
    return key in LIMITS and old != new


def _what(key: str, old: Any, new: Any) -> str:
    if key in {"null", "required", "deprecated"}:
        return f"is now {_word(key, new)}"
    if old is None:
        return f"{key} is now {_text(new)}"
    if new is None:
        return f"{key} is gone, was {_text(old)}"
    return f"{key} changed from {_text(old)} to {_text(new)}"


def _word(key: str, value: Any) -> str:
    yes, no = {
        "null": ("null at times", "never null"),
        "required": ("required", "optional"),
        "deprecated": ("deprecated", "not deprecated"),
    }[key]
    return yes if value else no


def _text(value: Any) -> str:
    if isinstance(value, AbstractSet):
        return " or ".join(sorted(cast("AbstractSet[str]", value))) or "nothing"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _type_breaks(old: AbstractSet[str], new: AbstractSet[str], way: Way) -> bool:
    fewer = not old <= new and ANYTHING not in new
    more = not new <= old and ANYTHING not in old
    return (Way.SENT in way and fewer) or (Way.RECEIVED in way and more)


def _breaks(key: str, old: Any, new: Any, way: Way) -> bool:  # noqa: PLR0911  # a rule each
    """Whether another value of an attribute breaks somebody."""
    sent, received = Way.SENT in way, Way.RECEIVED in way
    match key:
        case "deprecated" | "default":
            return False
        case "null":
            return received if new else sent
        case "required":
            return sent if new else received
        case "enum":  # an enum comes, whose members are still strings, or goes
            return sent or new is None
        case "security":  # an operation that has none of its own is open like every other
            return old is None or new is None or not old <= new
        case _ if key in LIMITS:
            return sent and not _wider(key, old, new)
        case _:
            return True


def _wider(key: str, old: Any, new: Any) -> bool:
    """Whether a limit lets all through that it did before."""
    if old is None or new is None:
        return new is None
    return (key in LOWER and new < old) or (key in UPPER and new > old)


def report(old: Mapping[str, Fact], new: Mapping[str, Fact]) -> int:
    """Print what changed; return 3 if something breaks, else 0."""
    found = list(changes(old, new))
    breaking = sum(change.breaking for change in found)
    print(*found, f"changes for callers: {len(found)}, BREAKING: {breaking}", sep="\n")
    return 3 if breaking else 0


def main(old: str, new: str) -> int:
    """Compare two files and report; return 2 if one of them cannot be read."""
    facts: list[Mapping[str, Fact]] = []
    for path in (old, new):
        try:
            facts.append(Description(path).facts)
        except (OSError, ValueError) as error:
            print(f"regen.sh: {path} cannot be read: {error}", file=sys.stderr)
            return 2
    return report(*facts)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
