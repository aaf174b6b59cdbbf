"""What an endpoint sends again, and how much it dares to send."""

import pytest

from realtime.network.link import MS, NEVER_NS, NS, LinkConditions
from realtime.network.tcp import MSS_BYTES, WINDOW_BYTES, GaveUp, Received
from tests.network.tcp_bench import Bench, link

# Opening over 2 × 50 ms measures 100 ms: RTO = 100 + max(200, 4 × 50) = 300 ms (RFC 6298, Linux).


def counts(bench, start, step_ms=100):
    """Data packets sent per round trip from start on, by the client."""
    numbers = [(now - start) // (step_ms * MS) for now, _ in bench.packets()]
    return [numbers.count(n) for n in range(max(numbers) + 1)]


# -- timeouts


@pytest.mark.parametrize(
    ("lost", "expected_ms"),
    [
        pytest.param([0], 350, id="the only segment: one timeout"),
        pytest.param([0, 1], 950, id="and its repetition: 300 + 600 ms"),
        pytest.param([0, 1, 2, 3], 4550, id="doubling: 300 + 600 + 1200 + 2400"),
    ],
)
def test_a_lost_segment_waits_for_the_timeout(lost, expected_ms):
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = lost
    bench.client.write(start, b"x")
    bench.run()
    assert bench.events == [(start + expected_ms * MS, "server", Received(b"x"))]


def test_the_timeout_follows_the_measured_round_trips():
    """The second one, of 140 ms (delayed acknowledgement): smoothed 105 ms, variance 47.5 ms, so 305 ms."""
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"a")
    bench.run()
    assert bench.client.rtt_ns == 105 * MS
    start = bench.now
    bench.lost["up"] = [1]
    bench.client.write(start, b"b")
    bench.run()
    assert [now - start for now, _ in bench.packets()[1:]] == [0, 305 * MS]


def test_a_message_sent_into_a_tunnel_arrives_when_the_backoff_says():
    """1 s into a tunnel of 8 s, at 150 ms of round trip: RTO = 150 + 4 × 75 = 450 ms.

    Repeated after 0.45 × (1, 3, 7, 15, 31) s; the first of these behind the end of the tunnel is 14.95 s.
    """
    bench = Bench(delay_ms=75).opened(1 * NS)
    start = bench.now
    bench.lose = lambda way, segment: bench.now < start + 8 * NS
    bench.run(start + 1 * NS)
    bench.client.write(bench.now, b"hello?")
    bench.run()
    assert [now - start for now, _ in bench.packets()] == [n * MS for n in (1000, 1450, 2350, 4150, 7750, 14_950)]
    assert bench.times(Received) == [start + 15_025 * MS]


def test_an_acknowledgement_ends_the_backoff():
    """The time stamp says which transmission it was, so that it is a measurement (RFC 7323; Karn's problem)."""
    bench = Bench().opened(1 * NS)
    bench.lost["up"] = [0, 1, 2, 4]
    bench.client.write(bench.now, b"a")
    bench.run()
    assert bench.client.rtt_ns == 105 * MS, "140 ms were measured, from the fourth transmission on"
    start = bench.now
    bench.client.write(start, b"b")
    bench.run()
    assert [now - start for now, _ in bench.packets()[4:]] == [0, 305 * MS]


def test_a_round_trip_that_grows_beyond_the_timeout_is_learned():
    """3 s all of a sudden: a few needless repetitions, not one for each segment for ever."""
    bench = Bench().opened(1 * NS)
    for each in (bench.up, bench.down):
        each.change(bench.now, LinkConditions(delay_ns=1500 * MS))
    repeated = []
    for _ in range(10):
        bench.sent.clear()
        bench.client.write(bench.now, b"a")
        bench.run()
        repeated.append(len(bench.packets()) - 1)
    # RTO 0.3 s: at 0.3, 0.9, 2.1 s. The first measurement of 3.04 s lifts it to 0.4675 + 4 × 0.7725 = 3.5575 s.
    assert repeated == [3] + [0] * 9
    assert bench.received() == b"a" * 10


def test_the_sender_gives_up_after_fifteen_minutes():
    """200 ms doubled to 120 s: 204.6 s for ten timeouts, then six of 120 s."""
    bench = Bench(delay_ms=0).opened(5 * NS)
    start = bench.now
    bench.lose = lambda way, segment: True
    bench.client.write(start, b"nobody hears")
    bench.run()
    assert bench.events == [(start + 924_600 * MS, "client", GaveUp())]
    assert bench.client.is_dead
    assert bench.client.buffered_bytes == 0
    assert bench.tcp.next_ns == NEVER_NS


def test_an_acknowledgement_restarts_the_patience():
    bench = Bench(delay_ms=0).opened(1 * NS)
    start = bench.now
    bench.lose = lambda way, segment: bench.now - start < 700 * NS or bench.now - start >= 1000 * NS
    bench.client.write(start, b"a")
    bench.run(start + 1000 * NS)
    assert bench.received() == b"a"
    bench.client.write(bench.now, b"b")
    bench.run()
    # The delayed acknowledgement of a measured 40 ms: RTO = 40 / 8 + 200 ms. Ten timeouts, doubling, are 209.715 s,
    # and after six of 120 s more than 924.6 s are over.
    assert bench.times(GaveUp, "client") == [start + 1000 * NS + 209_715 * MS + 6 * 120 * NS]


def test_what_arrives_behind_a_gap_does_not_postpone_the_timeout():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [0]
    bench.client.write(start, b"a")
    bench.run(start + 100 * MS)
    bench.client.write(bench.now, b"b")
    bench.run()
    assert bench.events == [(start + 350 * MS, "server", Received(b"ab"))]


def test_progress_restarts_the_timeout():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [1]
    bench.client.write(start, b"a")
    bench.client.write(start, b"b")
    bench.run()
    # a is acknowledged at 50 + 40 + 50 ms, which measures 140 ms: RTO = 105 + 200 ms from then.
    assert [now - start for now, _ in bench.packets()] == [0, 0, 445 * MS]


def test_a_lost_acknowledgement_is_covered_by_the_next():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["down"] = [0]
    bench.client.write(start, b"a")
    bench.run(start + 100 * MS)
    bench.client.write(bench.now, b"b")
    bench.run()
    assert bench.times(Received) == [start + 50 * MS, start + 150 * MS]
    assert len(bench.packets()) == 2


# -- fast retransmit


def test_three_segments_behind_a_lost_one_bring_it_back_in_a_round_trip():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [0]
    for at, byte in enumerate(b"abcd"):
        bench.run(start + at * MS)
        bench.client.write(bench.now, bytes([byte]))
    bench.run()
    # d, sent at 3 ms, is acknowledged at 103 ms; a goes out again and arrives 50 ms later with all behind it.
    assert bench.events == [(start + 153 * MS, "server", Received(b"abcd"))]


def test_two_segments_behind_a_lost_one_are_not_enough():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [0]
    for byte in b"abc":
        bench.client.write(start, bytes([byte]))
    bench.run()
    assert bench.times(Received) == [start + 350 * MS]


def test_a_lost_repetition_is_repeated_without_a_timeout():
    """The links keep the order, so what was sent after it and has arrived proves its loss."""
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [0, 12]  # the news of 2 and 3 let one new segment out each, that of 4 repeats the first
    bench.client.write(start, b"x" * (20 * MSS_BYTES))
    bench.run()
    first = [now - start for now, segment in bench.packets() if segment.seq == 1]
    assert first == [0, 100 * MS, 200 * MS]


def test_a_loss_halves_the_window_once():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = [2, 4]  # the third and the fifth segment
    bench.client.write(start, b"x" * (100 * MSS_BYTES))
    bench.run()
    # At 100 ms come the news of 1 and 2: four new ones go out; of 4 and of 6: one each; of 7: that is the third behind
    # segment 3, so of 14 in flight 7 remain, and segment 3 is repeated. 8, 9 and 10 only make room: the fifth follows
    # in the next round trip, and costs nothing more.
    assert counts(bench, start)[:2] == [10, 7]
    assert [now - start for now, segment in bench.packets() if segment.seq == 1 + 2 * MSS_BYTES] == [0, 100 * MS]
    assert [now - start for now, segment in bench.packets() if segment.seq == 1 + 4 * MSS_BYTES] == [0, 200 * MS]
    assert counts(bench, start)[2:7] == [7, 7, 8, 9, 10]
    assert bench.received() == b"x" * (100 * MSS_BYTES)


def test_after_a_timeout_it_starts_slowly_up_to_half():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lose = lambda way, segment: bench.now - start < 200 * MS
    bench.client.write(start, b"a" * (24 * MSS_BYTES))
    bench.run()
    # 300 ms: one; its acknowledgement is delayed by 40 ms, then two, one more for each acknowledged, and from five
    # on (half of the ten in flight) one more per round trip.
    assert counts(bench, start, 10)[30] == 1
    assert counts(bench, start, 10)[44] == 2
    assert counts(bench, start, 10)[54] == 3


def test_after_idleness_it_starts_with_ten_again():
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"x" * (100 * MSS_BYTES))
    bench.run()
    start = bench.now + 5 * NS
    bench.now = start
    bench.sent.clear()
    bench.client.write(start, b"x" * (100 * MSS_BYTES))
    bench.run()
    assert counts(bench, start)[0] == 10


def test_without_idleness_it_goes_on_with_what_it_had():
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"x" * (100 * MSS_BYTES))
    bench.run()
    start = bench.now
    bench.sent.clear()
    bench.client.write(start, b"x" * (100 * MSS_BYTES))
    bench.run()
    assert counts(bench, start)[0] > 50


def test_a_connection_that_hardly_opened_starts_with_one():
    """RFC 5681, section 3.1; Linux from the second repetition on."""
    bench = Bench()
    bench.lost["up"] = [0, 1]
    bench.client.open(0)
    bench.run()
    start = bench.now
    bench.sent.clear()
    bench.client.write(start, b"x" * (10 * MSS_BYTES))
    bench.run()
    assert counts(bench, start)[0] == 1


# -- segments and windows


def test_small_writes_that_had_to_wait_travel_together():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"w" * (10 * MSS_BYTES))
    for _ in range(1000):
        bench.client.write(start, b"s")
    bench.run()
    assert [len(segment.data) for _, segment in bench.packets()] == [MSS_BYTES] * 10 + [1000]


def test_small_writes_that_need_not_wait_go_at_once():
    """No Nagle algorithm: whoever sends messages switches it off (TCP_NODELAY)."""
    bench = Bench().opened(1 * NS)
    for _ in range(5):
        bench.client.write(bench.now, b"s" * 100)
    assert [len(segment.data) for _, segment in bench.packets()] == [100] * 5


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_is_written_may_change_afterwards(kind):
    bench = Bench().opened(1 * NS)
    data = bytearray(b"abc")
    bench.client.write(bench.now, kind(data))
    data[:] = b"xyz"
    bench.run()
    assert bench.received() == b"abc"


def test_the_end_travels_with_the_last_bytes_that_had_to_wait():
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"w" * (11 * MSS_BYTES))
    bench.client.write_eof(bench.now)
    bench.run()
    assert bench.packets("up", "fin") == []
    assert bench.has_ended()


def closed_window():
    """A sender with a byte too much for a reader that does not read."""
    bench = Bench().opened(1 * NS)
    bench.server.pause_reading()
    bench.client.write(bench.now, b"w" * WINDOW_BYTES)
    bench.run()
    assert bench.client.buffered_bytes == 0
    bench.sent.clear()
    return bench


def test_a_closed_window_is_asked_for_ever_later():
    bench = closed_window()
    start = bench.now
    bench.client.write(start, b"!")
    bench.run(start + 400 * NS)
    at = [now - start for now, _ in bench.packets("up", "ack")]
    rto = at[0]
    assert 200 * MS < rto < 400 * MS
    assert at == [rto * (2**n - 1) for n in range(1, 10)] + [rto * 511 + 120 * NS, rto * 511 + 240 * NS]
    assert bench.packets() == []
    assert len(bench.packets("down", "ack")) == len(at), "each is answered"
    assert bench.events == []


def test_the_news_of_an_open_window_may_be_lost():
    bench = closed_window()
    start = bench.now
    bench.client.write(start, b"!")
    bench.run(start + 10 * MS)
    bench.lost["down"] = [bench.count["down"]]
    bench.resume(bench.server)
    bench.run()
    assert bench.received() == b"w" * WINDOW_BYTES + b"!"
    probe = bench.packets("up", "ack")[0][0]
    assert bench.times(Received) == [start + 10 * MS, probe + 150 * MS]


def test_a_window_that_stays_closed_is_no_reason_to_give_up_but_silence_is():
    bench = closed_window()
    start = bench.now
    bench.client.write(start, b"!")
    bench.run(start + 3000 * NS)
    assert not bench.client.is_dead
    bench.tcp.cut()
    bench.run()
    assert len(bench.events) == 1
    at, end, event = bench.events[0]
    assert (end, event) == ("client", GaveUp())
    # Asked every 120 s: 924.6 s after the last answer are over at the eighth.
    assert 924_600 * MS <= at - start - 3000 * NS + 120 * NS <= 924_600 * MS + 240 * NS


def test_no_silly_segments_for_a_window_that_is_almost_closed():
    """The room for 700 bytes waits for the timeout before it is used (RFC 1122, section 4.2.3.4)."""
    bench = Bench().opened(1 * NS)
    bench.server.pause_reading()
    bench.client.write(bench.now, b"w" * (WINDOW_BYTES - 700))
    bench.run()
    bench.sent.clear()
    start = bench.now
    bench.client.write(start, b"x" * MSS_BYTES)
    bench.run(start + 30 * NS)
    (at, segment) = bench.packets()[0]
    assert 200 * MS < at - start < 400 * MS
    assert len(segment.data) == 700
    bench.resume(bench.server)
    bench.run()
    assert bench.received() == b"w" * (WINDOW_BYTES - 700) + b"x" * MSS_BYTES


def test_a_loss_on_a_full_queue_is_repaired_without_a_timeout():
    """Slow start overruns a queue of 20 segments at 5 Mbit/s; each loss costs round trips, not timeouts."""
    up = link(rate_bps=5_000_000, delay_ns=50 * MS, queue_bytes=20 * 1452)
    bench = Bench(up, link(delay_ns=50 * MS)).opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"x" * 2_000_000)
    bench.run()
    assert bench.received() == b"x" * 2_000_000
    assert up.dropped.total() > 0
    # 2 MB with headers are 3.32 s of the link; slow start and halvings leave it idle for a part of the time.
    assert 3.32 * NS < bench.times(Received)[-1] - start < 5 * NS
    gaps = [b - a for (a, _), (b, _) in zip(bench.packets(), bench.packets()[1:], strict=False)]
    assert max(gaps) < 200 * MS, "never a timeout"
