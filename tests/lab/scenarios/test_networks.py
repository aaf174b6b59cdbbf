"""The network that the command line asked for is the one that a host gets."""

import pytest

from realtime.lab.scenarios.networks import give_network
from realtime.network.profiles import ProfileError, profile
from realtime.sim.world import simulate


def conditions(name, trace=None):
    async def main(world):
        give_network(world, "phone", name, trace)
        return world.uplink("phone").conditions, world.downlink("phone").conditions

    return simulate(main).result


def test_a_profile():
    edge = profile("edge")
    assert conditions("edge") == (edge.up, edge.down)


def test_nothing_was_asked_for():
    assert conditions(None) == conditions(None)
    assert conditions(None) != conditions("edge")


def test_a_trace(tmp_path):
    """Mahimahi: one packet of 1500 bytes at 100 ms, again every 100 ms: 120 kbit/s."""
    path = tmp_path / "slow.down"
    path.write_text("100\n")

    async def main(world):
        give_network(world, "phone", None, str(path))
        return world.network.host("phone").access.trace.down.mean_bps

    assert simulate(main).result == pytest.approx(120_000)


def test_what_does_not_exist():
    with pytest.raises(ProfileError):
        conditions("egde")
