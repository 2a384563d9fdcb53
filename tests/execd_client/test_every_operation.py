"""Every operation, called as users call it, on the recorded answers of a server; see `tour`.

`bash scripts/record.sh URL` records them anew.
"""

import asyncio
import pkgutil
from pathlib import Path

import execd_client.api
import pytest
from execd_client import Client
from execd_client.api.metric import get_metrics

from tests.execd_client.replay import PLAYER, ROADS, URL, NotRecorded, play
from tests.execd_client.tour import tour

CASSETTES = Path(__file__).parents[1] / "recordings" / "local"


def test_the_tour_visits_every_operation() -> None:
    modules = pkgutil.walk_packages(execd_client.api.__path__, f"{execd_client.api.__name__}.")
    everything = {module.name for module in modules if not module.ispkg}
    assert everything == {call.operation.__name__ for calls in tour().values() for call in calls}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("tag", "road"),
    [
        (tag, road)
        for tag, calls in tour().items()
        for road in ROADS
        if any(hasattr(call.operation, road) for call in calls)
    ],
)
def test_every_answer_is_parsed_as_recorded(tag: str, road: str) -> None:
    asyncio.run(play(CASSETTES / f"{tag}.yaml", tour()[tag], road))


@pytest.mark.usefixtures("no_network")
def test_nothing_but_the_recorded_requests_is_answered() -> None:
    with (
        PLAYER.use_cassette(str(CASSETTES / "health.yaml")),
        Client(URL) as client,
        pytest.raises(NotRecorded),
    ):
        get_metrics.sync(client=client)
