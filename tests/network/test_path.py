"""Packets under way over a row of links."""

import random

import pytest

from realtime.network.access_link import AccessLink
from realtime.network.binding import Binding
from realtime.network.link import IDEAL, MS, NEVER_NS, Deliver, Drop, DropReason, Link, LinkConditions, LossBursts
from realtime.network.path import Path
from realtime.network.profiles import Profile
from realtime.network.radio import Interruptions, Promotion, Radio, RadioConditions


def link(**conditions):
    return Link(LinkConditions(**conditions), random.Random(1))


def drain(path, until_ns=10**15):
    seen = []
    while (at := path.next_ns) <= until_ns:
        seen += [(at, packet) for packet in path.arrivals(at)]
    return seen


def test_a_packet_crosses_every_link_in_turn():
    path = Path([link(delay_ns=10), link(), link(delay_ns=5)])
    path.send(100, 40, "a")
    assert path.next_ns == 110
    assert drain(path) == [(115, "a")]
    assert path.next_ns == NEVER_NS


@pytest.mark.parametrize("links", [0, 1, 3])
def test_without_anything_to_decide_a_packet_arrives_at_once(links):
    path = Path([link() for _ in range(links)])
    path.send(7, 40, "a")
    path.send(7, 40, "b")
    assert drain(path) == [(7, "a"), (7, "b")]


def test_an_ideal_link_is_not_asked():
    class Deaf(Link):
        def offer(self, now_ns, nbytes):
            raise AssertionError("asked")

    path = Path([Deaf(IDEAL, random.Random(1)), link(delay_ns=5)])
    path.send(0, 40, "a")
    assert drain(path) == [(5, "a")]


def test_nothing_arrives_before_its_time():
    path = Path([link(delay_ns=10)])
    path.send(0, 40, "a")
    assert path.arrivals(9) == []
    assert path.arrivals(10) == ["a"]


def test_a_driver_that_is_late_gets_everything_in_order():
    path = Path([link(delay_ns=10), link(delay_ns=10), link()])
    for at in (0, 5, 30):
        path.send(at, 40, at)
    assert path.arrivals(1000) == [0, 5, 30]


def test_a_shared_link_serves_whoever_reaches_it_first():
    """The far phone sent first, but its packet reaches the shared bottleneck later."""
    shared = link(rate_bps=8000)
    far, near = Path([link(delay_ns=50 * MS), shared]), Path([link(delay_ns=1 * MS), shared])
    far.send(0, 10, "far")
    near.send(1 * MS, 10, "near")
    assert drain(near) == [(12 * MS, "near")]
    assert drain(far) == [(60 * MS, "far")]


# -- changes under way


def test_a_link_that_is_down_at_arrival_has_swallowed_the_packet():
    radio = link(delay_ns=10)
    path = Path([radio])
    path.send(0, 40, "lost")
    path.send(5, 40, "late")
    radio.down = DropReason.DOWN
    assert path.arrivals(10) == []
    radio.down = None
    assert drain(path) == [(15, "late")]
    assert radio.dropped == {DropReason.DOWN: 1}


def test_what_waits_gets_new_times_with_a_new_rate():
    """10 bytes at 8 kbit/s take 10 ms, at 80 kbit/s 1 ms."""
    slow = link(rate_bps=8000)
    path = Path([slow])
    for name in "abc":
        path.send(0, 10, name)
    slow.change(15 * MS, LinkConditions(rate_bps=80_000))
    path.revise(15 * MS)
    assert path.arrivals(15 * MS) == ["a"]
    assert drain(path) == [(15 * MS + MS // 2, "b"), (16 * MS + MS // 2, "c")]
    path.send(20 * MS, 10, "d")
    slow.change(20 * MS, LinkConditions(rate_bps=8000))
    path.revise(20 * MS)
    assert drain(path) == [(30 * MS, "d")]


def test_what_arrives_at_a_held_link_comes_in_one_burst_when_it_is_released():
    held = link(delay_ns=10)
    path = Path([held, link(delay_ns=5)])
    path.send(0, 40, "a")
    held.hold()
    path.revise(0)
    path.send(3, 40, "b")
    path.send(95, 40, "c")
    assert path.next_ns == NEVER_NS
    held.release(100)
    path.revise(100)
    assert path.next_ns == 100
    assert drain(path) == [(105, "a"), (105, "b"), (110, "c")]


def test_a_held_link_without_any_delay_holds_too():
    held = link()
    path = Path([held])
    held.hold()
    path.revise(0)
    path.send(0, 40, "a")
    assert path.next_ns == NEVER_NS
    held.release(50)
    path.revise(50)
    path.send(50, 40, "b")
    assert drain(path) == [(50, "a"), (50, "b")]


def test_a_release_into_an_outage_loses_what_waited():
    held = link(delay_ns=10)
    path = Path([held])
    path.send(0, 40, "a")
    held.hold()
    held.down = DropReason.DOWN
    held.release(50)
    path.revise(50)
    assert drain(path) == []
    assert held.dropped == {DropReason.DOWN: 1}


def test_what_is_in_an_ideal_link_is_not_overtaken():
    changing = link(delay_ns=100)
    path = Path([changing])
    path.send(0, 40, "a")
    changing.change(10, IDEAL)
    path.send(20, 40, "b")
    assert drain(path) == [(100, "a"), (100, "b")]


# -- the end of a flow


def test_a_cut_path_swallows_everything_for_good():
    path = Path([link(delay_ns=10)])
    path.send(0, 40, "a")
    path.cut()
    path.send(1, 40, "b")
    assert path.next_ns == NEVER_NS
    assert drain(path) == []
    assert path.dropped == {DropReason.UNBOUND: 2}


def test_a_flow_whose_address_is_gone_is_dead_both_ways_with_what_is_under_way():
    access = AccessLink(random.Random(1))
    access.set_conditions(0, up=LinkConditions(delay_ns=10), down=LinkConditions(delay_ns=10))
    binding = Binding(access, 0)
    up, down = Path([access.up], bindings=[binding]), Path([access.down], bindings=[binding])
    up.send(0, 40, "a")
    down.send(0, 40, "b")
    access.change_address(5)
    for path in (up, down):
        path.revise(5)
    assert drain(up) + drain(down) == []
    down.send(20, 40, "c")
    assert drain(down) == []
    assert (up.dropped, down.dropped) == ({DropReason.UNBOUND: 1}, {DropReason.UNBOUND: 2})


def test_bindings_are_asked_only_when_it_matters():
    """While nothing can have changed, a packet costs no look into tables."""

    class Counting(Binding):
        def passes(self, now_ns):
            asked.append(now_ns)
            return super().passes(now_ns)

    asked = []
    access = AccessLink(random.Random(1))
    path = Path([access.up], bindings=[Counting(access, 0)])
    for at in (0, 1, 2):
        path.send(at, 40, at)
    assert asked == [0]
    with_nat = RadioConditions(nat_idle_ns=100)
    access.set_profile(3, Profile("nat", "NAT", IDEAL, IDEAL, "made up", with_nat))
    path.revise(3)
    for at in (3, 4, 105):
        path.send(at, 40, at)
    assert asked == [0, 3, 4, 105]
    assert path.dropped[DropReason.UNBOUND] == 6, "and what had not been fetched"


def test_an_address_that_changes_of_itself_is_noticed():
    access = AccessLink(random.Random(1))
    roaming = RadioConditions(address_changes=Interruptions(10**9))
    access.set_profile(0, Profile("roaming", "Roaming", IDEAL, LinkConditions(delay_ns=10), "made up", roaming))
    change_ns = access.radio.next_address_ns(0)
    path = Path([access.up], bindings=[Binding(access, 0)])
    path.send(change_ns - 11, 40, "a")
    path.send(change_ns - 10, 40, "b")
    assert drain(path) == [(change_ns - 1, "a")]
    path.send(change_ns + 1, 40, "c")
    assert drain(path) == []


# -- rules


def test_a_judge_decides_before_the_links():
    """By verdict a packet arrives when the judge says, whatever is before and behind it."""
    asked = []

    def judge(packet, nbytes, now_ns):
        asked.append((packet, nbytes, now_ns))
        return {"no": Drop(DropReason.RULE), "later": Deliver(50), "sooner": Deliver(40)}.get(packet)

    slow = link(delay_ns=10)
    path = Path([slow], judge=judge)
    for packet in ("a", "no", "later", "sooner", "b"):
        path.send(0, 40, packet)
    assert drain(path) == [(10, "a"), (10, "b"), (40, "sooner"), (50, "later")]
    assert path.dropped == {DropReason.RULE: 1}
    assert asked[1] == ("no", 40, 0)
    path.judge = None
    path.send(60, 40, "no")
    assert drain(path) == [(70, "no")]


def test_without_links_too():
    path = Path([], judge=lambda packet, nbytes, now_ns: Deliver(50) if packet == "later" else None)
    path.send(0, 40, "later")
    path.send(1, 40, "a")
    assert drain(path) == [(1, "a"), (50, "later")]


# -- everything at random


def draw_conditions(rng):
    if rng.random() < 0.3:
        return IDEAL
    return LinkConditions(
        rate_bps=rng.choice([None, 100_000, 3_000_000]),
        delay_ns=rng.randrange(100 * MS),
        jitter_ns=rng.choice([0, 30 * MS]),
        loss=rng.choice([0.0, 0.1]),
        bursts=rng.choice([None, LossBursts(500 * MS, 50 * MS, 0.9)]),
        queue_bytes=rng.choice([None, 3000]),
    )


RADIO = RadioConditions(
    promotions=(Promotion(100 * MS, 300 * MS, 0.5),),
    outages=Interruptions(2000 * MS, 100 * MS, 500 * MS),
    handovers=Interruptions(1000 * MS, 50 * MS, 100 * MS),
)


def shake(rng, now, links):
    """A fault, or the end of one."""
    target = rng.choice(links)
    rng.choice(
        [
            lambda: target.change(now, draw_conditions(rng)),
            lambda: setattr(target, "down", rng.choice([None, None, DropReason.PARTITION])),
            target.hold,
            lambda: target.release(now),
        ]
    )()


def shaken(seed):
    """Two flows over shared links that change at any time: what was sent, what arrived, what was dropped."""
    rng = random.Random(seed)
    radio = Radio(RADIO, rng) if seed % 2 else None
    links = [Link(draw_conditions(rng), rng, radio if n == 0 else None) for n in range(rng.randrange(1, 4))]
    paths = [Path(links), Path(links)]
    seen, now, count = [[], []], 0, 300
    for number in range(count):
        now += rng.randrange(20 * MS)
        for path, packets in zip(paths, seen, strict=True):
            packets += [packet for _, packet in drain(path, now)]
        if rng.random() < 0.1:
            shake(rng, now, links)
            for path in paths:
                path.revise(now)
        rng.choice(paths).send(now, rng.randrange(40, 1500), number)
    for each in links:
        each.down = None
        each.release(now)
    for path, packets in zip(paths, seen, strict=True):
        path.revise(now)
        packets += [packet for _, packet in drain(path)]
        assert path.next_ns == NEVER_NS
    return count, seen, sum(each.drops for each in links)


def test_every_packet_arrives_once_and_in_order_or_is_dropped_for_a_reason():
    arrived_in_all = dropped_in_all = 0
    for seed in range(50):
        sent, seen, dropped = shaken(seed)
        for packets in seen:
            assert packets == sorted(set(packets)), f"seed {seed}: in order, and none twice"
        arrived = sum(map(len, seen))
        assert arrived + dropped == sent, f"seed {seed}"
        arrived_in_all += arrived
        dropped_in_all += dropped
    assert arrived_in_all > 2000
    assert dropped_in_all > 2000
