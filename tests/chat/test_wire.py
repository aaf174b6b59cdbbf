"""What comes off the wire is checked on the way in; what is new there is ignored."""

import msgspec
import pytest

from realtime.chat.wire import (
    HistoryReply,
    JoinReply,
    LoggedMessage,
    MemberPayload,
    PresenceDiff,
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
