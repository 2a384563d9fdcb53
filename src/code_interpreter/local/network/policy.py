"""What a sandbox may reach: rules, and what they make of a destination. Pure.

What must stay true:

- Rules are taken in order, and the first that speaks for a destination decides; where none does,
  the default action decides.
- An address that is not public is never reached because of the default action, a wildcard or a
  range that is wider than it. It has to be named: by its address, by a range that lies in the same
  special range, or by its exact name, unless it is one that no name may lead to (loopback,
  link-local, those of metadata services, this machine's own): whoever owns a name decides where it
  leads.
- What cannot be understood is refused, and never taken for a name that no rule speaks for.

A relay loads this file by its path, without the package around it: standard library alone.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, cast

Action = Literal["allow", "deny"]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Host = str | IPv4Address | IPv6Address

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_MOST_RULES = 1000
_HIGHEST_PORT = 65535
# What Unicode's own rule and the older one turn into different names.
_AMBIGUOUS = re.compile("[\u00df\u03c2\u200c\u200d]")
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

# What is not public, by kind. Those of the first table are reached by no name.
_CLOSED_TO_NAMES: Mapping[str, Sequence[str]] = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "unspecified": ("0.0.0.0/8", "::/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "broadcast": ("255.255.255.255/32",),
    "a metadata service": (
        # AWS, GCP, Azure and most others; ECS; Alibaba; Oracle; Azure's agent; AWS; GCP.
        *("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32"),
        *("168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128"),
    ),
}
_OPEN_TO_NAMES: Mapping[str, Sequence[str]] = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "a provider's private": ("100.64.0.0/10",),
    "reserved": (
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4"),
        # All but 2000::/3, and what in there is nobody's: Teredo, documentation, 6to4.
        *("::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16"),
        "3fff::/20",
    ),
}
_SPECIAL: Sequence[tuple[str, Network, bool]] = [
    (kind, ipaddress.ip_network(block), closed)
    for table, closed in ((_CLOSED_TO_NAMES, True), (_OPEN_TO_NAMES, False))
    for kind, blocks in table.items()
    for block in blocks
]
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


class PolicyError(ValueError):
    """A policy, a rule or the name of a host that is not valid; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed or denied.

    Attributes:
        action: Which of the two.
        target: As it was given.
        name: A host name; None where the rule is about addresses.
        wildcard: Whether it stands for all names below `name`, and not for that itself.
        network: Addresses.
        port: The only one that it speaks for; None for all.
    """

    action: Action
    target: str
    name: str | None = None
    wildcard: bool = False
    network: Network | None = None
    port: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What it is about: equal where a rule takes another's place."""
        return (self.name, self.wildcard, self.network, self.port)

    def is_for_name(self, host: Host, port: int) -> bool:
        """Whether it speaks for a destination by its name."""
        if self.name is None or not isinstance(host, str) or self.port not in {None, port}:
            return False
        return host.endswith(f".{self.name}") if self.wildcard else host == self.name

    def is_for_address(self, forms: Iterable[Address], port: int) -> bool:
        """Whether it speaks for a destination by its address."""
        network = self.network
        return (
            network is not None
            and self.port in {None, port}
            and any(form in network for form in forms)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a sandbox may reach."""

    default: Action
    rules: tuple[Rule, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As the API has it."""
        rules = [{"action": rule.action, "target": rule.target} for rule in self.rules]
        return {"defaultAction": self.default, "egress": rules}

    @property
    def mode(self) -> str:
        """As OpenSandbox calls it."""
        return "enforcing" if self.rules else f"{self.default}_all"

    def with_rules(self, new: Sequence[Rule]) -> "Policy":
        """New rules come first, and take the place of those about the same."""
        first = {rule.key: rule for rule in reversed(new)}
        fresh = [rule for rule in new if first[rule.key] is rule]
        kept = [rule for rule in self.rules if rule.key not in first]
        return Policy(self.default, _bounded((*fresh, *kept)))

    def without(self, targets: Iterable[str]) -> "Policy":
        """Without the rules about these targets; those that there are not do not matter."""
        gone = {read_rule({"action": "deny", "target": target}).key for target in targets}
        return Policy(self.default, tuple(rule for rule in self.rules if rule.key not in gone))


NOTHING = Policy("deny")
PUBLIC = Policy("allow")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a destination may be reached, and why not, in words with the way to allow it."""

    allowed: bool
    why: str = ""


def read_policy(value: object) -> Policy:
    """Understand a `networkPolicy`.

    Raises:
        PolicyError: It is not valid.
    """
    given = _fields(value, "a network policy", {"defaultAction", "egress"})
    default = given.get("defaultAction")
    default = "deny" if default is None else default  # as a cluster has it
    egress = given.get("egress")
    return Policy(_action(default, "defaultAction"), read_rules([] if egress is None else egress))


def read_rules(value: object) -> tuple[Rule, ...]:
    """Understand a list of rules.

    Raises:
        PolicyError: One is not valid.
    """
    if not isinstance(value, list):
        raise PolicyError("rules must be a list")
    return _bounded([read_rule(rule) for rule in cast("list[object]", value)])


def _bounded(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    if len(rules) > _MOST_RULES:
        raise PolicyError(f"there may be {_MOST_RULES} rules at most, and not {len(rules)}")
    return tuple(rules)


def read_rule(value: object) -> Rule:
    """Understand one rule.

    Raises:
        PolicyError: It is not valid.
    """
    given = _fields(value, "a rule", {"action", "target"})
    action, target = _action(given.get("action"), "action"), given.get("target")
    if not isinstance(target, str) or not target.strip():
        raise PolicyError("the target of a rule must be a name, an address or a range")
    target = target.strip()
    try:
        host, port = _split(target)
        network = _network(host)
        if network is not None:
            return Rule(action, target, network=network, port=port)
        wildcard = host.startswith("*.")
        name = read_host(_ascii(host[2:] if wildcard else host))
    except ValueError as error:
        raise PolicyError(f"the target {target[:260]!r}: {error}") from None
    if not isinstance(name, str):
        raise PolicyError(f"the target {target!r}: a wildcard is for names")
    return Rule(action, target, name=name, wildcard=wildcard, port=port)


def _fields(value: object, what: str, known: set[str]) -> dict[object, object]:
    if not isinstance(value, dict):
        raise PolicyError(f"{what} must be an object")
    given = cast("dict[object, object]", value)
    unknown = given.keys() - known
    if unknown:
        raise PolicyError(f"{what} has no {', '.join(sorted(map(str, unknown)))}")
    return given


def _action(value: object, what: str) -> Action:
    if value == "allow":
        return "allow"
    if value == "deny":
        return "deny"
    raise PolicyError(f"{what} must be 'allow' or 'deny', not {str(value)[:60]!r}")


def _split(target: str) -> tuple[str, int | None]:
    """Host and port of a target. IPv6 needs brackets before a port, and may have them without."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::(\d{1,5}))?", target, re.ASCII)
    if bracketed:
        host, port = bracketed.groups()
        if ":" not in host:
            raise ValueError("brackets are for IPv6")
        return host, None if port is None else read_port(port)
    if target.count(":") == 1:
        host, _, port = target.partition(":")
        return host, read_port(port)
    return target, None


def read_port(text: str) -> int:
    """A port.

    Raises:
        ValueError: It is none.
    """
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 0 < int(text) <= _HIGHEST_PORT:
        raise ValueError(f"not a port: {text[:20]!r}")
    return int(text)


def _network(text: str) -> Network | None:
    """The range that a target is; None where it is a name."""
    if "%" in text:
        raise ValueError("an address with a scope cannot be reached")
    if "/" in text or ":" in text:
        network = ipaddress.ip_network(text)  # with a message that says what is wrong
    else:
        try:
            network = ipaddress.ip_network(IPv4Address(text))
        except ValueError:
            return None
    mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
    if mapped and network.prefixlen >= 96:  # noqa: PLR2004 - of what precedes the address in it
        return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    if _AMBIGUOUS.search(name):
        raise ValueError("write it as xn--..., since it is read in two ways")
    return name.encode("idna").decode()


def read_host(text: str) -> Host:
    """Understand the host of a request, without brackets: a name in lower case, or an address.

    Raises:
        ValueError: It is neither. Numbers that some programs take for an address, as `0x7f.1`, are
            not a name.
    """
    if ":" in text:
        address = IPv6Address(text)
        if address.scope_id is not None:
            raise ValueError(f"an address with a scope cannot be reached: {text!r}")
        return address.ipv4_mapped or address
    name = text.lower().removesuffix(".")
    try:
        return IPv4Address(name)
    except ValueError:
        pass
    labels = name.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        raise ValueError(f"not an address as it is usually written: {text[:60]!r}")
    if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"not a host name: {text[:260]!r}")
    return name


def known_addresses(host: Host) -> Sequence[Address] | None:
    """The addresses of a host that nobody has to be asked for; None for those of others."""
    if not isinstance(host, str):
        return (host,)
    return _LOOPBACK if host == "localhost" or host.endswith(".localhost") else None


def is_looked_up(policy: Policy, host: str, port: int) -> Verdict:
    """Whether the addresses of a name may be asked for.

    Of names that are not allowed they are not, since a question to a name's own server tells it
    something.
    """
    for rule in policy.rules:
        if rule.is_for_name(host, port):
            return _said_by(rule, host, port)
    return _said_by_default(policy, host, port)


def judge(
    policy: Policy,
    host: Host,
    port: int,
    address: Address,
    *,
    is_own: Callable[[Address], bool] = lambda _: False,
) -> Verdict:
    """Whether an address may be reached.

    Args:
        policy: The rules.
        host: What the program asked for: a name, or the address itself.
        port: Of the address.
        address: One of the host's.
        is_own: Whether an address is this machine's.
    """
    forms = tuple(_forms(address))
    special = [*_special(forms, is_own)]
    meant = policy.default == "allow"
    for rule in policy.rules:
        by_name = rule.is_for_name(host, port)
        if not by_name and not rule.is_for_address(forms, port):
            continue
        if rule.action == "deny":
            return _said_by(rule, host, port)
        if _opens(rule, special, by_name=by_name):
            return Verdict(allowed=True)
        meant = True  # by a rule, but as one that is public: another rule may open it
    if not special or not meant:
        return _said_by_default(policy, host, port)
    of_whom = f"its address {address}" if isinstance(host, str) else "the address"
    why = f"{_shown(host, port)} is refused: {of_whom} is not public ({special[0][0]})"
    for form in forms:
        if _opens(Rule("allow", "", network=ipaddress.ip_network(form)), special, by_name=False):
            why += f", and no rule names it. A rule that does: allow {_shown(form, port)}"
            break
    return Verdict(allowed=False, why=why)


def _opens(rule: Rule, special: Sequence[tuple[str, Network, bool]], *, by_name: bool) -> bool:
    if not special:
        return True
    if by_name:
        if rule.wildcard:
            return False
        if known_addresses(rule.name or "") is not None:  # localhost
            return all(kind == "loopback" for kind, _, closed in special if closed)
        return not any(closed for _, _, closed in special)
    network = rule.network
    return all(
        network is not None and network.version == block.version and network.subnet_of(block)  # type: ignore[arg-type]  # of the same version
        for _, block, _ in special
    )


def _forms(address: Address) -> Iterator[Address]:
    """An address, and those that it is a disguise of."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _special(
    forms: Iterable[Address], is_own: Callable[[Address], bool]
) -> Iterator[tuple[str, Network, bool]]:
    """Why an address is not public: a kind, the range of it, and whether it is closed to names."""
    for form in forms:
        # The addresses of NAT64 mean public ones too: what they mean is judged by itself.
        found = [
            (kind, block, closed)
            for kind, block, closed in _SPECIAL
            if form in block and form not in _NAT64
        ]
        yield from found
        if not any(kind == "loopback" for kind, _, _ in found) and is_own(form):
            yield "this machine's own", ipaddress.ip_network(form), True


def _said_by(rule: Rule, host: Host, port: int) -> Verdict:
    if rule.action == "allow":
        return Verdict(allowed=True)
    why = f"{_shown(host, port)} is refused by the rule: deny {rule.target}"
    return Verdict(allowed=False, why=why)


def _said_by_default(policy: Policy, host: Host, port: int) -> Verdict:
    if policy.default == "allow":
        return Verdict(allowed=True)
    place = _shown(host, port)
    if not policy.rules:
        return Verdict(allowed=False, why=f"{place} is refused: this sandbox has no network")
    return Verdict(
        allowed=False,
        why=f"{place} is refused by the default action: no rule allows it. A rule that does: "
        f"allow {host}",
    )


def _shown(host: Host, port: int) -> str:
    return f"[{host}]:{port}" if isinstance(host, IPv6Address) else f"{host}:{port}"
