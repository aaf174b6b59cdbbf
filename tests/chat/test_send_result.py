"""What the sender of a message may wait for."""

import asyncio
import gc

import pytest

from realtime.chat.message import Message, MessageStatus
from realtime.chat.send_result import SendResult
from realtime.connection.errors import SendRefused

SENT = Message(
    room_id="lobby", message_id="m1", user_id="ana", text="hi", timestamp_ms=1, offset=1, status=MessageStatus.SENT
)


async def test_the_id_is_known_at_once_and_the_message_when_it_is_sent():
    result = SendResult("m1")
    assert (result.message_id, result.done) == ("m1", False)
    assert repr(result) == "<SendResult 'm1' pending>"
    waiting = [asyncio.ensure_future(result), asyncio.ensure_future(result)]
    await asyncio.sleep(0)
    result.sent(SENT)
    assert await asyncio.gather(*waiting) == [SENT, SENT]
    assert await result is SENT, "later too"
    assert repr(result) == "<SendResult 'm1' sent>"


async def test_a_refusal_is_raised():
    result = SendResult("m1")
    result.refused(SendRefused("not_member", "join first"))
    for _ in range(2):
        with pytest.raises(SendRefused, match="join first"):
            await result
    assert repr(result) == "<SendResult 'm1' refused>"


async def test_the_first_word_counts():
    result = SendResult("m1")
    result.sent(SENT)
    result.refused(SendRefused("late", "too late"))
    assert await result is SENT


async def test_one_who_stops_waiting_does_not_disturb_the_others():
    result = SendResult("m1")
    first, second = asyncio.ensure_future(result), asyncio.ensure_future(result)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    result.sent(SENT)
    assert await second is SENT


async def test_a_refusal_that_nobody_awaits_is_no_unretrieved_exception(caplog):
    gc.collect()  # what earlier tests left behind
    caplog.clear()
    SendResult("m1").refused(SendRefused("no", "no"))
    gc.collect()
    assert not caplog.records
