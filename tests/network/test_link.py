"""One directed link: rate, queue, delay, jitter, gates, and what a change of them does."""

import random

import pytest

from realtime.network.link import (
    DEFAULT_QUEUE_BYTES,
    IDEAL,
    MS,
    NEVER_NS,
    NS,
    Deliver,
    Drop,
    DropReason,
    Link,
    LinkConditions,
    LossBursts,
)
from realtime.network.radio import Interruptions, Promotion, Radio, RadioConditions
from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import StepSeries


def link(seed=1, radio=None, **conditions):
    return Link(LinkConditions(**conditions), random.Random(seed), radio)


def arrivals(link, offers):
    return [verdict.at_ns if isinstance(verdict := link.offer(now, size), Deliver) else None for now, size in offers]


@pytest.mark.parametrize(
    ("conditions", "offers", "expected"),
    [
        pytest.param({}, [(0, 1500), (7, 1500)], [0, 7], id="an ideal link takes no time"),
        pytest.param({"delay_ns": 50}, [(0, 1), (10, 9999)], [50, 60], id="the delay is the same for every size"),
        pytest.param({"rate_bps": 8000}, [(0, 1), (0, 2), (5 * MS, 1)], [MS, 3 * MS, 6 * MS], id="bytes wait in line"),
        pytest.param({"rate_bps": 8000, "delay_ns": 5}, [(0, 1), (0, 1)], [MS + 5, 2 * MS + 5], id="rate, then delay"),
        pytest.param(
            {"rate_bps": 8000, "queue_bytes": 2},
            [(0, 1), (0, 1), (0, 1), (MS, 1)],
            [MS, 2 * MS, None, 3 * MS],
            id="the queue's tail is dropped and costs no time",
        ),
        pytest.param({"rate_bps": 3}, [(0, 1)], [-(-8 * NS // 3)], id="a byte leaves when its last bit has left"),
        pytest.param(
            {"rate_bps": RateTrace([0, NS], [8000, 0], 3 * NS)},
            [(0, 999), (0, 2), (2 * NS, 1)],
            [999 * MS, 3 * NS + MS, 3 * NS + 2 * MS],
            id="packets wait while the rate is zero",
        ),
        pytest.param(
            {"rate_bps": RateTrace([0, NS], [0, 8], 2 * NS), "queue_bytes": 2},
            [(0, 1), (0, 1), (0, 1), (2 * NS, 1)],
            [2 * NS, 4 * NS, None, 6 * NS],
            id="and their line has an end then too",
        ),
    ],
)
def test_verdicts(conditions, offers, expected):
    assert arrivals(link(**conditions), offers) == expected


def test_rounding_does_not_add_up():
    """24 000 bits at 7 bit/s: the last of a thousand packets leaves when one large one would."""
    cut, whole = link(rate_bps=7), link(rate_bps=7)
    assert [cut.offer(0, 3) for _ in range(1000)][-1] == whole.offer(0, 3000)


def test_a_rate_without_a_queue_size_gets_the_default_queue():
    slow = link(rate_bps=8)
    verdicts = [slow.offer(0, 1024) for _ in range(DEFAULT_QUEUE_BYTES // 1024 + 1)]
    assert verdicts[-2] == Deliver(DEFAULT_QUEUE_BYTES * NS)
    assert verdicts[-1] == Drop(DropReason.QUEUE)
    assert slow.dropped == {DropReason.QUEUE: 1}


def test_a_packet_larger_than_the_queue_passes_an_idle_link():
    assert link(rate_bps=8, queue_bytes=1).offer(0, 5) == Deliver(5 * NS)


def test_the_backlog_drains_with_time():
    slow = link(rate_bps=8000)
    for _ in range(10):
        slow.offer(0, 10)
    assert [slow.backlog_bytes(at) for at in (0, 9 * MS, 30 * MS, 100 * MS)] == [100, 100, 70, 0]


# -- changes


def test_what_waits_is_released_earlier_by_a_faster_rate():
    """Three packets of 10 bytes, 10 ms each at 8 kbit/s; after 15 ms, the half of the second needs 0.5 ms at 80."""
    changing = link(rate_bps=8000, delay_ns=5)
    first, second, third = (changing.offer(0, 10) for _ in range(3))
    changing.change(15 * MS, LinkConditions(rate_bps=80_000, delay_ns=5))
    assert [first.at_ns, second.at_ns, third.at_ns] == [10 * MS + 5, 15_500_000 + 5, 16_500_000 + 5]
    assert changing.offer(15 * MS, 10) == Deliver(17_500_000 + 5)
    assert changing.backlog_bytes(15 * MS) == 30


def test_and_later_by_a_slower_one():
    changing = link(rate_bps=8000)
    first, second = (changing.offer(0, 10) for _ in range(2))
    changing.change(4 * MS, LinkConditions(rate_bps=4000))
    assert [first.at_ns, second.at_ns] == [16 * MS, 36 * MS], "4 ms served; the other 6 take 12, and 10 take 20"


def test_what_waits_leaves_at_once_when_the_rate_ends():
    changing = link(rate_bps=8)
    waiting = [changing.offer(0, 10) for _ in range(3)]
    changing.change(4 * MS, LinkConditions(delay_ns=MS))
    assert waiting == [Deliver(5 * MS)] * 3
    assert changing.backlog_bytes(4 * MS) == 0


def test_what_is_in_the_air_arrives_as_promised_and_nothing_overtakes_it():
    changing = link(rate_bps=8000, delay_ns=100 * MS)
    in_the_air, waiting = changing.offer(0, 10), changing.offer(0, 10)
    changing.change(10 * MS, LinkConditions(rate_bps=8000, delay_ns=5 * MS))
    assert in_the_air == Deliver(110 * MS)
    assert waiting == Deliver(110 * MS), "it would be there at 25 ms"
    assert changing.offer(200 * MS, 10) == Deliver(215 * MS)


def test_a_smaller_queue_keeps_those_that_wait_already():
    changing = link(rate_bps=8000, queue_bytes=100)
    for _ in range(5):
        changing.offer(0, 20)
    changing.change(0, LinkConditions(rate_bps=8000, queue_bytes=40))
    assert changing.backlog_bytes(0) == 100
    assert changing.offer(70 * MS, 20) == Drop(DropReason.QUEUE), "30 are left"
    assert changing.offer(80 * MS, 20) == Deliver(120 * MS)


def test_every_change_is_told():
    told = []
    changing = link()
    changing.on_change = lambda: told.append((changing.conditions.delay_ns, changing.down, changing.is_held))
    changing.change(0, LinkConditions(delay_ns=1))
    changing.down = DropReason.PARTITION
    changing.hold()
    changing.release(0)
    assert told == [(1, None, False), (1, "partition", False), (1, "partition", True), (1, "partition", False)]


# -- gates


@pytest.mark.parametrize("reason", [DropReason.DOWN, DropReason.PARTITION])
def test_nothing_passes_a_link_that_is_down(reason):
    closed = link(delay_ns=10)
    closed.down = reason
    assert closed.offer(0, 1) == Drop(reason)
    assert closed.swallows(5) == reason
    assert closed.dropped == {reason: 1}
    closed.down = None
    assert closed.swallows(5) is None
    assert closed.offer(5, 1) == Deliver(15)


def test_an_outage_of_the_radio_lets_nothing_pass():
    """The first outage of this seed, found by asking the same process."""
    conditions = RadioConditions(outages=Interruptions(10 * NS, NS))
    process = conditions.outages.spells(0, random.Random(1))
    radio = Radio(conditions, random.Random(2))
    radio.outages = process
    begin = process.begin_ns
    gated = link(radio=radio, delay_ns=MS)
    assert gated.offer(begin - MS, 1) == Deliver(begin)
    assert gated.swallows(begin) == DropReason.OUTAGE, "it began meanwhile"
    assert gated.offer(begin + NS - 1, 1) == Drop(DropReason.OUTAGE)
    assert gated.offer(begin + NS, 1) == Deliver(begin + NS + MS)


def test_it_need_be_asked_about_arrivals_only_when_something_may_swallow_them():
    """A link without outages never; one with outages from the next of them on."""
    plain = link(delay_ns=MS)
    assert plain.clear_until_ns == NEVER_NS
    plain.down = DropReason.DOWN
    assert plain.clear_until_ns == 0
    radio = Radio(RadioConditions(outages=Interruptions(10 * NS, NS)), random.Random(2))
    gated, other = link(radio=radio, delay_ns=MS), link(radio=radio, delay_ns=MS)
    begins = []
    for _ in range(100):
        begins.append(begin := radio.outages.begin_ns)
        assert gated.swallows(begin - 1) is None
        assert gated.clear_until_ns == begin
        assert other.clear_until_ns <= begin, "the opposite direction has to ask for itself"
        assert gated.swallows(begin + NS) is None
    assert begins == sorted(set(begins))


def test_packets_wait_for_a_hand_over_to_end():
    """A radio whose hand-overs last 1 s; 10 bytes take 10 ms."""
    radio = Radio(RadioConditions(handovers=Interruptions(100 * NS, NS)), random.Random(2))
    begin = radio.handovers.begin_ns
    moving = link(radio=radio, rate_bps=8000)
    early = [moving.offer(begin - 15 * MS, 10) for _ in range(3)]
    assert [verdict.at_ns - begin for verdict in early] == [-5 * MS, NS, NS + 10 * MS]
    assert moving.offer(begin + 500 * MS, 10).at_ns - begin == NS + 20 * MS
    assert moving.backlog_bytes(begin + 500 * MS) == 30


def test_packets_wait_for_the_radio_to_wake_and_for_those_before_them():
    radio = Radio(RadioConditions(promotions=(Promotion(10 * NS, 800 * MS),)), random.Random(2))
    sleepy = link(radio=radio, rate_bps=8000, delay_ns=MS)
    assert arrivals(sleepy, [(0, 10), (300 * MS, 10), (2 * NS, 10)]) == [811 * MS, 821 * MS, 2011 * MS]


def test_a_slower_rate_while_the_radio_wakes():
    radio = Radio(RadioConditions(promotions=(Promotion(10 * NS, 800 * MS),)), random.Random(2))
    sleepy = link(radio=radio, rate_bps=8000)
    waiting = [sleepy.offer(0, 10) for _ in range(2)]
    sleepy.change(300 * MS, LinkConditions(rate_bps=4000))
    assert waiting == [Deliver(820 * MS), Deliver(840 * MS)]


# -- when it need not be asked


def test_an_ideal_link_is_known_as_one():
    assert link().is_ideal
    for conditions in ({"delay_ns": 1}, {"rate_bps": 1}, {"jitter_ns": 1}, {"loss": 0.1}, {"bursts": LossBursts(1, 1)}):
        assert not link(**conditions).is_ideal
    assert link(radio=Radio(RadioConditions(nat_idle_ns=1), random.Random(1))).is_ideal
    assert not link(radio=Radio(RadioConditions(promotions=(Promotion(1, 1),)), random.Random(1))).is_ideal


def test_a_link_that_is_down_or_held_is_not_ideal():
    changing = link()
    changing.down = DropReason.DOWN
    assert not changing.is_ideal
    changing.down = None
    changing.hold()
    assert not changing.is_ideal
    changing.release(0)
    assert changing.is_ideal


def test_it_becomes_ideal_when_nothing_can_be_overtaken_any_more():
    changing = link(delay_ns=100)
    changing.offer(0, 1)
    changing.change(10, IDEAL)
    assert not changing.is_ideal
    assert changing.offer(50, 1) == Deliver(100)
    assert not changing.is_ideal
    assert changing.offer(100, 1) == Deliver(100)
    assert changing.is_ideal


def test_what_waits_gets_the_delay_of_the_moment_at_which_it_leaves():
    """A byte per second; the delay is 5 ms for two seconds, then 9 ms."""
    moving = link(rate_bps=8, delays=StepSeries((0, 2 * NS), (5 * MS, 9 * MS), 100 * NS))
    assert arrivals(moving, [(0, 1)] * 3) == [NS + 5 * MS, 2 * NS + 9 * MS, 3 * NS + 9 * MS]
    assert [moving.conditions.delay_at(at * NS) for at in (1, 2)] == [5 * MS, 9 * MS]


def test_chances_that_change_with_time_are_drawn():
    """1000 packets, one in four lost: 250, give or take four standard deviations of 13.7."""
    moving = link(losses=StepSeries((0, NS), (0.25, 1.0), 2 * NS))
    assert 195 < sum(isinstance(moving.offer(at, 1), Drop) for at in range(1000)) < 305


def test_a_change_of_rate_moves_what_waits_to_another_delay():
    """Ten bytes at 8 bit/s would leave at 10 s, when the delay is 9 ms; at 80 bit/s they leave at 1 s."""
    delays = StepSeries((0, 2 * NS), (5 * MS, 9 * MS), 100 * NS)
    moving = link(rate_bps=8, delays=delays)
    waiting = moving.offer(0, 10)
    assert waiting == Deliver(10 * NS + 9 * MS)
    moving.change(0, LinkConditions(rate_bps=80, delays=delays))
    assert waiting == Deliver(NS + 5 * MS)


def test_its_repr_tells_the_state():
    closed = link()
    closed.down = DropReason.PARTITION
    closed.hold()
    assert repr(closed) == f"<Link PARTITION HELD {IDEAL}>"
