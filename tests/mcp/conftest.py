"""A connection for all tests of a module, over each transport."""

from collections.abc import Iterator

import pytest

from tests.mcp.agents import Agent, agent, serving, stdio


@pytest.fixture(scope="module", params=["stdio", "http"])
def one(request: pytest.FixtureRequest) -> Iterator[Agent]:
    if request.param == "stdio":
        with agent(stdio()) as one:
            yield one
    else:
        with serving() as served, agent(served.client()) as one:
            yield one
