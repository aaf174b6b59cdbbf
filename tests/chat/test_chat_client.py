"""The chat client, with the test as its server: what it says, when, and what it makes of the answers."""

import asyncio

import pytest

from realtime.chat.message import MessageStatus
from realtime.connection.errors import SendRefused
from realtime.connection.message_queue import QueuedMessage
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.protocol.errors import LocalProtocolError
from tests.chat.ana import NO_MESSAGES, Ana, logged
from tests.jumping_clock import EPOCH_S, jumping

PENDING, SENT, FAILED = MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.FAILED
RECEIVED = MessageStatus.RECEIVED


class TestSending:
    @pytest.mark.clause("RT-CHAT-1")
    @jumping
    async def test_a_message_shows_at_once_as_pending_and_turns_to_sent_on_the_ack(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello", reply_to="m0")
        [message] = ana.state.messages
        assert (message.message_id, message.status, message.mine) == (result.message_id, PENDING, True)
        assert message.timestamp_ms == EPOCH_S * 1000
        [asked] = ana.socket.asked
        assert asked.ack
        assert asked.payload == {
            "roomId": "lobby", "messageId": result.message_id, "text": "hello", "replyTo": "m0",
        }  # fmt: skip
        ana.socket.answer("chat:message", offset=1, timestamp=1001)
        assert await result == ana.state.messages[0]
        assert ana.statuses == [SENT]
        assert ana.told == [("message_delivered", "hello")]

    @pytest.mark.clause("RT-CHAT-2")
    @jumping
    async def test_without_an_ack_it_fails_after_five_seconds_stays_in_the_outbox_and_a_late_ack_turns_it_to_sent(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        result = ana.chat.send_message("lobby", "hello")
        await asyncio.sleep(4.9)
        assert ana.statuses == [PENDING]
        await asyncio.sleep(0.2)
        assert ana.statuses == [FAILED]
        assert [asked.event for asked in ana.socket.outbox] == ["chat:message"]
        await asyncio.sleep(600)
        assert not result.done
        ana.socket.connect()
        ana.socket.answer("room:join", **NO_MESSAGES | {"recovered": True})
        ana.socket.answer("chat:message", offset=1, timestamp=1001)
        assert (await result).status is SENT
        assert len(ana.state.messages) == 1, "one bubble for ever"
        assert ana.told == [("message_failed", "hello"), ("message_delivered", "hello")]

    @pytest.mark.clause("RT-CHAT-6")
    @jumping
    async def test_the_time_until_a_message_fails_can_be_set(self):
        ana = await Ana.joined(failed_after_s=60)
        ana.chat.send_message("lobby", "hello")
        await asyncio.sleep(59)
        assert ana.statuses == [PENDING]
        await asyncio.sleep(2)
        assert ana.statuses == [FAILED]

    @jumping
    async def test_a_refusal_is_raised_to_the_sender_and_shown(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.refuse("chat:message", "too_fast", "slow down")
        with pytest.raises(SendRefused, match="slow down") as refused:
            await result
        assert refused.value.code == "too_fast"
        [message] = ana.state.messages
        assert (message.status, message.error) == (FAILED, "slow down")
        assert ana.told == [("message_failed", "hello")]

    @jumping
    async def test_an_ack_that_makes_no_sense_is_a_refusal(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.answer("chat:message", "what?")
        with pytest.raises(SendRefused, match="not understood"):
            await result

    @jumping
    async def test_a_full_outbox_refuses_at_once_and_nothing_is_shown(self):
        ana = await Ana.joined()
        ana.socket.full = True
        with pytest.raises(SendRefused, match="full"):
            ana.chat.send_message("lobby", "hello")
        assert ana.state.messages == ()

    @jumping
    async def test_what_the_server_would_refuse_is_refused_here(self):
        ana = await Ana.joined()
        with pytest.raises(LocalProtocolError, match="8001 characters"):
            ana.chat.send_message("lobby", "x" * 8001)
        with pytest.raises(LocalProtocolError, match=r"await chat\.join\('tram'\)"):
            ana.chat.send_message("tram", "hello")
        with pytest.raises(LocalProtocolError, match="room id"):
            await ana.chat.join("")
        assert ana.socket.asked == []

    @pytest.mark.clause("RT-CHAT-6")
    @jumping
    async def test_an_unsent_message_can_be_discarded(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        result = ana.chat.send_message("lobby", "hello")
        assert ana.chat.discard(result.message_id)
        assert ana.state.messages == ()
        assert ana.socket.outbox == []
        with pytest.raises(SendRefused) as refused:
            await result
        assert refused.value.code == "discarded"
        assert not ana.chat.discard(result.message_id)
        await asyncio.sleep(10)
        assert ana.told == []

    @jumping
    async def test_a_refused_message_can_be_discarded(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.refuse("chat:message")
        assert ana.chat.discard(result.message_id)
        assert ana.state.messages == ()


class TestHearing:
    @jumping
    async def test_messages_are_told_once(self):
        ana = await Ana.joined()
        ana.hear(1, 1, 2, 1)
        assert ana.told == [("message", "ben-1"), ("message", "ben-2")]
        assert ana.state.unread == 2
        ana.chat.mark_read("lobby")
        assert ana.state.unread == 0

    @jumping
    async def test_the_state_is_set_before_the_handlers_run_and_they_may_answer_at_once(self):
        ana = await Ana.joined()

        def answer(message):
            assert ana.state.texts == ("ben-1",)
            ana.chat.send_message("lobby", "hi ben")

        ana.chat.once("message", answer)
        ana.hear(1, 2)
        assert ana.state.texts == ("ben-1", "ben-2", "hi ben")

    @pytest.mark.parametrize("payload", [None, "text", {"roomId": "lobby"}, {"roomId": 7}])
    @jumping
    async def test_what_makes_no_sense_is_logged_and_ignored(self, payload, caplog):
        ana = await Ana.joined()
        for event in ("chat:message", "chat:typing", "presence:diff"):
            ana.socket.dispatch(event, payload)
        ana.socket.dispatch("chat:message")
        assert ana.state.messages == ()
        assert "chat:message" in caplog.text

    @jumping
    async def test_rooms_that_were_not_joined_are_ignored(self):
        ana = await Ana.joined()
        ana.socket.dispatch("chat:message", logged(1) | {"roomId": "tram"})
        ana.socket.dispatch("chat:typing", {"roomId": "tram", "userId": "ben", "isTyping": True})
        ana.socket.dispatch("presence:diff", {"roomId": "tram", "joins": [{"userId": "ben"}]})
        assert ana.told == []
        assert ana.chat.room("tram").snapshot.messages == ()

    @jumping
    async def test_members_come_and_go(self):
        ana = await Ana.joined()
        ben = {"userId": "ben", "deviceId": "d", "state": "active"}
        ana.socket.dispatch("presence:diff", {"roomId": "lobby", "joins": [ben], "leaves": []})
        assert ana.state.members == ("ben",)
        ana.socket.dispatch("presence:diff", {"roomId": "lobby", "joins": [], "leaves": [ben]})
        assert ana.state.members == ()


class TestTyping:
    @pytest.mark.clause("RT-CHAT-4")
    @jumping
    async def test_own_typing_is_told_and_ends_after_three_seconds(self):
        ana = await Ana.joined()
        ana.chat.set_typing("lobby", True)
        ana.chat.set_typing("lobby", True)
        assert [(asked.payload, asked.volatile) for asked in ana.socket.asked] == [
            ({"roomId": "lobby", "isTyping": True}, True)
        ]
        ana.socket.said()
        await asyncio.sleep(3.1)
        assert ana.socket.said("chat:typing") == [{"roomId": "lobby", "isTyping": False}]

    @pytest.mark.clause("RT-CHAT-4")
    @jumping
    async def test_a_remote_user_stops_typing_after_three_seconds_or_with_the_message(self):
        ana = await Ana.joined()
        typing = {"roomId": "lobby", "userId": "ben", "isTyping": True}
        ana.socket.dispatch("chat:typing", typing)
        assert ana.state.typing == ("ben",)
        await asyncio.sleep(3.1)
        assert ana.state.typing == ()
        ana.socket.dispatch("chat:typing", typing)
        ana.hear(1)
        assert ana.told == [
            ("typing", "lobby", "ben", True),
            ("typing", "lobby", "ben", False),
            ("typing", "lobby", "ben", True),
            ("typing", "lobby", "ben", False),
            ("message", "ben-1"),
        ]

    @jumping
    async def test_typing_in_a_strange_room_is_refused(self):
        ana = await Ana.joined()
        with pytest.raises(LocalProtocolError, match="join"):
            ana.chat.set_typing("tram", True)


class TestTheRest:
    @jumping
    async def test_observers_see_every_change_once(self):
        ana = await Ana.joined()
        seen = []
        ana.chat.room("lobby").observe(lambda state: seen.append([m.status for m in state.messages]))
        ana.chat.send_message("lobby", "hello")
        await asyncio.sleep(6)
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        ana.hear(2, author="ana")
        assert seen == [[PENDING], [FAILED], [SENT], [SENT, SENT]]

    @jumping
    async def test_a_closed_client_is_deaf(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.chat.close()
        ana.hear(1)
        await asyncio.sleep(10)
        assert ana.told == []
        assert ana.statuses == [PENDING]
        with pytest.raises(SendRefused, match="closed"):
            await result
        with pytest.raises(SendRefused, match="closed: make a new ChatClient"):
            ana.chat.send_message("lobby", "anyone?")
        assert ana.statuses == [PENDING]

    @jumping
    async def test_it_shows_itself_in_a_line(self):
        ana = await Ana.joined()
        ana.chat.send_message("lobby", "hello")
        assert repr(ana.chat) == "<ChatClient 'ana' rooms=lobby unsent=1>"

    @jumping
    async def test_handlers_can_be_taken_off(self):
        ana = await Ana.joined()
        heard = []
        handler = ana.chat.on("message", heard.append)
        ana.chat.off("message", handler)
        ana.hear(1)
        assert heard == []


class TestAServerThatCannotStore:
    @jumping
    async def test_a_message_says_why_it_waits_until_it_is_taken(self):
        ana = await Ana.joined()
        ana.chat.send_message("lobby", "hi")
        ana.socket.outbox[-1].receipt.on_held("storage_failed")
        [message] = ana.state.messages
        assert (message.status, message.held) == (PENDING, "storage_failed")
        ana.socket.answer("chat:message", messageId=message.message_id, offset=1, timestamp=1001)
        [message] = ana.state.messages
        assert (message.status, message.held) == (SENT, None)


class TestAnotherRunOfTheApp:
    @pytest.mark.clause("RT-CHAT-5", "RT-CHAT-19")
    @jumping
    async def test_what_the_earlier_run_left_shows_again_and_turns_to_sent(self):
        ana = Ana(connected=False)
        loop = asyncio.get_running_loop()

        def left(number, event, **payload):
            text = payload.get("text", "")
            message = QueuedMessage(number, event, (payload,), True, text.encode(), (), loop.time() - 90)
            receipt = Receipt(number, lambda message_id: True)
            ana.socket.left.append((message, receipt))
            return receipt

        lobby = left(-3, "chat:message", roomId="lobby", messageId="m1", text="from the tunnel", replyTo="m0")
        left(-2, "chat:message", roomId="kitchen", messageId="m2", text="elsewhere")
        leave = left(-1, "room:leave", roomId="lobby")
        left(-4, "chat:message", roomId="lobby")  # not a chat client's
        await ana.chat.join("lobby")
        [message] = ana.state.messages
        assert (message.message_id, message.text, message.status) == ("m1", "from the tunnel", PENDING)
        assert (message.timestamp_ms, message.reply_to, message.mine) == ((EPOCH_S - 90) * 1000, "m0", True)
        assert leave.status is ReceiptStatus.FAILED, "who comes back has not left"
        ana.socket.connect()
        ana.socket.answer("room:join", **NO_MESSAGES)
        lobby.acked({"ok": True, "offset": 1, "timestamp": 1001})
        assert ana.statuses == [SENT]
        assert ana.told == [("message_delivered", "from the tunnel")]
        assert [message.message_id for message, _ in ana.socket.left] == [-2, -4]
