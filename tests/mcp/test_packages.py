"""Packages for a sandbox whose Python cannot be written; of files, so no network is needed."""

import base64
import io
import tarfile
import zipfile

import pytest

from code_interpreter.mcp import packages
from tests.execd.needs import need_kernel
from tests.mcp.agents import Agent, agent, stdio, text_of

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


def wheel(version: str) -> str:
    """A package of Python, as base64."""
    content = io.BytesIO()
    info = f"tiny_one-{version}.dist-info"
    files = {
        "tiny_one.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny-one\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return base64.b64encode(content.getvalue()).decode()


def npm_package() -> str:
    """A package of JavaScript, as base64."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in {
            "package/package.json": '{"name": "tiny-two", "version": "1.0.0"}',
            "package/index.js": "module.exports = 42",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return base64.b64encode(content.getvalue()).decode()


def put(one: Agent, version: str) -> str:
    name = f"tiny_one-{version}-py3-none-any.whl"
    one.call("write_file", path=name, content=wheel(version), encoding="base64")
    return f"./{name}"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_a_package_of_python_is_found_by_all_sessions_and_by_programs(one: Agent) -> None:
    one.run("x = 1", session="before")
    answer = one.call("install_packages", packages=[put(one, "1.0")])
    assert not answer.is_error, text_of(answer)
    for session in ("before", "after"):
        assert text_of(one.run("import tiny_one\ntiny_one.VERSION", session=session)) == "'1.0'"
    assert text_of(one.run("python -c 'import tiny_one; print(tiny_one.VERSION)'", "bash")) == "1.0"
    program = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import tiny_one'])"
    assert "returncode=0" in text_of(one.run(program))
    assert text_of(one.run("x", session="before")) == "1"
    # Files that an installer made are no news.
    assert [block.type for block in one.run("1").content] == ["text"]
    # A newer one takes its place, once it is imported anew; a kernel that died finds it too.
    assert not one.call("install_packages", packages=[put(one, "2.0")]).is_error
    assert text_of(one.run("tiny_one.VERSION", session="before")) == "'1.0'"
    one.call("restart", session="before")
    assert text_of(one.run("import tiny_one\ntiny_one.VERSION", session="before")) == "'2.0'"
    one.run("import os\nos.kill(os.getpid(), 9)", session="before")
    assert text_of(one.run("import tiny_one\ntiny_one.VERSION", session="before")) == "'2.0'"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_a_package_of_javascript_is_found_by_both_of_its_languages(one: Agent) -> None:
    need_kernel("javascript")
    one.call("write_file", path="two.tgz", content=npm_package(), encoding="base64")
    answer = one.call("install_packages", packages=["./two.tgz"], language="javascript")
    assert not answer.is_error, text_of(answer)
    assert text_of(one.run("require('tiny-two')", "javascript")) == "42"
    assert text_of(one.run("const two: number = require('tiny-two'); two", "typescript")) == "42"


@pytest.mark.parametrize("one", ["stdio"], indirect=True)
def test_a_package_that_there_is_not_is_an_error_in_the_installers_words(one: Agent) -> None:
    answer = one.call("install_packages", packages=["./none-1.0-py3-none-any.whl"])
    assert answer.is_error
    assert "none-1.0-py3-none-any.whl" in text_of(answer)
    for bad in (["--index-url=http://evil.example"], [], [" "], [""]):
        answer = one.call("install_packages", packages=bad)
        assert answer.is_error
        assert text_of(answer).startswith("The arguments are not valid. packages")
    assert one.call("install_packages", packages=["x"], language="go").is_error


def test_where_there_is_no_uv_the_pip_of_python_itself_installs() -> None:
    with agent(stdio()) as one:
        name = put(one, "1.0")
        directory = text_of(one.run("pwd", "bash"))
        python = text_of(one.run("print(__import__('sys').executable)"))
        script = packages.script("python", [name], python=python, directory=directory)
        said = text_of(one.run(f"command() {{ return 1; }}\n{script}", "bash"))
        assert "Successfully installed tiny-one-1.0" in said
        assert text_of(one.run("ls .packages/python", "bash")).startswith("__pycache__")
