"""A connection for all tests of a module, over each transport."""

from collections.abc import Iterator

import pytest

from tests.mcp.agents import Agent, agent, stdio


@pytest.fixture(scope="module")
def one() -> Iterator[Agent]:
    with agent(stdio()) as one:
        yield one
