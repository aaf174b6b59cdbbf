"""What one session may have missed: all of it in order, or an honest no."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.protocol.socketio import encode_event
from realtime.server.frames import text_frame
from realtime.server.replay_buffer import ReplayBuffer
from realtime.server.trail import MAX_LEFT, Trail

EVENT = encode_event("x", [])


class World:
    """A buffer, a session's trail in it, and a clock that the test sets."""

    def __init__(self, **options):
        self.now = 0.0
        self.replay = ReplayBuffer("e", **{"keep_s": 100.0, **options})
        self.trail = self.follow("me")

    def follow(self, sid):
        return Trail(sid, self.replay, lambda: self.now)

    def to_room(self, room_id, *, skip=None):
        frame = self.replay.number(EVENT)
        channel = self.replay.room(room_id)
        if channel is not None:
            self.replay.keep(channel, frame, skip, self.now)
        return self.replay.last

    def to_all(self):
        self.replay.keep(self.replay.everyone, self.replay.number(EVENT), None, self.now)
        return self.replay.last

    def to_me(self):
        self.trail.add(EVENT)
        return self.replay.last

    def missed(self, offset, **options):
        """The numbers of what comes after ``offset`` (a number, or None)."""
        frames = self.trail.missed(None if offset is None else f"e.{offset}", **options)
        return None if frames is None else [number_of(frame) for frame in frames]


def number_of(frame):
    return int(frame[2:].removeprefix(b'42["x","e.').removesuffix(b'"]'))


def test_an_event_for_one_session_is_sent_with_its_offset_and_kept():
    world = World()
    assert world.trail.add(EVENT) == text_frame(b'42["x","e.1"]')
    assert world.missed(None) == [1]


def test_rooms_all_and_its_own_come_together_in_order():
    world = World()
    world.trail.join("lobby")
    sent = [world.to_room("lobby"), world.to_me(), world.to_all(), world.to_room("lobby"), world.to_me()]
    assert world.missed(None) == sent
    assert world.missed(sent[1]) == sent[2:]
    assert world.missed(sent[-1]) == []


def test_what_came_before_the_session_began_is_not_its():
    world = World()
    before = world.to_all()
    world.trail = world.follow("later")
    after = world.to_all()
    assert world.missed(None) == [after]
    assert world.missed(before) == [after]  # stock clients keep the offset of the session before


def test_a_room_counts_from_its_joining_to_its_leaving():
    world = World()
    other = world.follow("other")
    other.join("lobby")
    offset = world.to_me()
    world.to_room("lobby")
    world.trail.join("lobby")
    world.trail.join("lobby")
    heard = [world.to_room("lobby"), world.to_room("lobby")]
    world.trail.leave("lobby")
    world.trail.leave("lobby")
    world.to_room("lobby")
    world.trail.join("lobby")
    heard.append(world.to_room("lobby"))
    assert world.missed(offset) == heard


def test_rooms_that_it_never_joined_are_not_its():
    world = World()
    world.follow("other").join("attic")
    offset = world.to_me()
    world.to_room("attic")
    assert world.missed(offset) == []


def test_its_own_events_to_a_room_do_not_come_back():
    world = World()
    world.trail.join("lobby")
    offset = world.to_me()
    world.to_room("lobby", skip="me")
    theirs = world.to_room("lobby", skip="other")
    assert world.missed(offset) == [theirs]


def test_volatile_events_leave_gaps_that_are_none():
    world = World()
    offset = world.to_me()
    world.replay.number(EVENT)
    later = world.to_me()
    world.replay.number(EVENT)
    assert world.missed(offset) == [later]
    assert world.missed(world.replay.last) == []


def test_quiet_hours_spoil_nothing():
    world = World(keep_s=10.0)
    world.follow("other").join("attic")
    world.trail.join("lobby")
    offset = world.to_me()
    for hour in range(1, 10):
        world.now = 3600.0 * hour
        world.to_room("attic")  # others are busy
        world.to_room("lobby", skip="me")  # and it may be busy itself
    assert world.missed(offset) == []
    assert world.missed(None) is None  # but what it was sent at first is gone


def test_one_event_that_is_gone_and_was_for_it_is_one_too_many():
    for send in (World.to_me, World.to_all, lambda world: world.to_room("lobby")):
        world = World(max_events=2)
        world.trail.join("lobby")
        offset = world.to_me()
        gone = send(world)
        world.to_me(), world.to_me()
        assert world.missed(offset) is None
        assert world.missed(gone) == [gone + 1, gone + 2]


def test_what_a_room_lost_before_it_was_joined_does_not_matter():
    world = World(max_events=1)
    world.follow("other").join("lobby")
    offset = world.to_me()
    world.to_room("lobby")
    world.to_room("lobby")
    world.trail.join("lobby")
    assert world.missed(offset) == []


def test_many_rooms_that_were_left_are_remembered_as_one_number():
    world = World(keep_s=1e9)
    for n in range(2 * MAX_LEFT):
        world.trail.join(f"room-{n}")
        world.to_room(f"room-{n}")
        world.trail.leave(f"room-{n}")
    last = world.replay.last
    assert world.missed(last) == []
    assert world.missed(last - MAX_LEFT) == list(range(last - MAX_LEFT + 1, last + 1))
    assert world.missed(last - MAX_LEFT - 1) is None
    for n in range(5 * MAX_LEFT):
        world.trail.join(f"empty-{n}")  # where nothing was said, nothing is remembered
        world.trail.leave(f"empty-{n}")
    assert world.missed(last - MAX_LEFT) == list(range(last - MAX_LEFT + 1, last + 1))


def test_too_much_at_once_is_refused():
    world = World()
    offset = world.to_me()
    size = len(world.trail.add(EVENT))
    world.to_me()
    assert world.missed(offset, max_bytes=2 * size) == [2, 3]
    assert world.missed(offset, max_bytes=2 * size - 1) is None


def test_an_end_lets_go_of_everything():
    world = World()
    world.trail.join("lobby")
    assert world.replay.everyone.listeners == 1
    world.trail.end()
    assert world.replay.everyone.listeners == 0
    assert world.replay.rooms == 0


STEPS = st.sampled_from(
    ["join a", "leave a", "join b", "leave b", "a", "b", "mine in a", "me", "all", "volatile", "time"]
)


@pytest.mark.clause("RT-CON-12")
@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=60), st.integers(1, 8), st.integers(0, 2**32))
def test_never_partial_never_twice_never_foreign(steps, max_events, seed):
    """Against a session that simply writes down everything it was sent."""
    world = World(max_events=max_events, keep_s=3.0)
    other = world.follow("other")
    other.join("a"), other.join("b")
    rooms, sent, numbers = set(), [], [None]
    for step in steps:
        verb, _, room = step.partition(" ")
        if verb == "join":
            world.trail.join(room)
            rooms.add(room)
        elif verb == "leave":
            world.trail.leave(room)
            rooms.discard(room)
        elif verb == "time":
            world.now += 1.0
        elif step == "volatile":
            world.replay.number(EVENT)
            numbers.append(world.replay.last)
        elif step == "mine in a":
            world.to_room("a", skip="me")
        elif step in ("a", "b"):
            number = world.to_room(step)
            if step in rooms:
                sent.append(number)
        else:
            sent.append(world.to_me() if step == "me" else world.to_all())
    world.replay.drop_old(world.now)
    heard = random.Random(seed).choice(numbers + sent)
    expected = [number for number in sent if number > (heard or 0)]
    missed = world.missed(heard)
    assert missed is None or missed == expected
    channels = [channel for channel, _, _ in world.trail._spans()]
    is_there = {entry.seq for channel in channels for entry in channel.entries}
    if set(expected) <= is_there and not any(step.startswith("leave") for step in steps):
        assert missed == expected, "nothing was gone, and it was refused"
