"""What chance does on a link: losses, bursts, jitter, each with a random stream of its own."""

import math
import random
from itertools import pairwise

import pytest

from realtime.network.link import MS, NS, Deliver, Drop, DropReason, Link, LinkConditions, LossBursts

pytestmark = pytest.mark.untraced  # long simulations


def link(seed=1, now_ns=0, **conditions):
    return Link(LinkConditions(**conditions), random.Random(seed), now_ns=now_ns)


def times(link, offers):
    return [verdict.at_ns if isinstance(verdict := link.offer(now, 1), Deliver) else None for now in offers]


def lost(link, offers):
    return [at is None for at in times(link, offers)]


def lateness(link, count, apart=NS):
    """How late each of ``count`` packets is that cannot disturb one another."""
    return [link.offer(n * apart, 1).at_ns - n * apart for n in range(count)]


# -- losses


def test_loss_hits_its_share_after_the_packet_used_the_link():
    """4000 draws at 25 %: standard deviation 0.7 %; four of them on each side."""
    lossy = link(rate_bps=8000, loss=0.25, queue_bytes=10**6)
    seen = times(lossy, [0] * 4000)
    assert abs(seen.count(None) / 4000 - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 4000)
    assert all(at == n * MS for n, at in enumerate(seen, 1) if at is not None)
    assert lossy.dropped == {DropReason.LOSS: seen.count(None)}


def test_more_loss_loses_the_same_packets_and_more():
    few, many = (lost(link(loss=loss), [0] * 1000) for loss in (0.1, 0.2))
    assert all(more for one, more in zip(few, many, strict=True) if one)
    assert sum(many) > sum(few)


# -- bursts


def test_all_is_lost_in_a_burst_and_nothing_between():
    bursty = link(bursts=LossBursts(100 * MS, 30 * MS))
    process = Link(LinkConditions(bursts=LossBursts(100 * MS, 30 * MS)), random.Random(1))._bursts
    assert lost(bursty, range(0, 10 * NS, MS)) == [process.until(at) > 0 for at in range(0, 10 * NS, MS)]


def test_bursts_take_their_share_of_the_time():
    """The variance of the share of an on-off process seen for T is 2·p·(1-p)·c/T, with 1/c = 1/good + 1/bad.

    Here p = 0.1, c = 0.09 s, T = 1000 s: standard deviation 0.4 %; four of them on each side.
    """
    bursts = LossBursts(900 * MS, 100 * MS)
    share = sum(lost(link(bursts=bursts), range(0, 1000 * NS, 10 * MS))) / 100_000
    assert bursts.bad_share == 0.1
    assert abs(share - 0.1) < 4 * math.sqrt(2 * 0.1 * 0.9 * 0.09 / 1000)


def test_bursts_last_as_long_as_they_should():
    """Seen every millisecond; about 1000 bursts of 50 ms mean: the mean's standard error is 1.6 ms."""
    seen = lost(link(bursts=LossBursts(100 * MS, 50 * MS)), range(0, 150 * NS, MS))
    begins = sum(not one and other for one, other in pairwise(seen))
    assert abs(begins - 1000) < 4 * math.sqrt(1000)
    assert abs(sum(seen) / begins - 50) < 4 * 50 / math.sqrt(begins) + 1


def test_losses_in_a_burst_and_between():
    """10 % between, 60 % within; each share's standard deviation is below 0.4 %."""
    seen = lost(link(loss=0.1, bursts=LossBursts(NS, NS, 0.6)), range(0, 2000 * NS, 50 * MS))
    within = [
        process > 0 for process in map(link(bursts=LossBursts(NS, NS, 0.6))._bursts.until, range(0, 2000 * NS, 50 * MS))
    ]
    for state, expected in ((True, 0.6), (False, 0.1)):
        share = [gone for gone, bad in zip(seen, within, strict=True) if bad is state]
        assert abs(sum(share) / len(share) - expected) < 4 * math.sqrt(expected * (1 - expected) / len(share))


@pytest.mark.parametrize("every", [7, 97, 1009])
def test_sparse_traffic_sees_the_same_bursts_as_dense(every):
    dense, sparse = (link(bursts=LossBursts(200 * MS, 60 * MS)) for _ in range(2))
    moments = range(0, 20 * NS, MS)
    seen = dict(zip(moments, lost(dense, moments), strict=True))
    assert lost(sparse, moments[::every]) == [seen[at] for at in moments[::every]]


def test_what_waits_meets_the_burst_of_the_moment_at_which_it_leaves():
    """One packet per 10 ms leaves, all were offered at once."""
    bursts = LossBursts(200 * MS, 60 * MS)
    slow, process = link(rate_bps=800, bursts=bursts), link(bursts=bursts)._bursts
    assert lost(slow, [0] * 500) == [process.until(n * 10 * MS) > 0 for n in range(1, 501)]


def test_bursts_begin_with_the_link_and_not_with_the_clock():
    """A clock that shows years since its start costs no time."""
    late = link(bursts=LossBursts(MS, MS), now_ns=10**18)
    assert isinstance(late.offer(10**18 + NS, 1), Deliver | Drop)


def test_other_bursts_begin_when_they_are_set_and_the_same_go_on():
    steady, changing = (link(bursts=LossBursts(100 * MS, 30 * MS)) for _ in range(2))
    changing.change(NS, LinkConditions(bursts=LossBursts(100 * MS, 30 * MS), delay_ns=1))
    moments = range(NS, 5 * NS, MS)
    assert lost(steady, moments) == lost(changing, moments)
    one, other = link(), link()
    other.offer(0, 1)
    for each in (one, other):
        each.change(6 * NS, LinkConditions(bursts=LossBursts(300 * MS, 30 * MS)))
    moments = range(6 * NS, 9 * NS, MS)
    assert lost(one, moments) == lost(other, moments), "whatever traffic there was until then"


# -- jitter


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95])
def test_jitter_is_uniform_whatever_it_remembers(memory):
    """Each tenth holds its share. n packets with memory m are worth n·(1-m)/(1+m) alone; four standard deviations."""
    count = 20_000
    shaky = link(delay_ns=10 * MS, jitter_ns=100 * MS, jitter_memory=memory)
    late = [each - 10 * MS for each in lateness(shaky, count)]
    assert min(late) >= 0
    assert max(late) <= 100 * MS
    worth = count * (1 - memory) / (1 + memory)
    for tenth in range(10):
        share = sum(10 * MS * tenth <= each < 10 * MS * (tenth + 1) for each in late) / count
        assert abs(share - 0.1) < 4 * math.sqrt(0.1 * 0.9 / worth)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95])
def test_jitter_remembers(memory):
    """Normal variables with correlation m, made uniform, correlate by 6/π·asin(m/2); four standard errors."""
    count = 20_000
    late = lateness(link(jitter_ns=100 * MS, jitter_memory=memory), count)
    mean = sum(late) / count
    variance = sum((each - mean) ** 2 for each in late)
    found = sum((one - mean) * (other - mean) for one, other in pairwise(late)) / variance
    assert abs(found - 6 / math.pi * math.asin(memory / 2)) < 4 * math.sqrt((1 + memory) / (1 - memory) / count)


def test_jitter_never_reorders():
    shaky = link(delay_ns=10 * MS, jitter_ns=5 * MS)
    seen = times(shaky, range(0, NS, MS))
    assert seen == sorted(seen)
    assert all(10 * MS <= at - now * MS <= 15 * MS for now, at in enumerate(seen))


# -- one stream for each purpose


LOSSY = {"loss": 0.1, "delay_ns": MS}


@pytest.mark.parametrize(
    "change",
    [
        {"jitter_ns": MS},
        {"jitter_ns": MS, "jitter_memory": 0.5},
        {"bursts": LossBursts(NS, 1, 0.0)},
        {"rate_bps": 10**9},
        {"delay_ns": 5 * MS},
    ],
    ids=lambda change: "+".join(change),
)
def test_nothing_else_shifts_the_losses(change):
    moments = range(0, NS, MS)
    assert lost(link(**LOSSY), moments) == lost(link(**(LOSSY | change)), moments)


@pytest.mark.parametrize(
    "change",
    [{"loss": 0.5}, {"bursts": LossBursts(NS, NS, 0.5)}, {"rate_bps": 8 * 10**9}],
    ids=lambda change: "+".join(change),
)
def test_nothing_else_shifts_the_jitter(change):
    moments = range(0, 1000 * NS, NS)
    plain, changed = times(link(jitter_ns=MS), moments), times(link(jitter_ns=MS, **change), moments)
    moved = 1 if "rate_bps" in change else 0  # ns for a byte
    assert all(one + moved == other for one, other in zip(plain, changed, strict=True) if other is not None)


@pytest.mark.parametrize(
    "change", [{"jitter_ns": MS}, {"delay_ns": MS}, {"rate_bps": 8 * 10**12}], ids=lambda change: "+".join(change)
)
def test_nothing_else_shifts_the_bursts(change):
    bursts, moments = LossBursts(100 * MS, 30 * MS), range(0, 10 * NS, MS)
    assert lost(link(bursts=bursts), moments) == lost(link(bursts=bursts, **change), moments)


def test_an_interruption_shifts_neither_losses_nor_jitter_after_it():
    steady, broken = link(loss=0.5, jitter_ns=MS), link(loss=0.5, jitter_ns=MS)
    broken.down = DropReason.DOWN
    assert [broken.offer(0, 1) for _ in range(10)] == [Drop(DropReason.DOWN)] * 10
    broken.down = None
    times(steady, [0] * 10)
    moments = range(NS, 50 * NS, NS)
    assert times(steady, moments) == times(broken, moments)
