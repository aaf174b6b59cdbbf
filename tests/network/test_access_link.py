"""Both directions of a phone's access as one."""

import random

import pytest

from realtime.network.access_link import AccessLink, LinkSample
from realtime.network.binding import Binding
from realtime.network.link import IDEAL, MS, NS, Deliver, Drop, DropReason, LinkConditions, LossBursts
from realtime.network.path import Path
from realtime.network.profiles import Profile, profile
from realtime.network.radio import Interruptions, Promotion, RadioConditions
from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import StepSeries, Trace


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


def told_by(access):
    told = []
    access.on_change = lambda: told.append(None)
    return told


def test_every_verb_tells_once_and_at_the_end():
    access = AccessLink(random.Random(1))
    verbs = [
        lambda: access.set_profile(0, profile("3g")),
        lambda: access.set_conditions(0, up=IDEAL, down=IDEAL),
        lambda: access.follow(0, TRACE),
        lambda: access.interrupt("a"),
        lambda: access.resume("a"),
        lambda: access.interrupt_oneway("down"),
        lambda: access.resume_oneway("down"),
        lambda: access.hold(0),
        lambda: access.release(0),
        lambda: access.change_address(0),
        lambda: access.nat_expire(0),
        lambda: access.up.change(0, LinkConditions(delay_ns=1)),
    ]
    told = told_by(access)
    for number, verb in enumerate(verbs, 1):
        verb()
        assert len(told) == number


def test_a_whole_interruption_outweighs_a_partial_one():
    access = AccessLink(random.Random(1))
    access.interrupt_oneway("down")
    access.interrupt("tunnel")
    assert (access.up.down, access.down.down) == (DropReason.DOWN, DropReason.DOWN)
    access.resume("tunnel")
    assert (access.up.down, access.down.down) == (None, DropReason.PARTITION)


def test_reasons_are_listed_by_kind_oldest_first():
    access = AccessLink(random.Random(1))
    for reason in ("b", 1, "a"):
        access.interrupt(reason)
    access.resume("unknown")
    assert access.interruptions(str) == ["b", "a"]


def test_a_direction_has_one_of_two_names():
    access = AccessLink(random.Random(1))
    with pytest.raises(ValueError, match="'up' or 'down', not 'left'"):
        access.interrupt_oneway("left")
    with pytest.raises(ValueError, match="'up' or 'down', not 'left'"):
        access.resume_oneway("left")


def test_what_is_held_comes_when_it_is_released():
    access = AccessLink(random.Random(1))
    paths = [Path([access.up]), Path([access.down])]
    access.hold(0)
    for path in paths:
        path.revise(0)
        path.send(0, 40, "a")
        assert path.arrivals(10) == []
    access.release(20)
    for path in paths:
        path.revise(20)
        assert path.arrivals(20) == ["a"]


# -- traces

TRACE = Trace("ride", "made up", 2 * NS, down=RateTrace([0, NS], [8000, 80_000], 2 * NS))


def test_a_trace_begins_when_it_is_followed_and_drives_the_directions_that_it_has():
    access = AccessLink(random.Random(1))
    access.set_profile(0, profile("lte"))
    access.follow(5 * NS, TRACE)
    rates = [access.sample(at * NS).down_rate_bps for at in (5, 6, 7)]
    assert rates == [8000, 80_000, 8000]
    assert access.sample(0).up_rate_bps == profile("lte").up.rate_bps
    assert access.sample(0).rtt_ns == 115 * MS, "the rest is the profile's"
    assert (access.trace, access.profile) == (TRACE, profile("lte"))


def test_after_a_trace_everything_is_as_before():
    access = AccessLink(random.Random(1))
    custom = LinkConditions(rate_bps=1_000_000)
    access.set_conditions(0, down=custom)
    access.follow(0, TRACE)
    access.follow(NS, None)
    assert access.down.conditions == custom
    assert access.trace is None


@pytest.mark.parametrize(
    "end",
    [
        lambda access: access.set_profile(NS, None),
        lambda access: access.set_conditions(NS, up=LinkConditions(delay_ns=1)),
    ],
    ids=["a profile", "conditions"],
)
def test_other_conditions_end_a_trace(end):
    access = AccessLink(random.Random(1))
    access.follow(0, TRACE)
    end(access)
    assert access.trace is None
    assert access.down.conditions == IDEAL


def test_a_situation_is_restored_as_it_would_be_by_now():
    """The trace of 2 s began at 0: at 5 s it is in its second second."""
    access = AccessLink(random.Random(1))
    access.set_profile(0, profile("lte"))
    access.follow(0, TRACE)
    before = access.situation
    access.set_profile(2 * NS, profile("wifi"))
    told = told_by(access)
    access.restore(5 * NS, before)
    assert told == [None]
    assert access.situation == before
    assert access.sample(5 * NS).down_rate_bps == 80_000
    access.follow(5 * NS, None)
    assert access.down.conditions == profile("lte").down


def test_a_trace_moves_what_waits():
    """At 8 bit/s ten bytes take 10 s; 1 s is served, the other nine bytes take 0.9 s at 80 bit/s."""
    access = AccessLink(random.Random(1))
    access.set_conditions(0, down=LinkConditions(rate_bps=8))
    path = Path([access.down])
    path.send(0, 10, "a")
    access.follow(NS, Trace("fast", "made up", NS, down=RateTrace([0], [80], NS)))
    path.revise(NS)
    assert path.next_ns == 1900 * MS


def test_a_trace_may_have_delays_and_losses():
    """From 5 s on: 100 ms and no loss for a second, then 20 ms and everything lost, over and over."""
    access = AccessLink(random.Random(1))
    access.set_conditions(0, up=LinkConditions(delay_ns=MS, loss=0.5), down=LinkConditions(rate_bps=8_000_000))
    delay = StepSeries((0, NS), (100 * MS, 20 * MS), 2 * NS)
    loss = StepSeries((0, NS), (0.0, 1.0), 2 * NS)
    access.follow(5 * NS, Trace("drive", "made up", 2 * NS, delay_ns=delay, loss=loss))
    for link, extra in ((access.up, 0), (access.down, MS)):
        assert link.offer(5 * NS, 1000) == Deliver(5 * NS + 100 * MS + extra)
        assert link.offer(6 * NS, 1000) == Drop(DropReason.LOSS)
        assert link.offer(7 * NS, 1000) == Deliver(7 * NS + 100 * MS + extra)
    sample = access.sample(6 * NS)
    assert (sample.rtt_ns, sample.up_loss, sample.down_rate_bps) == (40 * MS, 1.0, 8_000_000)
    access.follow(8 * NS, None)
    assert access.sample(8 * NS).rtt_ns == MS


# -- addresses


def test_a_nat_that_forgets_is_the_end_of_live_flows_only():
    access = AccessLink(random.Random(1))
    binding = Binding(access, 0)
    assert binding.passes(0)
    access.nat_expire(1)
    assert not binding.passes(1)
    assert Binding(access, 1).passes(1)


def test_addresses_that_change_of_themselves_end_the_flows_of_before():
    access = AccessLink(random.Random(1))
    roaming = RadioConditions(address_changes=Interruptions(100 * NS))
    access.set_profile(0, Profile("roaming", "Roaming", IDEAL, IDEAL, "made up", roaming))
    change_ns = access.radio.next_address_ns(0)
    old, late = Binding(access, 0), Binding(access, 0)
    assert old.passes(change_ns - 1)
    assert not old.passes(change_ns)
    assert not late.is_alive(change_ns)
    assert Binding(access, change_ns).passes(change_ns)


def test_a_nat_that_comes_later_counts_from_then_on():
    access = AccessLink(random.Random(1))
    binding = Binding(access, 0)
    with_nat = RadioConditions(nat_idle_ns=30 * NS)
    access.set_profile(100 * NS, Profile("nat", "NAT", IDEAL, IDEAL, "made up", with_nat))
    assert binding.passes(120 * NS)
    assert not binding.passes(151 * NS)


# -- what it tells


def test_a_sample_tells_what_it_is_like():
    access = AccessLink(random.Random(1), now_ns=100 * NS)
    radio = RadioConditions(promotions=(Promotion(10 * NS, 500 * MS),))
    up = LinkConditions(rate_bps=8000, delay_ns=20 * MS, loss=0.25)
    access.set_profile(100 * NS, Profile("slow", "Slow", LinkConditions(delay_ns=30 * MS), up, "made up", radio))
    path = Path([access.up])
    path.send(100 * NS, 1000, "a")
    sample = access.sample(100 * NS + 600 * MS)
    assert sample == LinkSample(
        up_rate_bps=8000,
        down_rate_bps=None,
        rtt_ns=50 * MS,
        up_loss=0.25,
        down_loss=0.0,
        is_down=False,
        radio="active",
        radio_on_ns=600 * MS,
        up_backlog_bytes=1000,
        down_backlog_bytes=0,
    )
    later = access.sample(200 * NS)
    assert (later.radio, later.radio_on_ns, later.up_backlog_bytes) == ("idle", 11_500 * MS, 0)


def test_a_sample_tells_of_interruptions():
    access = AccessLink(random.Random(1))
    access.interrupt_oneway("up")
    assert access.sample(0).is_down
    access.resume_oneway("up")
    assert not access.sample(0).is_down
    radio = RadioConditions(outages=Interruptions(10 * NS, NS))
    access.set_profile(0, Profile("tunnels", "Tunnels", IDEAL, IDEAL, "made up", radio))
    begin_ns = access.radio.outages.begin_ns
    assert [access.sample(begin_ns + offset).is_down for offset in (-1, 0, NS - 1, NS)] == [False, True, True, False]


def test_what_happens_in_one_direction_does_not_shift_the_chances_of_the_other():
    quiet, busy = (AccessLink(random.Random(1)) for _ in range(2))
    for access in (quiet, busy):
        access.set_conditions(0, up=LinkConditions(loss=0.5, jitter_ns=MS), down=LinkConditions(loss=0.5, jitter_ns=MS))
    for _ in range(100):
        busy.up.offer(0, 1)
    busy.set_conditions(0, up=LinkConditions(bursts=LossBursts(NS, NS)))
    assert [quiet.down.offer(at * NS, 1) for at in range(50)] == [busy.down.offer(at * NS, 1) for at in range(50)]


def test_its_repr_tells_both_directions():
    access = AccessLink(random.Random(1))
    access.interrupt_oneway("up")
    assert repr(access) == f"<AccessLink up=<MeteredLink PARTITION {IDEAL}> down=<MeteredLink {IDEAL}>>"
