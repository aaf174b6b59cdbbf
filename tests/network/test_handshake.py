"""A connection's first round trip: a lost first packet costs a second, then two, then four."""

import random

import pytest

from realtime.network.handshake import Confirmation, Established, Handshake, Refused, RequestReceived, TimedOut
from realtime.network.link import MS, NS, Link, LinkConditions


def link(**conditions):
    return Link(LinkConditions(**conditions), random.Random(1))


class Bench:
    """A handshake whose listener answers at once, and everything that happened: (time, event)."""

    def __init__(self, forward=None, back=None, *, answer="accept"):
        self.forward = forward or link(delay_ns=50 * MS)
        self.back = back or link(delay_ns=30 * MS)
        self.answer = answer
        self.events = []
        self.handshake = Handshake([self.forward], [self.back], now_ns=0)

    def run(self, until_ns=10**15):
        while (at := self.handshake.next_timer()) is not None and at <= until_ns:
            for event in self.handshake.handle_timer(at):
                self.events.append((at, event))
                if isinstance(event, RequestReceived) and self.answer:
                    getattr(self.handshake, self.answer)(at)
        return self


def test_it_takes_one_round_trip():
    bench = Bench().run()
    assert bench.events == [(50 * MS, RequestReceived()), (80 * MS, Established(rtt_ns=80 * MS))]
    assert bench.handshake.next_timer() is None
    assert bench.handshake.retries == 0


def test_a_refusal_takes_one_too():
    bench = Bench(answer="refuse").run()
    assert bench.events == [(50 * MS, RequestReceived()), (80 * MS, Refused())]
    assert bench.handshake.next_timer() is None


def test_a_listener_may_answer_later():
    bench = Bench(answer=None).run(60 * MS)
    bench.handshake.accept(200 * MS)
    bench.run()
    assert bench.events[-1] == (230 * MS, Established(rtt_ns=230 * MS))


@pytest.mark.parametrize(("back_after_s", "expected_s"), [(0.5, 1), (1.5, 3), (6, 7), (20, 31), (40, 63)])
def test_requests_lost_in_an_outage_are_repeated_ever_later(back_after_s, expected_s):
    forward = link()
    forward.down = True
    bench = Bench(forward, link()).run(int(back_after_s * NS))
    forward.down = False
    bench.run()
    assert bench.events == [
        (expected_s * NS, RequestReceived()),
        (expected_s * NS, Established(rtt_ns=None)),  # Karn's rule: a repeated packet measures nothing
    ]


def test_a_lost_answer_is_given_again_to_the_next_request():
    back = link()
    back.down = True
    bench = Bench(link(), back).run(int(0.5 * NS))
    back.down = False
    bench.run()
    assert bench.events == [(0, RequestReceived()), (NS, Established(rtt_ns=None))]


def test_it_gives_up_after_six_repetitions():
    """As Linux (tcp_syn_retries = 6): 1 + 2 + 4 + 8 + 16 + 32 + 64 s."""
    forward = link()
    forward.down = True
    bench = Bench(forward).run()
    assert bench.events == [(127 * NS, TimedOut())]
    assert bench.handshake.retries == 6
    assert bench.handshake.next_timer() is None


def test_a_repeated_request_under_way_after_the_answer_changes_nothing():
    """The round trip is longer than the first timeout: request and answer travel twice."""
    bench = Bench(link(delay_ns=800 * MS), link(delay_ns=800 * MS)).run()
    assert bench.events == [(800 * MS, RequestReceived()), (1600 * MS, Established(rtt_ns=None))]


def test_a_cut_one_hears_nothing_more():
    bench = Bench().run(60 * MS)
    bench.handshake.cut()
    bench.run()
    assert bench.events == [(50 * MS, RequestReceived()), (127 * NS, TimedOut())]


def confirmed_at(confirmation, until_ns=10**15):
    while (at := confirmation.next_timer()) is not None and at <= until_ns:
        if confirmation.handle_timer(at):
            return at
    return None


def test_the_listener_learns_that_the_client_is_there_when_its_confirmation_arrives():
    confirmation = Confirmation([link(delay_ns=50 * MS)], now_ns=100 * MS)
    assert confirmed_at(confirmation) == 150 * MS
    assert confirmation.next_timer() is None
    assert not confirmation.arrive(), "it arrives only once"


def test_a_lost_confirmation_is_repeated():
    forward = link(delay_ns=50 * MS)
    forward.down = True
    confirmation = Confirmation([forward], now_ns=0)
    assert confirmed_at(confirmation, 2 * NS) is None
    forward.down = False
    assert confirmed_at(confirmation) == 3050 * MS


def test_data_confirms_too():
    confirmation = Confirmation([link(delay_ns=50 * MS)], now_ns=0)
    assert confirmation.arrive()
    assert not confirmation.arrive()
    assert confirmation.next_timer() is None


def test_after_five_repetitions_the_listener_forgets_the_client():
    forward = link()
    forward.down = True
    confirmation = Confirmation([forward], now_ns=0)
    assert confirmed_at(confirmation) is None
    assert confirmation.next_timer() is None
