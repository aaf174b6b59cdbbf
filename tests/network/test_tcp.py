"""Two TCP endpoints against each other: loss is a stall, then a reset, never a missing or reordered byte."""

import random

from realtime.network.link import MS, NEVER_NS, Link, LinkConditions
from realtime.network.path import Path
from realtime.network.tcp import Accepted, Established, RequestReceived, TcpConnection


def link(seed=1, **conditions):
    return Link(LinkConditions(**conditions), random.Random(seed))


class Bench:
    """A connection whose server accepts at once, its two links, and everything that happened: (time, end, event)."""

    def __init__(self, up=None, down=None):
        self.up, self.down = up or link(), down or link()
        self.tcp = TcpConnection(Path([self.up]), Path([self.down]))
        self.client, self.server = self.tcp.client, self.tcp.server
        self.now = 0
        self.events = []

    def run(self, until_ns=NEVER_NS - 1):
        while self.tcp.next_ns <= until_ns:
            self.now = max(self.now, self.tcp.next_ns)
            for end, event in self.tcp.handle_timer(self.now):
                self.events.append((self.now, "client" if end is self.client else "server", event))
                if isinstance(event, RequestReceived):
                    self.server.accept(self.now)
        if until_ns != NEVER_NS - 1:
            self.now = max(self.now, until_ns)
        return self


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
