"""What is logged: answers, and what is counted of them."""

import random

import pytest

from realtime.server.engine.memory import MemoryEngine
from tests.server.fakes import BrokenEngine, FailingEngine, LateEngine
from tests.server.rig import Rig


def test_what_became_of_messages_is_counted():
    failures = ["m2"]
    rig = Rig(FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: draft.message_id in failures))
    [ana] = rig.sessions("lobby", "ana")
    for message_id in ("m1", "m1", "m2"):
        rig.write(ana, message_id)
    counters = rig.counters
    assert (counters.messages_logged, counters.duplicates, counters.storage_failures) == (1, 1, 1)
    assert counters.refused == 1


def test_a_session_that_is_gone_is_not_waited_for():
    """Its client sends again on its next connection, in order by itself."""
    engine = LateEngine(FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: True))
    rig = Rig(engine)
    ana, ben = rig.session("ana"), rig.session("ben")
    for session in (ana, ben):
        rig.namespace.rooms.join("lobby", session, session.member)
        rig.ask(session, "chat:message", {"roomId": "lobby", "messageId": "m1", "text": "x"})
    rig.namespace.remove(ana, "tunnel")
    ben.link = type(ben.link)()  # the same session on another connection
    engine.settle()
    assert rig.guard.held == 0


class TestWhoHasLeftTheRoom:
    """A message that was logged while its author was in the room may come again: its answer was lost on the way."""

    @pytest.fixture
    def rig(self):
        rig = Rig()
        rig.ana = rig.session("ana")
        rig.say(rig.ana, "room:join", {"roomId": "lobby"})
        rig.first = rig.write(rig.ana, "m1")
        rig.say(rig.ana, "room:leave", {"roomId": "lobby"})
        return rig

    def test_gets_the_answer_again(self, rig):
        assert rig.write(rig.ana, "m1") == rig.first
        assert rig.counters.duplicates == 1

    def test_sends_nothing_new(self, rig):
        assert rig.write(rig.ana, "m2")["error"]["code"] == "not_member"

    def test_is_not_who_never_was_there(self, rig):
        assert rig.write(rig.session("ben"), "m1")["error"]["code"] == "not_member"

    def test_has_to_ask_again_if_the_log_cannot_be_read(self, rig):
        rig.engine.find = BrokenEngine().find
        assert rig.write(rig.ana, "m1")["error"]["code"] == "storage_failed"


class TestWhileTheRoomCannotBeJoined:
    """The room's log cannot be read, so the join is refused, and what the client sent right behind it came in vain."""

    @pytest.fixture
    def rig(self):
        rig = Rig()
        rig.read = rig.engine.read
        rig.engine.read = BrokenEngine().read
        return rig

    @pytest.fixture
    def ana(self, rig):
        ana = rig.session("ana")
        assert rig.say(ana, "room:join", {"roomId": "lobby"})["error"]["code"] == "storage_failed"
        return ana

    def test_a_message_is_refused_for_the_time_being_and_not_for_good(self, rig, ana):
        error = rig.write(ana, "m1")["error"]
        assert error["code"] == "storage_failed"
        assert "room:join" in error["message"]
        change = {"roomId": "lobby", "messageId": "m1", "text": "x"}
        assert rig.say(ana, "chat:edit", change)["error"]["code"] == "storage_failed"
        assert rig.say(ana, "chat:read", {"roomId": "lobby", "upTo": 1})["error"]["code"] == "storage_failed"
        assert rig.write(ana, "m1", room="attic")["error"]["code"] == "not_member"

    def test_later_ones_wait_for_it(self, rig, ana):
        rig.write(ana, "m1")
        rig.engine.read = rig.read
        assert rig.say(ana, "room:join", {"roomId": "lobby"})["ok"]
        assert rig.write(ana, "m2")["error"]["code"] == "storage_failed"
        assert [rig.write(ana, message_id)["offset"] for message_id in ("m1", "m2")] == [1, 2]

    @pytest.mark.parametrize("event", ["room:leave", "room:join"])
    def test_it_is_over_when_the_client_leaves_or_is_in(self, rig, ana, event):
        rig.engine.read = rig.read
        assert rig.say(ana, event, {"roomId": "lobby"})["ok"]
        rig.say(ana, "room:leave", {"roomId": "lobby"})
        assert rig.write(ana, "m1")["error"]["code"] == "not_member"

    def test_a_session_that_ends_leaves_nothing_behind(self, rig, ana):
        rig.write(ana, "m1")
        rig.namespace.remove(ana, "gone")
        assert (rig.guard.held, rig.rooms.shut_out) == (0, 0)

    def test_a_member_whose_page_cannot_be_read_stays_one(self, rig):
        ben = rig.session("ben")
        rig.namespace.rooms.join("lobby", ben, ben.member)
        assert rig.say(ben, "room:join", {"roomId": "lobby"})["error"]["code"] == "storage_failed"
        assert rig.write(ben, "m1")["ok"]
