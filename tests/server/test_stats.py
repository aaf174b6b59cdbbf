"""Figures of a running server."""

import msgspec

from realtime.server.stats import Counters, Stats


def test_a_snapshot_holds_the_counters_of_its_moment():
    counters = Counters(messages_in=1)
    stats = Stats.of(counters, connections=2, sessions=3, rooms=4)
    counters.messages_in += 1
    assert (stats.messages_in, stats.connections, stats.sessions, stats.rooms) == (1, 2, 3, 4)


def test_a_snapshot_is_json():
    stats = Stats.of(Counters(), connections=0, sessions=0, rooms=0)
    assert set(msgspec.json.decode(msgspec.json.encode(stats))) >= {"connections", "messages_in", "deliveries"}
