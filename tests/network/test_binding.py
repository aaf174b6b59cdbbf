"""A flow's entry in the address and NAT tables of a phone's access."""

import random
from types import SimpleNamespace

from realtime.network.access_link import AccessLink
from realtime.network.binding import Binding
from realtime.network.link import NS, LinkConditions
from realtime.network.path import Path
from realtime.network.radio import RadioConditions

PROFILE = SimpleNamespace(up=LinkConditions(), down=LinkConditions(), radio=RadioConditions(nat_idle_ns=30 * NS))


def natted():
    access = AccessLink(random.Random(1))
    access.set_profile(0, PROFILE)
    return access


def test_an_idle_flow_is_forgotten_for_good():
    binding = Binding(natted(), 0)
    assert [binding.passes(at * NS) for at in (30, 60, 91, 92)] == [True, True, False, False]


def test_another_address_is_the_end_of_the_flow():
    access = natted()
    binding = Binding(access, 0)
    access.change_address(1 * NS)
    assert not binding.passes(1 * NS)
    assert Binding(access, 1 * NS).passes(1 * NS), "a new flow has the new address"


def test_packets_of_either_direction_keep_a_flow():
    access = natted()
    binding = Binding(access, 0)
    up, down = Path([access.up], bindings=[binding]), Path([access.down], bindings=[binding])
    seen = []
    for at in (0, 20, 40, 60, 80, 200):
        path = up if at % 40 else down
        path.send(at * NS, 40, at)
        seen += path.arrivals(at * NS)
    assert seen == [0, 20, 40, 60, 80]
