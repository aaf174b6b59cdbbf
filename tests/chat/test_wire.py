"""What comes off the wire is checked on the way in; what is new there is ignored."""

import msgspec
import pytest

from realtime.chat.wire import (
    HistoryReply,
    JoinReply,
    LoggedAmendment,
    LoggedMessage,
    MarkerPayload,
    MemberPayload,
    MessageDelivered,
    PresenceDiff,
    ReactionsReply,
    ReadByUser,
    SentReply,
    TypingPayload,
    read_reply,
)
from realtime.connection.errors import SendRefused

MESSAGE = {"messageId": "m1", "userId": "ben", "text": "hi", "timestamp": 5, "offset": 3}


def test_a_logged_message():
    wire = MESSAGE | {"roomId": "lobby", "position": "e:3", "replyTo": "m0", "later": "fields are ignored"}
    logged = msgspec.convert(wire, LoggedMessage)
    assert logged == LoggedMessage("m1", "ben", "hi", 5, 3, "m0", "lobby", "e:3")
    assert msgspec.convert(MESSAGE, LoggedMessage).reply_to is None


@pytest.mark.parametrize("broken", [{"offset": "3"}, {"text": None}, {"userId": 1}, {"offset": 0}])
def test_a_malformed_message_is_refused(broken):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(MESSAGE | broken, LoggedMessage)


def test_the_answer_to_a_join():
    member = {"userId": "ana", "deviceId": "phone", "state": "active"}
    reply = {
        "ok": True,
        "position": "e:3",
        "recovered": True,
        "messages": [MESSAGE],
        "more": False,
        "members": [member],
    }
    assert read_reply(reply, JoinReply) == JoinReply(
        position="e:3",
        recovered=True,
        messages=(LoggedMessage("m1", "ben", "hi", 5, 3),),
        more=False,
        members=(MemberPayload("ana", "phone"),),
    )


def test_the_answers_to_a_message_and_to_a_question_for_history():
    sent = read_reply({"ok": True, "messageId": "m1", "offset": 3, "timestamp": 5}, SentReply)
    assert (sent.offset, sent.timestamp) == (3, 5)
    history = read_reply({"ok": True, "messages": [], "more": False}, HistoryReply)
    assert history == HistoryReply(messages=(), more=False, recovered=True)


def test_a_refusal_is_raised_with_its_code_and_words():
    reply = {"ok": False, "error": {"code": "not_member", "message": "join the room first"}}
    with pytest.raises(SendRefused, match="join the room first") as refused:
        read_reply(reply, SentReply)
    assert refused.value.code == "not_member"


@pytest.mark.parametrize("reply", [None, "ok", {}, {"ok": True}, {"ok": True, "messageId": "m1", "offset": "3"}])
def test_an_answer_that_cannot_be_understood_is_a_refusal(reply):
    with pytest.raises(SendRefused, match="not understood") as refused:
        read_reply(reply, SentReply)
    assert refused.value.code == "malformed_ack"


def test_typing_and_presence():
    assert msgspec.convert({"roomId": "r", "userId": "ben", "isTyping": True}, TypingPayload).is_typing
    diff = msgspec.convert({"roomId": "r", "joins": [{"userId": "ben"}]}, PresenceDiff)
    assert diff == PresenceDiff("r", joins=(MemberPayload("ben"),), leaves=())


def test_a_message_that_was_amended_comes_as_it_stands():
    amended = {"revision": 9, "editedAt": 77, "reactions": {"👍": ["ana", "ben"]}}
    logged = msgspec.convert(MESSAGE | amended, LoggedMessage)
    assert (logged.revision, logged.edited_at, logged.deleted) == (9, 77, False)
    assert logged.reactions == {"👍": ("ana", "ben")}
    tombstone = msgspec.convert(MESSAGE | {"text": "", "revision": 9, "deleted": True}, LoggedMessage)
    assert tombstone.deleted


EDIT = {
    "event": "chat:edit", "roomId": "lobby", "messageId": "m1", "userId": "ben", "text": "ho", "timestamp": 6,
    "offset": 4, "position": "e:4",
}  # fmt: skip


def test_amendments():
    edit = msgspec.convert(EDIT, LoggedAmendment)
    assert (edit.event, edit.message_id, edit.text, edit.offset, edit.position) == ("chat:edit", "m1", "ho", 4, "e:4")
    reaction = msgspec.convert(EDIT | {"event": "chat:reaction", "emoji": "👍", "action": "add"}, LoggedAmendment)
    assert (reaction.emoji, reaction.action) == ("👍", "add")
    superseded = {key: EDIT[key] for key in EDIT if key != "text"} | {"superseded": True}
    assert msgspec.convert(superseded, LoggedAmendment).superseded


def test_a_page_tells_messages_from_what_amends_them_and_later_kinds_are_let_through():
    later = {"event": "chat:pin", "messageId": "m1", "userId": "ben", "timestamp": 6, "offset": 5}
    page = read_reply({"ok": True, "messages": [MESSAGE, EDIT, later], "more": False, "horizon": 2}, HistoryReply)
    assert [type(entry) for entry in page.messages] == [LoggedMessage, LoggedAmendment, LoggedAmendment]
    assert [entry.offset for entry in page.messages] == [3, 4, 5]
    assert page.horizon == 2


@pytest.mark.parametrize("entry", [7, "m1", {"event": "chat:edit"}, MESSAGE | {"text": 7}])
def test_a_page_with_an_entry_that_makes_no_sense_is_not_understood(entry):
    with pytest.raises(SendRefused, match="not understood"):
        read_reply({"ok": True, "messages": [entry], "more": False}, HistoryReply)


def test_markers():
    join = {"ok": True, "position": "e:3", "recovered": True, "messages": [], "more": False}
    assert read_reply(join, JoinReply).receipts is None, "a server without receipts"
    reply = read_reply(join | {"receipts": [{"userId": "ben", "received": 3, "read": 2}], "horizon": 1}, JoinReply)
    assert reply.receipts == (MarkerPayload("ben", 3, 2),)
    assert reply.horizon == 1
    delivered = {"roomId": "lobby", "messageId": "m1", "userId": "ben", "upTo": 3}
    assert msgspec.convert(delivered, MessageDelivered) == MessageDelivered("lobby", "ben", 3, "m1")
    assert msgspec.convert(delivered, ReadByUser) == ReadByUser("lobby", "ben", 3)


def test_the_reactions_of_a_message():
    reply = read_reply({"ok": True, "reactions": [{"messageId": "m1", "emoji": "👍", "userId": "ben"}]}, ReactionsReply)
    [reaction] = reply.reactions
    assert (reaction.message_id, reaction.emoji, reaction.user_id) == ("m1", "👍", "ben")
