"""What clients of the sandbox API ask for: pure, from JSON to checked values.

What must stay true: nothing that changes what a sandbox is or may do is ignored in silence. It is
honoured, or refused as NOT_SUPPORTED. What only tells a cluster where to put a sandbox is accepted
without effect, and a log line says so. Whether limits hold is in the sandbox's status.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

from code_interpreter.execd.host.environment import refusal
from code_interpreter.execd.host.processes import MARKER_VARIABLE
from code_interpreter.execd.http.gate import TOKEN_VARIABLE
from code_interpreter.local.box.volumes import Volume
from code_interpreter.local.lifecycle.limits import Limits, read_limits
from code_interpreter.local.network.policy import (
    Policy,
    PolicyError,
    Rule,
    read_policy,
    read_rules,
)

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# What a real server assumes when a request names no entry point.
_DEFAULT_ENTRYPOINT = ("tail", "-f", "/dev/null")
_RESERVED = {MARKER_VARIABLE, TOKEN_VARIABLE}
_REFUSED = {
    "networkPolicy": (
        "it is not isolated, so there is nothing to apply a policy with. Leave it out to have the"
        " network of this machine, start the server with isolation, or use a cluster"
    ),
    "volumes": "it is not isolated, and works on the host's own files: use their paths",
    "snapshotId": "there are no snapshots",
    "templateId": "there are no templates",
    "credentialProxy": "there is no proxy that could inject credentials",
    "lifecycle": "hooks are not run",
}
_OFFLINE = "this server's sandboxes have no network (network='none')"
_WITHOUT_EFFECT = ("resourceRequests", "platform", "extensions")
_KNOWN = {
    *("image", "timeout", "env", "metadata", "entrypoint", "secureAccess", "resourceLimits"),
    *_REFUSED,
    *_WITHOUT_EFFECT,
}
# Python before 3.11 accepts three or six fractional digits only; Go sends up to nine.
_FRACTION = re.compile(r"\.(\d+)")
_DEFAULT_PAGE_SIZE = 20
_LONGEST = 100 * 365 * 24 * 3600


class RequestError(ValueError):
    """The request is not valid (400); `code` is for programs."""

    def __init__(self, message: str, code: str = "INVALID_REQUEST_BODY") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a sandbox was asked to be.

    Attributes:
        timeout: How long it lives; None is without end.
        image: URI of the image, for the record: the sandbox runs what this machine has.
        network: What it may reach; None for what the server gives.
        volumes: Folders of the machine that it shows.
    """

    timeout: timedelta | None = None
    image: str | None = None
    entrypoint: tuple[str, ...] = _DEFAULT_ENTRYPOINT
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    extensions: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits = field(default_factory=Limits)
    network: Policy | None = None
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which sandboxes to list: those in any of the states, with all of the metadata, by page."""

    states: frozenset[str]
    metadata: Mapping[str, str]
    page: int
    page_size: int


def read_spec(body: object, *, isolated: bool = False, offline: bool = False) -> SandboxSpec:
    """Check the body of a request that makes a sandbox.

    Args:
        body: The JSON of it.
        isolated: Whether it will be in a box.
        offline: Whether it may have no network, whatever it asks for.

    Raises:
        RequestError: It is malformed, or asks for what a local sandbox cannot be.
    """
    given = _object(body, "the request body")
    # An empty policy, no volumes, {"enabled": false}: these ask for nothing.
    for name, reason in _REFUSED.items():
        value = given.get(name)
        if name in {"networkPolicy", "volumes"} and isolated:
            continue
        if value and value != {"enabled": False}:
            raise RequestError(
                f"{name} is not supported by a local sandbox: {reason}", "NOT_SUPPORTED"
            )
    ignored = [name for name in given if name in _WITHOUT_EFFECT or name not in _KNOWN]
    if ignored:
        logger.info("local sandboxes do not enforce or apply: %s", ", ".join(ignored))
    env = _strings(given.get("env"), "env")
    for name in env.keys() & _RESERVED:
        raise RequestError(f"env: {name} is set by the server itself")
    if (problem := refusal(env)) is not None:
        raise RequestError(f"env: {problem}")
    return SandboxSpec(
        timeout=_timeout(given.get("timeout")),
        image=_image(given.get("image")),
        entrypoint=_entrypoint(given.get("entrypoint")),
        env=env,
        metadata=_strings(given.get("metadata"), "metadata"),
        extensions=_strings(given.get("extensions"), "extensions"),
        limits=_limits(given.get("resourceLimits")),
        network=_network(given.get("networkPolicy"), offline=offline) if isolated else None,
        volumes=_volumes(given.get("volumes")) if isolated else (),
    )


def _volumes(value: object) -> tuple[Volume, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise RequestError("volumes must be a list")
    return tuple(_volume(one) for one in cast("list[object]", value))


def _volume(value: object) -> Volume:
    given = _object(value, "a volume")
    name = given.get("name")
    for backend in ("pvc", "ossfs"):
        if given.get(backend) is not None:
            why = f"volumes: {name}: a local sandbox has volumes of the kind host, not {backend}"
            raise RequestError(why, "NOT_SUPPORTED")
    host = _object(given.get("host"), f"volumes: {name}: host")
    source = _text(host.get("path"), f"volumes: {name}: host.path")
    path = _text(given.get("mountPath"), f"volumes: {name}: mountPath")
    below = _text(given.get("subPath") or "", f"volumes: {name}: subPath")
    if not (source.startswith("/") and path.startswith("/")):
        raise RequestError(f"volumes: {name}: host.path and mountPath must be absolute")
    if below.startswith("/") or ".." in below.split("/"):
        raise RequestError(f"volumes: {name}: subPath must lead to what is below host.path")
    read_only = given.get("readOnly", False)
    if not isinstance(read_only, bool):
        raise RequestError(f"volumes: {name}: readOnly must be true or false")
    return Volume(f"{source}/{below}", path, writable=not read_only)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise RequestError(f"{what} must be a string")
    return value


def _network(value: object, *, offline: bool) -> Policy | None:
    return read_network_policy(value, offline=offline) if value else None


def read_network_policy(body: object, *, offline: bool) -> Policy:
    """Check a policy.

    Args:
        body: The JSON of it.
        offline: Whether none may allow anything.

    Raises:
        RequestError: It is malformed, or allows something where none may.
    """
    return check_network(_understood(read_policy, body), offline=offline)


def read_network_rules(body: object) -> tuple[Rule, ...]:
    """Check rules that are to be added to a policy.

    Raises:
        RequestError: One is malformed.
    """
    return _understood(read_rules, body)


def read_targets(body: object) -> tuple[str, ...]:
    """Check the targets of rules that are to be removed from a policy.

    Raises:
        RequestError: One is malformed.
    """
    parts = cast("list[object]", body) if isinstance(body, list) else [None]
    rules = [{"action": "deny", "target": part} for part in parts]
    return tuple(rule.target for rule in _understood(read_rules, rules))


def check_network(policy: Policy, *, offline: bool) -> Policy:
    """Refuse a policy that allows something where none may.

    Raises:
        RequestError: It does.
    """
    if offline and (policy.default, *(rule.action for rule in policy.rules)).count("allow"):
        raise RequestError(f"networkPolicy: {_OFFLINE}", "NOT_SUPPORTED")
    return policy


def _understood(read: Callable[[object], _T], value: object) -> _T:
    try:
        return read(value)
    except PolicyError as error:
        raise RequestError(f"networkPolicy: {error}") from error


def read_expiration(body: object, now: datetime) -> datetime:
    """Check the body of a request that moves a sandbox's end.

    Raises:
        RequestError: It holds no RFC 3339 time with an offset, or one in the past.
    """
    text = _object(body, "the request body").get("expiresAt")
    wrong = RequestError(f"expiresAt must be like 2030-01-31T12:00:00Z (RFC 3339), not {text!r}")
    if not isinstance(text, str):
        raise wrong
    fixed = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.upper())
    try:
        moment = datetime.fromisoformat(fixed.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            raise wrong
        moment = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise wrong from error
    if moment <= now:
        raise RequestError(f"expiresAt must lie in the future; it is {rfc3339(now)} now")
    return moment


def read_metadata_patch(body: object) -> Mapping[str, str | None]:
    """Check the body of a request that changes metadata; None stands for a key to remove.

    Raises:
        RequestError: A value is neither a string nor null.
    """
    patch = _object(body, "the request body")
    removed = {key: None for key, value in patch.items() if value is None}
    kept = {key: value for key, value in patch.items() if value is not None}
    return {**removed, **_strings(kept, "the request body")}


def read_list_query(states: list[str], values: Mapping[str, str]) -> ListQuery:
    """Check the query of a request that lists sandboxes.

    Raises:
        RequestError: A number is not valid, or metadata is not `key=value&key=value`.
    """
    try:
        metadata = dict(
            parse_qsl(values.get("metadata", ""), keep_blank_values=True, strict_parsing=True)
            if values.get("metadata")
            else ()
        )
    except ValueError as error:
        raise RequestError(
            "metadata must be key=value pairs joined by &, percent-encoded", "INVALID_QUERY"
        ) from error
    return ListQuery(
        frozenset(state.lower() for state in states),
        metadata,
        _positive(values.get("page", "1"), "page"),
        _positive(values.get("pageSize", str(_DEFAULT_PAGE_SIZE)), "pageSize"),
    )


def read_port(text: str) -> int:
    """Check a port.

    Raises:
        RequestError: It is not a number from 1 to 65535.
    """
    port = _positive(text, "port")
    if port > 65535:  # noqa: PLR2004 - the highest port
        raise RequestError(f"port must be at most 65535, not {port}", "INVALID_PORT")
    return port


def rfc3339(moment: datetime) -> str:
    """Return a time in UTC as the API writes it."""
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _positive(text: str, name: str) -> int:
    # isascii: int() accepts digits of other scripts too; the length bounds int()'s work.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):  # noqa: PLR2004
        raise RequestError(f"{name} must be a positive number, not {text!r}", "INVALID_QUERY")
    return int(text)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{name} must be a JSON object")
    return cast("dict[str, Any]", value)


def _strings(value: object, name: str) -> dict[str, str]:
    if value is None:
        return {}
    strings = _object(value, name)
    for key, text in strings.items():
        if not isinstance(text, str):
            raise RequestError(f"{name}: the value of {key!r} must be a string")
    return strings


def _timeout(value: object) -> timedelta | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RequestError(
            f"timeout must be a whole number of seconds from 1 on, or null for none, not {value!r}"
        )
    # timedelta and datetime have a maximum; the sandbox's end must be a date.
    if value > _LONGEST:
        raise RequestError(f"timeout is too long: {value} seconds; leave it out for none")
    return timedelta(seconds=value)


def _limits(value: object) -> Limits:
    try:
        return read_limits(_strings(value, "resourceLimits"))
    except ValueError as error:
        raise RequestError(f"resourceLimits: {error}") from error


def _image(value: object) -> str | None:
    if value is None:
        return None
    uri = _object(value, "image").get("uri")
    if not isinstance(uri, str) or not uri:
        raise RequestError("image.uri must be a string that is not empty")
    return uri


def _entrypoint(value: object) -> tuple[str, ...]:
    if value is None:
        return _DEFAULT_ENTRYPOINT
    parts = cast("list[object]", value) if isinstance(value, list) else []
    words = tuple(part for part in parts if isinstance(part, str))
    if not words or len(words) != len(parts):
        raise RequestError("entrypoint must be a list of strings that is not empty")
    return words
