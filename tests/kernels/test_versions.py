"""Which of the installed versions is asked for."""

import pytest

from code_interpreter.kernels.launch import KernelMissingError
from code_interpreter.kernels.versions import Version, parse, pick

INSTALLED: list[Version] = [(20, 9, 0), (18, 20, 4), (20, 20, 2), (9, 11), (2, 0, 1)]


def picked(wanted: str, candidates: list[Version] = INSTALLED) -> Version:
    return pick(
        candidates,
        lambda version: version,
        variable="NODE_VERSION",
        wanted=wanted,
        what="Node",
        remedy="Install Node first.",
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v20.20.2\n", (20, 20, 2)),
        ("go version go1.26.1 linux/amd64", (1, 26, 1)),
        ("17.0.18", (17, 0, 18)),
        ("no version", ()),
    ],
)
def test_a_version_is_found_in_a_text(text: str, version: Version) -> None:
    assert parse(text) == version


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("", (20, 20, 2)),
        (" 20 ", (20, 20, 2)),
        ("20.9", (20, 9, 0)),
        ("18.20.4", (18, 20, 4)),
        ("2", (2, 0, 1)),
    ],
)
def test_a_prefix_asks_for_the_newest_that_has_it(wanted: str, version: Version) -> None:
    assert picked(wanted) == version


def test_of_equals_the_first_is_picked() -> None:
    found = pick(
        [("a", (1,)), ("b", (1,))], lambda c: c[1], variable="V", wanted="", what="it", remedy=""
    )
    assert found == ("a", (1,))


@pytest.mark.parametrize("wanted", ["20.20.3", "21", "20.20.2.1"])
def test_what_is_not_here_is_an_error_that_lists_what_is(wanted: str) -> None:
    with pytest.raises(KernelMissingError) as caught:
        picked(wanted)
    assert str(caught.value).startswith(f"Node {wanted} is not installed. Installed: (20, 20, 2), ")


def test_where_there_is_nothing_the_error_says_what_to_do() -> None:
    with pytest.raises(KernelMissingError, match=r"no Node is installed\. Install Node first\."):
        picked("20", [])


@pytest.mark.parametrize("wanted", ["latest", "v20", "20.", "^20", "20.x"])
def test_what_is_no_version_is_named(wanted: str) -> None:
    with pytest.raises(KernelMissingError, match=r"NODE_VERSION=.* is no version"):
        picked(wanted)
