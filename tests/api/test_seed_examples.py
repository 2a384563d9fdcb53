"""The seed's examples: through the public API as a user of a cluster calls it, on real kernels.

The programs are those that the reference SDK runs too (tests/reference). It cannot close its
interpreters; here, what is opened is closed, and pytest takes a connection left open for an error.
"""

import asyncio

import pytest

from tests.execd.needs import need_kernel
from tests.seed import blocking, with_asyncio
from tests.support.places import Place

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture(params=list(with_asyncio.EXAMPLES))
def example(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need_kernel("python" if name == "streaming" else name)
    return name


def test_an_example_runs_with_asyncio(place: Place, example: str) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            await with_asyncio.EXAMPLES[example](interpreter)

    asyncio.run(main())


def test_an_example_runs_without_asyncio(place: Place, example: str) -> None:
    with place.blocking() as interpreter:
        blocking.EXAMPLES[example](interpreter)


def test_both_programs_have_the_same_examples() -> None:
    assert list(with_asyncio.EXAMPLES) == list(blocking.EXAMPLES)
