"""Metrics, once and followed."""

import pytest
from execd_client.api.metric import get_metrics, watch_metrics
from execd_client.models import Metrics

from tests.conformance.client import Client

pytestmark = pytest.mark.anyio


def check(metrics: object) -> int:
    """See that it is possible, and return its time."""
    assert isinstance(metrics, Metrics)
    assert metrics.cpu_count > 0
    assert metrics.cpu_used_pct >= 0
    assert 0 < metrics.mem_used_mib < metrics.mem_total_mib
    assert metrics.timestamp > 1_700_000_000_000
    return metrics.timestamp


async def test_load_and_memory_are_measured(client: Client) -> None:
    check(await client.raw.call(get_metrics))


async def test_measurements_go_on_until_they_are_left(client: Client) -> None:
    first, second = [check(item) for item in await client.raw.items(watch_metrics, most=2)]
    assert first < second
