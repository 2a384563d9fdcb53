"""What the sandboxes of a server may reach, unless they ask for something else. Pure."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from code_interpreter.local.network.policy import NOTHING, PUBLIC, Policy, read_policy


class Rules(Protocol):
    """A `NetworkPolicy` of opensandbox, which no server imports."""

    def model_dump(self, *, mode: str, by_alias: bool, exclude_none: bool) -> dict[str, Any]:
        """As the API has it."""
        ...


Network = Literal["public", "none"] | Rules


@dataclass(frozen=True, slots=True)
class Outside:
    """What a server gives.

    Attributes:
        policy: To those who ask for nothing.
        final: Whether nobody gets anything else.
    """

    policy: Policy = PUBLIC
    final: bool = False


def read_network(network: Network | None, *, isolated: bool) -> Outside:
    """Understand what a server was told to give.

    Args:
        network: None for what all get.
        isolated: Whether there is anything to hold sandboxes to it.

    Raises:
        ValueError: It is none of the words, its rules are not valid, or nothing would hold.
    """
    if network is not None and not isolated:
        raise ValueError("a network can only be chosen for sandboxes that are isolated")
    if network is None or network == "public":
        return Outside()
    if network == "none":
        return Outside(NOTHING, final=True)
    if isinstance(network, str) or not hasattr(network, "model_dump"):  # callers may be untyped
        raise ValueError(f"network must be 'public', 'none' or a NetworkPolicy, not {network!r}")
    return Outside(read_policy(network.model_dump(mode="json", by_alias=True, exclude_none=True)))


def described(policy: Policy) -> str:
    """For the status of a sandbox."""
    return {
        "allow_all": "whose network is what is public",
        "deny_all": "without a network",
    }.get(policy.mode, "whose network is what its rules allow")
