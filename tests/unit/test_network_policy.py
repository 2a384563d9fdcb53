"""What a sandbox may reach: rules by hand, and what must hold for all of them."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.local.network.policy import (
    NOTHING,
    PUBLIC,
    Address,
    Policy,
    PolicyError,
    is_looked_up,
    judge,
    known_addresses,
    read_host,
    read_policy,
    read_rule,
    read_rules,
)


def policy(default: str, *rules: str) -> Policy:
    """A policy of rules like `allow example.com`."""
    pairs = [rule.split(" ", 1) for rule in rules]
    egress = [{"action": action, "target": target} for action, target in pairs]
    return read_policy({"defaultAction": default, "egress": egress})


def may(given: Policy, host: str, address: str | None = None, port: int = 443) -> bool:
    read = read_host(host)
    if address is None:
        assert not isinstance(read, str)
        return judge(given, read, port, read).allowed
    looked_up = known_addresses(read) is not None or is_looked_up(given, str(read), port).allowed
    return looked_up and judge(given, read, port, ipaddress.ip_address(address)).allowed


PRIVATE = [
    *("127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "169.254.1.1", "100.64.0.1", "100.100.100.200"),
    *("192.0.0.192", "168.63.129.16", "198.18.0.1", "203.0.113.80", "192.0.2.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::1"),
    *("2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1"),
]
REACHABLE = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_reached_by_its_own_name_alone(address: str) -> None:
    assert not may(PUBLIC, address)
    assert not may(PUBLIC, "example.com", address)
    assert not may(policy("deny", "allow *.example.com"), "a.example.com", address)
    assert not may(policy("allow", "allow 0.0.0.0/0", "allow ::/0"), address)
    read = read_host(address)
    shown = f"[{read}]:443" if not isinstance(read, str) and read.version == 6 else f"{read}:443"
    why = judge(PUBLIC, read, 443, ipaddress.ip_address(address)).why
    if ". A rule that does: allow " in why:
        named = why.rpartition(" allow ")[2]
        assert may(policy("deny", f"allow {named}"), address)
        assert not may(policy("deny", f"allow {named}"), address, port=444)
    else:  # two addresses in one, of which one is not public: no rule means it
        assert not may(policy("deny", f"allow {shown}"), address)


@pytest.mark.parametrize("address", REACHABLE)
def test_what_is_public_is_reached_unless_it_is_denied(address: str) -> None:
    assert may(PUBLIC, address)
    assert not may(NOTHING, address)
    assert not may(policy("allow", f"deny {address}"), address)
    assert may(policy("deny", f"allow {address}"), address)


@pytest.mark.parametrize("disguise", ["64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_a_rule_for_an_address_speaks_for_its_disguises(disguise: str) -> None:
    assert not may(policy("allow", "deny 8.8.0.0/16"), disguise)


def test_the_first_rule_that_speaks_for_a_destination_decides() -> None:
    rules = policy("deny", "deny a.example.com", "allow *.example.com", "deny b.example.com")
    assert [may(rules, f"{name}example.com", "8.8.8.8") for name in ("a.", "b.", "")] == [
        False,
        True,
        False,
    ]
    by_address = policy("allow", "deny 8.8.8.0/24", "allow example.com")
    assert not may(by_address, "example.com", "8.8.8.8")
    assert may(by_address, "example.com", "1.1.1.1")


def test_a_port_is_part_of_a_rule() -> None:
    rules = policy("deny", "allow example.com:443", "allow 8.8.8.8:53", "allow [2606::1]:80")
    assert may(rules, "example.com", "8.8.4.4", 443)
    assert not may(rules, "example.com", "8.8.4.4", 80)
    assert may(rules, "8.8.8.8", port=53)
    assert not may(rules, "8.8.8.8", port=54)
    assert may(rules, "2606::1", port=80)


def test_an_exact_name_leads_to_private_networks_and_never_to_this_machine() -> None:
    rules = policy("deny", "allow db.corp")
    assert may(rules, "db.corp", "10.0.0.1")
    assert may(rules, "DB.corp.", "fd00::1")
    for address in ("127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"):
        assert not may(rules, "db.corp", address)
    read = ipaddress.ip_address("10.0.0.1")
    assert not judge(rules, "db.corp", 80, read, is_own=lambda address: address == read).allowed
    both = policy("deny", "allow db.corp", "allow 127.0.0.1:80")
    assert may(both, "db.corp", "127.0.0.1", 80)


def test_localhost_is_named_by_itself() -> None:
    assert not may(PUBLIC, "localhost", "127.0.0.1")
    assert may(policy("deny", "allow localhost"), "localhost", "127.0.0.1")
    assert may(policy("deny", "allow 127.0.0.1"), "localhost", "127.0.0.1")
    assert known_addresses("example.com") is None


def test_the_addresses_of_this_machine_are_not_public() -> None:
    own = ipaddress.ip_address("8.8.8.8")

    def allowed(rules: Policy, host: Any = own) -> bool:
        return judge(rules, host, 80, own, is_own=lambda address: address == own).allowed

    assert not allowed(PUBLIC)
    assert not allowed(policy("allow", "allow 8.8.8.0/24"))
    assert not allowed(policy("allow", "allow example.com"), "example.com")
    assert allowed(policy("deny", "allow 8.8.8.8"))


def test_a_name_that_is_not_allowed_is_not_looked_up() -> None:
    assert not is_looked_up(NOTHING, "example.com", 443).allowed
    assert not is_looked_up(policy("deny", "allow 0.0.0.0/0"), "example.com", 443).allowed
    assert not is_looked_up(policy("allow", "deny *.example.com"), "a.example.com", 443).allowed
    assert is_looked_up(PUBLIC, "example.com", 443).allowed


@pytest.mark.parametrize(
    "host",
    [
        *("0x7f.1", "2130706433", "127.1", "0177.0.0.1", "127.0.0.0x1", "1.2.3.4.5", "0x7f000001"),
        *("", ".", "a..b", "a b", "a/b", "-a.com", "a-.com", "fe80::1%eth0", "a\0b", "a" * 64),
        *("user@host", "\uff11.1.1.1", "\u0130.com", "[::1]", "1:2", "%31"),
    ],
)
def test_what_is_neither_a_name_nor_an_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_host(host)
    assert not isinstance(caught.value, UnicodeError)


def test_a_host_has_one_spelling() -> None:
    assert read_host("EXAMPLE.com.") == "example.com"
    assert str(read_host("::FFFF:1.2.3.4")) == "1.2.3.4"
    assert str(read_host("1.2.3.4.")) == "1.2.3.4"
    rule = read_rule({"action": "allow", "target": "B\u00fccher.example"})
    assert rule.is_for_name("xn--bcher-kva.example", 1)


@pytest.mark.parametrize(
    "target",
    [
        *(
            "",
            " ",
            "*",
            "*.",
            "a.*.b",
            "*.1.2.3.4",
            "https://a.b",
            "a.b/c",
            "a:0",
            "a:65536",
            "a:b",
        ),
        *("10.0.0.1/8", "10.0.0.0/33", "[a]:1", "[1.2.3.4]:1", "fe80::1%eth0", "stra\u00dfe.de"),
        *("0x7f.1", "127.1", None, 7, ["a"]),
    ],
)
def test_a_bad_target_is_refused(target: Any) -> None:
    with pytest.raises(PolicyError, match="target"):
        read_rule({"action": "allow", "target": target})


@pytest.mark.parametrize(
    "value",
    [
        *([], "deny", None, {"defaultAction": "Allow"}, {"egress": {}}, {"egress": ["a.b"]}),
        *({"egress": [{"action": "allow"}]}, {"egress": [{"target": "a.b"}]}, {"Egress": []}),
        {"egress": [{"action": "allow", "target": "a.b", "port": 80}]},
        {"egress": [{"action": "allow", "target": "a.b"}] * 1001},
    ],
)
def test_a_bad_policy_is_refused(value: Any) -> None:
    with pytest.raises(PolicyError):
        read_policy(value)


def test_the_default_action_is_to_deny_as_on_a_cluster() -> None:
    assert read_policy({}).default == "deny"
    assert read_policy({"defaultAction": None, "egress": None}) == NOTHING


def test_rules_change_as_on_a_cluster() -> None:
    before = policy("deny", "allow a.com", "deny b.com", "allow c.com:443")
    rules = [{"action": "allow", "target": target} for target in ("B.com", "d.com")]
    patched = before.with_rules(read_rules([*rules, {"action": "deny", "target": "d.com"}]))
    assert [(rule.action, rule.target) for rule in patched.rules] == [
        ("allow", "B.com"),
        ("allow", "d.com"),
        ("allow", "a.com"),
        ("allow", "c.com:443"),
    ]
    left = patched.without(["b.com.", "nowhere.com", "c.com"])
    assert [rule.target for rule in left.rules] == ["d.com", "a.com", "c.com:443"]
    assert [one.mode for one in (NOTHING, PUBLIC, left)] == ["deny_all", "allow_all", "enforcing"]
    assert read_policy(left.as_json()) == left


RULES = st.lists(
    st.tuples(
        st.sampled_from(["allow", "deny"]),
        st.sampled_from(
            [
                "*.example.com",
                "example.com",
                "0.0.0.0/0",
                "::/0",
                "8.0.0.0/8",
                "2000::/3",
                "10.0.0.0/8",
            ]
        ),
    ),
    max_size=6,
)


@given(st.sampled_from(["allow", "deny"]), RULES, st.ip_addresses())
def test_no_rules_that_name_nothing_of_it_lead_to_this_machine(
    default: str, rules: list[tuple[str, str]], address: Address
) -> None:
    given_policy = policy(default, *(" ".join(rule) for rule in rules))
    for host in ("example.com", "a.example.com"):
        if judge(given_policy, host, 80, address).allowed:
            assert not address.is_loopback
            assert not address.is_link_local
            assert not address.is_multicast
            assert not address.is_unspecified
            assert address.is_global or ("allow", "10.0.0.0/8") in rules or host == "example.com"


@given(st.text(max_size=40))
def test_any_text_is_a_host_of_one_spelling_or_refused(text: str) -> None:
    try:
        host = read_host(text)
    except ValueError:
        return
    assert read_host(str(host)) == host
    assert str(host).isascii()


@given(st.text(max_size=40))
def test_any_target_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = read_rule({"action": "allow", "target": text})
    except PolicyError:
        return
    assert (rule.name is None) != (rule.network is None)
