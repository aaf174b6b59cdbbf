"""A whole connection: loss is a stall, then a reset, never a missing or reordered byte."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.network.link import MS, NEVER_NS, NS
from realtime.network.tcp import (
    HEADER_BYTES,
    MSS_BYTES,
    SYN_BYTES,
    WINDOW_BYTES,
    Accepted,
    Ended,
    Established,
    GaveUp,
    Received,
    RequestReceived,
    Reset,
)
from tests.network.tcp_bench import Bench, link


def test_it_takes_one_round_trip_to_connect():
    bench = Bench(link(delay_ns=50 * MS), link(delay_ns=30 * MS))
    bench.client.open(0)
    bench.run()
    assert bench.events == [
        (50 * MS, "server", RequestReceived()),
        (80 * MS, "client", Established(rtt_ns=80 * MS)),
        (130 * MS, "server", Accepted()),
    ]
    assert bench.client.is_established
    assert bench.server.is_established
    assert bench.tcp.next_ns == NEVER_NS


def test_bytes_arrive_after_the_one_way_delay_and_their_acknowledgement_40_ms_and_another_later():
    bench = Bench(delay_ms=75).opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"hello")
    assert bench.client.buffered_bytes == 5
    bench.run()
    assert bench.events == [(start + 75 * MS, "server", Received(b"hello"))]
    assert bench.now == start + (75 + 40 + 75) * MS
    assert bench.client.buffered_bytes == 0


def test_a_thousand_echoes_at_150_ms_take_150_s():
    """To the nanosecond: each answer carries the acknowledgement of what it answers, and nothing else is sent."""
    bench = Bench(delay_ms=75).opened(1 * NS)
    start, finished = bench.now, []

    def echo(end, event):
        if end is bench.server:
            end.write(bench.now, event.data)
        elif len(bench.times(Received, "client")) < 1000:
            end.write(bench.now, b"x" * 150)
        else:
            finished.append(bench.now)

    bench.on_event = echo
    bench.client.write(start, b"x" * 150)
    bench.run()
    assert finished == [start + 150 * NS]
    assert len(bench.sent) == 2001, "and the last echo's own acknowledgement"


def test_a_megabyte_at_a_megabit_takes_what_tcp_takes():
    """1 MB over 1 Mbit/s up and 100 ms of round trip; a byte takes 8 µs.

    0.48 ms      the request (60 bytes) leaves
    100 ms       it travels, and its acceptance
    0.416 ms     the third packet (52 bytes) leaves
    116.16 ms    ten segments of 1452 bytes leave; the acknowledgement of the first two comes 23.232 + 100 ms
    7.072 ms     after their beginning: so long the link is idle, and never again, for each lets four out
    7 × …        then the rest: 1 000 000 bytes in 715 segments with 52 bytes of headers each
    50 ms        the last one travels
    """
    bench = Bench(link(rate_bps=1_000_000, delay_ns=50 * MS))
    bench.on_event = lambda end, event: (
        end.write(bench.now, b"m" * 1_000_000) if isinstance(event, Established) else None
    )
    bench.client.open(0)
    bench.run()
    byte_ns = 8000
    idle_ns = 100 * MS + 2 * 1452 * byte_ns - 10 * 1452 * byte_ns
    assert idle_ns == 7_072_000
    sent_ns = (SYN_BYTES + HEADER_BYTES + 1_000_000 + 715 * HEADER_BYTES) * byte_ns
    assert bench.times(Received)[-1] == sent_ns + 100 * MS + idle_ns + 50 * MS == 8_455_408_000
    assert bench.received() == b"m" * 1_000_000
    assert len(bench.packets()) == 715


def test_slow_start_doubles_each_round_trip_until_the_window_is_full():
    bench = Bench(delay_ms=50).opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"s" * (700 * MSS_BYTES))
    bench.run()
    rounds = [sum(now == start + n * 100 * MS for now, _ in bench.packets()) for n in range(7)]
    # 10 segments (RFC 6928), then two for each acknowledged one; 188 are the receiver's whole window.
    assert rounds == [10, 20, 40, 80, 160, 188, 188]
    assert WINDOW_BYTES == 188 * MSS_BYTES


def test_a_write_arrives_whole_at_one_instant_unless_the_rate_spreads_it():
    bench = Bench(delay_ms=0).opened(1 * NS)
    bench.client.write(bench.now, b"x" * 5000)
    bench.run()
    assert [event for _, _, event in bench.events] == [Received(b"x" * 5000)]


def test_both_directions_at_once():
    bench = Bench(link(delay_ns=20 * MS, loss=0.05), link(delay_ns=20 * MS, loss=0.05)).opened(1 * NS)
    up, down = random.Random(1).randbytes(200_000), random.Random(2).randbytes(300_000)
    bench.client.write(bench.now, up)
    bench.server.write(bench.now, down)
    bench.client.write_eof(bench.now)
    bench.server.write_eof(bench.now)
    bench.run()
    assert bench.received("server") == up
    assert bench.received("client") == down
    assert bench.client.is_finished
    assert bench.server.is_finished


def test_one_direction_may_end_long_before_the_other():
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"question")
    bench.client.write_eof(bench.now)
    bench.client.write(bench.now, b"never")
    bench.run()
    assert bench.received() == b"question"
    assert bench.has_ended()
    assert bench.client.is_finished
    bench.server.write(bench.now, b"answer")
    bench.server.write_eof(bench.now)
    bench.run()
    assert bench.received("client") == b"answer"
    assert bench.has_ended("client")
    assert not bench.client.is_dead
    assert not bench.server.is_dead


def test_a_cut_connection_is_half_open_until_someone_gives_up():
    bench = Bench(delay_ms=0).opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"under way")
    bench.tcp.cut()
    bench.run()
    # No round trip at all: RTO 200 ms, so 924.6 s. The server, which only listens, believes in it for ever.
    assert bench.events == [(start + 924_600 * MS, "client", GaveUp())]
    assert bench.client.is_dead
    assert bench.server.is_established
    assert bench.tcp.next_ns == NEVER_NS


def test_a_link_that_changes_is_noticed_when_told():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.up.hold()
    bench.client.write(start, b"held")
    bench.run(start + 250 * MS)
    assert bench.events == []
    bench.up.release(bench.now)
    bench.tcp.revise(bench.now)
    bench.run()
    assert bench.received() == b"held"
    assert bench.times(Received) == [start + 250 * MS]


def test_a_crashed_server_answers_with_a_reset_once_it_is_back():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.server.forget()
    bench.run(start + 10 * NS)
    assert bench.events == [], "it could not say anything"
    bench.client.write(bench.now, b"anyone?")
    bench.run()
    assert bench.events == [(start + 10 * NS + 100 * MS, "client", Reset())]
    assert bench.client.is_dead


# -- whatever happens to packets and readers

SIZES = st.sampled_from([1, 150, 1400, 1401, 5000, 60_000, 400_000])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3000),  # ms until then
        st.sampled_from(["client", "server"]),
        st.one_of(SIZES, st.sampled_from(["pause", "resume", "end"])),
    ),
    max_size=14,
)


def play(bench, steps, seed):
    """Carry steps out. Returns the two streams that were written."""
    rng, written = random.Random(seed), {"client": b"", "server": b""}
    has_ended = set()
    for wait_ms, name, step in steps:
        bench.run(bench.now + wait_ms * MS)
        end = getattr(bench, name)
        if step == "pause":
            end.pause_reading()
        elif step == "resume":
            bench.resume(end)
        elif step == "end":
            end.write_eof(bench.now)
            has_ended.add(name)
        elif name not in has_ended:
            data = rng.randbytes(step)
            end.write(bench.now, data)
            written[name] += data
        assert written["client"].startswith(bench.received("server"))
        assert written["server"].startswith(bench.received("client"))
    return written


def finish(bench):
    for end in (bench.client, bench.server):
        bench.resume(end)
        end.write_eof(bench.now)
    bench.run()


def check_complete(bench, written):
    assert bench.received("server") == written["client"]
    assert bench.received("client") == written["server"]
    ends = [(end, type(event)) for _, end, event in bench.events if not isinstance(event, Received)]
    assert sorted(ends, key=str) == [("client", Ended), ("server", Ended)]
    for end in (bench.client, bench.server):
        assert end.is_finished
        assert end.buffered_bytes == 0
    assert bench.tcp.next_ns == NEVER_NS


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    up=st.sets(st.integers(0, 120), max_size=6),
    down=st.sets(st.integers(0, 120), max_size=6),
    seed=st.integers(0, 1000),
)
def test_whichever_packets_are_lost_every_byte_arrives_once_and_in_order(steps, up, down, seed):
    """Twelve losses, even one after the other, are fewer than it takes to give up."""
    bench = Bench(delay_ms=20).opened(1 * NS)
    bench.lost = {"up": up, "down": down}
    written = play(bench, steps, seed)
    finish(bench)
    check_complete(bench, written)


@settings(max_examples=40, deadline=None)
@given(
    steps=STEPS,
    seed=st.integers(0, 1000),
    loss=st.floats(0, 0.3),
    jitter_ms=st.integers(0, 50),
    rate_kbps=st.one_of(st.none(), st.integers(200, 5000)),
    queue_bytes=st.integers(3000, 20_000),
    outage=st.booleans(),
)
def test_on_any_link_what_arrives_is_a_prefix_and_all_of_it_once_the_link_is_well(
    steps, seed, loss, jitter_ms, rate_kbps, queue_bytes, outage
):
    rate_bps = None if rate_kbps is None else rate_kbps * 1000
    conditions = {"rate_bps": rate_bps, "queue_bytes": queue_bytes, "jitter_ns": jitter_ms * MS, "delay_ns": 20 * MS}
    bench = Bench(link(seed, **conditions), link(seed + 1, **conditions)).opened(1 * NS)
    rng, is_bad = random.Random(seed), True
    bench.lose = lambda way, segment: is_bad and (rng.random() < loss or (outage and bench.now % (9 * NS) < 4 * NS))
    written = play(bench, steps, seed)
    is_bad = False
    finish(bench)
    check_complete(bench, written)
