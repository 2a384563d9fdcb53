"""Packages are installed from files and told with progress, or an error says why not."""

import base64
from uuid import uuid4

import pytest

import code_interpreter as ci
from tests.conformance.client import Client, stdout
from tests.conformance.conftest import Kernels
from tests.conformance.languages import BASH, JAVASCRIPT
from tests.support.packages import npm_package, wheel

pytestmark = [pytest.mark.anyio, pytest.mark.kernels, pytest.mark.slow]


async def put(client: Client, path: str, content: bytes) -> None:
    code = (
        "import base64, pathlib\n"
        f"path = pathlib.Path({path!r})\n"
        "path.parent.mkdir(parents=True, exist_ok=True)\n"
        f"path.write_bytes(base64.b64decode({base64.b64encode(content).decode()!r}))\n"
    )
    assert (await client.run(code)).error is None


async def test_a_package_of_python_is_installed(client: Client, folder: str) -> None:
    name, content = wheel(f"1.{uuid4().int % 10**9}")
    await put(client, f"{folder}/{name}", content)
    context = await client.codes.create_context("python")
    assert context.id is not None
    await client.run("kept = 1\nkept + 1", context=context)
    lines: list[str] = []
    await client.install(f"{folder}/{name}", context=context, on_progress=lines.append)
    assert any("tiny" in line for line in lines)
    assert not any(line.startswith("installed ") for line in lines)
    code = "import tiny_one\nprint(tiny_one.VERSION, kept, _, In[1:-1])"
    version = name.split("-")[1]
    answer = stdout(await client.run(code, context=context))
    assert answer == f"{version} 1 2 ['kept = 1\\nkept + 1']\n"
    await client.codes.delete_context(context.id)


async def test_a_package_that_is_not_there_is_an_error_in_the_installers_words(
    client: Client, folder: str
) -> None:
    with pytest.raises(ci.InstallError, match=r"none-1\.0-py3") as failed:
        await client.install(f"{folder}/none-1.0-py3-none-any.whl")
    assert any("none-1.0" in line for line in failed.value.output)


async def test_a_package_of_npm_is_installed(client: Client, kernels: Kernels, folder: str) -> None:
    kernels(JAVASCRIPT)  # or skip
    await put(client, f"{folder}/two.tgz", npm_package())
    context = await client.codes.create_context("javascript", cwd=folder)
    assert context.id is not None
    lines: list[str] = []
    await client.install(f"{folder}/two.tgz", context=context, on_progress=lines.append)
    assert lines
    code = "console.log(require('tiny-two'))"
    assert stdout(await client.run(code, context=context)) == "42\n"
    with pytest.raises(ci.InstallError, match=r"none\.tgz"):
        await client.install(f"{folder}/none.tgz", context=context)
    await client.codes.delete_context(context.id)


async def test_bash_has_no_packages(client: Client, kernels: Kernels) -> None:
    with pytest.raises(ci.InvalidArgumentError, match="bash"):
        await client.install("jq", context=kernels(BASH))
