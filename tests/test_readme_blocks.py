"""Python blocks of the README and of docs/agents.md are programs that print what comments say."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serve import serving

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in ("README.md", "docs/agents.md")
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    )
]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with serving() as environment:
        yield environment


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_prints_what_it_says(block: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
    printed = done.stdout.splitlines()
    assert printed
    assert printed[-len(expected) :] == expected or not expected
