"""Coming into rooms, going out, and coming back after the connection broke; the test is the server."""

import asyncio

import pytest

from realtime.chat.message import MessageStatus
from realtime.connection.errors import SendRefused
from tests.chat.ana import NO_MESSAGES, Ana, logged
from tests.jumping_clock import jumping

SENT = MessageStatus.SENT


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

    @pytest.mark.parametrize("is_refused", [True, False])
    @jumping
    async def test_the_answer_to_a_join_before_a_leave_is_not_the_answer_to_the_join_behind_it(self, is_refused):
        """The server reads the log for the join, hears of the leave meanwhile, and refuses what was left."""
        ana = Ana()
        first = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        [asked] = ana.socket.asked
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        again = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        assert ana.socket.said() == ["room:join", "room:leave", "room:join"]
        left = {"ok": False, "error": {"code": "left", "message": "the room was left"}}
        asked.receipt.acked(left if is_refused else {"ok": True, **NO_MESSAGES})
        assert not ana.state.joined
        ana.socket.answer("room:join", **NO_MESSAGES)
        await asyncio.gather(first, leaving, again)
        assert (ana.chat.rooms, ana.state.joined, ana.told) == (("lobby",), True, [])

    @jumping
    async def test_a_join_that_could_not_be_answered_is_not_asked_again_after_a_leave(self):
        ana = Ana()
        first = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        [asked] = ana.socket.asked
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        asked.receipt.acked({"ok": False, "error": {"code": "storage_failed", "message": "the disk is full"}})
        ana.socket.answer("room:leave")
        await asyncio.gather(first, leaving)
        assert ana.socket.said() == ["room:join", "room:leave"]

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
        assert [asked.event for asked in ana.socket.outbox] == ["chat:message", "chat:message", "room:join"], "kept"
        ana.socket.said()
        ana.socket.answer("room:join", **NO_MESSAGES | {"recovered": True})
        assert ana.socket.said() == ["chat:message", "chat:message"]
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


class TestLeavingWithUnsentMessages:
    """What was said before the room was left is to be delivered: the next connection goes in once more to say it."""

    @jumping
    async def test_they_go_out_before_the_leave(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        result = ana.chat.send_message("lobby", "hello")
        await ana.chat.leave("lobby")
        ana.socket.connect()
        assert ana.socket.said() == ["room:join", "chat:message", "room:leave"]
        ana.socket.answer("room:join", **NO_MESSAGES)
        ana.socket.answer("chat:message", offset=1, timestamp=5)
        assert (await result).text == "hello"
        assert (ana.chat.rooms, ana.state.joined) == ((), False)
        ana.socket.answer("room:leave")
        ana.socket.disconnect()
        ana.socket.connect()
        assert ana.socket.said() == []

    @jumping
    async def test_it_is_left_again_if_only_the_leave_was_answered(self):
        ana = await Ana.joined()
        ana.chat.send_message("lobby", "hello")
        leaving = asyncio.ensure_future(ana.chat.leave("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:leave")
        await leaving
        ana.socket.disconnect()
        ana.socket.said()
        ana.socket.connect()
        assert ana.socket.said()[0] == "room:join"
        assert [asked.event for asked in ana.socket.outbox if not asked.volatile] == ["chat:message", "room:leave"]

    @jumping
    async def test_who_comes_back_meanwhile_joins_with_what_was_missed(self):
        ana = await Ana.joined()
        ana.hear(1)
        ana.socket.disconnect()
        ana.chat.send_message("lobby", "hello")
        await ana.chat.leave("lobby")
        ana.socket.said()
        ana.socket.connect()
        again = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        visit, join = ana.socket.said("room:join")
        assert (visit, join) == ({"roomId": "lobby", "limit": 1}, {"roomId": "lobby", "since": "e:1"})
        ana.socket.answer("room:join", position="e:1", recovered=True, messages=[], more=False, members=[])
        assert (await again).joined

    @jumping
    async def test_a_server_that_lets_nobody_in_refuses_them(self):
        ana = await Ana.joined()
        ana.socket.disconnect()
        result = ana.chat.send_message("lobby", "hello")
        await ana.chat.leave("lobby")
        ana.socket.connect()
        ana.socket.refuse("chat:message", "not_member")
        ana.socket.refuse("room:join", "forbidden")
        ana.socket.refuse("chat:message", "not_member", "members only")
        with pytest.raises(SendRefused, match="members only"):
            await result
        assert [event for event, *_ in ana.told] == ["message_failed"]


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
