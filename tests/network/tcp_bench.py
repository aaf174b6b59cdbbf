"""Two real endpoints over two links, everything that happens written down, and packets lost as a test says."""

import random

from realtime.network.link import MS, NEVER_NS, Drop, DropReason, Link, LinkConditions
from realtime.network.path import Path
from realtime.network.tcp import Ended, Received, RequestReceived, TcpConnection

LOST = Drop(DropReason.LOSS)


def link(seed=1, **conditions):
    return Link(LinkConditions(**conditions), random.Random(seed))


class Bench:
    """A connection whose server accepts at once.

    ``events`` are (time, "client" or "server", event), ``sent`` are (time, "up" or "down", segment).
    ``lose(way, segment)`` says whether a packet is lost; ``lost`` are numbers of packets by way, from when it was set.
    """

    def __init__(self, up=None, down=None, *, delay_ms=50, answer="accept"):
        self.up, self.down = up or link(delay_ns=delay_ms * MS), down or link(delay_ns=delay_ms * MS)
        self.tcp = TcpConnection(Path([self.up], judge=self._judge("up")), Path([self.down], judge=self._judge("down")))
        self.client, self.server = self.tcp.client, self.tcp.server
        self.answer = answer
        self.now = 0
        self.events, self.sent = [], []
        self.lose = lambda way, segment: False
        self.lost = {"up": (), "down": ()}
        self.count = {"up": 0, "down": 0}
        self.on_event = lambda end, event: None

    def _judge(self, way):
        def judge(segment, nbytes, now_ns):
            assert nbytes == segment.nbytes
            self.sent.append((now_ns, way, segment))
            number = self.count[way]
            self.count[way] += 1
            return LOST if number in self.lost[way] or self.lose(way, segment) else None

        return judge

    def run(self, until_ns=NEVER_NS - 1):
        """Until then, or until nothing is to be done any more."""
        turns = 0
        while self.tcp.next_ns <= until_ns:
            turns += 1
            assert turns < 200_000, "it turns in circles"
            self.now = max(self.now, self.tcp.next_ns)
            for end, event in self.tcp.handle_timer(self.now):
                self.note(end, event)
        if until_ns != NEVER_NS - 1:
            self.now = max(self.now, until_ns)
        return self

    def note(self, end, event):
        self.events.append((self.now, "client" if end is self.client else "server", event))
        if isinstance(event, RequestReceived) and self.answer:
            getattr(self.server, self.answer)(self.now)
        self.on_event(end, event)

    def resume(self, end):
        for event in end.resume_reading(self.now):
            self.note(end, event)

    def opened(self, pause_ns=0):
        """Connect, wait until all is quiet and forget what has happened. Time goes on."""
        self.client.open(self.now)
        self.run()
        assert self.client.is_established
        assert self.server.is_established
        self.now += pause_ns
        self.events.clear()
        self.sent.clear()
        self.count = {"up": 0, "down": 0}
        return self

    def received(self, at="server"):
        return b"".join(event.data for _, end, event in self.events if end == at and isinstance(event, Received))

    def times(self, kind, at="server"):
        return [now for now, end, event in self.events if end == at and isinstance(event, kind)]

    def packets(self, way="up", kind="data"):
        """(time, segment) of each packet of a kind."""
        return [(now, segment) for now, sent_way, segment in self.sent if sent_way == way and segment.kind == kind]

    def has_ended(self, at="server"):
        return bool(self.times(Ended, at))
