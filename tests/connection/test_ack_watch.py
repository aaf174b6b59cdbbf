"""An acknowledgement that does not come is a reason to look whether anybody is there."""

from itertools import pairwise

from realtime.connection.ack_watch import LONGEST_S, OVERDUE_S, AckWatch
from tests.connection.stage import Phone, open_server, simulated


def test_nothing_is_awaited_and_nothing_is_due():
    watch = AckWatch()
    watch.look(0.0, 0)
    assert watch.due is None
    assert not watch.is_overdue(1e9, size_bytes=100, heard_at=0.0)


def test_what_is_not_answered_in_time_is_overdue_once():
    watch = AckWatch()
    watch.look(10.0, 1)
    watch.look(12.0, 2)
    assert watch.due == 10.0 + OVERDUE_S
    assert not watch.is_overdue(14.9, size_bytes=0, heard_at=0.0)
    assert watch.is_overdue(15.0, size_bytes=0, heard_at=0.0)
    assert not watch.is_overdue(15.0, size_bytes=0, heard_at=0.0)


def test_a_server_that_is_only_slow_is_asked_ever_more_rarely():
    watch = AckWatch()
    watch.look(0.0, 1)
    asked = []
    while len(asked) < 9:
        asked.append(watch.due)
        assert watch.is_overdue(asked[-1], size_bytes=0, heard_at=0.0)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == [20.0, 40.0, 80.0, 160.0, LONGEST_S, LONGEST_S, LONGEST_S, LONGEST_S]


def test_a_photo_on_a_slow_link_gets_the_time_that_it_takes():
    watch = AckWatch()
    watch.look(0.0, 1)
    assert not watch.is_overdue(5.0, size_bytes=40_000, heard_at=0.0)
    assert watch.due == 5.0 + 20.0  # 40 kB at 2 kB/s
    assert watch.is_overdue(25.0, size_bytes=40_000, heard_at=0.0)
    assert watch.due == 45.0
    assert not watch.is_overdue(45.0, size_bytes=40_000, heard_at=0.0)


def test_an_answer_may_wait_behind_others_as_long_as_anything_is_heard():
    watch = AckWatch()
    watch.look(0.0, 1)
    assert not watch.is_overdue(5.0, size_bytes=0, heard_at=4.0)
    assert watch.due == 4.0 + OVERDUE_S
    assert not watch.is_overdue(9.0, size_bytes=0, heard_at=8.0)
    assert watch.is_overdue(13.0, size_bytes=0, heard_at=8.0)


def test_an_answer_begins_it_anew_and_the_last_one_ends_it():
    watch = AckWatch()
    watch.look(0.0, 2)
    watch.is_overdue(5.0, size_bytes=0, heard_at=0.0)
    watch.answered(6.0, 1)
    assert watch.due == 6.0 + OVERDUE_S
    watch.answered(7.0, 0)
    assert watch.due is None


def test_the_next_connection_starts_afresh():
    watch = AckWatch()
    watch.look(0.0, 1)
    watch.stop()
    assert watch.due is None
    watch.look(20.0, 1)
    assert watch.due == 20.0 + OVERDUE_S


@simulated()
async def test_a_dead_connection_is_noticed_seconds_after_a_message(world):
    """The heartbeat alone would take up to 45 s."""
    await open_server(world)
    ana = Phone(world)
    await ana.connect()
    world.unplug("ana")
    said_at = world.now_s
    ana.socket.emit("say", "hello", ack=True)
    await world.until(said_at + OVERDUE_S + 3.5)  # and the 3 s that a probe waits
    assert "disconnect(ping timeout)" in ana.diary
    world.replug("ana")
    await ana.disconnect()


@simulated()
async def test_a_server_that_forgets_to_answer_keeps_its_connection(world):
    peer = await open_server(world)
    peer.answer = lambda event, args: None
    ana = Phone(world)
    await ana.connect()
    ana.socket.emit("say", "hello", ack=True)
    await world.until(world.now_s + 120)
    assert not [word for word in ana.diary if word.startswith("disconnect")]
    await ana.disconnect()
