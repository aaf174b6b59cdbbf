"""One directed link: rate, queue, delay, jitter, loss, outage."""

import random
from dataclasses import replace

import pytest

from realtime.network.link import DEFAULT_QUEUE_BYTES, MS, NS, Deliver, Drop, DropReason, Link, LinkConditions


def link(**conditions):
    return Link(LinkConditions(**conditions), random.Random(1))


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


def test_a_packet_larger_than_the_queue_passes_an_idle_link():
    assert link(rate_bps=8, queue_bytes=1).offer(0, 5) == Deliver(5 * NS)


def test_the_backlog_drains_with_time():
    slow = link(rate_bps=8000)
    for _ in range(10):
        slow.offer(0, 10)
    assert [slow.backlog_bytes(at) for at in (0, 9 * MS, 30 * MS, 100 * MS)] == [100, 100, 70, 0]


def test_jitter_adds_at_most_its_size_and_never_reorders():
    shaky = link(delay_ns=10 * MS, jitter_ns=5 * MS)
    times = arrivals(shaky, [(now, 100) for now in range(0, NS, MS)])
    assert times == sorted(times)
    assert all(10 * MS <= at - now * MS <= 15 * MS for now, at in enumerate(times))
    assert len({at - now * MS for now, at in enumerate(times)}) > 100


def test_loss_hits_its_share_after_the_packet_used_the_link():
    lossy = link(rate_bps=8000, loss=0.25, queue_bytes=10**6)
    times = arrivals(lossy, [(0, 1)] * 4000)
    assert 0.22 < times.count(None) / 4000 < 0.28
    assert all(at == n * MS for n, at in enumerate(times, 1) if at is not None)


def test_more_loss_loses_the_same_packets_and_more():
    few, many = (arrivals(link(loss=loss), [(0, 1)] * 1000) for loss in (0.1, 0.2))
    assert {n for n, at in enumerate(few) if at is None} < {n for n, at in enumerate(many) if at is None}


def test_jitter_does_not_shift_the_losses():
    plain, shaky = (arrivals(link(loss=0.1, jitter_ns=jitter), [(0, 1)] * 1000) for jitter in (0, MS))
    assert [at is None for at in plain] == [at is None for at in shaky]


def test_an_outage_does_not_shift_the_losses_after_it():
    steady, broken = link(loss=0.5), link(loss=0.5)
    broken.down = True
    before = [broken.offer(0, 1) for _ in range(10)]
    broken.down = False
    assert before == [Drop(DropReason.DOWN)] * 10
    assert arrivals(steady, [(0, 1)] * 50)[10:] == arrivals(broken, [(0, 1)] * 40)


def test_conditions_change_while_running():
    """What is queued keeps its place: the new rate holds for what is offered from now on."""
    changing = link(rate_bps=8000, delay_ns=100 * MS)
    assert changing.offer(0, 10) == Deliver(110 * MS)
    changing.conditions = replace(changing.conditions, rate_bps=80_000, delay_ns=5 * MS)
    assert changing.offer(0, 10) == Deliver(110 * MS), "it does not overtake"
    assert changing.offer(200 * MS, 10) == Deliver(206 * MS)
    changing.conditions = LinkConditions()
    assert changing.offer(300 * MS, 10) == Deliver(300 * MS)


def test_a_change_of_rate_keeps_what_is_in_line():
    """10 bytes at 8 kbit/s leave at 10 ms; 10 more at 80 kbit/s need 1 ms after them."""
    changing = link(rate_bps=8000)
    changing.offer(0, 10)
    changing.conditions = LinkConditions(rate_bps=80_000)
    assert changing.offer(0, 10) == Deliver(11 * MS)
    assert changing.backlog_bytes(10 * MS) == 10


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.1}, {"loss": -0.1}, {"delay_ns": -1}, {"jitter_ns": -1}, {"rate_bps": 0}, {"queue_bytes": 0}]
)
def test_impossible_conditions_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LinkConditions(**wrong)
