"""Which sessions may go on, and for how long."""

import itertools
import random

import pytest

from realtime.protocol.socketio import encode_event
from realtime.server.recovery import Recovery, new_recovery
from realtime.server.replay_buffer import ReplayBuffer
from tests.server.fakes import fake_session

EVENT = encode_event("x", [])


class World:
    def __init__(self, **options):
        self.now = 0.0
        self.replay = ReplayBuffer("e", keep_s=100.0)
        ids = map(str, itertools.count())
        settings = {"window_s": 60.0, "clock": lambda: self.now, "new_id": lambda: next(ids), "max_replay": 10_000}
        self.recovery = Recovery(self.replay, **{**settings, **options})

    def session(self, name):
        session = fake_session(name)
        self.recovery.begin(session)
        return session


@pytest.fixture
def world():
    return World()


def test_a_session_is_found_by_its_private_id_until_it_ends(world):
    ana = world.session("ana")
    assert ana.pid == "e.0"
    assert world.recovery.find("e.0") is ana
    assert world.recovery.find("e.1") is None
    world.recovery.end(ana)
    world.recovery.end(ana)
    assert world.recovery.find("e.0") is None
    assert ana.trail is None
    assert world.recovery.missed(ana, None) is None


def test_who_is_away_is_kept_for_a_while_with_its_rooms(world):
    ana = world.session("ana")
    assert world.recovery.next_timer() is None
    world.now = 10.0
    assert world.recovery.leave(ana, ("lobby",)) == []
    assert world.recovery.away_session(ana.sid) is ana
    assert world.recovery.away_from("lobby") == (ana,)
    assert world.recovery.away_from("attic") == ()
    assert world.recovery.next_timer() == 70.0
    assert world.recovery.overdue(69.9) == []
    assert world.recovery.overdue(70.0) == [ana]
    assert world.recovery.come_back(ana) == ("lobby",)
    assert world.recovery.come_back(ana) == ()
    assert world.recovery.away == 0
    assert world.recovery.away_from("lobby") == ()
    assert world.recovery.find(ana.pid) is ana


def test_too_many_away_cost_the_one_who_left_first():
    world = World(max_away=2)
    ana, ben, cem = map(world.session, ("ana", "ben", "cem"))
    assert world.recovery.leave(ana, ("lobby",)) == []
    assert world.recovery.leave(ben, ("lobby",)) == []
    assert world.recovery.leave(cem, ("lobby",)) == [ana]
    world.recovery.end(ana)
    assert world.recovery.away == 2
    assert world.recovery.away_from("lobby") == (ben, cem)


def test_too_many_rooms_of_those_away_cost_who_left_first():
    world = World(max_away_rooms=5)
    ana, ben, cem = map(world.session, ("ana", "ben", "cem"))
    assert world.recovery.leave(ana, ("a1",)) == []
    assert world.recovery.leave(ben, ("b1", "b2", "b3")) == []
    assert world.recovery.come_back(ben) == ("b1", "b2", "b3")
    assert world.recovery.leave(ben, ("b1", "b2", "b3")) == []
    assert world.recovery.leave(cem, ("c1", "c2", "c3", "c4")) == [ana, ben]
    world.recovery.end(ana)
    world.recovery.end(ben)
    assert world.recovery.leave(world.session("dan"), ("d1",)) == []


def test_who_is_in_more_rooms_than_may_be_kept_is_given_up_alone():
    world = World(max_away_rooms=2)
    ana = world.session("ana")
    assert world.recovery.leave(ana, ("a1", "a2", "a3")) == [ana]


def test_an_event_is_numbered_only_for_those_who_may_ask_for_it(world):
    assert world.recovery.to_everyone(EVENT) is None
    ana = world.session("ana")
    assert world.recovery.to_everyone(EVENT) is not None
    assert world.recovery.to_room("lobby", EVENT, None, volatile=False) is None
    ana.trail.join("lobby")
    assert world.recovery.to_room("lobby", EVENT, None, volatile=False) is not None
    assert world.replay.last == 2


def test_whether_a_room_has_others(world):
    ana, ben = world.session("ana"), world.session("ben")
    assert not world.recovery.others("lobby", ana)
    ana.trail.join("lobby")
    assert not world.recovery.others("lobby", ana)
    assert world.recovery.others("lobby", None)
    assert world.recovery.others("lobby", ben)
    assert world.recovery.others("lobby", fake_session("cem"))
    ben.trail.join("lobby")
    world.recovery.leave(ben, ("lobby",))
    assert world.recovery.others("lobby", ana)


def test_more_than_a_connection_takes_is_refused():
    world = World(max_replay=30)
    ana = world.session("ana")
    ana.trail.add(EVENT)
    assert len(world.recovery.missed(ana, None)) == 1
    ana.trail.add(EVENT)
    ana.trail.add(EVENT)
    assert world.recovery.missed(ana, None) is None


def test_what_is_too_old_is_gone_though_nothing_was_sent_since(world):
    ana = world.session("ana")
    ana.trail.add(EVENT)
    world.now = 99.0
    assert len(world.recovery.missed(ana, None)) == 1
    world.now = 100.0
    assert world.recovery.missed(ana, None) is None


async def test_the_recovery_of_a_server_keeps_what_was_written_before_anybody_noticed():
    recovery = new_recovery(random.Random(0), window_s=120.0, unnoticed_s=45.0, max_replay=1000)
    ana = fake_session("ana")
    recovery.begin(ana)
    epoch, dot, secret = ana.pid.partition(".")
    assert (len(epoch), dot, len(secret)) == (8, ".", 24)
    assert recovery._buffer._keep_s == 165.0
    ana.trail.add(EVENT)
    assert recovery.missed(ana, f"{epoch}.1") == []
