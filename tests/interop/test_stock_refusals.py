"""What a stock client says wrongly is answered with words that help, and the connection goes on."""

import time

import pytest

from realtime.server.realtime_server import RealtimeServer
from tests.interop.heard import asked

pytestmark = pytest.mark.node

LOBBY = {"roomId": "lobby"}
FIX = {"latitude": 59.91, "longitude": 10.75, "accuracy": 5, "timestamp": int(time.time() * 1000)}
CROSSING = LOBBY | {"fenceId": "home", "transition": "enter", "fix": FIX}

WRONG = [  # an event, what is sent with it, and words that the answer must have
    ("room:join", ["lobby"], "object"),
    ("room:join", [], "one object"),
    ("room:join", [{}], "roomId"),
    ("room:join", [LOBBY | {"since": "the beginning"}], "epoch:offset"),
    ("room:join", [LOBBY, {"limit": 10}], "one object"),
    ("presence:update", [{"status": "offline"}], "away, busy, invisible, online"),
    ("presence:update", [{"meta": "floor 2"}], "meta"),
    ("presence:update", [{"meta": {"photo": "x" * 2000}}], "1024"),
    ("app:state", ["background"], "object"),
    ("app:state", [{"state": "inactive"}], "active, background"),
    ("presence:subscribe", [{"userIds": "ben"}], "array"),
    ("presence:sync", [{"roomId": "attic"}], "room:join"),
    ("chat:typing", [LOBBY], "isTyping"),
    ("chat:typing", [{"roomId": "attic", "isTyping": True}], "room:join"),
    ("chat:edit", [LOBBY | {"messageId": "m-1"}], "text"),
    ("chat:edit", [LOBBY | {"messageId": "nowhere", "text": "t"}], "'nowhere'"),
    ("chat:delete", [LOBBY], "messageId"),
    ("chat:reaction", [LOBBY | {"messageId": "m-1", "emoji": "👍", "action": "toggle"}], "add, remove"),
    ("chat:reactions", [LOBBY | {"messageId": "nowhere"}], "'nowhere'"),
    ("chat:received", [LOBBY | {"upTo": "7"}], "upTo"),
    ("chat:read", [LOBBY | {"upTo": -1}], "upTo"),
    ("chat:history", [LOBBY | {"limit": 201}], "200"),
    ("location:update", [LOBBY | {"fix": FIX}], "fixes"),
    ("location:update", [LOBBY | {"fixes": FIX}], "array"),
    ("location:update", [LOBBY | {"fixes": [FIX | {"latitude": 191}]}], "latitude"),
    ("location:update", [LOBBY | {"fixes": [{"coords": FIX}]}], "latitude"),
    ("location:update", [LOBBY | {"fixes": [FIX | {"timestamp": "noon"}]}], "timestamp"),
    ("location:update", [{"roomId": "attic", "fixes": [FIX]}], "room:join"),
    ("location:stop", [{}], "roomId"),
    ("geofence:event", [CROSSING | {"transition": "left"}], "dwell, enter, exit"),
    ("geofence:event", [LOBBY | {"fenceId": "home", "transition": "enter"}], "fix"),
    ("geofence:event", [CROSSING | {"eventId": 7}], "eventId"),
    ("push:register", [{"platform": "ios", "token": "t"}], "expo, local, web"),
    ("push:register", [{"platform": "expo", "token": "t"}], "local"),
    ("push:register", [{"platform": "local"}], "token"),
    ("push:unregister", [{"platform": "local"}], "token"),
    ("room:jion", [LOBBY], "room:join"),
    ("sendMessage", ["hello"], "'sendMessage'"),
    ("chat:message", [LOBBY | {"messageId": "m-1", "text": b"\x00\xff"}], "text"),
]


async def test_each_mistake_is_answered_with_what_to_do_and_the_connection_goes_on(stock_client):
    async with RealtimeServer(port=0) as server:
        ana = await stock_client(server.url, auth={"userId": "ana"})
        await asked(ana, "room:join", LOBBY)
        unhelpful = []
        for event, args, words in WRONG:
            answer = await asked(ana, event, *args)
            error = answer.get("error", {})
            if answer["ok"] or not error.get("code") or words not in error.get("message", ""):
                unhelpful.append((event, args, words, answer))
        assert unhelpful == []
        assert (await asked(ana, "room:leave", LOBBY)) == {"ok": True}
        assert not [told for told in ana.told if "disconnect" in told]


async def test_a_mistake_without_a_callback_harms_nobody(stock_client):
    async with RealtimeServer(port=0) as server:
        ana = await stock_client(server.url, auth={"userId": "ana"})
        for event, args, _ in WRONG:
            await ana.do(emit=[event, *args])
        assert (await asked(ana, "presence:update", {"status": "away"})) == {"ok": True}
        assert not [told for told in ana.told if "disconnect" in told]


async def test_fields_that_the_server_does_not_know_are_ignored_and_null_is_as_if_left_out(stock_client):
    more = {"userId": "somebody else", "sentBy": None, "extra": {"deep": [1]}}
    async with RealtimeServer(port=0) as server:
        ana = await stock_client(server.url, auth={"userId": "ana", "deviceId": None, "extra": 1})
        for event, payload in [
            ("room:join", LOBBY | {"since": None, "limit": None}),
            ("chat:message", LOBBY | {"messageId": "m-1", "text": "t", "replyTo": None}),
            ("chat:edit", LOBBY | {"messageId": "m-1", "text": "u"}),
            ("chat:typing", LOBBY | {"isTyping": True}),
            ("chat:received", LOBBY | {"upTo": 1}),
            ("chat:history", LOBBY | {"before": None, "after": None, "limit": None}),
            ("presence:update", {"status": "away", "text": None, "meta": None}),
            ("app:state", {"state": "active"}),
            ("location:update", LOBBY | {"fixes": [FIX | {"speed": None, "altitudeAccuracy": None}], "until": None}),
            ("location:stop", LOBBY | {"reason": None}),
            ("geofence:event", CROSSING | {"eventId": None}),
            ("push:register", {"platform": "local", "token": "t"}),
            ("push:unregister", {"platform": "local", "token": "t"}),
        ]:
            answer = await asked(ana, event, payload | more)
            assert answer["ok"], (event, payload, answer)
        history = await asked(ana, "chat:history", LOBBY)
        assert {each["userId"] for each in history["messages"]} == {"ana"}
