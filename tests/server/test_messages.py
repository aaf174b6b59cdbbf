"""Payloads: what is accepted, what is refused with which words."""

import json

import msgspec
import pytest

from realtime.server.location_messages import ShareUpdate
from realtime.server.messages import (
    AppState,
    ChangeBody,
    ChatBody,
    DeleteMessage,
    EditMessage,
    ErrorReply,
    JoinReply,
    JoinRoom,
    MarkUpTo,
    PresenceDiff,
    PresentMember,
    React,
    ReadHistory,
    Receipt,
    Refusal,
    RoomOnly,
    SendMessage,
    SetTyping,
    encode,
)

FIX = {"latitude": 52.5, "longitude": 13.4, "accuracy": 5, "timestamp": 1_700_000_000_000}


def read(kind, payload):
    return msgspec.json.decode(json.dumps(payload), type=kind)


def test_wire_names_are_camel_case():
    message = read(SendMessage, {"roomId": "r", "messageId": "m", "text": "hi", "replyTo": "m0"})
    assert message == SendMessage(room_id="r", message_id="m", text="hi", reply_to="m0")
    assert read(SetTyping, {"roomId": "r", "isTyping": True}) == SetTyping(room_id="r", is_typing=True)


def test_a_user_id_in_a_payload_is_ignored():
    assert read(RoomOnly, {"roomId": "r", "userId": "mallory"}) == RoomOnly(room_id="r")


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (JoinRoom, {}, "roomId"),
        (JoinRoom, {"roomId": ""}, "length >= 1"),
        (JoinRoom, {"roomId": "x" * 257}, "length <= 256"),
        (JoinRoom, {"roomId": 7}, "Expected `str`"),
        (JoinRoom, {"roomId": "r", "since": 7}, "since"),
        (SendMessage, {"roomId": "r", "messageId": "m", "text": ""}, "text"),
        (SendMessage, {"roomId": "r", "messageId": "m", "text": "x" * 8001}, "text"),
        (SendMessage, {"roomId": "r", "messageId": "", "text": "x"}, "messageId"),
        (SendMessage, {"roomId": "r", "text": "x"}, "messageId"),
        (SetTyping, {"roomId": "r", "isTyping": "yes"}, "isTyping"),
        (ReadHistory, {"roomId": "r", "limit": 201}, "limit"),
        (ReadHistory, {"roomId": "r", "limit": 0}, "limit"),
        (ReadHistory, {"roomId": "r", "before": -1}, "before"),
        (ReadHistory, {"roomId": "r", "before": 2**53}, "before"),
        (JoinRoom, {"roomId": "r", "limit": 201}, "limit"),
        (EditMessage, {"roomId": "r", "messageId": "m", "text": ""}, "text"),
        (EditMessage, {"roomId": "r", "messageId": "m", "text": "x", "changeId": 7}, "changeId"),
        (DeleteMessage, {"roomId": "r", "messageId": ""}, "messageId"),
        (React, {"roomId": "r", "messageId": "m", "emoji": "x" * 65, "action": "add"}, "emoji"),
        (React, {"roomId": "r", "messageId": "m", "emoji": "x", "action": "flip"}, "action"),
        (MarkUpTo, {"roomId": "r", "upTo": -1}, "upTo"),
        (AppState, {"state": "asleep"}, "asleep"),
        (ShareUpdate, {"roomId": "r", "fixes": []}, "fixes"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX] * 101}, "fixes"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"latitude": 90.1}]}, "latitude"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"longitude": -181}]}, "longitude"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"accuracy": -1}]}, "accuracy"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"timestamp": "noon"}]}, "timestamp"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"timestamp": -1}]}, "timestamp"),
        (ShareUpdate, {"roomId": "r", "fixes": [FIX | {"heading": 361}]}, "heading"),
        (ShareUpdate, {"roomId": "r", "fixes": [{"latitude": 1}]}, "longitude"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_named(kind, payload, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        read(kind, payload)


def test_a_fix_travels_on_as_it_came_without_what_is_unknown():
    update = read(ShareUpdate, {"roomId": "r", "fixes": [FIX | {"speed": 1.5, "heading": None, "battery": 0.5}]})
    [fix] = json.loads(msgspec.json.encode(update))["fixes"]
    assert fix == FIX | {"speed": 1.5, "heading": None}


def test_optional_fields_are_left_out_of_a_chat_message():
    body = ChatBody(room_id="r", message_id="m", user_id="u", text="hi")
    assert json.loads(encode(body)) == {"roomId": "r", "messageId": "m", "userId": "u", "text": "hi"}
    assert json.loads(encode(ChatBody("r", "m", "u", "hi", reply_to="m0")))["replyTo"] == "m0"


def test_a_join_reply_carries_records_that_were_encoded_before():
    reply = JoinReply(
        position="e:1",
        recovered=True,
        messages=[msgspec.Raw(b'{"offset":1}')],
        more=False,
        members=[PresentMember("ana", "phone", "active", "busy", 7)],
        horizon=0,
        receipts=[Receipt("ana", received=3, read=2)],
    )
    assert json.loads(encode(reply)) == {
        "ok": True,
        "position": "e:1",
        "recovered": True,
        "messages": [{"offset": 1}],
        "more": False,
        "members": [{"userId": "ana", "deviceId": "phone", "state": "active", "status": "busy", "since": 7}],
        "horizon": 0,
        "receipts": [{"userId": "ana", "received": 3, "read": 2}],
        "locations": [],
    }


def test_a_change_names_its_event_and_only_what_it_is_about():
    body = ChangeBody("chat:delete", "r", "m", "u")
    assert json.loads(encode(body)) == {"event": "chat:delete", "roomId": "r", "messageId": "m", "userId": "u"}
    body = ChangeBody("chat:reaction", "r", "m", "u", emoji="👍", action="add")
    assert json.loads(encode(body)).keys() == {"event", "roomId", "messageId", "userId", "emoji", "action"}


def test_a_refusal_becomes_an_error_reply():
    reply = ErrorReply.of(Refusal("not_member", "join first"))
    assert json.loads(encode(reply)) == {"ok": False, "error": {"code": "not_member", "message": "join first"}}


def test_a_presence_diff_names_its_room():
    diff = PresenceDiff("lobby", joins=[PresentMember("ana", "phone", "active", "busy", 7)])
    assert json.loads(encode(diff)) == {
        "roomId": "lobby",
        "joins": [{"userId": "ana", "deviceId": "phone", "state": "active", "status": "busy", "since": 7}],
        "leaves": [],
    }
