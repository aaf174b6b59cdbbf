"""A seat in a room: who waits for it is always told, and in which order things are told."""

import asyncio

import pytest

from realtime.chat.room import Room
from realtime.chat.seat import JoinRefused, Seat
from realtime.chat.wire import read_reply
from realtime.connection.errors import SendRefused
from realtime.connection.questions import Questions
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping

JOINED = {"position": "e:0", "recovered": False, "messages": [], "more": False, "members": []}


def entry(offset):
    """A message of Ben's."""
    return {"messageId": f"b{offset}", "userId": "ben", "text": str(offset), "timestamp": offset, "offset": offset}


class Taken:
    """A seat on a fake socket; ``told`` holds each event with the state that was published before it."""

    def __init__(self):
        self.socket = FakeSocket()
        questions = Questions(self.socket, read_reply)
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        self.told = []
        self.seat = Seat("lobby", room, self.socket, questions, self._tell)

    def _tell(self, seat, events):
        self.told += [(type(event).__name__, seat.state.snapshot.texts) for event in events]

    async def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(0)
        return task

    async def join(self):
        joining = await self.start(self.seat.join())
        self.socket.answer("room:join", **JOINED)
        await joining


@jumping
async def test_the_state_is_published_and_the_sender_told_before_the_event():
    taken = Taken()
    await taken.join()
    result = taken.seat.send("m1", "hello", None)
    taken.socket.answer("chat:message", offset=1, timestamp=1)
    assert result.done
    assert taken.told == [("Delivered", ("hello",))]


@jumping
async def test_a_refused_outbox_shows_nothing():
    taken = Taken()
    await taken.join()
    taken.socket.full = True
    with pytest.raises(SendRefused):
        taken.seat.send("m1", "hello", None)
    assert taken.seat.state.snapshot.texts == ()
    assert taken.seat.unsent == 0


@jumping
async def test_a_message_that_fails_while_it_is_written_is_refused():
    """As one that exceeds the limit of the server to which the outbox is just being written."""
    taken = Taken()
    await taken.join()
    emit = taken.socket.emit

    def emit_too_much(event, payload, **options):
        receipt = emit(event, payload, **options)
        receipt.failed(SendRefused("message_too_large", "too large"))
        return receipt

    taken.socket.emit = emit_too_much
    result = taken.seat.send("m1", "hello", None)
    with pytest.raises(SendRefused, match="too large"):
        await result
    assert taken.seat.state.snapshot.messages[0].error == "too large"


@jumping
async def test_a_join_that_is_answered_after_leaving_changes_nothing():
    taken = Taken()
    joining = await taken.start(taken.seat.join())
    [asked] = taken.socket.outbox
    leaving = await taken.start(taken.seat.leave())
    asked.receipt.acked({"ok": True} | JOINED)
    taken.socket.answer("room:leave")
    await asyncio.gather(joining, leaving)
    assert not taken.seat.state.snapshot.joined


@jumping
async def test_one_who_stops_waiting_does_not_disturb_the_others():
    taken = Taken()
    impatient = await taken.start(taken.seat.join())
    patient = await taken.start(taken.seat.join())
    impatient.cancel()
    await asyncio.sleep(0)
    taken.socket.answer("room:join", **JOINED)
    await patient
    assert taken.seat.state.snapshot.joined


@jumping
async def test_a_join_that_finds_no_place_in_the_outbox_disturbs_nobody_and_is_tried_at_the_next_connection():
    taken = Taken()
    await taken.join()
    taken.socket.disconnect()
    taken.seat.disconnected()
    taken.socket.full = taken.socket.busy = True
    taken.socket.connect()
    taken.seat.connected()
    assert not taken.seat.state.snapshot.joined
    taken.socket.disconnect()
    taken.seat.disconnected()
    taken.socket.full = taken.socket.busy = False
    taken.socket.connect()
    taken.seat.connected()
    taken.socket.answer("room:join", **JOINED)
    assert taken.seat.state.snapshot.joined


@jumping
async def test_a_refused_join_is_told_after_the_state():
    taken = Taken()
    joining = await taken.start(taken.seat.join())
    taken.socket.refuse("room:join", "full", "the room is full")
    with pytest.raises(SendRefused, match="the room is full"):
        await joining
    assert taken.told == [(JoinRefused.__name__, ())]
    assert not taken.seat.wanted


@jumping
async def test_a_closed_seat_ignores_a_late_acknowledgement():
    taken = Taken()
    await taken.join()
    result = taken.seat.send("m1", "hello", None)
    taken.seat.close()
    taken.socket.answer("chat:message", offset=1, timestamp=1)
    assert taken.told == []
    with pytest.raises(SendRefused, match="closed"):
        await result


@jumping
async def test_what_follows_an_own_message_before_the_first_page_is_fetched():
    """The answers to the join and to the message were lost; then others wrote more than a first join brings."""
    taken = Taken()
    taken.socket.connected = False
    taken.seat.wanted = True
    taken.seat.send("m1", "m1", None)
    taken.socket.connected = True
    taken.seat.connected()
    taken.socket.answer("room:join", **JOINED | {"position": "e:5", "messages": [entry(5)], "more": True})
    taken.socket.said()
    taken.socket.answer("chat:message", offset=2, timestamp=1)
    assert taken.socket.said("chat:history") == [{"roomId": "lobby", "after": 1, "limit": 200}]
    taken.socket.answer("chat:history", messages=[entry(3)], more=True, recovered=True)
    assert taken.socket.said("chat:history") == [{"roomId": "lobby", "after": 3, "limit": 200}]
    taken.socket.answer("chat:history", messages=[entry(4), entry(5)], more=False, recovered=True)
    assert taken.seat.state.snapshot.texts == ("m1", "3", "4", "5")
    assert [name for name, _ in taken.told] == ["Delivered"], "the rest is history"
    assert taken.socket.said() == []


@jumping
async def test_older_messages_that_are_refused_are_a_gap():
    taken = Taken()
    taken.seat.wanted = True
    taken.seat.send("m1", "m1", None)
    taken.socket.answer("chat:message", offset=2, timestamp=1)
    taken.seat.connected()
    taken.socket.answer("room:join", **JOINED | {"position": "e:5", "messages": [entry(5)], "more": True})
    taken.socket.refuse("chat:history")
    assert taken.seat.state.snapshot.gap
    assert taken.socket.said("chat:history") == [{"roomId": "lobby", "after": 1, "limit": 200}], "not asked again"


@jumping
async def test_older_messages_are_asked_for_again_at_the_next_connection():
    taken = Taken()
    taken.seat.wanted = True
    taken.seat.send("m1", "m1", None)
    taken.socket.answer("chat:message", offset=2, timestamp=1)
    taken.seat.connected()
    taken.socket.answer("room:join", **JOINED | {"position": "e:5", "messages": [entry(5)], "more": True})
    taken.seat.disconnected()
    taken.seat._questions.another_connection()
    taken.socket.disconnect()
    taken.socket.said()
    taken.socket.connected = True
    taken.seat.connected()
    taken.socket.answer("room:join", **JOINED | {"position": "e:5", "recovered": True})
    assert taken.socket.said("chat:history") == [{"roomId": "lobby", "after": 1, "limit": 200}]


class TestChanges:
    """Edits, deletions and reactions go through the outbox as messages do."""

    async def with_own(self):
        taken = Taken()
        await taken.join()
        taken.seat.send("m1", "hello", None)
        taken.socket.answer("chat:message", offset=1, timestamp=1)
        taken.socket.said()
        taken.told.clear()
        return taken, taken.seat.room.find("m1")

    @jumping
    async def test_the_state_is_published_before_the_event(self):
        taken, message = await self.with_own()
        result = taken.seat.edit("c1", message, "hello there")
        assert taken.seat.state.snapshot.texts == ("hello there",)
        assert taken.seat.unsent == 1
        taken.socket.answer("chat:edit", offset=2, timestamp=2)
        assert (await result).text == "hello there"
        assert taken.told == [("Edited", ("hello there",))]
        assert taken.seat.unsent == 0

    @jumping
    async def test_a_full_outbox_changes_nothing(self):
        taken, message = await self.with_own()
        taken.socket.full = True
        with pytest.raises(SendRefused):
            taken.seat.delete("c1", message)
        assert taken.seat.state.snapshot.texts == ("hello",)

    @jumping
    async def test_a_refused_change_falls_back(self):
        taken, message = await self.with_own()
        result = taken.seat.react("c1", message, "👍", add=True)
        taken.socket.refuse("chat:reaction", "too_many_reactions", "it has 500")
        with pytest.raises(SendRefused, match="it has 500"):
            await result
        assert taken.seat.room.find("m1").reactions == ()

    @jumping
    async def test_changes_of_a_message_that_is_discarded_are_taken_back_with_it(self):
        taken, _ = await self.with_own()
        taken.socket.disconnect()
        taken.seat.send("m2", "typo", None)
        result = taken.seat.edit("c1", taken.seat.room.find("m2"), "no typo")
        assert taken.seat.discard("m2")
        assert taken.socket.outbox == []
        with pytest.raises(SendRefused, match="discarded"):
            await result

    @pytest.mark.clause("RT-CHAT-19")
    @jumping
    async def test_what_an_earlier_run_left_to_change_shows_again(self):
        """Before its message is loaded, too; what makes no sense is left alone."""
        taken = Taken()
        payloads = [
            {"roomId": "lobby", "messageId": "b1", "emoji": "👍", "action": "add", "changeId": "c1"},
            {"roomId": "lobby", "messageId": "m1", "text": "better", "changeId": "c2"},
            {"roomId": "lobby", "messageId": "m2", "changeId": "c3"},
            {"roomId": "lobby", "messageId": "b1", "emoji": "👍", "changeId": "c4"},
            {"roomId": "tram", "messageId": "b1", "emoji": "👍", "action": "add", "changeId": "c5"},
        ]
        for payload in payloads:
            event = "chat:reaction" if "emoji" in payload else "chat:edit" if "text" in payload else "chat:delete"
            taken.socket.leave(event, payload)
        joining = await taken.start(taken.seat.join())
        mine = {"messageId": "m1", "userId": "ana", "text": "m1", "timestamp": 2, "offset": 2}
        gone = {"messageId": "m2", "userId": "ana", "text": "m2", "timestamp": 3, "offset": 3}
        taken.socket.answer("room:join", **JOINED | {"position": "e:3", "messages": [entry(1), mine, gone]})
        await joining
        assert [(m.text, m.is_deleted, len(m.reactions)) for m in taken.seat.state.snapshot.messages] == [
            ("1", False, 1),
            ("better", False, 0),
            ("", True, 0),
        ]
        assert taken.seat.unsent == 3
        for event, offset in (("chat:reaction", 4), ("chat:edit", 5), ("chat:delete", 6)):
            taken.socket.answer(event, offset=offset, timestamp=9)
        assert [name for name, _ in taken.told] == ["Reacted", "Edited", "Deleted"]
        assert len(taken.socket.left) == 2

    @jumping
    async def test_a_closed_seat_says_so_to_who_waits_for_a_change(self):
        taken, message = await self.with_own()
        result = taken.seat.edit("c1", message, "hello there")
        taken.seat.close()
        with pytest.raises(SendRefused, match="closed"):
            await result
