"""Editing, deleting, reactions: what is answered, what the others hear, what a page shows afterwards."""

import random

import pytest

from realtime.server.engine.memory import MemoryEngine
from tests.server.fakes import BrokenEngine, FailingEngine, LateEngine
from tests.server.rig import Rig

LOBBY = {"roomId": "lobby"}


def change(rig, session, kind, message_id="m1", **fields):
    return rig.say(session, f"chat:{kind}", LOBBY | {"messageId": message_id} | fields)


def react(rig, session, emoji="👍", action="add", **fields):
    return change(rig, session, "reaction", emoji=emoji, action=action, **fields)


def code(reply):
    return reply["error"]["code"]


def pages(rig, session):
    """All entries of the room, as they stand."""
    return rig.say(session, "chat:history", LOBBY | {"limit": 200})["messages"]


@pytest.fixture
def room():
    """A rig, and ana and ben in the lobby, where ana has written m1."""
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.write(ana, "m1")
    ben.link.take()
    return rig, ana, ben


def heard(rig, kind, offset, reply, **fields):
    stamps = {"timestamp": reply["timestamp"], "offset": offset, "position": f"{rig.engine.epoch}:{offset}"}
    event = f"chat:{kind}"
    return (event, {"event": event, "roomId": "lobby", "messageId": "m1"} | fields | stamps)


def test_an_edit_is_acknowledged_and_told_to_the_others(room):
    rig, ana, ben = room
    reply = change(rig, ana, "edit", text="grüß 👋")
    assert reply == {"ok": True, "offset": 2, "timestamp": reply["timestamp"]}
    assert ben.link.take() == [heard(rig, "edit", 2, reply, userId="ana", text="grüß 👋")]
    assert ana.link.take() == []
    message, entry = pages(rig, ana)
    assert (message["text"], message["revision"], message["editedAt"]) == ("grüß 👋", 2, reply["timestamp"])
    assert "event" not in message
    assert (entry["event"], entry["offset"]) == ("chat:edit", 2)


@pytest.mark.clause("RT-CHAT-10")
def test_a_deletion_leaves_a_tombstone_and_no_text(room):
    rig, ana, ben = room
    change(rig, ana, "edit", text="secret")
    ben.link.take()
    reply = change(rig, ana, "delete")
    assert reply == {"ok": True, "offset": 3, "timestamp": reply["timestamp"]}
    assert ben.link.take() == [heard(rig, "delete", 3, reply, userId="ana")]
    message, edit, deletion = pages(rig, ana)
    assert (message["text"], message["deleted"], message["revision"]) == ("", True, 3)
    assert edit["superseded"] is True
    assert "text" not in edit
    assert deletion["event"] == "chat:delete"


def test_reactions_are_told_kept_and_taken_back(room):
    rig, ana, ben = room
    reply = react(rig, ben)
    assert reply == {"ok": True, "offset": 2, "timestamp": reply["timestamp"]}
    assert ana.link.take() == [heard(rig, "reaction", 2, reply, userId="ben", emoji="👍", action="add")]
    react(rig, ana)
    react(rig, ana, "🎉")
    assert pages(rig, ana)[0]["reactions"] == {"👍": ["ben", "ana"], "🎉": ["ana"]}
    expected = [("👍", "ben"), ("👍", "ana"), ("🎉", "ana")]
    assert change(rig, ben, "reactions") == {
        "ok": True,
        "reactions": [{"messageId": "m1", "emoji": emoji, "userId": user} for emoji, user in expected],
    }
    ben.link.take()
    assert react(rig, ana, action="remove")["offset"] == 5
    assert [body["action"] for _, body in ben.link.take()] == ["remove"]
    assert pages(rig, ana)[0]["reactions"] == {"👍": ["ben"], "🎉": ["ana"]}


@pytest.mark.clause("RT-CHAT-8")
def test_a_reaction_that_changes_nothing_is_answered_and_not_told(room):
    rig, ana, ben = room
    first = react(rig, ben)
    ana.link.take()
    assert react(rig, ben, changeId="another") == first
    assert ana.link.take() == []
    assert rig.counters.changes_logged == 1


def test_the_senders_other_devices_hear_of_a_change(room):
    rig, ana, _ = room
    tablet = rig.session("ana", "tablet", room="lobby")
    change(rig, ana, "edit", text="x")
    assert [event for event, _ in tablet.link.take()] == ["chat:edit"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("edit", {"text": "second"}), ("delete", {}), ("reaction", {"emoji": "👍", "action": "add"})],
)
def test_a_change_that_comes_again_is_answered_alike_and_told_once(room, kind, fields):
    rig, ana, ben = room
    first = change(rig, ana, kind, changeId="c1", **fields)
    rig.write(ana, "m2")
    rig.namespace.remove(ana, "tunnel")
    again = rig.session("ana", sid="second", room="lobby")
    assert change(rig, again, kind, changeId="c1", **fields) == first
    assert [event for event, _ in ben.link.take() if event == f"chat:{kind}"] == [f"chat:{kind}"]
    assert len(pages(rig, ben)) == 3


def test_without_a_change_id_each_is_a_change_of_its_own(room):
    rig, ana, _ = room
    assert [change(rig, ana, "edit", text=text)["offset"] for text in ("same", "same")] == [2, 3]


def test_a_change_may_have_the_id_of_a_message(room):
    rig, ana, _ = room
    assert change(rig, ana, "edit", text="x", changeId="m1")["offset"] == 2
    assert rig.write(ana, "m1")["offset"] == 1


@pytest.mark.clause("RT-CHAT-11")
def test_only_its_author_edits_and_deletes_a_message(room):
    rig, ana, ben = room
    assert code(change(rig, ben, "edit", text="x")) == "not_author"
    assert code(change(rig, ben, "delete")) == "not_author"
    assert ana.link.take() == []
    assert pages(rig, ana)[0]["text"] == "m1"


def test_an_unknown_message_takes_no_change(room):
    rig, ana, ben = room
    for kind, fields in (("edit", {"text": "x"}), ("delete", {}), ("reaction", {"emoji": "👍", "action": "add"})):
        assert code(change(rig, ana, kind, "m9", **fields)) == "unknown_message"
    assert code(change(rig, ana, "reactions", "m9")) == "unknown_message"
    assert ben.link.take() == []
    rig.engine.trim("lobby", keep=0)
    assert code(change(rig, ana, "edit", text="x")) == "unknown_message"
    assert code(change(rig, ana, "reactions")) == "unknown_message"


@pytest.mark.clause("RT-CHAT-11")
def test_a_deleted_message_takes_no_change(room):
    rig, ana, ben = room
    react(rig, ben)
    change(rig, ana, "delete")
    assert code(change(rig, ana, "edit", text="x")) == "deleted"
    assert code(react(rig, ben, "🎉")) == "deleted"
    assert "deleted" in change(rig, ana, "edit", text="x")["error"]["message"]


def test_a_message_has_500_reactions_at_most(room):
    rig, ana, ben = room
    for n in range(500):
        assert react(rig, ben, f"e{n}")["ok"]
    assert code(react(rig, ana, "one more")) == "too_many_reactions"
    assert react(rig, ben, "e0", "remove")["ok"]
    assert react(rig, ana, "one more")["ok"]


def test_a_change_of_a_change_is_of_an_unknown_message(room):
    rig, ana, _ = room
    change(rig, ana, "edit", text="x", changeId="c1")
    assert code(change(rig, ana, "edit", "c1", text="y")) == "unknown_message"
    assert code(change(rig, ana, "reactions", "c1")) == "unknown_message"


def test_the_user_in_a_payload_is_ignored(room):
    rig, ana, ben = room
    assert code(change(rig, ben, "delete", userId="ana")) == "not_author"
    react(rig, ben, userId="mallory")
    assert pages(rig, ana)[0]["reactions"] == {"👍": ["ben"]}


def test_neither_answer_nor_broadcast_before_it_is_durable():
    engine = LateEngine(MemoryEngine(rng=random.Random(0)))
    rig = Rig(engine)
    ana, ben = rig.session("ana"), rig.session("ben")
    for session in (ana, ben):
        rig.namespace.rooms.join("lobby", session, session.member)
    rig.clock.pass_time()
    ana.link.take(), ben.link.take()
    rig.ask(ana, "chat:message", LOBBY | {"messageId": "m1", "text": "x"})
    rig.ask(ana, "chat:edit", LOBBY | {"messageId": "m1", "text": "y"})
    assert ana.link.take() == ben.link.take() == []
    engine.settle()
    assert [event for event, _ in ben.link.take()] == ["chat:message", "chat:edit"]
    assert [answer["offset"] for _, answer in ana.link.take()] == [1, 2]


def test_an_engine_that_fails_is_answered_for():
    rig = Rig(BrokenEngine())
    ana = rig.session("ana")
    rig.namespace.rooms.join("lobby", ana, ana.member)
    for reply in (change(rig, ana, "edit", text="x"), change(rig, ana, "delete"), change(rig, ana, "reactions")):
        assert code(reply) == "storage_failed"


def test_messages_and_changes_are_one_order():
    failures = ["m2"]

    def fails(draft):
        return draft.message_id in failures and not failures.remove(draft.message_id)

    rig = Rig(FailingEngine(MemoryEngine(rng=random.Random(0)), fails))
    [ana] = rig.sessions("lobby", "ana")
    rig.write(ana, "m1")
    rig.write(ana, "m2")
    edit = {"text": "x", "changeId": "c1"}
    assert code(change(rig, ana, "edit", **edit)) == "storage_failed"
    assert code(change(rig, ana, "delete")) == "storage_failed"  # cannot come again: it has no id to know it by
    assert rig.write(ana, "m2")["ok"]
    assert code(rig.write(ana, "m3")) == "storage_failed"
    assert change(rig, ana, "edit", **edit)["ok"]
    assert rig.write(ana, "m3")["ok"]
    assert [entry.get("event", "chat:message") for entry in pages(rig, ana)] == [
        "chat:message",
        "chat:message",
        "chat:edit",
        "chat:message",
    ]


def test_what_is_refused_for_good_holds_nothing_back(room):
    rig, ana, ben = room
    assert code(change(rig, ben, "edit", text="x", changeId="c1")) == "not_author"
    assert rig.write(ben, "m2")["ok"]
    assert rig.counters.refused == 1
    assert ben.link.fences == []


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("edit", {"messageId": "m1"}, "text"),
        ("edit", {"messageId": "m1", "text": ""}, "text"),
        ("edit", {"messageId": "m1", "text": "x" * 8001}, "text"),
        ("edit", {"messageId": "m1", "text": "x", "changeId": "x" * 257}, "changeId"),
        ("edit", {"messageId": "m1", "text": "x", "changeId": ""}, "changeId"),
        ("delete", {}, "messageId"),
        ("reaction", {"messageId": "m1", "emoji": "", "action": "add"}, "emoji"),
        ("reaction", {"messageId": "m1", "emoji": "x" * 65, "action": "add"}, "emoji"),
        ("reaction", {"messageId": "m1", "emoji": "x", "action": "toggle"}, "action"),
        ("reactions", {"messageId": 7}, "messageId"),
    ],
)
def test_bad_fields_are_refused_by_name(room, kind, fields, words):
    rig, ana, _ = room
    reply = rig.say(ana, f"chat:{kind}", LOBBY | fields)
    assert code(reply) == "invalid_payload"
    assert words in reply["error"]["message"]
