"""Both directions of a phone's access as one."""

import random

from realtime.network.access_link import AccessLink
from realtime.network.link import MS, Deliver, Drop, DropReason, LinkConditions
from realtime.network.profiles import profile


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
