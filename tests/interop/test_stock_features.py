"""Presence and all of chat, between the stock client and ours: payloads as the wire's table has them."""

import pytest

from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from tests.interop.heard import asked, dropped, event, events, heard
from tests.server.waiting import until

pytestmark = pytest.mark.node

LOBBY = {"roomId": "lobby"}
PHONE = {"userId": "ana", "deviceId": "ana-phone"}
TABLET = {"userId": "ana", "deviceId": "ana-tablet"}


@pytest.fixture
async def ana(server, stock_client):
    """A stock client that is in the lobby, and soon back when its transport is lost."""
    client = await stock_client(server.url, auth=PHONE, reconnectionDelay=10)
    assert (await asked(client, "room:join", LOBBY))["ok"]
    return client


# presence


async def test_presence_goes_both_ways_and_two_devices_are_two_members(server, stock_client, ben, chat, ana):
    tracker = PresenceTracker(ben)
    room = tracker.enter("lobby")
    tablet = await stock_client(server.url, auth=TABLET)
    members = (await asked(tablet, "room:join", LOBBY))["members"]
    assert sorted(member["deviceId"] for member in members) == ["ana-phone", "ana-tablet", "ben-phone"]
    assert {(member["state"], member["status"]) for member in members} == {("active", "online")}

    def shown(device_id):
        return next((each for each in room.snapshot.members if each.device_id == device_id), None)

    await until(lambda: shown("ana-phone") and shown("ana-tablet"), "both devices are there")
    assert await asked(ana, "presence:update", {"status": "busy", "meta": {"floor": 2}}) == {"ok": True}
    await until(lambda: shown("ana-phone").status == "busy", "busy")
    assert (shown("ana-phone").meta, shown("ana-tablet").status) == ({"floor": 2}, "online")
    assert await asked(tablet, "app:state", {"state": "background"}) == {"ok": True}
    await until(lambda: shown("ana-tablet").state == "background", "in the background")
    assert shown("ana-tablet").status == "away"

    sync = OnlineStatusSync(ben)
    sync.set_status("away", "lunch")
    await ana.find(lambda line: ('"presence:diff"' in line and '"lunch"' in line) or None)
    [ben_now] = events(ana, "presence:diff")[-1][1]["joins"]
    assert (ben_now["userId"], ben_now["status"], ben_now["text"]) == ("ben", "away", "lunch")
    await tablet.do(disconnect=True)
    await until(lambda: shown("ana-tablet") is None, "a goodbye is told at once")
    assert await asked(ana, "room:leave", LOBBY) == {"ok": True}
    await until(lambda: room.snapshot.users == ("ben",), "left")


@pytest.mark.parametrize("recovery", [True, False])
async def test_a_quick_reconnect_of_the_stock_client_does_not_flicker(server, stock_client, ben, chat, recovery):
    told = []
    tracker, sync = PresenceTracker(ben), OnlineStatusSync(ben)
    for name in ("join", "change", "leave"):
        tracker.on(name, lambda room_id, member, name=name: told.append((name, member.user_id, member.status)))
    sync.on("status", lambda user: told.append((user.user_id, user.status)))
    sync.subscribe(["ana"])
    room = tracker.enter("lobby")
    ana = await stock_client(server.url, auth=PHONE | {"recovery": recovery}, reconnectionDelay=10)
    await asked(ana, "room:join", LOBBY)
    await asked(ana, "presence:update", {"status": "busy"})
    await until(lambda: ("ana", "busy") in told and "busy" in {each.status for each in room.snapshot.members}, "busy")
    told.clear()
    await dropped(ana, recovered=recovery)
    if not recovery:
        assert (await asked(ana, "presence:update", {"status": "busy"}))["ok"]
        assert (await asked(ana, "room:join", LOBBY))["ok"]
    assert (await asked(ana, "presence:update", {"text": "back"}))["ok"]
    await until(lambda: any(each.text == "back" for each in room.snapshot.members), "back")
    assert {each for each in told if each[0] in ("join", "leave") or "offline" in each} == set()
    answer = await asked(ana, "presence:sync", LOBBY)
    assert sorted(member["deviceId"] for member in answer["members"]) == ["ana-phone", "ben-phone"]


async def test_who_follows_a_user_still_does_after_a_recovery(ben, ana):
    """``socket.recovered`` says that nothing has to be asked again."""
    sync = OnlineStatusSync(ben)
    answer = await asked(ana, "presence:subscribe", {"userIds": ["ben", "cem"]})
    assert answer["users"] == [{"userId": "ben", "status": "online"}, {"userId": "cem", "status": "offline"}]
    sync.set_status("away")
    await heard(ana, "presence:status", userId="ben", status="away")
    await dropped(ana, recovered=True)
    sync.set_status("busy", "on the phone")
    assert (await heard(ana, "presence:status", status="busy"))["text"] == "on the phone"
    assert await asked(ana, "presence:unsubscribe", {"userIds": ["ben"]}) == {"ok": True}


async def test_a_status_that_changed_while_the_follower_was_away_is_told_when_it_is_back(server, stock_client, ben):
    sync = OnlineStatusSync(ben)
    ana = await stock_client(server.url, auth=PHONE, reconnectionDelay=400, randomizationFactor=0)
    await asked(ana, "presence:subscribe", {"userIds": ["ben"]})
    await ana.do(drop=True)
    await until(lambda: server.stats.sessions == 1, "the server knows that ana is away")
    sync.set_status("busy")
    await ana.tells(recovered=True)
    await heard(ana, "presence:status", userId="ben", status="busy")


# chat


async def test_typing_goes_both_ways_and_ends_when_the_one_who_types_is_lost(chat, ana):
    room = chat.room("lobby")
    for drop in (False, True):
        await ana.do(emit=["chat:typing", LOBBY | {"isTyping": True, "userId": "somebody else"}])
        await until(lambda: room.snapshot.typing == ("ana",), "ana types")
        if drop:
            await dropped(ana, recovered=True)
        else:
            await ana.do(emit=["chat:typing", LOBBY | {"isTyping": False}])
        await until(lambda: room.snapshot.typing == (), "ana types no more")
    chat.set_typing("lobby", True)
    assert await heard(ana, "chat:typing") == LOBBY | {"userId": "ben", "isTyping": True}


async def test_edits_deletions_and_reactions_go_both_ways(chat, ana):
    room = chat.room("lobby")
    sent = await asked(ana, "chat:message", LOBBY | {"messageId": "m-1", "text": "helo"})
    edit = LOBBY | {"messageId": "m-1", "text": "hello"}
    edited = await asked(ana, "chat:edit", edit)
    assert edited["offset"] > sent["offset"]
    assert (await asked(ana, "chat:edit", edit))["ok"], "again, because the answer was lost"
    await until(lambda: room.snapshot.texts == ("hello",), "edited")
    reaction = LOBBY | {"messageId": "m-1", "emoji": "👍", "action": "add"}
    assert (await asked(ana, "chat:reaction", reaction))["ok"]
    await chat.add_reaction("lobby", "m-1", "👍")
    assert await heard(ana, "chat:reaction", userId="ben", action="add")
    answer = await asked(ana, "chat:reactions", LOBBY | {"messageId": "m-1"})
    assert [(each["userId"], each["emoji"]) for each in answer["reactions"]] == [("ana", "👍"), ("ben", "👍")]
    assert (await asked(ana, "chat:reaction", reaction | {"action": "remove"}))["ok"]
    await until(lambda: [r.user_ids for r in room.snapshot.messages[0].reactions] == [("ben",)], "taken back")

    answer = await chat.send_message("lobby", "mine")
    for name, more in (("chat:edit", {"text": "not yours"}), ("chat:delete", {})):
        refused = await asked(ana, name, LOBBY | {"messageId": answer.message_id} | more)
        assert not refused["ok"], name
        assert refused["error"]["message"], name
    await dropped(ana, recovered=True)
    await chat.edit_message("lobby", answer.message_id, "mine, edited")
    assert (await heard(ana, "chat:edit", messageId=answer.message_id))["text"] == "mine, edited"
    await chat.delete_message("lobby", answer.message_id)
    assert (await heard(ana, "chat:delete", userId="ben"))["offset"] > edited["offset"]
    assert (await asked(ana, "chat:delete", LOBBY | {"messageId": "m-1"}))["ok"]
    await until(lambda: [message.is_deleted for message in room.snapshot.messages] == [True, True], "deleted")


async def test_receipts_go_both_ways_also_for_what_was_sent_before_a_drop(chat, ana):
    room = chat.room("lobby")
    await chat.send_message("lobby", "ben's")
    _, message, *_ = await event(ana, "chat:message")
    up_to = LOBBY | {"upTo": message["offset"]}
    assert await asked(ana, "chat:received", up_to) == {"ok": True}
    await until(lambda: room.snapshot.delivered_to(room.snapshot.messages[0]) == ("ana",), "delivered")
    assert room.snapshot.read_by(room.snapshot.messages[0]) == ()
    assert await asked(ana, "chat:read", up_to) == {"ok": True}
    await until(lambda: room.snapshot.read_by(room.snapshot.messages[0]) == ("ana",), "read")

    sent = await asked(ana, "chat:message", LOBBY | {"messageId": "m-1", "text": "ana's"})
    await ana.do(drop=True)
    await until(lambda: room.snapshot.texts == ("ben's", "ana's"), "ana's has come")
    assert chat.mark_read("lobby")
    delivered = await heard(ana, "chat:message_delivered", messageId="m-1")
    assert (delivered["roomId"], delivered["userId"]) == ("lobby", "ben")
    assert await heard(ana, "chat:read", upTo=sent["offset"]) == LOBBY | {"userId": "ben", "upTo": sent["offset"]}


async def test_another_device_of_the_sender_hears_what_it_sent_and_the_sender_does_not(server, stock_client, chat, ana):
    tablet = await stock_client(server.url, auth=TABLET)
    await asked(tablet, "room:join", LOBBY)
    await asked(ana, "chat:message", LOBBY | {"messageId": "m-1", "text": "from the phone"})
    assert (await heard(tablet, "chat:message", messageId="m-1"))["userId"] == "ana"
    await chat.send_message("lobby", "ben's")
    await heard(ana, "chat:message", userId="ben")
    assert [payload["userId"] for _, payload, *_ in events(ana, "chat:message")] == ["ben"]


async def test_history_comes_in_pages_in_both_directions(ana):
    for number in range(7):
        await asked(ana, "chat:message", LOBBY | {"messageId": f"m-{number}", "text": f"{number}"})
    newest = await asked(ana, "chat:history", LOBBY | {"limit": 3})
    assert ([each["text"] for each in newest["messages"]], newest["more"]) == (["4", "5", "6"], True)
    older = await asked(ana, "chat:history", LOBBY | {"before": newest["messages"][0]["offset"], "limit": 200})
    assert ([each["text"] for each in older["messages"]], older["more"]) == (["0", "1", "2", "3"], False)
    on = await asked(ana, "chat:history", LOBBY | {"after": older["messages"][1]["offset"], "limit": 2})
    assert ([each["text"] for each in on["messages"]], on["more"]) == (["2", "3"], True)
    nothing_said = await asked(ana, "chat:history", LOBBY | {"before": None, "after": None, "limit": None})
    assert len(nothing_said["messages"]) == 7
