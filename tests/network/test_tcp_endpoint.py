"""One end: opening and closing, acknowledgements in time, a reader that pauses, resets."""

import random

import pytest

from realtime.network.access_link import AccessLink
from realtime.network.binding import Binding
from realtime.network.link import MS, NEVER_NS, NS
from realtime.network.path import Path
from realtime.network.tcp import (
    MSS_BYTES,
    WINDOW_BYTES,
    Accepted,
    Ended,
    Established,
    Received,
    Refused,
    RequestReceived,
    Reset,
    TcpConnection,
    TimedOut,
)
from tests.network.tcp_bench import Bench, link

# -- opening


def kinds(bench):
    return [(end, type(event)) for _, end, event in bench.events]


@pytest.mark.parametrize(("back_after_s", "expected_s"), [(0.5, 1), (1.5, 3), (6, 7), (20, 31), (40, 63)])
def test_requests_lost_in_an_outage_are_repeated_ever_later(back_after_s, expected_s):
    """After 1, 2, 4 … s; the time stamp tells which one is answered, so the round trip is known all the same."""
    bench = Bench(delay_ms=0)
    bench.lose = lambda way, segment: bench.now < back_after_s * NS
    bench.client.open(0)
    bench.run()
    at = expected_s * NS
    assert bench.events == [
        (at, "server", RequestReceived()),
        (at, "client", Established(rtt_ns=0)),
        (at, "server", Accepted()),
    ]


def test_it_gives_up_after_six_repetitions():
    """As Linux (tcp_syn_retries = 6): 1 + 2 + 4 + 8 + 16 + 32 + 64 s."""
    bench = Bench()
    bench.lose = lambda way, segment: True
    bench.client.open(0)
    bench.run(126 * NS)
    assert bench.client.retries == 6
    assert len(bench.packets("up", "syn")) == 7
    bench.run()
    assert bench.events == [(127 * NS, "client", TimedOut())]
    assert bench.client.is_dead
    assert bench.tcp.next_ns == NEVER_NS


def test_a_refusal_takes_one_round_trip():
    bench = Bench(answer="refuse")
    bench.client.open(0)
    bench.run()
    assert bench.events == [(50 * MS, "server", RequestReceived()), (100 * MS, "client", Refused())]
    assert bench.client.is_dead
    assert bench.tcp.next_ns == NEVER_NS


def test_a_client_that_has_not_heard_of_the_refusal_asks_again():
    """And by then someone may listen."""
    bench = Bench(answer="refuse")
    bench.lost["down"] = {0}
    bench.client.open(0)
    bench.run(500 * MS)
    bench.answer = "accept"
    bench.run()
    assert bench.times(RequestReceived) == [50 * MS, 1050 * MS]
    assert bench.times(Established, "client") == [1100 * MS]


def test_a_listener_may_answer_later_and_is_asked_once():
    bench = Bench(answer=None)
    bench.client.open(0)
    bench.run(1500 * MS)
    assert bench.events == [(50 * MS, "server", RequestReceived())]
    bench.server.accept(1500 * MS)
    bench.run()
    # Asked at 0 and at 1 s; the acceptance answers the second.
    assert bench.events[1:] == [
        (1550 * MS, "client", Established(rtt_ns=550 * MS)),
        (1600 * MS, "server", Accepted()),
    ]


def test_only_what_was_asked_is_answered():
    bench = Bench()
    for answer in (bench.server.accept, bench.server.refuse):
        with pytest.raises(RuntimeError, match="no request"):
            answer(0)
    with pytest.raises(RuntimeError, match="only a client opens"):
        bench.server.open(0)
    bench.client.open(0)
    with pytest.raises(RuntimeError, match="once"):
        bench.client.open(0)


def test_a_lost_acceptance_is_repeated_by_the_server_and_at_the_next_request():
    bench = Bench()
    bench.lost["down"] = {0}
    bench.client.open(0)
    bench.run()
    # The request is repeated at 1000 ms and answered at 1050; the server's own second has passed then, too.
    assert [now for now, _ in bench.packets("down", "syn-ack")] == [50 * MS, 1050 * MS, 1050 * MS]
    assert bench.times(Established, "client") == [1100 * MS]
    assert bench.times(Accepted) == [1150 * MS]


def test_a_lost_third_packet_is_sent_again_for_the_repeated_acceptance():
    bench = Bench()
    bench.lost["up"] = {1}
    bench.client.open(0)
    bench.run()
    assert bench.times(Established, "client") == [100 * MS]
    # Accepted at 50 ms, repeated a second later, which brings the third packet again.
    assert bench.times(Accepted) == [1150 * MS]


def test_data_serves_as_the_third_packet():
    bench = Bench()
    bench.lost["up"] = {1}
    bench.client.open(0)
    bench.run(100 * MS)
    bench.client.write(100 * MS, b"hello")
    bench.run()
    assert bench.events[-2:] == [(150 * MS, "server", Accepted()), (150 * MS, "server", Received(b"hello"))]


def test_what_is_written_early_follows_the_third_packet():
    bench = Bench()
    bench.client.open(0)
    bench.client.write(0, b"early ")
    bench.client.write(0, b"bird")
    bench.client.write_eof(0)
    bench.run()
    assert bench.events[-3:] == [
        (150 * MS, "server", Accepted()),
        (150 * MS, "server", Received(b"early bird")),
        (150 * MS, "server", Ended()),
    ]


def test_a_server_forgets_a_client_that_never_answers():
    """Five repetitions (tcp_synack_retries): 1 + 2 + 4 + 8 + 16 + 32 s after the first acceptance."""
    bench = Bench()
    bench.lose = lambda way, segment: way == "up" and segment.kind != "syn"
    bench.client.open(0)
    bench.run()
    assert bench.server.is_dead
    assert len(bench.packets("down", "syn-ack")) == 6
    assert bench.now == 63 * NS + 50 * MS
    bench.lose = lambda way, segment: False
    bench.client.write(bench.now, b"hello?")
    bench.run()
    assert bench.events[-1] == (63 * NS + 150 * MS, "client", Reset())


def test_a_client_that_goes_away_while_it_asks_leaves_a_reset():
    bench = Bench()
    bench.client.open(0)
    bench.client.abort(10 * MS)
    bench.run()
    assert [segment.kind for _, _, segment in bench.sent] == ["syn", "syn-ack", "rst"]
    assert bench.events == [(50 * MS, "server", RequestReceived()), (150 * MS, "server", Reset())]
    assert bench.tcp.next_ns == NEVER_NS


# -- acknowledgements


def test_an_acknowledgement_waits_40_ms_for_something_to_carry_it():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"a")
    bench.run(start + 60 * MS)
    bench.client.write(bench.now, b"b")
    bench.run()
    assert [now - start for now, _ in bench.packets("down", "ack")] == [90 * MS, 150 * MS]


def test_an_answer_carries_it():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"question")
    bench.run(start + 60 * MS)
    bench.server.write(bench.now, b"answer")
    bench.run()
    assert bench.packets("down", "ack") == []
    assert len(bench.packets("up", "ack")) == 1


def test_every_second_full_segment_is_acknowledged_at_once():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"x" * (5 * MSS_BYTES))
    bench.run()
    acks = [(now - start, segment.ack) for now, segment in bench.packets("down", "ack")]
    assert acks == [(50 * MS, 1 + 2 * MSS_BYTES), (50 * MS, 1 + 4 * MSS_BYTES), (90 * MS, 1 + 5 * MSS_BYTES)]


def test_a_hole_is_told_at_once_and_so_is_its_end():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = {0}
    for byte in b"abcd":
        bench.client.write(start, bytes([byte]))
    bench.run()
    acks = [(now - start, segment.ack, segment.sacks) for now, segment in bench.packets("down", "ack")]
    assert acks == [
        (50 * MS, 1, ((2, 3),)),
        (50 * MS, 1, ((2, 4),)),
        (50 * MS, 1, ((2, 5),)),
        (150 * MS, 5, ()),
    ]


def test_what_comes_twice_is_acknowledged_at_once():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["down"] = {0}
    bench.client.write(start, b"a")
    bench.run()
    # Acknowledged at 90 ms, which is lost; RTO 300 ms; again at 350 ms.
    assert [now - start for now, _ in bench.packets("down", "ack")] == [90 * MS, 350 * MS]
    assert bench.received() == b"a"


# -- a reader that pauses


def test_a_reader_that_pauses_stops_the_sender_and_starts_it_again():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.server.pause_reading()
    data = bytes(range(256)) * (2 * WINDOW_BYTES // 256)
    bench.client.write(start, data)
    bench.client.write_eof(start)
    bench.run(start + 30 * NS)
    assert bench.events == []
    assert bench.client.buffered_bytes == len(data) - WINDOW_BYTES
    assert bench.packets("down", "ack")[-1][1].window == 0
    bench.resume(bench.server)
    bench.run()
    assert bench.times(Received)[0] == start + 30 * NS
    assert bench.received() == data
    assert bench.has_ended()


def test_a_reader_that_pauses_while_little_comes_is_not_noticed():
    bench = Bench().opened(1 * NS)
    bench.server.pause_reading()
    bench.client.write(bench.now, b"note")
    bench.run()
    count = len(bench.sent)
    assert bench.client.buffered_bytes == 0, "the kernel has it"
    bench.resume(bench.server)
    bench.run()
    assert bench.received() == b"note"
    assert len(bench.sent) == count, "the window was open wide; no news (as Linux, tcp_cleanup_rbuf)"


def test_what_is_read_makes_room_again_also_if_it_is_a_single_segment():
    bench = Bench().opened(1 * NS)
    # 200 full segments are more than the window of 188: read one at a time, each has to give its room back.
    for _ in range(200):
        bench.server.pause_reading()
        bench.client.write(bench.now, bytes(MSS_BYTES))
        bench.run(bench.now + NS)
        bench.resume(bench.server)
    assert len(bench.received()) == 200 * MSS_BYTES
    bench.client.write(bench.now, b"news")
    bench.run()
    assert bench.packets("up", "data")[-1][1].data == b"news"
    assert bench.packets("down", "ack")[-1][1].window == WINDOW_BYTES


def test_an_end_waits_for_what_is_unread():
    bench = Bench().opened(1 * NS)
    bench.server.pause_reading()
    bench.client.write(bench.now, b"last words")
    bench.client.write_eof(bench.now)
    bench.run()
    assert bench.events == []
    bench.resume(bench.server)
    assert [event for _, _, event in bench.events] == [Received(b"last words"), Ended()]


def test_a_reset_is_heard_by_a_reader_that_pauses_and_takes_the_unread_with_it():
    bench = Bench().opened(1 * NS)
    bench.server.pause_reading()
    bench.client.write(bench.now, b"unread")
    bench.run()
    bench.client.abort(bench.now)
    bench.run()
    assert kinds(bench) == [("server", Reset)]
    assert bench.server.resume_reading(bench.now) == []


# -- what a NAT forgets


@pytest.mark.parametrize("forgets", ["after 30 s", "at once"])
def test_a_repeated_request_makes_a_new_entry_in_the_nat(forgets):
    access = AccessLink(random.Random(1))
    binding = Binding(access, 0)
    tcp = TcpConnection(Path([access.up], bindings=[binding]), Path([access.down], bindings=[binding]))
    access.on_change = lambda: tcp.revise(40 * NS)
    access.nat_idle_ns = 30 * NS if forgets == "after 30 s" else None
    access.interrupt("tunnel")
    tcp.client.open(0)
    heard = []
    while tcp.next_ns < 100 * NS:
        if tcp.next_ns > 40 * NS and access.interruptions(str):
            if forgets == "at once":
                access.nat_expire(40 * NS)
            access.resume("tunnel")
        now = tcp.next_ns
        for _, event in tcp.handle_timer(now):
            heard.append((now, type(event)))
            if isinstance(event, RequestReceived):
                tcp.server.accept(now)
    # Requests leave at 0, 1, 3, 7, 15, 31 and 63 s: 32 s lie before the last one.
    assert heard == [(63 * NS, kind) for kind in (RequestReceived, Established, Accepted)]


# -- closing and resets


def test_an_abort_overtakes_nothing():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.client.write(start, b"a")
    bench.client.abort(start)
    bench.run()
    assert bench.events == [(start + 50 * MS, "server", Received(b"a")), (start + 50 * MS, "server", Reset())]
    assert bench.client.is_dead
    assert bench.server.is_dead
    assert bench.client.buffered_bytes == 0
    assert bench.tcp.next_ns == NEVER_NS


def test_a_lost_abort_leaves_the_peer_believing_until_it_sends():
    bench = Bench().opened(1 * NS)
    bench.lost["up"] = {0}
    bench.client.abort(bench.now)
    bench.run()
    assert bench.events == []
    bench.server.write(bench.now, b"still there?")
    bench.run()
    assert kinds(bench) == [("server", Reset)]


def test_a_dead_end_sends_nothing_of_its_own():
    bench = Bench().opened(1 * NS)
    bench.client.write(bench.now, b"a")
    bench.client.forget()
    bench.client.write(bench.now, b"b")
    bench.client.write_eof(bench.now)
    bench.client.abort(bench.now)
    assert len(bench.sent) == 1
    bench.run()
    assert bench.received() == b"a"
    assert kinds(bench) == [("server", Received), ("server", Reset)], "its acknowledgement found nobody"


def test_new_data_for_a_closed_socket_is_answered_with_a_reset():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.server.write_eof(start)
    bench.server.close_receiver()
    bench.run()
    assert kinds(bench) == [("client", Ended)]
    bench.client.write(bench.now, b"anyone?")
    bench.run()
    assert kinds(bench) == [("client", Ended), ("client", Reset)]
    assert bench.server.is_dead


def test_an_end_for_a_closed_socket_is_in_order():
    bench = Bench().opened(1 * NS)
    bench.server.write_eof(bench.now)
    bench.server.close_receiver()
    bench.client.write_eof(bench.now)
    bench.run()
    assert kinds(bench) == [("client", Ended)]
    assert bench.client.is_finished
    assert bench.server.is_finished
    assert not bench.server.is_dead


def test_a_lost_end_is_repeated():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["up"] = {0}
    bench.client.write_eof(start)
    bench.run()
    assert bench.times(Ended) == [start + 350 * MS]
    assert bench.client.is_finished


def test_a_lost_acknowledgement_of_the_end_is_given_again_after_both_have_closed():
    bench = Bench().opened(1 * NS)
    start = bench.now
    bench.lost["down"] = {1}
    bench.server.write_eof(start)
    bench.run(start + 60 * MS)
    bench.client.write_eof(bench.now)
    bench.run()
    # The client's FIN of 60 ms carries the acknowledgement of the server's and is answered at once at 110 ms. That
    # is lost, so the FIN is repeated after its RTO: 300 ms.
    assert [now - start for now, _ in bench.packets("up", "fin")] == [60 * MS, 360 * MS]
    assert [now - start for now, _ in bench.packets("down", "ack")] == [110 * MS, 410 * MS]
    assert bench.client.is_finished


def test_it_tells_its_state():
    bench = Bench(link(), link())
    assert repr(bench.client) == "<TcpEndpoint client CLOSED unacknowledged=0>"
    bench.opened()
    bench.client.write(0, b"abc")
    assert repr(bench.client) == "<TcpEndpoint client ESTABLISHED unacknowledged=3>"
    assert repr(bench.server) == "<TcpEndpoint server ESTABLISHED unacknowledged=0>"
