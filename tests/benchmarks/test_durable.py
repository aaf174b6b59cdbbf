"""Durable messages are counted, refusals fail the run, and the verdict is right; test_bench.py has a tiny run."""

import asyncio

import pytest

from tests.benchmarks.client import BenchError
from tests.benchmarks.durable import GOAL_PER_S, Measured, publish, table


class FakeClient:
    """Answers each frame at once, with its own text."""

    def __init__(self):
        self.transport = self
        self.written = []

    def write(self, data):
        self.written.append(data)
        asyncio.get_running_loop().call_soon(self.on_ack, data)


async def test_everything_is_sent_and_a_refusal_fails_the_run():
    client, ok = FakeClient(), b'43["ok":true]'
    await publish(client, [ok] * 10, 1, b'"ok":true')
    assert len(client.written) == 10
    with pytest.raises(BenchError, match="refused"):
        await publish(client, [ok, b"no", ok], 1, b'"ok":true')


def rows(sqlite, jetstream):
    return [
        *(Measured("sqlite", rate, 40.0, 10.0) for rate in sqlite),
        *(Measured("jetstream-sync", rate, 100.0, 10.0) for rate in jetstream),
    ]


def test_the_table_shows_medians():
    shown = table(rows((1000.0, 3000.0, 2000.0), (100.0,))).splitlines()
    assert shown[1].split()[:5] == ["sqlite", "2000", "1000–3000", "40.0", "10.0"]


@pytest.mark.parametrize(
    ("sqlite", "jetstream", "goal", "ahead"),
    [(GOAL_PER_S + 1, 9_000, "yes", "yes"), (GOAL_PER_S - 1, 20_000, "no", "no"), (GOAL_PER_S, 20_000, "yes", "no")],
)
def test_the_verdicts_are_on_the_goal_and_on_jetstream_at_equal_durability(sqlite, jetstream, goal, ahead):
    shown = table(rows((sqlite,), (jetstream,)))
    assert f"verdict: durable, at least {GOAL_PER_S} acked/s: {goal}" in shown
    assert f"verdict: durable, ahead of JetStream with an fsync per message: {ahead}" in shown
