"""Both directions of a phone's access as one."""

import random

from realtime.network.access_link import AccessLink
from realtime.network.link import MS, NS, Deliver, Drop, DropReason, LinkConditions
from realtime.network.profiles import Profile, profile
from realtime.network.radio import Promotion, RadioConditions


def test_a_profile_holds_for_both_directions():
    access = AccessLink(random.Random(1))
    access.set_profile(0, profile("lte"))
    assert (access.up.conditions, access.down.conditions) == (profile("lte").up, profile("lte").down)
    access.set_conditions(0, up=LinkConditions(delay_ns=MS))
    assert access.profile is None
    assert access.down.conditions == profile("lte").down


def test_it_is_interrupted_until_every_reason_has_ended():
    access = AccessLink(random.Random(1))
    access.interrupt("tunnel")
    access.interrupt("lift")
    access.resume("tunnel")
    assert access.up.offer(0, 1) == access.down.offer(0, 1) == Drop(DropReason.DOWN)
    access.resume("lift")
    assert access.up.offer(0, 1) == Deliver(0)


def test_one_direction_can_be_interrupted():
    access = AccessLink(random.Random(1))
    access.interrupt_oneway("up")
    assert access.up.offer(0, 1) == Drop(DropReason.PARTITION)
    assert access.down.is_ideal
    access.resume_oneway("up")
    assert access.up.is_ideal


def test_each_change_is_told_once():
    access = AccessLink(random.Random(1))
    told = []
    access.on_change = lambda: told.append(access.sample(0).rtt_ns)
    access.set_profile(0, profile("lte"))
    assert told == [115 * MS], "both directions have changed already"


def test_only_what_comes_towards_a_sleeping_phone_waits_until_it_listens():
    waits = {"up": [], "down": []}
    for seed in range(40):
        for direction, found in waits.items():
            access = AccessLink(random.Random(seed))
            radio = RadioConditions(promotions=(Promotion(NS, 100 * MS, cycle_ns=NS),))
            access.set_profile(0, Profile("napping", "Napping", LinkConditions(), LinkConditions(), "made up", radio))
            found.append(getattr(access, direction).offer(5 * NS, 1).at_ns - 5 * NS)
    assert set(waits["up"]) == {100 * MS}
    assert 100 * MS < min(waits["down"]) < 200 * MS < 1000 * MS < max(waits["down"]) < 1100 * MS
