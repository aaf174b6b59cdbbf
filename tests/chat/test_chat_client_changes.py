"""Edits, deletions, reactions and older pages of the chat client, with the test as its server."""

import asyncio

import pytest

from realtime.chat.message import Reaction
from realtime.connection.errors import SendRefused
from realtime.protocol.errors import LocalProtocolError
from tests.chat.ana import NO_MESSAGES, Ana, logged
from tests.jumping_clock import jumping


async def with_two(**options):
    """Ana in a room with a message of Ben's, ben-1, and one of her own, ana-2."""
    ana = Ana(**options)
    for event in ("message_edited", "message_deleted", "reaction"):
        ana.chat.on(event, lambda message, event=event: ana.told.append((event, message.message_id)))
    joining = asyncio.ensure_future(ana.chat.join("lobby"))
    await asyncio.sleep(0)
    page = {"position": "e:2", "messages": [logged(1), logged(2, "ana")], "receipts": []}
    ana.socket.answer("room:join", **NO_MESSAGES | page)
    await joining
    await asyncio.sleep(0)
    ana.socket.answer("chat:received")
    ana.socket.said()
    return ana


def amending(offset, kind, about, user_id="ben", **fields):
    return {
        "event": f"chat:{kind}", "roomId": "lobby", "messageId": about, "userId": user_id, "timestamp": 2000 + offset,
        "offset": offset, "position": f"e:{offset}", **fields,
    }  # fmt: skip


def shown(ana, message_id):
    return next(message for message in ana.state.messages if message.message_id == message_id)


class TestHearing:
    @jumping
    async def test_what_others_change_shows_and_is_told(self):
        ana = await with_two()
        ana.socket.dispatch("chat:edit", amending(3, "edit", "ben-1", text="better"), "o")
        ana.socket.dispatch("chat:reaction", amending(4, "reaction", "ana-2", emoji="👍", action="add"), "o")
        assert (shown(ana, "ben-1").text, shown(ana, "ben-1").edited_ms) == ("better", 2003)
        assert shown(ana, "ana-2").reactions == (Reaction("👍", ("ben",)),)
        ana.socket.dispatch("chat:delete", amending(5, "delete", "ben-1"), "o")
        assert shown(ana, "ben-1").is_deleted
        assert ana.told == [("message_edited", "ben-1"), ("reaction", "ana-2"), ("message_deleted", "ben-1")]

    @pytest.mark.parametrize("event", ["chat:edit", "chat:delete", "chat:reaction"])
    @jumping
    async def test_what_makes_no_sense_is_ignored(self, event, caplog):
        ana = await with_two()
        ana.socket.dispatch(event, {"messageId": "ben-1"})
        ana.socket.dispatch(event, amending(3, "edit", "ben-1", text="x") | {"roomId": "tram"})
        assert ana.told == []
        assert event in caplog.text


class TestEditing:
    @pytest.mark.clause("RT-CHAT-10")
    @jumping
    async def test_an_edit_shows_at_once_and_goes_to_the_server(self):
        ana = await with_two()
        result = ana.chat.edit_message("lobby", "ana-2", "better")
        assert shown(ana, "ana-2").text == "better"
        [asked] = ana.socket.asked
        assert (asked.event, asked.ack, asked.volatile) == ("chat:edit", True, False)
        change_id = asked.payload["changeId"]
        assert asked.payload == {"roomId": "lobby", "messageId": "ana-2", "text": "better", "changeId": change_id}
        ana.socket.answer("chat:edit", offset=3, timestamp=2003)
        assert (await result).text == "better"
        assert ana.told == [("message_edited", "ana-2")]

    @jumping
    async def test_a_refused_edit_falls_back_and_is_raised(self):
        ana = await with_two()
        result = ana.chat.edit_message("lobby", "ana-2", "better")
        ana.socket.refuse("chat:edit", "deleted", "it was deleted meanwhile")
        with pytest.raises(SendRefused, match="deleted meanwhile"):
            await result
        assert shown(ana, "ana-2").text == "ana-2"

    @jumping
    async def test_what_makes_no_sense_is_refused_here(self):
        ana = await with_two()
        for message_id, text, words in [
            ("ben-1", "x", "ben wrote it"),
            ("nobody-9", "x", "no message 'nobody-9'"),
            ("ana-2", " ", "delete_message"),
            ("ana-2", "x" * 8001, "8001 characters"),
        ]:
            with pytest.raises(LocalProtocolError, match=words):
                ana.chat.edit_message("lobby", message_id, text)
        with pytest.raises(LocalProtocolError, match=r"await chat\.join\('tram'\)"):
            ana.chat.edit_message("tram", "ana-2", "x")
        refused = ana.chat.send_message("lobby", "typo")
        ana.socket.refuse("chat:message")
        with pytest.raises(LocalProtocolError, match="discard"):
            ana.chat.edit_message("lobby", refused.message_id, "x")
        ana.chat.delete_message("lobby", "ana-2")
        with pytest.raises(LocalProtocolError, match="was deleted"):
            ana.chat.edit_message("lobby", "ana-2", "x")
        assert ana.socket.said() == ["chat:message", "chat:delete"]

    @jumping
    async def test_an_unsent_message_can_be_changed_too(self):
        ana = await with_two()
        ana.socket.disconnect()
        unsent = ana.chat.send_message("lobby", "typo")
        ana.chat.edit_message("lobby", unsent.message_id, "no typo")
        assert [message.text for message in ana.state.unsent] == ["no typo"]
        ana.socket.said()
        ana.socket.connect()
        assert ana.socket.said() == ["room:join", "chat:message", "chat:edit"]


class TestDeleting:
    @pytest.mark.clause("RT-CHAT-10")
    @jumping
    async def test_a_deletion_shows_at_once_and_goes_to_the_server(self):
        ana = await with_two()
        result = ana.chat.delete_message("lobby", "ana-2")
        assert (shown(ana, "ana-2").is_deleted, shown(ana, "ana-2").text) == (True, "")
        [payload] = ana.socket.said("chat:delete")
        assert payload == {"roomId": "lobby", "messageId": "ana-2", "changeId": payload["changeId"]}
        ana.socket.answer("chat:delete", offset=3, timestamp=2003)
        assert (await result).is_deleted
        assert ana.told == [("message_deleted", "ana-2")]

    @pytest.mark.clause("RT-CHAT-11")
    @jumping
    async def test_only_own_ones_can_be_deleted(self):
        ana = await with_two()
        with pytest.raises(LocalProtocolError, match="ben wrote it"):
            ana.chat.delete_message("lobby", "ben-1")


class TestReacting:
    @pytest.mark.clause("RT-CHAT-8")
    @jumping
    async def test_a_reaction_shows_at_once_as_pending_and_stands_with_the_ack(self):
        ana = await with_two()
        result = ana.chat.add_reaction("lobby", "ben-1", "👍")
        assert shown(ana, "ben-1").reactions == (Reaction("👍", ("ana",), pending=True),)
        [payload] = ana.socket.said("chat:reaction")
        assert payload == {
            "roomId": "lobby", "messageId": "ben-1", "emoji": "👍", "action": "add", "changeId": payload["changeId"],
        }  # fmt: skip
        ana.socket.answer("chat:reaction", offset=3, timestamp=2003)
        assert (await result).reactions == (Reaction("👍", ("ana",)),)
        ana.chat.remove_reaction("lobby", "ben-1", "👍")
        assert shown(ana, "ben-1").reactions == ()
        assert ana.socket.said("chat:reaction")[0]["action"] == "remove"

    @jumping
    async def test_what_makes_no_sense_is_refused_here(self):
        ana = await with_two()
        with pytest.raises(LocalProtocolError, match="1 to 64"):
            ana.chat.add_reaction("lobby", "ben-1", "")
        with pytest.raises(LocalProtocolError, match="no message"):
            ana.chat.remove_reaction("lobby", "nobody-9", "👍")
        ana.socket.dispatch("chat:delete", amending(3, "delete", "ben-1"))
        with pytest.raises(LocalProtocolError, match="was deleted"):
            ana.chat.add_reaction("lobby", "ben-1", "👍")
        assert ana.socket.said() == []

    @jumping
    async def test_changes_made_without_a_connection_go_out_in_order_behind_the_join(self):
        ana = await with_two()
        ana.socket.disconnect()
        ana.chat.edit_message("lobby", "ana-2", "better")
        ana.chat.add_reaction("lobby", "ana-2", "🎉")
        ana.socket.said()
        ana.socket.connect()
        assert ana.socket.said() == ["room:join", "chat:edit", "chat:reaction"]


class TestOlderOnes:
    @pytest.mark.clause("RT-CHAT-15")
    @jumping
    async def test_they_are_paged_in_until_there_are_no_more(self):
        ana = Ana()
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:join", **NO_MESSAGES | {"position": "e:3", "messages": [logged(3)], "more": True})
        assert (await joining).has_older
        loading = asyncio.ensure_future(ana.chat.load_older("lobby", limit=2))
        await asyncio.sleep(0)
        assert ana.socket.said("chat:history") == [{"roomId": "lobby", "before": 3, "limit": 2}]
        ana.socket.answer("chat:history", messages=[logged(1), logged(2)], more=False)
        assert not await loading, "there are no more"
        assert ana.state.texts == ("ben-1", "ben-2", "ben-3")
        assert not await ana.chat.load_older("lobby")
        assert ana.told == [], "history is not told"

    @jumping
    async def test_there_is_a_limit_to_a_page(self):
        ana = await with_two()
        for limit in (0, 201):
            with pytest.raises(LocalProtocolError, match="1 to 200"):
                await ana.chat.load_older("lobby", limit=limit)


class TestRetrying:
    @pytest.mark.clause("RT-CHAT-5", "RT-CHAT-6")
    @jumping
    async def test_a_refused_message_is_sent_again_with_its_id(self):
        ana = await with_two()
        result = ana.chat.send_message("lobby", "hello", reply_to="ben-1")
        ana.socket.refuse("chat:message", "too_fast", "slow down")
        ana.socket.said()
        assert ana.chat.retry(result.message_id)
        [payload] = ana.socket.said("chat:message")
        assert payload == {
            "roomId": "lobby", "messageId": result.message_id, "text": "hello", "replyTo": "ben-1",
        }  # fmt: skip
        assert [(m.status.value, m.error) for m in ana.state.unsent] == [("pending", None)]
        ana.socket.answer("chat:message", offset=3, timestamp=2003)
        assert shown(ana, result.message_id).status.value == "sent"
        assert ana.told == [("message_failed", "hello"), ("message_delivered", "hello")]

    @pytest.mark.clause("RT-CHAT-6")
    @jumping
    async def test_a_late_message_is_in_the_outbox_already_and_the_connection_is_looked_at(self):
        ana = await with_two()
        result = ana.chat.send_message("lobby", "hello")
        await asyncio.sleep(6)
        assert shown(ana, result.message_id).status.value == "failed"
        ana.socket.said()
        assert ana.chat.retry(result.message_id)
        assert ana.socket.said() == []
        assert ana.socket.probed == 1

    @jumping
    async def test_there_is_nothing_to_retry_of_what_was_sent(self):
        ana = await with_two()
        assert not ana.chat.retry("ana-2")
        assert not ana.chat.retry("nobody-9")


@pytest.mark.clause("RT-CHAT-20")
@jumping
async def test_the_messages_of_one_room_or_of_all_are_a_frame():
    ana = await with_two()
    frame = ana.chat.to_frame()
    assert list(frame["message_id"]) == ["ben-1", "ana-2"]
    assert ana.chat.to_frame("lobby").equals(frame)
    assert list(ana.chat.to_frame("tram")["message_id"]) == []
    assert ana.chat.rooms == ("lobby",)


@pytest.mark.clause("RT-CHAT-15")
@jumping
async def test_memory_is_bounded_as_one_says():
    ana = await with_two(max_messages=3)
    ana.hear(3, 4, 5)
    assert ana.state.texts == ("ben-3", "ben-4", "ben-5")
    assert ana.state.has_older
