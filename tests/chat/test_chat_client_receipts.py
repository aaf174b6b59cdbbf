"""Receipts and unread counts of the chat client, with the test as its server."""

import asyncio

import pytest

from realtime.chat.message import Marker, MessageStatus
from tests.chat.ana import NO_MESSAGES, Ana, logged
from tests.jumping_clock import jumping

WITH_RECEIPTS = NO_MESSAGES | {"receipts": []}


async def joined(**options):
    ana = Ana(**options)
    for event in ("delivered", "read"):
        ana.chat.on(event, lambda *args, event=event: ana.told.append((event, *args)))
    ana.chat.on("mention", lambda message: ana.told.append(("mention", message.text)))
    joining = asyncio.ensure_future(ana.chat.join("lobby"))
    await asyncio.sleep(0)
    ana.socket.answer("room:join", **WITH_RECEIPTS)
    await joining
    ana.socket.said()
    return ana


def up_to(offset):
    return {"roomId": "lobby", "upTo": offset}


class TestReporting:
    @jumping
    async def test_what_was_received_is_reported_at_once_and_then_every_five_seconds(self):
        ana = await joined()
        ana.hear(1, 2)
        await asyncio.sleep(0.1)
        [asked] = ana.socket.asked
        assert (asked.event, asked.payload, asked.ack, asked.volatile) == ("chat:received", up_to(2), True, True)
        ana.socket.answer("chat:received")
        ana.socket.said()
        for offset in range(3, 8):
            ana.hear(offset)
            await asyncio.sleep(0.1)
        await asyncio.sleep(4.3)
        assert ana.socket.said() == []
        await asyncio.sleep(0.2)
        assert ana.socket.said("chat:received") == [up_to(7)]

    @jumping
    async def test_the_pace_can_be_set(self):
        ana = await joined(receipt_interval_s=10)
        ana.hear(1)
        await asyncio.sleep(0)
        ana.socket.answer("chat:received")
        ana.hear(2)
        ana.socket.said()
        await asyncio.sleep(9.9)
        assert ana.socket.said() == []
        await asyncio.sleep(0.2)
        assert ana.socket.said("chat:received") == [up_to(2)]

    @jumping
    async def test_own_messages_are_not_reported(self):
        ana = await joined()
        ana.chat.send_message("lobby", "hello")
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        ana.socket.said()
        await asyncio.sleep(10)
        assert ana.socket.said() == []

    @jumping
    async def test_reading_is_reported_and_counts_nothing_as_unread(self):
        ana = await joined()
        ana.hear(1, 2, 3)
        assert ana.chat.mark_read("lobby", up_to=2)
        assert ana.state.unread == 1
        assert ana.chat.mark_read("lobby")
        assert ana.state.unread == 0
        await asyncio.sleep(0)
        assert ana.socket.said() == ["chat:read"], "read implies received"
        ana.socket.answer("chat:read")
        await asyncio.sleep(10)
        assert ana.socket.said() == []

    @jumping
    async def test_reading_is_told_here_too_once(self):
        ana = await joined()
        ana.hear(1, 2)
        heard = []
        ana.chat.on("read", lambda *moved: heard.append(moved))
        for up_to in (1, 1, None, None):
            ana.chat.mark_read("lobby", up_to)
        assert heard == [("lobby", "ana", 1), ("lobby", "ana", 2)]

    @pytest.mark.parametrize("word", ["lost", "refused", "nonsense"])
    @jumping
    async def test_a_receipt_is_told_again_until_the_server_has_it(self, word):
        ana = await joined()
        ana.hear(1)
        ana.chat.mark_read("lobby")
        await asyncio.sleep(0)
        match word:
            case "lost":
                ana.socket.disconnect()
                ana.socket.said()
                ana.socket.connect()
                ana.socket.answer("room:join", **WITH_RECEIPTS | {"position": "e:1", "recovered": True})
            case "refused":
                ana.socket.refuse("chat:read", "storage_failed")
            case "nonsense":
                ana.socket.answer("chat:read", "yes")
        ana.socket.said()
        await asyncio.sleep(3)
        assert ana.socket.said("chat:read") == [up_to(1)]
        ana.socket.answer("chat:read")
        await asyncio.sleep(100)
        assert ana.socket.said() == []
        assert [asked.event for asked in ana.socket.outbox] == [], "state needs no outbox"

    @jumping
    async def test_a_receipt_that_finds_the_connection_busy_is_told_later(self):
        ana = await joined()
        ana.socket.busy = True
        ana.hear(1)
        await asyncio.sleep(5)
        assert ana.socket.said() == []
        ana.socket.busy = False
        await asyncio.sleep(10)
        assert ana.socket.said("chat:received") == [up_to(1)]

    @jumping
    async def test_what_was_read_without_a_connection_is_told_at_the_next_one(self):
        ana = await joined()
        ana.hear(1, 2)
        await asyncio.sleep(0)
        ana.socket.answer("chat:received")
        ana.socket.disconnect()
        ana.chat.mark_read("lobby")
        await asyncio.sleep(100)
        ana.socket.said()
        ana.socket.connect()
        join = {"position": "e:2", "recovered": True, "receipts": [{"userId": "ana", "received": 2, "read": 0}]}
        ana.socket.answer("room:join", **NO_MESSAGES | join)
        await asyncio.sleep(0)
        assert ana.socket.said() == ["room:join", "chat:read"]

    @jumping
    async def test_in_the_background_nothing_is_marked_as_read(self):
        ana = await joined()
        ana.socket.app_state.background()
        ana.hear(1)
        await asyncio.sleep(0)
        assert ana.socket.said() == ["chat:received"], "the device has it, though nobody looks"
        assert not ana.chat.mark_read("lobby")
        assert ana.state.unread == 1
        ana.socket.app_state.foreground()
        assert ana.chat.mark_read("lobby")
        assert ana.state.unread == 0

    @jumping
    async def test_receipts_can_be_switched_off(self):
        ana = await joined(receipts=False)
        ana.hear(1)
        ana.chat.mark_read("lobby")
        await asyncio.sleep(10)
        assert ana.socket.said() == []
        assert ana.state.unread == 0

    @jumping
    async def test_a_closed_client_reports_nothing(self):
        ana = await joined()
        ana.hear(1)
        ana.chat.close()
        await asyncio.sleep(10)
        assert ana.socket.said() == []


class TestHearing:
    @jumping
    async def test_an_own_message_turns_to_delivered_and_to_read(self):
        ana = await joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        delivered = {"roomId": "lobby", "messageId": result.message_id, "userId": "ben", "upTo": 1}
        ana.socket.dispatch("chat:message_delivered", delivered)
        assert ana.statuses == [MessageStatus.DELIVERED]
        assert ana.state.delivered_to(ana.state.messages[0]) == ("ben",)
        ana.socket.dispatch("chat:read", {"roomId": "lobby", "userId": "ben", "upTo": 1})
        assert ana.statuses == [MessageStatus.READ]
        assert ana.state.markers == {"ben": Marker("ben", 1, 1)}
        assert ana.told == [
            ("message_delivered", "hello"),
            ("delivered", "lobby", "ben", 1),
            ("read", "lobby", "ben", 1),
        ]

    @jumping
    async def test_one_word_of_the_server_may_be_about_several_users(self):
        ana = await joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        others = [{"userId": "cleo", "upTo": 1}, {"userId": "dan", "upTo": 1}]
        delivered = {"roomId": "lobby", "messageId": result.message_id, "userId": "ben", "upTo": 1, "others": others}
        ana.socket.dispatch("chat:message_delivered", delivered)
        assert ana.state.delivered_to(ana.state.messages[0]) == ("ben", "cleo", "dan")
        assert ana.told[1:] == [("delivered", "lobby", user, 1) for user in ("ben", "cleo", "dan")]

    @jumping
    async def test_what_moved_while_one_was_away_comes_with_the_join(self):
        ana = await joined()
        for text in ("one", "two", "three"):
            ana.chat.send_message("lobby", text)
        for offset in (1, 2, 3):
            ana.socket.answer("chat:message", offset=offset, timestamp=5)
        ana.socket.disconnect()
        ana.socket.connect()
        receipts = [{"userId": "ben", "received": 2, "read": 1}, {"userId": "cleo", "received": 1, "read": 0}]
        ana.socket.answer("room:join", **NO_MESSAGES | {"position": "e:3", "recovered": True, "receipts": receipts})
        assert ana.statuses == [MessageStatus.READ, MessageStatus.DELIVERED, MessageStatus.SENT]
        assert ana.told[3:] == [
            ("delivered", "lobby", "ben", 2),
            ("read", "lobby", "ben", 1),
            ("delivered", "lobby", "cleo", 1),
        ]

    @jumping
    async def test_an_own_message_that_comes_by_the_log_has_its_status_too(self):
        ana = await joined()
        ana.socket.disconnect()
        ana.socket.connect()
        receipts = [{"userId": "ben", "received": 2, "read": 1}]
        mine = [logged(offset, "ana") for offset in (1, 2, 3)]
        page = {"position": "e:3", "recovered": True, "messages": mine, "receipts": receipts}
        ana.socket.answer("room:join", **NO_MESSAGES | page)
        assert ana.statuses == [MessageStatus.READ, MessageStatus.DELIVERED, MessageStatus.SENT]

    @jumping
    async def test_a_receipt_that_overtakes_the_ack_counts_when_the_ack_comes(self):
        ana = await joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.dispatch("chat:read", {"roomId": "lobby", "userId": "ben", "upTo": 1})
        assert ana.statuses == [MessageStatus.PENDING]
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        assert ana.statuses == [MessageStatus.READ]
        assert (await result).message_id == result.message_id

    @pytest.mark.clause("RT-CHAT-14")
    @jumping
    async def test_what_the_user_read_on_another_device_is_read_here(self):
        ana = await joined()
        ana.hear(1, 2, 3)
        ana.socket.dispatch("chat:read", {"roomId": "lobby", "userId": "ana", "upTo": 2})
        assert ana.state.unread == 1
        assert ("read", "lobby", "ana", 2) in ana.told

    @pytest.mark.clause("RT-CHAT-13")
    @jumping
    async def test_a_mention_is_told_after_its_message(self):
        ana = await joined()
        ana.socket.dispatch("chat:message", logged(1, text="coffee, @ana?"), "o")
        assert ana.told == [("message", "coffee, @ana?"), ("mention", "coffee, @ana?")]
        assert ana.state.mentioned == 1

    @jumping
    async def test_receipts_of_rooms_that_were_not_joined_and_nonsense_are_ignored(self, caplog):
        ana = await joined()
        ana.socket.dispatch("chat:read", {"roomId": "tram", "userId": "ben", "upTo": 1})
        ana.socket.dispatch("chat:message_delivered", {"roomId": "tram", "userId": "ben", "upTo": 1})
        ana.socket.dispatch("chat:read", {"roomId": "lobby", "userId": "ben", "upTo": "all"})
        assert ana.told == []
        assert "chat:read" in caplog.text
