"""Pages of one room: what was missed, its end first, and what is older."""

import asyncio

import pytest

from realtime.chat.pages import Pages
from realtime.chat.room import Room
from realtime.chat.wire import JoinReply, read_reply
from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.questions import Questions
from tests.chat.ana import logged
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping


class Paging:
    """The pages of a room that Ana left off at offset 3, and the server's side of it."""

    def __init__(self, *, first=(1, 2, 3), more=False):
        self.socket = FakeSocket()
        self.questions = Questions(self.socket, read_reply)
        self.room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        self.told = []
        self.arrivals = 0
        self.pages = Pages(self.room, "lobby", self.questions, self._changed, self._caught_up)
        self.join(last=max(first, default=0), messages=first, more=more)
        self.arrivals = 0

    def _changed(self, events):
        self.told += [event.message.offset for event in events if type(event).__name__ == "Received"]

    def _caught_up(self):
        self.arrivals += 1

    def join(self, *, last, messages, recovered=True, more=False, **fields):
        reply = {
            "ok": True, "position": f"e:{last}", "recovered": recovered,
            "messages": [logged(offset) for offset in messages], "more": more, **fields,
        }  # fmt: skip
        self.pages.go_on(self.room.joined(read_reply(reply, JoinReply)))

    def leave_off(self):
        self.questions.another_connection()
        self.pages.disconnected()
        self.room.disconnected()
        self.socket.disconnect()
        self.socket.connected = True
        self.socket.said()

    def answer(self, *offsets, more=False, **fields):
        messages = [logged(offset) for offset in offsets]
        self.socket.answer("chat:history", messages=messages, more=more, **fields)

    @property
    def shown(self):
        return [message.offset for message in self.room.state().messages]


def asked(paging):
    return [
        {key: value for key, value in payload.items() if key != "roomId"}
        for payload in paging.socket.said("chat:history")
    ]


@jumping
async def test_what_was_missed_is_asked_for_page_by_page():
    paging = Paging()
    paging.leave_off()
    paging.join(last=7, messages=[4, 5], more=True)
    assert asked(paging) == [{"after": 5, "limit": 200}], "so little that the end need not be shown first"
    assert paging.pages.is_busy
    paging.answer(6, 7)
    assert (paging.told, paging.arrivals, paging.pages.is_busy) == ([4, 5, 6, 7], 1, False)


@jumping
async def test_of_much_that_was_missed_the_end_is_shown_at_once():
    paging = Paging()
    paging.leave_off()
    paging.join(last=1000, messages=[4, 5], more=True)
    assert asked(paging) == [{"limit": 50}, {"after": 5, "limit": 200}]
    paging.answer(*range(951, 1001), more=True)
    assert paging.shown == [1, 2, 3, 4, 5, *range(951, 1001)]
    assert paging.room.state().behind == 945
    assert paging.told == [4, 5], "what is between them comes first"
    paging.answer(*range(6, 206), more=True)
    assert asked(paging) == [{"after": 205, "limit": 200}], "the end is asked for once"
    for begin in (206, 406, 606):
        paging.answer(*range(begin, begin + 200), more=True)
    paging.answer(*range(806, 951), more=True)
    assert paging.told == [*range(4, 1001)], "what the pages meet need not come again"
    assert (paging.arrivals, paging.room.state().behind) == (1, 0)
    assert len(asked(paging)) == 3


@jumping
async def test_an_end_that_is_refused_changes_nothing():
    paging = Paging()
    paging.leave_off()
    paging.join(last=1000, messages=[4, 5], more=True)
    paging.socket.refuse("chat:history")
    paging.answer(*range(6, 1001))
    assert paging.told == [*range(4, 1001)]


@jumping
async def test_pages_that_are_refused_are_a_gap_up_to_what_is_known(caplog):
    paging = Paging()
    paging.leave_off()
    paging.join(last=1000, messages=[4, 5], more=True)
    paging.answer(*range(951, 1001), more=True)
    paging.socket.refuse("chat:history", "no", "out of order")
    assert [(gap.after, gap.before) for gap in paging.room.state().gaps] == [(5, 951)]
    assert paging.told == [4, 5, *range(951, 1001)]
    assert "out of order" in caplog.text


@pytest.mark.clause("RT-CHAT-17")
@jumping
async def test_what_is_gone_is_a_gap_and_the_pages_go_on_behind_it():
    paging = Paging()
    paging.leave_off()
    paging.join(last=30, messages=[11, 12], recovered=False, more=True, horizon=10)
    paging.answer(*range(21, 31), recovered=False, horizon=20)
    assert [(gap.after, gap.before) for gap in paging.room.state().gaps] == [(3, 11), (12, 21)]
    assert paging.told == [11, 12, *range(21, 31)]


@jumping
async def test_a_break_in_the_middle_loses_nothing_and_asks_for_the_end_again():
    paging = Paging()
    paging.leave_off()
    paging.join(last=1000, messages=[4, 5], more=True)
    paging.answer(*range(951, 1001), more=True)
    paging.leave_off()
    assert paging.shown[-1] == 1000, "what showed goes on showing"
    paging.join(last=1100, messages=range(6, 206), more=True)
    assert asked(paging) == [{"limit": 50}, {"after": 205, "limit": 200}]
    paging.answer(*range(1051, 1101), more=True)
    assert paging.shown == [*range(1, 206), *range(1051, 1101)]


@jumping
async def test_older_ones_are_loaded_when_the_reader_wants_them():
    paging = Paging(first=(8, 9), more=True)
    loading = asyncio.ensure_future(paging.pages.older(5))
    again = asyncio.ensure_future(paging.pages.older(5))
    await asyncio.sleep(0)
    assert asked(paging) == [{"before": 8, "limit": 5}], "whoever wants them meanwhile waits for the same page"
    paging.answer(3, 4, 5, 6, 7, more=True)
    assert (await loading, await again) == (True, True)
    assert paging.shown == [3, 4, 5, 6, 7, 8, 9]
    loading = asyncio.ensure_future(paging.pages.older(5))
    await asyncio.sleep(0)
    paging.answer(1, 2)
    assert not await loading
    assert not await paging.pages.older(5), "there are none"
    assert paging.told == []
    assert len(asked(paging)) == 1


@jumping
async def test_who_waits_for_older_ones_learns_that_they_were_refused_or_the_connection_lost():
    paging = Paging(first=(8, 9), more=True)
    loading = asyncio.ensure_future(paging.pages.older(5))
    await asyncio.sleep(0)
    paging.socket.refuse("chat:history", "no", "because")
    with pytest.raises(SendRefused, match="because"):
        await loading
    loading = asyncio.ensure_future(paging.pages.older(5))
    await asyncio.sleep(0)
    paging.leave_off()
    with pytest.raises(ConnectionLost):
        await loading
    with pytest.raises(ConnectionLost, match="not in the room"):
        await paging.pages.older(5)
