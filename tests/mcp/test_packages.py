"""Packages for code, of files, so no network is needed."""

import base64

import pytest

from tests.execd.needs import need_kernel
from tests.mcp.agents import Agent, text_of
from tests.support.packages import npm_package, wheel

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


def put(one: Agent, name: str, content: bytes) -> str:
    encoded = base64.b64encode(content).decode()
    one.call("write_file", path=name, content=encoded, encoding="base64")
    return f"./{name}"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_a_package_of_python_is_found_by_all_sessions_and_by_programs(one: Agent) -> None:
    one.run("x = 1", session="before")
    answer = one.call("install_packages", packages=[put(one, *wheel("1.0"))])
    assert not answer.is_error, text_of(answer)
    assert "tiny" in text_of(answer)
    assert text_of(answer).endswith("Installed.")
    for session in ("before", "after"):
        assert text_of(one.run("import tiny_one\ntiny_one.VERSION", session=session)) == "'1.0'"
    assert text_of(one.run("python -c 'import tiny_one; print(tiny_one.VERSION)'", "bash")) == "1.0"
    assert text_of(one.run("x", session="before")) == "1"
    # Files that an installer made are no news.
    assert [block.type for block in one.run("1").content] == ["text"]
    # A newer one takes its place, once it is imported anew.
    assert not one.call("install_packages", packages=[put(one, *wheel("2.0"))]).is_error
    assert text_of(one.run("tiny_one.VERSION", session="before")) == "'1.0'"
    one.call("restart", session="before")
    assert text_of(one.run("import tiny_one\ntiny_one.VERSION", session="before")) == "'2.0'"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_a_package_of_javascript_is_found_by_both_of_its_languages(one: Agent) -> None:
    need_kernel("javascript")
    name = put(one, "two.tgz", npm_package())
    answer = one.call("install_packages", packages=[name], language="js")
    assert not answer.is_error, text_of(answer)
    assert text_of(one.run("require('tiny-two')", "javascript")) == "42"
    assert text_of(one.run("const two: number = require('tiny-two'); two", "typescript")) == "42"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_what_cannot_be_installed_is_an_error_in_the_installers_words(one: Agent) -> None:
    answer = one.call("install_packages", packages=["./none-1.0-py3-none-any.whl"])
    assert answer.is_error
    assert "none-1.0-py3-none-any.whl" in text_of(answer)
    bad: list[tuple[dict[str, str | list[str]], str]] = [
        ({"packages": ["--index-url=http://evil.example"]}, "is not a requirement"),
        ({"packages": []}, "packages: "),
        ({"packages": ["jq"], "language": "bash"}, "bash has no packages"),
        ({"packages": ["gson"], "language": "java"}, "is not an artifact"),
    ]
    for arguments, words in bad:
        answer = one.call("install_packages", **arguments)
        assert answer.is_error
        assert words in text_of(answer)
