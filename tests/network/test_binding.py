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


def test_a_request_makes_a_new_entry_while_the_address_is_the_same():
    access = natted()
    path = Path([access.up], bindings=[binding := Binding(access, 0)])

    def arrives(at):
        path.send(at * NS, 60, at)
        return path.arrivals(at * NS) == [at]

    assert [arrives(at) for at in (0, 31, 32)] == [True, False, False]
    path.renew(63 * NS)
    assert arrives(63)
    access.nat_expire(64 * NS)
    assert not arrives(64)
    path.renew(65 * NS)
    assert arrives(65)
    access.change_address(66 * NS)
    path.renew(67 * NS)
    assert not arrives(67)
    assert not binding.is_alive(67 * NS)


def test_a_path_that_was_cut_is_not_renewed():
    access = natted()
    path = Path([access.up], bindings=[Binding(access, 0)])
    path.cut()
    path.renew(1 * NS)
    path.send(1 * NS, 60, "SYN")
    assert path.arrivals(1 * NS) == []


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
