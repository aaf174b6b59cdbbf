"""What a page needs to draw a bubble, made anew only where something changed."""

import pytest

from realtime.chat.message import Marker, MessageStatus, Reaction, RoomState
from tests.widgets.fakes import message
from widgets.message_bubble import Bubbles


@pytest.fixture
def bubbles():
    return Bubbles("ana")


def room(*messages, **changes):
    return RoomState(room_id="lobby", messages=messages, **changes)


def test_a_plain_message(bubbles):
    assert bubbles.of(room(message(1, "where are you?")), 0) == [
        {
            "key": "ben:m1",
            "id": "m1",
            "user": "ben",
            "text": "where are you?",
            "parts": None,
            "at_ms": 1_700_000_001_000,
            "offset": 1,
            "status": "received",
            "mine": False,
            "error": None,
            "edited": False,
            "deleted": False,
            "pending": False,
            "held": None,
            "reactions": [],
            "reply": None,
            "who": None,
        }
    ]


def test_changes_show(bubbles):
    edited, deleted = bubbles.of(room(message(1, edited_ms=7), message(2, "", is_deleted=True)), 0)
    assert edited["edited"]
    assert deleted["deleted"]


def test_what_is_not_settled_shows(bubbles):
    own = {"user_id": "ana", "mine": True}
    changed, held = bubbles.of(room(message(1, pending=True, **own), message(2, held="storage_failed", **own)), 0)
    assert changed["pending"]
    assert held["held"] == "storage_failed"


def test_reactions_say_who_and_whether_one_is_the_readers_own(bubbles):
    given = (Reaction("👍", ("ben", "ana"), pending=True), Reaction("🎉", ("ben",)))
    [bubble] = bubbles.of(room(message(1, reactions=given)), 0)
    assert bubble["reactions"] == [
        {"emoji": "👍", "users": ["ben", "ana"], "mine": True, "pending": True},
        {"emoji": "🎉", "users": ["ben"], "mine": False, "pending": False},
    ]


def test_mentions_are_parts_of_the_text(bubbles):
    [bubble] = bubbles.of(room(message(1, "hi @ana!")), 0)
    assert bubble["parts"] == ["hi ", "@ana", "!"]


def test_an_answer_quotes_what_it_answers(bubbles):
    first = message(1, "x" * 500)
    answer = message(2, "yes", reply_to="m1")
    lost = message(3, "no", reply_to="m0")
    _, bubble, other = bubbles.of(room(first, answer, lost), 0)
    assert bubble["reply"] == {"key": "ben:m1", "user": "ben", "text": "x" * 120 + "…", "deleted": False}
    assert other["reply"] == {"key": None, "user": None, "text": "", "deleted": False}


def test_an_answer_finds_what_is_above_the_window(bubbles):
    [bubble] = bubbles.of(room(message(1, "why?"), message(2, "so", reply_to="m1")), 1)
    assert bubble["reply"]["key"] == "ben:m1"


def test_an_edit_shows_in_the_quote_too(bubbles):
    answer = message(2, reply_to="m1")
    bubbles.of(room(message(1, "teh"), answer), 0)
    assert bubbles.of(room(message(1, "the"), answer), 0)[1]["reply"]["text"] == "the"


def test_own_messages_say_who_has_them(bubbles):
    own = message(1, user_id="ana", mine=True, status=MessageStatus.READ)
    [bubble] = bubbles.of(room(own, markers={"ben": Marker("ben", 1, 1)}), 0)
    assert bubble["who"] == {"read": ["ben"], "delivered": [], "more": 0}


def test_what_did_not_change_is_the_same_object(bubbles):
    """So that a page of thousands costs little to compare."""
    one, own = message(1), message(2, user_id="ana", mine=True)
    before = bubbles.of(room(one, own), 0)
    after = bubbles.of(room(one, own, message(3), markers={"ben": Marker("ben", 3, 3)}), 0)
    assert after[0] is before[0]
    assert after[1] is not before[1]
    assert bubbles.of(room(one, own), 1)[0]["id"] == "m2"
    assert len(bubbles) == 1  # what is not shown any more is forgotten
