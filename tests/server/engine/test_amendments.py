"""Amendments: what an edit, a deletion or a reaction makes of the message that it is about."""

import json

import pytest

from realtime.server.engine.amendments import MOST_REACTIONS, Amended, Message, amend, change_of, chosen, superseded
from realtime.server.engine.base import Appended, Draft, NotApplied

BODY = b'{"event":"x","text":"first","big":12345678901234567890,"timestamp":1000,"offset":3}'


def draft(event, user_id="ana", **content):
    return Draft(
        room_id="lobby",
        user_id=user_id,
        message_id="c1",
        event=event,
        body=json.dumps(content).encode(),
        timestamp_ms=2000,
        origin="sid",
        about="m1",
    )


def amended(*drafts, first_offset=4):
    """The message after amendments at the offsets 4, 5, …"""
    message = Message(Appended(3, 1000), BODY, Amended())
    for offset, each in enumerate(drafts, first_offset):
        change = amend(each, offset, message)
        assert not isinstance(change, Appended)
        message = change.message
    return message


def shown(message):
    """What stands in the body that did not before."""
    before = json.loads(BODY)
    return {name: value for name, value in json.loads(message.body).items() if before.get(name) != value}


def test_an_edit_replaces_the_text_and_says_when_and_where():
    message = amended(draft("chat:edit", text="né 🚋"))
    assert shown(message) == {"text": "né 🚋", "editedAt": 2000, "revision": 4}
    assert json.loads(message.body)["big"] == 12345678901234567890  # what is not understood stays as it is


def test_a_newer_edit_supersedes_the_older_one():
    first = amended(draft("chat:edit", text="second"))
    change = amend(draft("chat:edit", text="third"), 9, first)
    assert shown(change.message) == {"text": "third", "editedAt": 2000, "revision": 9}
    assert change.superseded == 4


def test_a_reaction_in_between_supersedes_nothing():
    message = amended(draft("chat:edit", text="second"))
    change = amend(draft("chat:reaction", "ben", emoji="👍", action="add"), 5, message)
    assert change.superseded is None
    assert amend(draft("chat:delete"), 6, change.message).superseded == 4


def test_a_deleted_message_keeps_its_place_without_its_text():
    message = amended(draft("chat:edit", text="second"), draft("chat:delete"))
    assert shown(message) == {"text": "", "editedAt": 2000, "deleted": True, "revision": 5}
    assert b"second" not in message.body


@pytest.mark.parametrize("event", ["chat:edit", "chat:reaction"])
def test_a_deleted_message_takes_no_more(event):
    with pytest.raises(NotApplied, match="deleted") as raised:
        amend(draft(event, text="x", emoji="👍", action="add"), 5, amended(draft("chat:delete")))
    assert raised.value.code == "deleted"


def test_what_is_deleted_already_is_answered_with_the_deletion_that_stands():
    assert amend(draft("chat:delete"), 9, amended(draft("chat:delete"))) == Appended(4, 2000, duplicate=True)


def reaction(user_id, emoji, action="add"):
    return draft("chat:reaction", user_id, emoji=emoji, action=action)


def test_reactions_stand_in_the_order_of_first_adding():
    message = amended(
        reaction("ana", "👍"),
        reaction("cleo", "🚋"),
        reaction("ben", "👍"),
        reaction("ana", "👍", "remove"),
        reaction("ana", "👍"),
    )
    assert shown(message) == {"reactions": {"👍": ["ben", "ana"], "🚋": ["cleo"]}, "revision": 8}
    assert list(shown(message)["reactions"]) == ["👍", "🚋"]


def test_a_message_without_reactions_any_more_says_none():
    assert shown(amended(reaction("ana", "👍"), reaction("ana", "👍", "remove"))) == {"revision": 5}


def test_a_reaction_that_stands_is_answered_with_its_place():
    message = amended(reaction("ana", "👍"), reaction("ben", "👍"))
    assert amend(reaction("ana", "👍"), 9, message) == Appended(4, 2000, duplicate=True)


def test_a_reaction_that_was_never_there_is_removed_by_nothing():
    # The message's own offset: at a receiver it is never above the revision, so it hides nothing that is to come.
    assert amend(reaction("ana", "👍", "remove"), 9, amended()) == Appended(3, 1000, duplicate=True)


def test_a_message_takes_so_many_reactions():
    message = amended(*(reaction(f"user {n}", "👍🚋"[n % 2]) for n in range(MOST_REACTIONS)))
    with pytest.raises(NotApplied, match=str(MOST_REACTIONS)) as raised:
        amend(reaction("zoe", "👍"), 9999, message)
    assert raised.value.code == "too_many_reactions"
    removed = amend(reaction("user 0", "👍", "remove"), 9999, message).message
    assert amend(reaction("zoe", "👍"), 10_000, removed).message.body


def test_a_superseded_amendment_has_no_text():
    assert json.loads(superseded(b'{"event":"chat:edit","text":"x","offset":4}')) == {
        "event": "chat:edit",
        "offset": 4,
        "superseded": True,
    }


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("chat:shout", {"text": "x"}),
        ("chat:edit", {}),
        ("chat:edit", {"text": 7}),
        ("chat:reaction", {"emoji": "👍", "action": "flip"}),
        ("chat:reaction", {"action": "add"}),
    ],
)
def test_what_is_no_amendment_is_a_mistake(event, content):
    with pytest.raises(ValueError, match="amendment"):
        change_of(draft(event, **content))


NAMED = {"ana": Appended(3, 1000), "ben": Appended(7, 1000)}


@pytest.mark.parametrize(
    ("event", "user_id", "named", "horizon", "answer"),
    [
        ("chat:edit", "ben", NAMED, 0, 7),
        ("chat:delete", "ana", NAMED, 0, 3),
        ("chat:reaction", "ben", NAMED, 0, 3),  # about the oldest
        ("chat:edit", "cleo", NAMED, 0, "not_author"),
        ("chat:edit", "cleo", {}, 0, "unknown_message"),
        ("chat:reaction", "cleo", {}, 0, "unknown_message"),
        ("chat:edit", "ben", NAMED, 6, 7),
        ("chat:edit", "ben", NAMED, 7, "unknown_message"),  # its id is known still, its entry is gone
        ("chat:reaction", "ben", NAMED, 3, "unknown_message"),
    ],
)
def test_the_author_amends_the_own_message_and_others_react_to_the_oldest(event, user_id, named, horizon, answer):
    asked = draft(event, user_id, text="x", emoji="👍", action="add")
    if isinstance(answer, int):
        assert chosen(asked, named, horizon).offset == answer
        return
    with pytest.raises(NotApplied, match="m1") as raised:
        chosen(asked, named, horizon)
    assert raised.value.code == answer
