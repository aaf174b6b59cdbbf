"""What became of one message."""

from __future__ import annotations

import asyncio
import gc

import pytest

from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.protocol.errors import LocalProtocolError


def receipt(discard: object = None) -> Receipt:
    return Receipt(7, discard if callable(discard) else lambda message_id: False)


async def test_awaiting_returns_the_acknowledgement() -> None:
    told = receipt()
    waiting = asyncio.ensure_future(told)
    await asyncio.sleep(0)
    told.sent()
    assert told.status is ReceiptStatus.SENT
    await asyncio.sleep(0)
    assert not waiting.done()
    told.acked({"ok": True})
    assert await waiting == {"ok": True}
    assert await told == {"ok": True}  # again, and late
    assert told.status is ReceiptStatus.ACKED


async def test_without_an_ack_written_is_all_there_is_to_know() -> None:
    told = receipt()
    told.sent(final=True)
    assert await told is None
    assert (told.status, told.done) == (ReceiptStatus.SENT, True)


async def test_awaiting_a_failure_raises_it_each_time() -> None:
    told = receipt()
    told.failed(SendRefused("expired", "too late"))
    for _ in range(2):
        with pytest.raises(SendRefused, match="too late"):
            await told
    assert told.status is ReceiptStatus.FAILED


async def test_several_may_wait_and_one_may_stop_waiting() -> None:
    told = receipt()
    waiting = [asyncio.ensure_future(told) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    told.acked(1)
    assert await asyncio.gather(*waiting[1:]) == [1, 1]
    assert waiting[0].cancelled()


async def test_a_failure_that_nobody_awaits_makes_no_noise() -> None:
    told = receipt()
    told.failed(ConnectionLost("ping timeout"))
    del told
    gc.collect()


async def test_a_lost_connection_puts_a_message_back_into_the_queue() -> None:
    told = receipt()
    told.sent()
    told.queued()
    assert told.status is ReceiptStatus.QUEUED
    assert not told.done


async def test_the_end_is_the_end() -> None:
    told = receipt()
    told.acked("first")
    told.acked("second")
    told.failed(SendRefused("expired", "too late"))
    told.queued()
    told.sent()
    assert await told == "first"


async def test_callbacks_are_called_once_at_the_end_or_at_once_if_it_is_over() -> None:
    told = receipt()
    seen: list[ReceiptStatus] = []
    told.add_done_callback(lambda ended: seen.append(ended.status))
    told.sent()
    assert seen == []
    told.acked(None)
    told.add_done_callback(lambda ended: seen.append(ended.status))
    assert seen == [ReceiptStatus.ACKED, ReceiptStatus.ACKED]


def test_a_callback_reads_what_awaiting_would_give() -> None:
    acked, lost = receipt(), receipt()
    seen: list[object] = []
    acked.add_done_callback(lambda ended: seen.append(ended.result()))
    acked.acked("yes")
    assert seen == ["yes"]
    lost.failed(ConnectionLost("ping timeout"))
    with pytest.raises(ConnectionLost, match="ping timeout"):
        lost.result()


def test_there_is_no_result_before_the_end() -> None:
    told = receipt()
    told.sent()
    with pytest.raises(LocalProtocolError, match="await it"):
        told.result()


async def test_a_callback_that_fails_does_not_hurt_the_others(caplog: pytest.LogCaptureFixture) -> None:
    told = receipt()
    seen: list[Receipt] = []
    told.add_done_callback(lambda ended: 1 / 0)
    told.add_done_callback(seen.append)
    told.acked(None)
    assert seen == [told]
    assert "ZeroDivisionError" in caplog.text


async def test_discarding_asks_the_queue_and_fails_the_receipt() -> None:
    asked: list[int] = []
    told = receipt(lambda message_id: asked.append(message_id) is None)
    assert told.discard()
    assert asked == [7]
    with pytest.raises(SendRefused, match="discarded") as refused:
        await told
    assert refused.value.code == "discarded"
    assert not told.discard()


async def test_discarding_what_is_no_longer_there_changes_nothing() -> None:
    told = receipt()
    told.sent(final=True)
    assert not told.discard()
    assert told.status is ReceiptStatus.SENT


async def test_its_repr_tells_the_status() -> None:
    assert repr(receipt()) == "<Receipt 7 QUEUED>"
