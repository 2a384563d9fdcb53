"""Servers for the tests of the public API: a replaying one, and one with real kernels."""

from collections.abc import Iterator

import pytest

from code_interpreter.local import LocalServer
from tests.support.places import Here, Place, There, bundled_sandbox
from tests.support.replay import ReplayServer, replay_server


@pytest.fixture(scope="session")
def replaying() -> Iterator[ReplayServer]:
    with replay_server() as server:
        yield server


@pytest.fixture
def replay(replaying: ReplayServer) -> ReplayServer:
    """The replaying server, asked nothing yet."""
    replaying.requests.clear()
    return replaying


@pytest.fixture(scope="session")
def local_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="session")
def there() -> Iterator[There]:
    """A sandbox of a foreign cluster, with our runtime, and packages that programs of tests use."""
    with bundled_sandbox("ipywidgets", "rich", "tqdm") as (standin, sandbox):
        yield There(standin, sandbox)


@pytest.fixture(scope="session", params=["here", "bundled"])
def place(request: pytest.FixtureRequest) -> Place:
    """Where our kernels run."""
    if request.param == "here":
        return Here(request.getfixturevalue("local_server"))
    there: There = request.getfixturevalue("there")
    return there
