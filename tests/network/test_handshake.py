"""How a TCP connection opens, or does not."""

import random

import pytest

from realtime.network.handshake import Accepted, Established, Handshake, Refused, SynArrived, TimedOut
from realtime.network.link import MS, NS, Drop, DropReason, Link, LinkConditions


class Scripted(Link):
    """A link with a delay of 50 ms that drops the packets with these numbers (0 is the first)."""

    def __init__(self, lost=()):
        super().__init__(LinkConditions(delay_ns=50 * MS), random.Random(1))
        self.lost, self.count = set(lost), 0

    def offer(self, now_ns, nbytes):
        self.count += 1
        verdict = super().offer(now_ns, nbytes)
        return Drop(DropReason.LOSS) if self.count - 1 in self.lost else verdict


def opened(*, lost_up=(), lost_down=(), accept=True):
    """Run a handshake to its end; returns (milliseconds, event) without the SYNs."""
    handshake = Handshake([Scripted(lost_up)], [Scripted(lost_down)])
    handshake.start(0)
    seen = []
    while (at := handshake.next_timer()) is not None:
        for event in handshake.handle_timer(at):
            if isinstance(event, SynArrived):
                handshake.answer(at, accept=accept)
            else:
                seen.append((at / MS, event))
    return seen


ALL = range(20)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, [(100, Established(100 * MS)), (150, Accepted())], id="one round trip, and half of one"),
        pytest.param({"accept": False}, [(100, Refused())], id="a closed port answers with a reset"),
        pytest.param({"lost_up": [0]}, [(1100, Established(None)), (1150, Accepted())], id="SYN lost: again after 1 s"),
        pytest.param(
            {"lost_up": [0, 1, 2]}, [(7100, Established(None)), (7150, Accepted())], id="three lost: 1 + 2 + 4 s"
        ),
        pytest.param({"lost_up": ALL}, [(127_000, TimedOut())], id="nobody answers"),
        pytest.param(
            {"lost_down": [0]}, [(1100, Established(None)), (1150, Accepted())], id="SYN-ACK lost: the SYN is repeated"
        ),
        pytest.param(
            {"lost_up": [1]}, [(100, Established(100 * MS)), (1150, Accepted())], id="last ACK lost: SYN-ACK repeated"
        ),
    ],
)
def test_opening(options, expected):
    assert opened(**options) == expected


def test_a_server_that_hears_no_last_acknowledgement_forgets_the_connection():
    assert opened(lost_up=range(1, 20)) == [(100, Established(100 * MS))]


def test_data_counts_as_the_last_acknowledgement():
    handshake = Handshake([Scripted([1])], [Scripted()])
    handshake.start(0)
    handshake.handle_timer(50 * MS)
    handshake.answer(50 * MS, accept=True)
    handshake.handle_timer(100 * MS)
    assert handshake.confirm() == [Accepted()]
    assert handshake.confirm() == []
    assert handshake.next_timer() is None


def test_a_client_that_stops_waiting_leaves_nothing_behind():
    handshake = Handshake([Scripted()], [Scripted()])
    handshake.start(0)
    handshake.cut()
    assert handshake.next_timer() is None


def test_an_outage_of_ten_seconds_delays_the_connection_to_the_next_syn():
    up, down = Scripted(), Scripted()
    handshake = Handshake([up], [down])
    up.down = True
    handshake.start(0)
    seen = []
    while (at := handshake.next_timer()) is not None:
        up.down = at < 10 * NS
        for event in handshake.handle_timer(at):
            if isinstance(event, SynArrived):
                handshake.answer(at, accept=True)
            seen.append((at / NS, type(event)))
    assert seen == [(15.05, SynArrived), (15.1, Established), (15.15, Accepted)]
