"""What was sent lately: numbered, bounded, and what is gone is known to be gone."""

import pytest

from realtime.protocol.socketio import encode_event
from realtime.server.frames import text_frame
from realtime.server.replay_buffer import Newest, ReplayBuffer

NEWS = encode_event("news", [])
SIZE = len(text_frame(b'42["news","e.1"]'))


def buffer(**options):
    return ReplayBuffer("e", **{"keep_s": 10.0, **options})


def put(replay, channel, *, skip=None, now=0.0):
    """Number and keep an event; returns its number."""
    replay.keep(channel, replay.number(NEWS), skip, now)
    return replay.last


def kept(channel):
    return [entry.seq for entry in channel.entries]


def test_an_event_ends_with_its_offset():
    replay = buffer()
    assert replay.number(NEWS) == text_frame(b'42["news","e.1"]')
    assert replay.number(encode_event("say", ["hi"])) == text_frame(b'42["say","hi","e.2"]')


def test_a_volatile_event_takes_a_number_but_no_place():
    replay = buffer()
    replay.number(NEWS)
    assert (replay.last, len(replay)) == (1, 0)


def test_events_stay_until_they_are_too_old():
    replay = buffer(keep_s=10.0)
    for now in (0.0, 4.0, 9.0):
        put(replay, replay.everyone, now=now)
    replay.drop_old(9.9)
    assert kept(replay.everyone) == [1, 2, 3]
    replay.drop_old(14.0)
    assert kept(replay.everyone) == [3]
    assert len(replay) == 1


@pytest.mark.parametrize("bound", [{"max_events": 3}, {"max_bytes": 3 * SIZE}])
def test_of_too_many_the_oldest_go(bound):
    replay = buffer(**bound)
    lobby = replay.listen("lobby")
    for n in range(8):
        put(replay, lobby if n % 2 else replay.everyone)
    assert kept(replay.everyone) == [7]
    assert kept(lobby) == [6, 8]
    assert len(replay) == 3


def test_what_is_gone_is_remembered_by_its_number_for_each_channel():
    replay = buffer(max_events=2)
    lobby, attic = replay.listen("lobby"), replay.listen("attic")
    for channel in (lobby, attic, lobby, attic):
        put(replay, channel)
    assert (lobby.fallen.of("s"), attic.fallen.of("s"), replay.everyone.fallen.of("s")) == (1, 2, 0)
    assert lobby.newest.of("s") == 3


def test_a_sender_has_lost_nothing_with_its_own_events():
    newest = Newest()
    assert newest.of("ana") == 0
    newest.note(3, "ana")
    newest.note(5, "ana")
    assert (newest.of("ana"), newest.of("ben")) == (0, 5)
    newest.note(7, "ben")
    assert (newest.of("ana"), newest.of("ben"), newest.of("cem")) == (7, 5, 7)
    newest.note(8, None)
    assert (newest.of("ana"), newest.of("ben")) == (8, 8)


def test_a_room_is_forgotten_with_its_last_listener():
    replay = buffer(max_events=1)
    lobby = replay.listen("lobby")
    assert replay.listen("lobby") is lobby is replay.room("lobby")
    put(replay, lobby)
    replay.unlisten("lobby")
    assert replay.room("lobby") is lobby
    replay.unlisten("lobby")
    assert replay.room("lobby") is None
    assert replay.rooms == 0
    put(replay, replay.everyone)  # what the room had falls out all the same
    assert kept(lobby) == []


@pytest.mark.parametrize(
    ("offset", "number"),
    [
        ("e.1", 1),
        ("e.3", 3),
        ("e.4", None),  # from the future
        ("e.0", None),
        ("f.1", None),  # of another epoch
        ("1", None),
        ("", None),
        ("e.", None),
        ("e", None),
        ("e.01", None),
        ("e.+1", None),
        ("e.1 ", None),
        ("e.1.1", None),
        ("e.-1", None),
        ("e.²", None),
        ("e.١", None),
        ("e." + "9" * 5000, None),
    ],
)
def test_only_an_offset_that_was_given_is_one(offset, number):
    replay = buffer()
    for _ in range(3):
        replay.number(NEWS)
    assert replay.parse(offset) == number
