"""Messages, typing, history."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.fakes import BrokenEngine
from tests.server.rig import Rig


def ids(reply):
    return [message["messageId"] for message in reply["messages"]]


def test_a_message_is_acknowledged_and_broadcast_to_the_others():
    rig = Rig()
    ana, ben, cem = rig.sessions("lobby", "ana", "ben", "cem")
    reply = rig.say(ana, "chat:message", {"roomId": "lobby", "messageId": "m1", "text": "grüß 👋", "replyTo": "m0"})
    timestamp = reply["timestamp"]
    assert reply == {"ok": True, "messageId": "m1", "offset": 1, "timestamp": timestamp}
    message = {
        "roomId": "lobby",
        "messageId": "m1",
        "userId": "ana",
        "text": "grüß 👋",
        "replyTo": "m0",
        "timestamp": timestamp,
        "offset": 1,
        "position": f"{rig.engine.epoch}:1",
    }
    assert ben.link.take() == cem.link.take() == [("chat:message", message)]
    assert ana.link.take() == []


def test_the_senders_other_devices_hear_it_and_nobody_outside_the_room():
    rig = Rig()
    [phone] = rig.sessions("lobby", "ana")
    tablet = rig.session("ana", "tablet", room="lobby")
    [outside] = rig.sessions("attic", "ben")
    phone.link.take()
    rig.write(phone, "m1")
    assert [event for event, _ in tablet.link.take()] == ["chat:message"]
    assert (phone.link.take(), outside.link.take()) == ([], [])


def test_the_user_in_a_payload_is_ignored():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.write(ana, "m1", userId="mallory")
    [(_, message)] = ben.link.take()
    assert message["userId"] == "ana"


def test_a_retried_message_is_answered_alike_and_broadcast_once():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    first = rig.write(ana, "m1")
    rig.write(ana, "m2")
    assert rig.write(ana, "m1") == first
    rig.namespace.remove(ana, "tunnel")
    again = rig.session("ana", sid="second", room="lobby")
    assert rig.write(again, "m1") == first
    assert [m["messageId"] for event, m in ben.link.take() if event == "chat:message"] == ["m1", "m2"]
    assert rig.counters.messages_logged == 2


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("chat:message", {"messageId": "m1", "text": "x"}),
        ("chat:typing", {"isTyping": True}),
        ("chat:history", {}),
        ("chat:edit", {"messageId": "m1", "text": "x"}),
        ("chat:delete", {"messageId": "m1"}),
        ("chat:reaction", {"messageId": "m1", "emoji": "👍", "action": "add"}),
        ("chat:reactions", {"messageId": "m1"}),
        ("chat:received", {"upTo": 1}),
        ("chat:read", {"upTo": 1}),
        ("location:stop", {}),
        ("location:update", {"fixes": [{"latitude": 1, "longitude": 2, "accuracy": 3, "timestamp": 4}]}),
    ],
)
def test_who_is_not_in_the_room_is_told_to_join(event, fields):
    rig = Rig()
    [ben] = rig.sessions("lobby", "ben")
    reply = rig.say(rig.session("ana"), event, {"roomId": "lobby"} | fields)
    assert reply["ok"] is False
    assert reply["error"]["code"] == "not_member"
    assert "room:join" in reply["error"]["message"]
    assert ben.link.take() == []


def test_typing_is_told_to_the_others_and_not_logged():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    assert rig.say(ana, "chat:typing", {"roomId": "lobby", "isTyping": True}) == {"ok": True}
    assert ben.link.take() == [("chat:typing", {"roomId": "lobby", "userId": "ana", "isTyping": True})]
    ben.link.lags = True
    rig.say(ana, "chat:typing", {"roomId": "lobby", "isTyping": False})
    assert ben.link.take() == []
    assert rig.say(ana, "chat:history", {"roomId": "lobby"})["messages"] == []


def typing_told(session):
    """Whom a session was told to be typing, or not any more."""
    return [(told["userId"], told["isTyping"]) for event, told in session.link.take() if event == "chat:typing"]


@pytest.mark.parametrize("way", ["loses its connection", "says goodbye", "leaves the room"])
def test_who_typed_and_is_gone_types_no_more(way):
    """A client that believes until it is told otherwise would show it for ever."""
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    tablet = rig.session("ana", "tablet", room="lobby")

    def goes(session):
        if way == "leaves the room":
            rig.say(session, "room:leave", {"roomId": "lobby"})
        else:
            (rig.lose if way == "loses its connection" else rig.end)(session)

    for session in (ana, tablet):
        rig.say(session, "chat:typing", {"roomId": "lobby", "isTyping": True})
    assert typing_told(ben) == [("ana", True), ("ana", True)]
    goes(ana)
    assert typing_told(ben) == [], "her tablet goes on"
    ben.link.lags = True
    goes(tablet)
    assert typing_told(ben) == [("ana", False)], "the last word on it, so it is not spared anybody"


def test_who_does_not_type_goes_without_a_word_of_it():
    rig = Rig()
    ana, ben, cem = rig.sessions("lobby", "ana", "ben", "cem")
    rig.say(ana, "chat:typing", {"roomId": "lobby", "isTyping": True})
    rig.say(ana, "chat:typing", {"roomId": "lobby", "isTyping": False})
    ben.link.take()
    rig.lose(ana)
    rig.lose(cem)
    assert typing_told(ben) == []


def test_history_is_read_in_pages_in_both_directions():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 11):
        rig.write(ana, f"m{n}")
    newest = rig.say(ana, "chat:history", {"roomId": "lobby", "limit": 3})
    assert (ids(newest), newest["more"]) == (["m8", "m9", "m10"], True)
    older = rig.say(ana, "chat:history", {"roomId": "lobby", "before": 8, "limit": 7})
    assert (ids(older), older["more"]) == ([f"m{n}" for n in range(1, 8)], False)
    later = rig.say(ana, "chat:history", {"roomId": "lobby", "after": 7, "limit": 2})
    assert (ids(later), later["more"], later["recovered"]) == (["m8", "m9"], True, True)
    assert later["position"] == f"{rig.engine.epoch}:10"


def test_history_that_was_forgotten_is_a_gap():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 11):
        rig.write(ana, f"m{n}")
    rig.engine.trim("lobby", keep=3)
    reply = rig.say(ana, "chat:history", {"roomId": "lobby", "after": 2})
    assert (ids(reply), reply["recovered"], reply["horizon"]) == (["m8", "m9", "m10"], False, 7)
    older = rig.say(ana, "chat:history", {"roomId": "lobby", "before": 9})
    assert (ids(older), older["more"], older["horizon"]) == (["m8"], False, 7)
    assert rig.say(ana, "chat:history", {"roomId": "lobby", "after": 7})["recovered"]


def test_a_page_of_long_messages_is_shorter():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 101):
        rig.write(ana, f"m{n}", text="x" * 8000)
    forward = rig.say(ana, "chat:history", {"roomId": "lobby", "after": 0, "limit": 200})
    assert 20 < len(forward["messages"]) < 40
    assert ids(forward)[0] == "m1"
    assert forward["more"]
    backward = rig.say(ana, "chat:history", {"roomId": "lobby", "limit": 200})
    assert 20 < len(backward["messages"]) < 40
    assert ids(backward)[-1] == "m100"
    assert backward["more"]


def test_an_engine_that_fails_is_answered_for():
    rig = Rig(BrokenEngine())
    ana, ben = rig.session("ana"), rig.session("ben")
    for session in (ana, ben):
        rig.namespace.rooms.join("lobby", session, session.member)
    rig.clock.pass_time()
    ana.link.take(), ben.link.take()
    assert rig.write(ana, "m1")["error"] == {"code": "storage_failed", "message": "the disk is full"}
    assert rig.say(ana, "chat:history", {"roomId": "lobby"})["error"]["code"] == "storage_failed"
    assert ben.link.take() == []


@given(
    sends=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 7)), max_size=30),
    absent=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
@settings(deadline=None)
def test_whoever_was_away_for_whatever_time_has_everything_once_and_in_order(sends, absent):
    rig = Rig()
    senders = dict(zip("ab", rig.sessions("lobby", "ana", "ben"), strict=True))
    cem = rig.session("cem", room="lobby")
    offsets, position = [], f"{rig.engine.epoch}:0"

    def take():
        return [m["offset"] for event, m in cem.link.take() if event == "chat:message"]

    for step, (sender, number) in enumerate(sends):
        if step == min(absent):
            offsets += take()
            position = f"{rig.engine.epoch}:{max(offsets, default=0)}"
            rig.namespace.remove(cem, "away")
        rig.write(senders[sender], f"m{number}")
        if step == max(absent):
            cem = rig.session("cem")
            reply = rig.say(cem, "room:join", {"roomId": "lobby", "since": position})
            assert reply["recovered"]
            offsets += [m["offset"] for m in reply["messages"]]
    if cem.connected:
        offsets += take()
        assert offsets == list(range(1, len(set(sends)) + 1))
