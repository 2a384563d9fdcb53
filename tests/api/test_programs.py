"""Whole programs, as users have them: of docs/local.md, and two written for the reference SDK."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serve import serving

pytestmark = [pytest.mark.kernels, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 240.0  # only what hangs takes as long


def programs(document: str) -> dict[str, str]:
    """The programs of a document that have a name, by it."""
    found = re.findall(
        r"<!-- example: (.*?) -->\n```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL
    )
    return dict(found)


LOCAL = programs("docs/local.md")

# `connection_config` is built from OPEN_SANDBOX_DOMAIN alone; nothing else is changed. The version
# is that of the interpreter that runs the tests, since that is the one sure to be installed.
ASYNC_PROGRAM = """
import asyncio
import os
from datetime import timedelta

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig

async def main():
    config = ConnectionConfig(domain=os.environ["OPEN_SANDBOX_DOMAIN"], request_timeout=timedelta(seconds=60))
    sandbox = await Sandbox.create("opensandbox/code-interpreter:latest", connection_config=config,
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        env={"PYTHON_VERSION": "%s", "JAVA_VERSION": "17", "NODE_VERSION": "20", "GO_VERSION": "1.24"})
    async with sandbox:
        interpreter = await CodeInterpreter.create(sandbox=sandbox)
        context = await interpreter.codes.create_context(SupportedLanguage.PYTHON)
        result = await interpreter.codes.run("import sys\\nprint(sys.version)\\nresult = 2 + 2\\nresult", context=context)
        print(result.result[0].text)          # 4
        await sandbox.kill()

asyncio.run(main())
"""
SYNC_PROGRAM = """
import os
import httpx

from code_interpreter import CodeInterpreterSync
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync

sandbox = SandboxSync.create("opensandbox/code-interpreter:latest", connection_config=ConnectionConfigSync(
    domain=os.environ["OPEN_SANDBOX_DOMAIN"], api_key=os.environ["OPEN_SANDBOX_API_KEY"],
    transport=httpx.HTTPTransport(limits=httpx.Limits(max_connections=20))),
    entrypoint=["/opt/opensandbox/code-interpreter.sh"], env={"PYTHON_VERSION": "%s"})
with sandbox:
    interpreter = CodeInterpreterSync.create(sandbox=sandbox)
    print(interpreter.codes.run("result = 2 + 2\\nresult").result[0].text)     # 4
    sandbox.kill()
"""
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with serving() as environment:
        yield environment


def last_line(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("name", "said"), [("one interpreter", "hello"), ("a server", "42")])
def test_a_program_of_the_local_runtimes_page_runs(
    name: str, said: str, environment: dict[str, str]
) -> None:
    assert last_line(LOCAL[name], environment) == said


def test_the_test_suite_of_the_local_runtimes_page_passes(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    suite = [name for name in LOCAL if name.endswith(".py")]
    assert suite == ["conftest.py", "test_mine.py"]
    for name in suite:
        (tmp_path / name).write_text(LOCAL[name])
    addressless = {
        name: value for name, value in environment.items() if not name.startswith("OPEN_SANDBOX_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", tmp_path],
        env=addressless,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("program", [ASYNC_PROGRAM, SYNC_PROGRAM], ids=["async", "sync"])
def test_a_program_for_the_reference_sdk_runs(program: str, environment: dict[str, str]) -> None:
    assert last_line(program % VERSION, environment) == "4"


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_an_example_runs(example: Path, environment: dict[str, str]) -> None:
    assert last_line(example.read_text(), environment)
