"""Own messages before the first page: sent on a connection whose answers were lost, before much that others wrote."""

import pytest

from realtime.chat.message import Position
from realtime.chat.room_log import RoomLog
from tests.chat.logs import ANA, joined_log, logged, said, texts


def returned(*, acked_first):
    """A log with the own message m1 at 2 and a first page of 8 and 9."""
    log = RoomLog("lobby", ANA)
    log.send("m1", "m1", timestamp_ms=7, now=0.0)
    page = [logged(8), logged(9)]
    if acked_first:
        log.acked("m1", offset=2, timestamp_ms=1002)
    log.joined(Position("e", 9), page, recovered=False, more=True)
    if not acked_first:
        log.acked("m1", offset=2, timestamp_ms=1002)
    return log


@pytest.mark.parametrize("acked_first", [True, False])
def test_what_stands_between_is_wanted_and_comes_as_history(acked_first):
    log = returned(acked_first=acked_first)
    assert log.wants_older == 1
    assert said(log.filled([logged(3), logged(4)], recovered=True, more=True)) == []
    assert log.wants_older == 4
    assert said(log.filled([logged(5), logged(6), logged(7), logged(8)], recovered=True, more=True)) == []
    assert log.wants_older is None
    assert [message.offset for message in log.messages()] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert (log.gap, log.position) == (False, Position("e", 9))


@pytest.mark.parametrize("acked_first", [True, False])
def test_what_stands_between_is_said_to_be_still_to_come(acked_first):
    log = returned(acked_first=acked_first)
    assert log.behind == 5, "3 to 7"
    log.filled([logged(3), logged(4)], recovered=True, more=True)
    assert log.behind == 3
    log.disconnected()
    assert log.behind == 3
    log.joined(Position("e", 12), [logged(10)], recovered=True, more=True)
    assert log.behind == 3 + 2, "11 and 12 as well"
    log.continued([logged(11), logged(12)], more=False)
    assert log.behind == 3
    log.filled([logged(5), logged(6), logged(7), logged(8)], recovered=True, more=True)
    assert log.behind == 0


def test_what_will_not_come_is_not_to_come():
    log = returned(acked_first=True)
    log.filled([logged(6), logged(7)], recovered=False, more=True)
    assert (log.gap, log.behind) == (True, 0)


def test_what_stands_before_all_that_is_kept_is_not_to_come():
    log = RoomLog("lobby", ANA, max_messages=2)
    log.joined(Position("e", 9), [logged(8), logged(9)], recovered=False, more=True)
    log.send("m1", "m1", timestamp_ms=7, now=0.0)
    log.acked("m1", offset=2, timestamp_ms=1002)
    assert [message.offset for message in log.messages()] == [8, 9]
    assert (log.behind, log.has_older) == (0, True)


def test_an_own_message_among_it_is_delivered():
    log = returned(acked_first=True)
    log.send("m2", "m2", timestamp_ms=8, now=0.0)
    events = log.filled([logged(3, ANA, "m2"), *map(logged, range(4, 8))], recovered=True, more=True)
    assert said(events) == [("Delivered", "m2")]
    assert log.wants_older is None


def test_what_the_server_does_not_have_any_more_is_a_gap():
    log = returned(acked_first=True)
    log.filled([logged(6), logged(7)], recovered=False, more=True)
    assert (log.gap, log.wants_older) == (True, None)


def test_without_a_connection_nothing_is_wanted_until_the_next_join():
    log = returned(acked_first=True)
    log.disconnected()
    assert log.wants_older is None
    log.joined(Position("e", 9), [], recovered=True, more=False)
    assert log.wants_older == 1


def test_in_another_log_the_place_means_nothing():
    log = returned(acked_first=True)
    log.disconnected()
    log.joined(Position("f", 1), [logged(1, position="f:1")], recovered=False, more=False)
    assert log.wants_older is None


def test_a_page_that_nobody_wants_is_ignored():
    log = joined_log(logged(1))
    assert log.filled([logged(2)], recovered=True, more=False) == []
    assert texts(log) == ["ben-1"]
