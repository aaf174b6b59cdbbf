"""What every engine promises of amendments and markers: in the log and on the message, in order, once, durable."""

import json
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.server.engine.amendments import MOST_REACTIONS
from realtime.server.engine.base import Appended, Marker, NotApplied
from tests.server.engine.rig import change, draft, every_engine


def message(message_id, text, user_id="ana", **options):
    body = {"messageId": message_id, "userId": user_id, "text": text}
    return draft(message_id, user_id=user_id, body=json.dumps(body).encode(), **options)


def told(answer):
    """An answer, short enough to compare."""
    if isinstance(answer, NotApplied):
        return answer.code
    return answer.offset, answer.duplicate


def shown(rig, offset=1):
    """A message's body as a page has it, without what tells it from others."""
    [body] = [body for body in rig.bodies(limit=1000) if body["offset"] == offset]
    return {name: value for name, value in body.items() if name not in {"userId", "position", "timestamp", "offset"}}


def test_an_edit_is_an_entry_of_its_own_and_changes_the_message_in_its_place(rig):
    answers = rig.append_all([message("m1", "first"), change("edit", "m1", "c1", text="second", timestamp_ms=2000)])
    assert [told(answer) for answer in answers] == [(1, False), (2, False)]
    assert shown(rig) == {"messageId": "m1", "text": "second", "editedAt": 2000, "revision": 2}
    assert rig.bodies()[1] == {
        "event": "chat:edit",
        "roomId": "lobby",
        "messageId": "m1",
        "userId": "ana",
        "text": "second",
        "timestamp": 2000,
        "offset": 2,
        "position": f"{rig.read().epoch}:2",
    }


def test_everybody_hears_an_amendment_as_it_was_made(rig):
    rig.append_all([message("m1", "first"), change("edit", "m1", "c1", text="second"), change("delete", "m1", "c2")])
    assert [(record.offset, record.event) for record in rig.delivered] == [
        (1, "chat:message"),
        (2, "chat:edit"),
        (3, "chat:delete"),
    ]
    texts = [json.loads(record.body).get("text") for record in rig.delivered]
    assert texts == ["first", "second", None]
    assert rig.told == [(what, offset) for offset in (1, 2, 3) for what in ("delivered", "answered")]


@pytest.mark.clause("RT-CHAT-10")
@pytest.mark.parametrize("at_once", [1, 2, 4], ids="at once: {}".format)
def test_a_superseded_edit_loses_its_text_and_keeps_its_offset(rig, at_once):
    drafts = [
        message("m1", "first"),
        change("edit", "m1", "c1", text="second"),
        change("edit", "m1", "c2", text="third"),
        change("delete", "m1", "c3"),
    ]
    for start in range(0, len(drafts), at_once):
        rig.append_all(drafts[start : start + at_once])
    entries = rig.bodies()
    assert [entry["offset"] for entry in entries] == [1, 2, 3, 4]
    assert [entry.get("superseded", False) for entry in entries] == [False, True, True, False]
    assert [entry.get("text") for entry in entries] == ["", None, None, None]
    assert shown(rig) == {"messageId": "m1", "text": "", "deleted": True, "editedAt": 2000, "revision": 4}


def test_a_retried_change_gets_its_first_result(rig):
    rig.append_all([message("m1", "first")])
    edit = change("edit", "m1", "c1", text="second", timestamp_ms=2000)
    again = change("edit", "m1", "c1", text="second", timestamp_ms=9000)
    answers = rig.append_all([edit, again]) + rig.append_all([again])
    assert answers == [Appended(2, 2000), Appended(2, 2000, duplicate=True), Appended(2, 2000, duplicate=True)]
    assert len(rig.delivered) == 2
    assert rig.read().last == 2


def test_ids_of_changes_and_of_messages_are_apart(rig):
    answers = rig.append_all([message("x", "first"), change("edit", "x", "x", text="second"), message("x", "again")])
    assert [told(answer) for answer in answers] == [(1, False), (2, False), (1, True)]
    reaction = change("reaction", "x", "x", user_id="ben", emoji="👍", action="add")
    assert [told(answer) for answer in rig.append_all([reaction])] == [(3, False)]


def test_reactions_stand_on_the_message_and_what_changes_nothing_is_not_logged(rig):
    def react(user_id, change_id, action="add"):
        return change("reaction", "m1", change_id, user_id=user_id, emoji="👍", action=action)

    answers = rig.append_all(
        [message("m1", "hi"), react("ana", "c1"), react("ben", "c1"), react("ana", "c2"), react("cleo", "c1", "remove")]
    )
    assert [told(answer) for answer in answers] == [(1, False), (2, False), (3, False), (2, True), (1, True)]
    assert shown(rig)["reactions"] == {"👍": ["ana", "ben"]}
    assert rig.read().last == 3
    # A retry of what changed nothing is answered alike, though it would change something by now.
    answers = rig.append_all([react("ana", "c3", "remove"), react("ana", "c2")])
    assert [told(answer) for answer in answers] == [(4, False), (2, True)]
    assert shown(rig) == {"messageId": "m1", "text": "hi", "reactions": {"👍": ["ben"]}, "revision": 4}


def test_only_its_author_edits_and_deletes_a_message(rig):
    rig.append_all([message("m1", "mine")])
    for kind in ("edit", "delete"):
        [refused] = rig.append_all([change(kind, "m1", "c1", user_id="ben", text="yours")])
        assert isinstance(refused, NotApplied)
        assert told(refused) == "not_author"
    assert shown(rig) == {"messageId": "m1", "text": "mine"}
    assert rig.read().last == 1


def test_what_is_refused_for_good_keeps_nobody_else_from_being_stored(rig):
    answers = rig.append_all(
        [
            change("edit", "m1", "c1", text="too early"),
            message("m1", "first"),
            change("delete", "m1", "c2"),
            change("edit", "m1", "c3", text="too late"),
            change("reaction", "m1", "c4", user_id="ben", emoji="👍", action="add"),
            change("delete", "m1", "c5"),
            message("m2", "next"),
            change("reaction", "m2", "c4", user_id="ben", emoji="👍", action="add", room_id="elsewhere"),
        ]
    )
    assert [told(answer) for answer in answers] == [
        "unknown_message",
        (1, False),
        (2, False),
        "deleted",
        "deleted",
        (2, True),
        (3, False),
        "unknown_message",
    ]
    assert [told(answer) for answer in rig.append_all([change("edit", "m2", "c1", text="now")])] == [(4, False)]
    assert rig.read("elsewhere").last == 0


def test_an_amendment_is_no_message_that_could_be_amended(rig):
    rig.append_all([message("m1", "first"), change("edit", "m1", "c1", text="second")])
    assert told(rig.append_all([change("edit", "c1", "c2", text="third")])[0]) == "unknown_message"
    assert rig.find("c1") is None


def test_a_message_that_is_forgotten_takes_no_amendment(rig):
    rig.append_all([message("m1", "old"), message("m2", "new"), change("edit", "m1", "c1", text="newer")])
    rig.engine.trim("lobby", keep=2)
    assert rig.append("m1").duplicate  # its id is known
    for kind in ("edit", "delete"):
        assert told(rig.append_all([change(kind, "m1", f"{kind} it", text="x")])[0]) == "unknown_message"
    assert rig.find("m1") is None
    assert told(rig.append_all([change("edit", "m1", "c1", text="newer")])[0]) == (3, True)


@every_engine
def test_a_full_room_forgets_amendments_with_their_messages(started):
    with started(messages_per_room=10) as rig:
        for n in range(20):
            rig.append_all([message(f"m{n}", "x"), change("reaction", f"m{n}", f"c{n}", emoji="👍", action="add")])
        page = rig.bodies(after=0, limit=1000)
        assert 10 <= len(page) <= 13
        assert [entry["offset"] for entry in page] == list(range(page[0]["offset"], 41))
        assert all(entry.get("reactions") == {"👍": ["ana"]} for entry in page if "event" not in entry)


@every_engine
def test_the_window_of_remembered_changes_is_bounded_though_nothing_is_logged(started):
    with started(ids_per_room=10) as rig:
        rig.append_all([message("m1", "x"), change("reaction", "m1", "first", emoji="👍", action="add")])
        for n in range(100):
            rig.append_all([change("reaction", "m1", f"c{n}", emoji="👍", action="add")])
        assert rig.read().last == 2
        rig.append_all([change("reaction", "m1", "remove", emoji="👍", action="remove")])
        answers = rig.append_all([change("reaction", "m1", f"c{n}", emoji="👍", action="add") for n in (99, 91, 0)])
        assert [told(answer) for answer in answers] == [(2, True), (2, True), (4, False)]


def test_two_users_with_one_id_are_two_messages_and_each_amends_their_own(rig):
    rig.append_all([message("m1", "ana's"), message("m1", "ben's", user_id="ben")])
    rig.append_all([change("edit", "m1", "c1", user_id="ben", text="changed")])
    rig.append_all([change("reaction", "m1", "c1", user_id="cleo", emoji="👍", action="add")])
    assert [(entry["text"], entry.get("reactions")) for entry in rig.bodies()[:2]] == [
        ("ana's", {"👍": ["cleo"]}),
        ("changed", None),
    ]
    assert json.loads(rig.find("m1").body)["userId"] == "ana"
    assert told(rig.append_all([change("delete", "m1", "c2", user_id="cleo")])[0]) == "not_author"


def test_a_message_is_found_as_it_stands(rig):
    assert rig.find("m1") is None
    rig.append_all([message("m1", "first"), change("edit", "m1", "c1", text="second")])
    assert rig.find("m1") == rig.read().records[0]
    assert rig.find("m1", room_id="other") is None


def test_reactions_on_one_message_are_bounded(rig):
    rig.append_all([message("m1", "hi")])
    reactions = [
        change("reaction", "m1", f"c{n}", user_id=f"user {n}", emoji="👍", action="add")
        for n in range(MOST_REACTIONS + 1)
    ]
    answers = rig.append_all(reactions)
    assert told(answers[-2]) == (MOST_REACTIONS + 1, False)
    assert told(answers[-1]) == "too_many_reactions"
    assert len(shown(rig)["reactions"]["👍"]) == MOST_REACTIONS


def test_what_is_no_amendment_is_a_mistake_and_keeps_nobody_waiting(rig):
    with pytest.raises(ValueError, match="amendment"):
        rig.engine.append(change("shout", "m1", "c1", text="x"), lambda answer: None)
    assert rig.append("m1").offset == 1


# Markers


def test_a_marker_moves_forward_only_and_to_the_end_of_the_log_at_most(rig):
    assert rig.mark(received=3, read=2) == Marker("ana", 0, 0)  # an empty log
    rig.append_numbered(1, 5)
    assert rig.mark(received=3) == Marker("ana", 3, 0)
    assert rig.mark(received=2, read=1) == Marker("ana", 3, 1)
    assert rig.mark(read=4) == Marker("ana", 4, 4)
    assert rig.mark("ben", received=99) == Marker("ben", 5, 0)
    assert rig.mark("ben", received=99, room_id="nowhere") == Marker("ben", 0, 0)


def test_a_page_has_the_markers_of_the_room_if_it_is_asked_for_them(rig):
    rig.append_numbered(1, 5)
    assert rig.read(with_markers=True).markers == ()
    rig.mark("cleo", received=0)  # nothing to remember
    rig.mark("ben", received=2)
    rig.mark("ana", read=1)
    assert rig.read().markers == ()
    assert rig.read(with_markers=True).markers == (Marker("ana", 1, 1), Marker("ben", 2, 0))
    assert rig.read("other", with_markers=True).markers == ()


def test_a_marker_behind_a_message_covers_it_though_they_come_at_once(rig):
    def mark(received):
        return lambda done: rig.engine.mark("lobby", "ben", received=received, read=0, done=done)

    def send(message_id):
        return partial(rig.engine.append, draft(message_id))

    answers = rig.ask(mark(9), send("m1"), mark(9), send("m2"), mark(1), mark(2))
    assert answers == [
        Marker("ben", 0, 0),
        Appended(1, 1000),
        Marker("ben", 1, 0),
        Appended(2, 1000),
        Marker("ben", 1, 0),
        Marker("ben", 2, 0),
    ]


def test_markers_and_amendments_stay_when_an_engine_is_started_again(rig):
    rig.append_all([message("m1", "first"), change("edit", "m1", "c1", text="second")])
    rig.append_all([change("reaction", "m1", "c2", emoji="👍", action="add")])
    rig.mark(read=2)
    before = rig.read(with_markers=True)
    rig.run(rig.engine.stop())
    rig.run(rig.engine.start(rig._deliver))
    assert rig.read(with_markers=True) == before
    answers = rig.append_all([change("edit", "m1", "c1", text="x"), change("edit", "m1", "c3", text="third")])
    assert [told(answer) for answer in answers] == [(2, True), (4, False)]
    assert shown(rig) | {"editedAt": 0} == {
        "messageId": "m1",
        "text": "third",
        "editedAt": 0,
        "reactions": {"👍": ["ana"]},
        "revision": 4,
    }
    assert [entry.get("superseded") for entry in rig.bodies()] == [None, True, None, None]
    assert rig.mark(received=1) == Marker("ana", 2, 2)


# Against a small model


class Model:
    """One room, as simply as it can be told."""

    def __init__(self):
        self.log, self.messages, self.changes, self.markers, self.added = [], {}, {}, {}, {}

    def send(self, user, message_id, at):
        if (message_id, user) not in self.messages:
            self.messages[message_id, user] = self._log({"userId": user, "messageId": message_id, "text": f"t{at}"}, at)
            return len(self.log), at, False
        entry = self.messages[message_id, user]
        return entry["offset"], entry["timestamp"], True

    def change(self, user, change_id, kind, about, at, **content):
        if (change_id, user) in self.changes:
            return *self.changes[change_id, user], True
        answer = self._changed(user, kind, about, at, **content)
        if not isinstance(answer, str):
            self.changes[change_id, user] = answer[:2]
        return answer

    def _changed(self, user, kind, about, at, **content):
        named = [entry for (message_id, _), entry in self.messages.items() if message_id == about]
        target = named[0] if named else None
        if named and kind != "reaction":
            target = self.messages.get((about, user))
        if target is None:
            return "not_author" if named else "unknown_message"
        if target.get("deleted") and kind == "delete":
            return target["revision"], self.log[target["revision"] - 1]["timestamp"], True
        if target.get("deleted"):
            return "deleted"
        reaction = (target["offset"], content.get("emoji"), user)
        if kind == "reaction" and (content["action"] == "add") == (reaction in self.added):
            stands = self.log[self.added.get(reaction, target["offset"]) - 1]
            return stands["offset"], stands["timestamp"], True
        entry = {"event": f"chat:{kind}", "messageId": about, "userId": user, "roomId": "lobby"} | content
        entry = self._log(entry, at)
        target["revision"] = entry["offset"]
        if kind == "reaction":
            self._react(target, reaction, content["action"])
            return entry["offset"], at, False
        for older in self.log[:-1]:
            if older.get("event") == "chat:edit" and older["target"] == target["offset"] and "text" in older:
                del older["text"]
                older["superseded"] = True
        entry["target"] = target["offset"]
        target |= {"text": content["text"], "editedAt": at} if kind == "edit" else {"text": "", "deleted": True}
        return entry["offset"], at, False

    def _react(self, target, reaction, action):
        _, emoji, user = reaction
        reactions = target.setdefault("reactions", {})
        if action == "add":
            self.added[reaction] = target["revision"]
            reactions.setdefault(emoji, []).append(user)
        else:
            del self.added[reaction]
            reactions[emoji].remove(user)
        target["reactions"] = {emoji: users for emoji, users in reactions.items() if users}
        if not target["reactions"]:
            del target["reactions"]

    def mark(self, user, received, read):
        end = len(self.log)
        old_received, old_read = self.markers.get(user, (0, 0))
        read = max(old_read, min(read, end))
        self.markers[user] = (max(old_received, min(received, end), read), read)
        return (user, *self.markers[user])

    def _log(self, entry, at):
        entry |= {"timestamp": at, "offset": len(self.log) + 1}
        self.log.append(entry)
        return entry


USERS, IDS = st.sampled_from(["ana", "ben", "cleo"]), st.sampled_from(["m1", "m2", "m3"])
CHANGE_IDS = st.integers(1, 12).map("c{}".format)
OPERATIONS = st.one_of(
    st.tuples(st.just("message"), USERS, IDS),
    st.tuples(st.just("edit"), USERS, CHANGE_IDS, IDS),
    st.tuples(st.just("delete"), USERS, CHANGE_IDS, IDS),
    st.tuples(st.just("reaction"), USERS, CHANGE_IDS, IDS, st.sampled_from("👍🚋"), st.sampled_from(["add", "remove"])),
    st.tuples(st.just("mark"), USERS, st.integers(0, 20), st.integers(0, 20)),
)


def both(rig, model, at, kind, user, *rest):
    """What the engine is asked, and what the model answers."""
    if kind == "message":
        [message_id] = rest
        asked = message(message_id, f"t{at}", user, timestamp_ms=at)
        return partial(rig.engine.append, asked), model.send(user, message_id, at)
    if kind == "mark":
        received, read = rest
        ask = partial(rig.engine.mark, "lobby", user, received=received, read=read)
        return lambda done: ask(done=done), model.mark(user, received, read)
    change_id, about, *more = rest
    content = (
        {"edit": {"text": f"t{at}"}, "delete": {}}.get(kind) if not more else {"emoji": more[0], "action": more[1]}
    )
    asked = change(kind, about, change_id, user_id=user, timestamp_ms=at, **content)
    return partial(rig.engine.append, asked), model.change(user, change_id, kind, about, at, **content)


def plain(answer):
    if isinstance(answer, NotApplied):
        return answer.code
    return tuple(answer) if isinstance(answer, Marker) else (answer.offset, answer.timestamp_ms, answer.duplicate)


@every_engine
@given(operations=st.lists(OPERATIONS, max_size=60), at_once=st.integers(1, 30))
@settings(deadline=None, max_examples=40)
def test_whatever_is_asked_log_answers_and_markers_are_those_of_a_plain_model(started, operations, at_once):
    model = Model()
    with started() as rig:
        for start in range(0, len(operations), at_once):
            batch = enumerate(operations[start : start + at_once], start + 1)
            calls, expected = zip(*(both(rig, model, at, *each) for at, each in batch), strict=True)
            assert [plain(answer) for answer in rig.ask(*calls)] == list(expected)
        page = rig.read(limit=1000, with_markers=True)
        assert [json.loads(record.body) for record in page.records] == [
            {name: value for name, value in entry.items() if name != "target"}
            | {"position": f"{page.epoch}:{entry['offset']}"}
            for entry in model.log
        ]
        assert [record.offset for record in rig.delivered] == list(range(1, len(model.log) + 1))
        assert page.markers == tuple(
            Marker(user, *marker) for user, marker in sorted(model.markers.items()) if marker != (0, 0)
        )
