"""Links whose conditions change at any time, against an independent model in exact fractions."""

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.network.link import NS, Deliver, Link, LinkConditions
from realtime.network.rate_trace import RateTrace


class Fluid:
    """Bits as a fluid: a packet is served from when those before it are done, at the rate that holds at each moment."""

    def __init__(self, stages):
        self.stages = stages  # (from, bit/s or a trace or None, delay), ascending

    def served(self, start, bits):
        """When ``bits`` that begin at ``start`` are served, as a fraction, and the delay at that moment."""
        at = Fraction(start)
        while True:
            rate, until, delay = self.at(at)
            if rate is None:
                return at, delay
            span = min(until - at, Fraction(bits * NS, rate) if rate else until - at)
            bits -= span * rate / NS
            at += span
            if bits == 0:
                return at, delay

    def at(self, now):
        """The rate now, until when it holds, and the delay."""
        number = max(n for n, (since, _, _) in enumerate(self.stages) if since <= now)
        until = self.stages[number + 1][0] if number + 1 < len(self.stages) else Fraction(10**30)
        _, rate, delay = self.stages[number]
        if isinstance(rate, RateTrace):
            offset = (now - rate.origin_ns) % rate.period_ns
            edges = [*rate.times_ns[1:], rate.period_ns]
            until = min(until, now + min(edge - offset for edge in edges if edge > offset))
            rate = rate.rate_at(int(now))
        return rate, until, delay


@st.composite
def rates(draw):
    kind = draw(st.sampled_from(["none", "constant", "constant", "trace"]))
    if kind == "none":
        return None
    if kind == "constant":
        return draw(st.integers(1, 40)) * NS // draw(st.sampled_from([1, 3, 7]))
    steps = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any))
    return RateTrace(range(0, 3 * len(steps), 3), [step * NS for step in steps], 3 * len(steps))


events = st.lists(
    st.tuples(st.integers(0, 30), st.one_of(st.integers(1, 40), st.tuples(rates(), st.integers(0, 20)))), max_size=30
)


@given(rates(), events)
@settings(max_examples=150, deadline=None)
def test_every_packet_leaves_at_the_first_nanosecond_at_which_its_last_bit_is_sent(first, events):
    """Whenever rate and delay change: exact, in order, and no packet is lost."""
    link = Link(LinkConditions(rate_bps=first, queue_bytes=10**9), random.Random(1))
    now, offered, stages = 0, [], [(0, first, 0)]
    for wait, event in events:
        now += wait + (not isinstance(event, int))  # nothing is sent at the same instant before a change
        if isinstance(event, int):
            offered.append((now, event, link.offer(now, event)))
        else:
            rate, delay = event
            rate = rate.starting_at(now) if isinstance(rate, RateTrace) else rate
            link.change(now, LinkConditions(rate_bps=rate, delay_ns=delay, queue_bytes=10**9))
            stages.append((now, rate, delay))
    fluid, free, latest = Fluid(stages), Fraction(0), 0
    for at, nbytes, verdict in offered:
        free, delay = fluid.served(max(Fraction(at), free), nbytes * 8)
        latest = max(latest, -(-free.numerator // free.denominator) + delay)
        assert verdict == Deliver(latest)


@given(st.integers(1, 40), st.integers(1, 60), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40)), max_size=40))
def test_the_tail_is_dropped_where_the_line_is_full(rate, limit, offers):
    """The line is those offered, not dropped, whose last bit has not left."""
    link = Link(LinkConditions(rate_bps=rate * NS, queue_bytes=limit), random.Random(1))
    now, line = 0, []
    for wait, nbytes in offers:
        now += wait
        waiting = sum(size for left, size in line if left > now)
        verdict = link.offer(now, nbytes)
        assert isinstance(verdict, Deliver) == (waiting == 0 or waiting + nbytes <= limit)
        if isinstance(verdict, Deliver):
            line.append((verdict.at_ns, nbytes))
        assert link.backlog_bytes(now) == sum(size for left, size in line if left > now)


def draw_conditions(rng):
    return LinkConditions(
        rate_bps=rng.choice([None, 1_000_000, 7_777_777]),
        delay_ns=rng.randrange(50_000_000),
        jitter_ns=rng.choice([0, 20_000_000]),
        jitter_memory=rng.choice([0.0, 0.9]),
        loss=rng.choice([0.0, 0.2]),
    )


def test_jitter_and_changes_of_every_kind_never_reorder():
    """Two hundred worlds; what a packet was promised may move, but never past its neighbours."""
    for seed in range(200):
        rng = random.Random(seed)
        link = Link(draw_conditions(rng), rng)
        now, verdicts = 0, []
        for _ in range(60):
            now += rng.randrange(5_000_000)
            if rng.random() < 0.15:
                link.change(now, draw_conditions(rng))
            verdicts.append(link.offer(now, rng.randrange(40, 1500)))
            times = [verdict.at_ns for verdict in verdicts if isinstance(verdict, Deliver)]
            assert times == sorted(times)
