"""One direction of a TCP stream: loss is a stall, then a reset, never a missing or reordered byte."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.network.link import MS, NS, Drop, DropReason, Link, LinkConditions
from realtime.network.tcp_direction import (
    HEADER_BYTES,
    MSS_BYTES,
    WINDOW_BYTES,
    AbortReceived,
    Ended,
    GaveUp,
    Received,
    Rejected,
    TcpDirection,
)


def link(seed=1, **conditions):
    return Link(LinkConditions(**conditions), random.Random(seed))


class Bench:
    """A direction, its two links, and everything that happened: (time, event)."""

    def __init__(self, forward=None, back=None, **options):
        self.forward = forward or link()
        self.back = back or link()
        self.tcp = TcpDirection([self.forward], [self.back], **options)
        self.now = 0
        self.events = []

    def run(self, until_ns=10**16):
        while (at := self.tcp.next_timer()) is not None and at <= until_ns:
            self.now = max(self.now, at)
            self.events += [(self.now, event) for event in self.tcp.handle_timer(self.now)]
        self.now = max(self.now, until_ns) if until_ns < 10**16 else self.now
        return self

    @property
    def received(self):
        return b"".join(event.data for _, event in self.events if isinstance(event, Received))

    def times(self, kind):
        return [at for at, event in self.events if isinstance(event, kind)]


def both_ways(delay_ms):
    return {"forward": link(delay_ns=delay_ms * MS), "back": link(delay_ns=delay_ms * MS)}


class Script:
    """A link that drops the packets with these numbers (0 is the first)."""

    def __init__(self, inner, *lost):
        self.inner, self.lost, self.count = inner, set(lost), 0
        self.is_ideal, self.is_held, self.is_gated = False, False, False

    def offer(self, now, nbytes):
        self.count += 1
        verdict = self.inner.offer(now, nbytes)
        return Drop(DropReason.LOSS) if self.count - 1 in self.lost else verdict


def test_bytes_arrive_after_the_one_way_delay():
    bench = Bench(**both_ways(75))
    bench.tcp.write(0, b"hello")
    bench.run()
    assert bench.events == [(75 * MS, Received(b"hello"))]
    assert bench.now == 150 * MS, "its acknowledgement is back"
    assert bench.tcp.buffered_bytes == 0


def test_a_write_arrives_whole_at_one_instant_unless_the_rate_spreads_it():
    bench = Bench()
    bench.tcp.write(0, b"x" * 5000)
    assert bench.run().events == [(0, Received(b"x" * 5000))]


def test_the_end_comes_after_the_last_byte():
    bench = Bench(**both_ways(10))
    bench.tcp.write(0, b"bye")
    bench.tcp.write_eof(0)
    bench.run()
    assert bench.events == [(10 * MS, Received(b"bye")), (10 * MS, Ended())]
    assert bench.tcp.is_finished


def test_a_megabyte_takes_the_time_of_its_bits():
    """1 MB at 1 Mbit/s: 8 s of payload, plus one header per segment, plus the delay."""
    bench = Bench(link(rate_bps=1_000_000, delay_ns=50 * MS), link(delay_ns=50 * MS))
    bench.tcp.write(0, b"m" * 1_000_000)
    bench.run()
    segments = -(-1_000_000 // MSS_BYTES)
    assert bench.times(Received)[-1] == 50 * MS + (1_000_000 + segments * HEADER_BYTES) * 8 * 1000
    assert bench.received == b"m" * 1_000_000


def test_no_more_than_the_window_is_in_flight():
    bench = Bench(**both_ways(50))
    bench.tcp.write(0, b"w" * (3 * WINDOW_BYTES))
    bench.run()
    assert bench.times(Received) == [50 * MS, 150 * MS, 250 * MS]


def test_a_receiver_that_does_not_read_stops_the_sender():
    bench = Bench(**both_ways(50))
    bench.tcp.pause_reading()
    bench.tcp.write(0, b"w" * (2 * WINDOW_BYTES))
    bench.tcp.write_eof(0)
    bench.run(10 * NS)
    assert bench.events == []
    assert bench.tcp.buffered_bytes == WINDOW_BYTES
    assert bench.tcp.resume_reading(bench.now) == [Received(b"w" * WINDOW_BYTES)]
    bench.run()
    assert bench.received == b"w" * WINDOW_BYTES
    assert bench.times(Ended) == [10 * NS + 50 * MS]


@pytest.mark.parametrize(
    ("lost", "expected_ms"),
    [
        # RTT 100 ms known from the handshake: RTO = 100 + max(200, 4 * 50) = 300 ms.
        pytest.param([0], 350, id="the only segment: one timeout"),
        pytest.param([0, 1], 950, id="and its repetition: 300 + 600 ms"),
        pytest.param([0, 1, 2, 3], 4550, id="doubling: 300 + 600 + 1200 + 2400"),
    ],
)
def test_a_lost_segment_waits_for_the_timeout(lost, expected_ms):
    bench = Bench(Script(link(delay_ns=50 * MS), *lost), link(delay_ns=50 * MS), rtt_ns=100 * MS)
    bench.tcp.write(0, b"x")
    bench.run()
    assert bench.events == [(expected_ms * MS, Received(b"x"))]


def test_three_segments_behind_a_lost_one_bring_it_back_in_a_round_trip():
    bench = Bench(Script(link(delay_ns=50 * MS), 0), link(delay_ns=50 * MS), rtt_ns=100 * MS)
    for at, byte in enumerate(b"abcd"):
        bench.tcp.write(at * MS, bytes([byte]))
    bench.run()
    # d, sent at 3 ms, is acknowledged at 103 ms; a goes out again and arrives 50 ms later with all behind it.
    assert bench.events == [(153 * MS, Received(b"abcd"))]


def test_two_segments_behind_a_lost_one_are_not_enough():
    bench = Bench(Script(link(delay_ns=50 * MS), 0), link(delay_ns=50 * MS), rtt_ns=100 * MS)
    for byte in b"abc":
        bench.tcp.write(0, bytes([byte]))
    bench.run()
    assert bench.times(Received)[0] > 300 * MS
    assert bench.received == b"abc"


def test_what_arrives_behind_a_gap_does_not_postpone_the_timeout():
    bench = Bench(Script(link(delay_ns=50 * MS), 0), link(delay_ns=50 * MS), rtt_ns=100 * MS)
    bench.tcp.write(0, b"a")
    bench.run(100 * MS)
    bench.tcp.write(100 * MS, b"b")
    bench.run()
    assert bench.events == [(350 * MS, Received(b"ab"))]


def test_a_lost_acknowledgement_is_covered_by_the_next():
    bench = Bench(link(delay_ns=50 * MS), Script(link(delay_ns=50 * MS), 0), rtt_ns=100 * MS)
    bench.tcp.write(0, b"a")
    bench.tcp.write(MS, b"b")
    bench.run()
    assert bench.times(Received) == [50 * MS, 51 * MS]
    assert bench.now == 101 * MS


def test_a_lost_acknowledgement_repeats_the_segment_but_not_the_bytes():
    bench = Bench(link(delay_ns=50 * MS), Script(link(delay_ns=50 * MS), 0), rtt_ns=100 * MS)
    bench.tcp.write(0, b"a")
    bench.run()
    assert bench.received == b"a"
    assert bench.now == 400 * MS


def test_an_outage_is_felt_longer_than_it_lasts():
    """Sent 1 s into a tunnel of 8 s; the retransmission that gets through comes seconds after its end."""
    bench = Bench(**both_ways(50), rtt_ns=100 * MS)
    bench.forward.down = bench.back.down = True
    bench.tcp.write(1 * NS, b"hello?")
    bench.run(9 * NS)
    bench.forward.down = bench.back.down = False
    bench.run()
    # Timeouts at 1 s + 0.3, 0.9, 2.1, 4.5, 9.3 s.
    assert bench.events == [(10_350 * MS, Received(b"hello?"))]


def test_what_is_in_flight_when_the_link_goes_down_is_sent_again():
    bench = Bench(**both_ways(50), rtt_ns=100 * MS)
    bench.tcp.write(0, b"a" * 4000)
    bench.run(20 * MS)
    bench.forward.down = True
    bench.run(100 * MS)
    bench.forward.down = False
    bench.run()
    assert bench.received == b"a" * 4000
    assert bench.times(Received)[0] == 350 * MS


def test_after_a_timeout_the_whole_window_follows_the_first_segment():
    bench = Bench(**both_ways(50), rtt_ns=100 * MS)
    bench.forward.down = True
    bench.tcp.write(0, b"a" * (10 * MSS_BYTES))
    bench.run(200 * MS)
    bench.forward.down = False
    bench.run()
    assert bench.times(Received) == [350 * MS, 450 * MS]


def test_the_sender_gives_up_after_fifteen_minutes():
    """200 ms doubled to 120 s: 204.6 s for ten timeouts, then six of 120 s."""
    bench = Bench(rtt_ns=0)
    bench.forward.down = True
    bench.tcp.write(5 * NS, b"nobody hears")
    bench.run()
    assert bench.events == [(929_600 * MS, GaveUp())]
    assert bench.tcp.next_timer() is None
    assert bench.tcp.buffered_bytes == 0


def test_an_acknowledgement_restarts_the_patience():
    bench = Bench(rtt_ns=0)
    bench.forward.down = True
    bench.tcp.write(0, b"a")
    bench.run(700 * NS)
    bench.forward.down = False
    bench.run()
    bench.forward.down = True
    bench.tcp.write(1000 * NS, b"b")
    bench.run()
    assert bench.received == b"a"
    assert bench.times(GaveUp) == [1_924_600 * MS]


def test_an_abort_overtakes_nothing_and_tells_the_receiver():
    bench = Bench(**both_ways(10))
    bench.tcp.write(0, b"a")
    bench.tcp.abort(1 * MS)
    bench.run()
    assert bench.events == [(10 * MS, Received(b"a")), (11 * MS, AbortReceived())]
    assert bench.tcp.next_timer() is None


def test_a_lost_abort_leaves_the_receiver_believing():
    bench = Bench(**both_ways(10))
    bench.forward.down = True
    bench.tcp.abort(0)
    assert bench.run().events == []


def test_a_sender_that_forgets_sends_nothing_more():
    bench = Bench(**both_ways(10))
    bench.forward.down = True
    bench.tcp.write(0, b"a")
    bench.tcp.forget()
    bench.tcp.write(0, b"b")
    bench.tcp.write_eof(0)
    assert bench.run().events == []
    assert bench.tcp.buffered_bytes == 0


def test_data_to_a_dead_socket_is_rejected_after_a_round_trip():
    bench = Bench(**both_ways(10))
    bench.tcp.close_receiver()
    bench.tcp.write(0, b"anyone?")
    bench.run()
    assert bench.events == [(20 * MS, Rejected())]
    assert bench.tcp.next_timer() is None


def test_a_bare_end_does_not_disturb_a_closed_receiver():
    bench = Bench(**both_ways(10))
    bench.tcp.close_receiver()
    bench.tcp.write_eof(0)
    assert bench.run().events == []
    assert bench.tcp.is_finished


def test_a_cut_direction_is_silent_until_the_sender_gives_up():
    bench = Bench(**both_ways(10), rtt_ns=0)
    bench.tcp.write(0, b"under way")
    bench.tcp.cut()
    bench.run()
    assert bench.events == [(924_600 * MS, GaveUp())]


def test_small_writes_that_had_to_wait_travel_together():
    bench = Bench(**both_ways(50))
    bench.tcp.write(0, b"w" * WINDOW_BYTES)
    for _ in range(1000):
        bench.tcp.write(0, b"s")
    bench.run()
    assert bench.times(Received) == [50 * MS, 150 * MS]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.3),
    jitter_ms=st.integers(0, 50),
    rate_kbps=st.one_of(st.none(), st.integers(50, 5000)),
    queue_bytes=st.one_of(st.none(), st.integers(2000, 20_000)),
    sizes=st.lists(st.integers(1, 20_000), max_size=12),
    outages=st.lists(st.tuples(st.integers(0, 20_000), st.booleans(), st.booleans()), max_size=6),
)
def test_every_byte_arrives_once_and_in_order(seed, loss, jitter_ms, rate_kbps, queue_bytes, sizes, outages):
    rate = None if rate_kbps is None else rate_kbps * 1000
    conditions = {"loss": loss, "jitter_ns": jitter_ms * MS, "delay_ns": 20 * MS, "rate_bps": rate}
    bench = Bench(link(seed, queue_bytes=queue_bytes, **conditions), link(seed + 1, **conditions))
    rng = random.Random(seed)
    data = b"".join(rng.randbytes(size) for size in sizes)
    script = sorted((at * MS, (forward, back)) for at, forward, back in outages)
    sent = 0
    for size in sizes:
        at = bench.now + rng.randrange(2000) * MS
        while script and script[0][0] <= at:
            bench.run(script[0][0])
            bench.forward.down, bench.back.down = script.pop(0)[1]
        bench.run(at)
        bench.tcp.write(bench.now, data[sent : sent + size])
        sent += size
    bench.tcp.write_eof(bench.now)
    bench.forward.down = bench.back.down = False
    bench.run()
    assert bench.received == data
    assert [event for _, event in bench.events if not isinstance(event, Received)] == [Ended()]
    assert bench.tcp.is_finished
    assert bench.tcp.next_timer() is None
