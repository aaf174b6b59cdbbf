"""The chat client, with the test as its server: what it says, when, and what it makes of the answers."""

import asyncio
import random

import pytest

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import MessageStatus
from realtime.connection.errors import SendRefused
from realtime.protocol.errors import LocalProtocolError
from tests.fake_socket import FakeSocket
from tests.jumping_clock import EPOCH_S, jumping

PENDING, SENT, FAILED, RECEIVED = MessageStatus
NO_MESSAGES = {"position": "e:0", "recovered": False, "messages": [], "more": False, "members": []}


class Ana:
    """Ana's chat client on a fake socket, with everything it told noted in ``told``."""

    def __init__(self, **options):
        self.socket = FakeSocket(connected=options.pop("connected", True))
        self.chat = ChatClient(self.socket, user_id="ana", rng=random.Random(1), **options)
        self.told = []
        for event in ("message", "message_delivered", "message_failed"):
            self.chat.on(event, lambda message, event=event: self.told.append((event, message.text)))
        self.chat.on("typing", lambda *args: self.told.append(("typing", *args)))
        self.chat.on("join_refused", lambda room_id, error: self.told.append(("join_refused", room_id, error.code)))

    @classmethod
    async def joined(cls, **options):
        ana = cls(**options)
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:join", **NO_MESSAGES)
        await joining
        ana.socket.said()
        return ana

    @property
    def state(self):
        return self.chat.room("lobby").snapshot

    @property
    def statuses(self):
        return [message.status for message in self.state.messages]

    def hear(self, *offsets, author="ben"):
        for offset in offsets:
            self.socket.dispatch("chat:message", logged(offset, author), f"offset-{offset}")


def logged(offset, author="ben", text=None):
    text = text or f"{author}-{offset}"
    return {
        "roomId": "lobby", "messageId": text, "userId": author, "text": text, "timestamp": 1000 + offset,
        "offset": offset, "position": f"e:{offset}",
    }  # fmt: skip


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


class TestJoining:
    @jumping
    async def test_a_join_is_answered_with_history_and_members(self):
        ana = Ana()
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        assert ana.socket.said("room:join") == [{"roomId": "lobby"}]
        assert not joining.done()
        ana.socket.answer(
            "room:join", position="e:1", recovered=False, messages=[logged(1)], more=True,
            members=[{"userId": "ana", "deviceId": "d1", "state": "active"}],
        )  # fmt: skip
        state = await joining
        assert state is ana.state
        assert (state.texts, state.members, state.joined, state.unread) == (("ben-1",), ("ana",), True, 0)
        assert ana.told == []
        assert ana.chat.rooms == ("lobby",)

    @jumping
    async def test_joining_twice_asks_once(self):
        ana = Ana()
        joining = [asyncio.ensure_future(ana.chat.join("lobby")) for _ in range(2)]
        await asyncio.sleep(0)
        assert len(ana.socket.said("room:join")) == 1
        ana.socket.answer("room:join", **NO_MESSAGES)
        await asyncio.gather(*joining)
        await ana.chat.join("lobby")
        assert ana.socket.said("room:join") == []

    @jumping
    async def test_a_join_while_offline_is_remembered_and_precedes_the_outbox(self):
        ana = Ana(connected=False)
        state = await ana.chat.join("lobby")
        assert not state.joined
        ana.chat.send_message("lobby", "hello")
        ana.socket.connect()
        assert ana.socket.said() == ["room:join", "chat:message"]
        ana.socket.answer("room:join", **NO_MESSAGES)
        assert ana.state.joined

    @jumping
    async def test_a_join_that_dies_with_its_connection_is_asked_again(self):
        ana = Ana()
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.disconnect()
        assert not (await joining).joined, "not forgotten, only not yet"
        ana.socket.said()
        ana.socket.connect()
        assert ana.socket.said("room:join") == [{"roomId": "lobby"}]

    @jumping
    async def test_a_refused_join_is_raised_and_not_tried_again(self):
        ana = Ana()
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.refuse("room:join", "forbidden", "members only")
        with pytest.raises(SendRefused, match="members only"):
            await joining
        ana.socket.disconnect()
        ana.socket.said()
        ana.socket.connect()
        assert ana.socket.said() == []
        assert ana.told == [("join_refused", "lobby", "forbidden")]
        assert ana.chat.rooms == ()

    @pytest.mark.parametrize("broken", ["yes", {"ok": True}, {"ok": True, **NO_MESSAGES, "position": "nowhere"}])
    @jumping
    async def test_an_answer_that_makes_no_sense_is_a_refusal(self, broken):
        ana = Ana()
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:join", broken)
        with pytest.raises(SendRefused, match="not understood"):
            await joining

    @jumping
    async def test_a_join_that_finds_the_connection_busy_queues_behind_the_others(self):
        ana = Ana()
        ana.socket.busy = True
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        [asked] = ana.socket.asked
        assert (asked.event, asked.volatile) == ("room:join", False)
        ana.socket.disconnect()
        assert ana.socket.outbox == [], "a stale join must not reach the next connection"
        assert not (await joining).joined

    @jumping
    async def test_messages_that_overtook_the_join_are_sent_again_behind_it(self):
        """A connection so busy that the join had to queue: the server refuses what came before it."""
        ana = await Ana.joined()
        ana.socket.disconnect()
        results = [ana.chat.send_message("lobby", text) for text in ("one", "two")]
        ana.socket.busy = True
        ana.socket.connect()
        ana.socket.refuse("chat:message", "not_member")
        ana.socket.refuse("chat:message", "not_member")
        assert [asked.event for asked in ana.socket.outbox] == ["room:join", "chat:message", "chat:message"]
        ana.socket.answer("room:join", **NO_MESSAGES | {"recovered": True})
        for offset in (1, 2):
            ana.socket.answer("chat:message", offset=offset, timestamp=5)
        assert [(await result).text for result in results] == ["one", "two"]
        assert ana.told == [("message_delivered", "one"), ("message_delivered", "two")]

    @jumping
    async def test_a_member_who_is_told_not_to_be_one_believes_it(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.refuse("chat:message", "not_member", "you were removed")
        with pytest.raises(SendRefused, match="removed"):
            await result


class TestReconnecting:
    @pytest.mark.clause("RT-CHAT-3")
    @jumping
    async def test_after_a_reconnect_it_joins_with_its_position_and_is_told_what_it_missed_in_order(self):
        ana = await Ana.joined()
        ana.hear(1, 2)
        ana.socket.disconnect()
        assert not ana.state.joined
        ana.socket.connect()
        assert ana.socket.said("room:join") == [{"roomId": "lobby", "since": "e:2"}]
        ana.hear(5)
        ana.socket.answer(
            "room:join", position="e:4", recovered=True, messages=[logged(3), logged(4)], more=False, members=[]
        )
        assert ana.state.texts == ("ben-1", "ben-2", "ben-3", "ben-4", "ben-5")
        assert ana.told == [("message", f"ben-{n}") for n in (1, 2, 3, 4, 5)]
        assert not ana.state.gap

    @pytest.mark.clause("RT-CHAT-3")
    @jumping
    async def test_a_long_absence_is_caught_up_page_by_page(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        ana.socket.connect()
        ana.socket.answer("room:join", position="e:5", recovered=True, messages=[logged(1)], more=True, members=[])
        assert ana.socket.said("chat:history") == [{"roomId": "lobby", "after": 1, "limit": 200}]
        ana.socket.answer("chat:history", position="e:5", recovered=True, messages=[logged(2), logged(3)], more=True)
        assert ana.socket.said("chat:history") == [{"roomId": "lobby", "after": 3, "limit": 200}]
        assert not ana.state.joined
        ana.hear(6)
        ana.socket.answer("chat:history", position="e:5", recovered=True, messages=[logged(4), logged(5)], more=False)
        assert ana.told == [("message", f"ben-{n}") for n in range(1, 7)]
        assert ana.state.joined

    @pytest.mark.clause("RT-CHAT-3")
    @jumping
    async def test_a_lost_ack_a_catch_up_and_the_retry_give_one_message(self):
        ana = await Ana.joined()
        result = ana.chat.send_message("lobby", "hello")
        ana.socket.disconnect()
        ana.socket.connect()
        mine = logged(1, "ana", result.message_id) | {"text": "hello"}
        ana.socket.answer("room:join", position="e:1", recovered=True, messages=[mine], more=False, members=[])
        assert ana.statuses == [SENT]
        assert (await result).offset == 1
        ana.socket.answer("chat:message", offset=1, timestamp=1001)
        assert ana.state.texts == ("hello",)
        assert ana.told == [("message_delivered", "hello")]

    @jumping
    async def test_an_answer_to_a_former_connection_is_ignored(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        ana.socket.connect()
        [former] = [asked for asked in ana.socket.outbox if asked.event == "room:join"]
        ana.socket.outbox.remove(former)
        ana.socket.disconnect()
        ana.socket.connect()
        former.receipt.acked({"ok": True, **NO_MESSAGES})
        assert not ana.state.joined

    @jumping
    async def test_what_cannot_be_covered_is_shown_as_a_gap(self):
        ana = await Ana.joined()
        ana.hear(1)
        ana.socket.disconnect()
        ana.socket.connect()
        ana.socket.answer("room:join", position="e:90", recovered=False, messages=[logged(90)], more=True, members=[])
        assert ana.state.gap
        assert ana.state.texts == ("ben-1", "ben-90")
        assert ana.socket.said("chat:history") == []

    @jumping
    async def test_history_that_is_refused_is_a_gap_and_the_room_goes_on(self, caplog):
        ana = await Ana.joined()
        ana.socket.disconnect()
        ana.socket.connect()
        ana.socket.answer("room:join", position="e:9", recovered=True, messages=[logged(1)], more=True, members=[])
        ana.socket.refuse("chat:history", "engine", "disk full")
        assert ana.state.gap
        assert ana.state.joined
        assert "disk full" in caplog.text

    @jumping
    async def test_history_goes_through_a_busy_connection_too(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        ana.socket.connect()
        ana.socket.busy = True
        ana.socket.answer("room:join", position="e:2", recovered=True, messages=[logged(1)], more=True, members=[])
        ana.socket.answer("chat:history", position="e:2", recovered=True, messages=[logged(2)], more=False)
        assert ana.state.texts == ("ben-1", "ben-2")


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


class TestLeaving:
    @jumping
    async def test_leaving_waits_for_the_answer_and_the_room_falls_silent(self):
        ana = await Ana.joined()
        ana.hear(1)
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        assert ana.socket.said("room:leave") == [{"roomId": "lobby"}]
        assert not leaving.done()
        ana.socket.answer("room:leave")
        await leaving
        ana.hear(2)
        assert (ana.state.joined, ana.state.texts, ana.chat.rooms) == (False, ("ben-1",), ())
        ana.socket.disconnect()
        ana.socket.connect()
        assert ana.socket.said() == []
        await ana.chat.leave("lobby")
        assert ana.socket.said() == []

    @jumping
    async def test_leaving_while_offline_is_told_later_and_taken_back_by_a_join(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        await ana.chat.leave("lobby")
        assert [asked.event for asked in ana.socket.outbox] == ["room:leave"]
        await ana.chat.join("lobby")
        assert ana.socket.outbox == []
        ana.socket.connect()
        assert ana.socket.said() == ["room:join"]

    @jumping
    async def test_a_return_to_a_room_catches_up(self):
        ana = await Ana.joined()
        ana.hear(1)
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:leave")
        await leaving
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        assert ana.socket.said("room:join") == [{"roomId": "lobby", "since": "e:1"}]
        ana.socket.answer("room:join", position="e:2", recovered=True, messages=[logged(2)], more=False, members=[])
        assert (await joining).texts == ("ben-1", "ben-2")

    @jumping
    async def test_a_lost_connection_ends_the_wait(self):
        ana = await Ana.joined()
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        ana.socket.disconnect()
        await leaving


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
