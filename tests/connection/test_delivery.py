"""From emit to receipt, over connections that come and go."""

from __future__ import annotations

import pytest

from realtime.connection.delivery import Delivery
from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.message_queue import MessageQueue
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.protocol.errors import LocalProtocolError


class Line:
    """A connection that takes so many messages before it wants to be left alone."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.texts: list[str] = []
        self.attachments: list[bytes] = []

    @property
    def writable(self) -> bool:
        return self.room > 0

    def write(self, text: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        assert self.writable
        self.room -= 1
        self.texts.append(text.decode())
        self.attachments += attachments


def delivery(**limits: object) -> Delivery:
    return Delivery(MessageQueue(**limits), namespace="/")  # type: ignore[arg-type]


def say(
    outgoing: Delivery, word: object, line: Line | None = None, *, ack: bool = False, volatile: bool = False
) -> Receipt:
    receipt = outgoing.submit("say", (word,), ack=ack, volatile=volatile, now=0.0, line=line)
    if line is not None:
        outgoing.flush(line)
    return receipt


async def test_what_is_said_offline_goes_out_once_and_in_order() -> None:
    outgoing, line = delivery(), Line()
    receipts = [say(outgoing, number) for number in range(3)]
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.QUEUED] * 3
    outgoing.flush(line)
    outgoing.flush(line)
    assert line.texts == ['42["say",0]', '42["say",1]', '42["say",2]']
    assert [await receipt for receipt in receipts] == [None, None, None]
    assert outgoing.messages == ()


async def test_an_acknowledged_message_is_done() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    assert line.texts == ['421["say","hello"]']
    assert (receipt.status, outgoing.queued, outgoing.unacked) == (ReceiptStatus.SENT, 0, 1)
    outgoing.acked(1, ("yes", "and more"))
    assert await receipt == "yes"
    assert outgoing.unacked == 0


async def test_an_ack_without_arguments_is_none() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    outgoing.acked(1, ())
    assert await receipt is None


async def test_unacknowledged_messages_are_written_to_the_next_connection_before_newer_ones() -> None:
    outgoing, first, second = delivery(), Line(), Line()
    old = say(outgoing, "old", first, ack=True)
    say(outgoing, "gone", first)
    outgoing.connection_ended("transport close")
    assert old.status is ReceiptStatus.QUEUED
    say(outgoing, "new")
    outgoing.flush(second)
    assert second.texts == ['421["say","old"]', '42["say","new"]']
    outgoing.acked(1, (True,))
    assert await old is True


async def test_a_stalled_connection_holds_the_rest_back() -> None:
    outgoing, line = delivery(), Line(room=2)
    receipts = [say(outgoing, number, line) for number in range(4)]
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.SENT] * 2 + [ReceiptStatus.QUEUED] * 2
    line.room = 9
    outgoing.flush(line)
    assert len(line.texts) == 4


async def test_volatile_is_dropped_quietly_without_a_connection_and_loudly_if_awaited() -> None:
    outgoing = delivery()
    receipt = say(outgoing, "typing", volatile=True)
    assert (receipt.status, outgoing.messages) == (ReceiptStatus.FAILED, ())
    with pytest.raises(SendRefused, match="no connection") as refused:
        await receipt
    assert refused.value.code == "volatile"


async def test_volatile_is_dropped_by_a_stalled_connection_and_never_overtakes() -> None:
    outgoing, line = delivery(), Line(room=1)
    say(outgoing, 1, line)
    say(outgoing, 2, line)
    assert say(outgoing, "typing", line, volatile=True).status is ReceiptStatus.FAILED
    line.room = 9
    outgoing.flush(line)
    assert line.texts == ['42["say",1]', '42["say",2]']


async def test_volatile_goes_straight_out() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "typing", line, volatile=True)
    assert line.texts == ['42["say","typing"]']
    assert await receipt is None


async def test_a_volatile_question_is_answered_or_lost_with_its_connection() -> None:
    outgoing, line = delivery(), Line()
    answered = say(outgoing, "a?", line, ack=True, volatile=True)
    lost = say(outgoing, "b?", line, ack=True, volatile=True)
    taken_back = say(outgoing, "c?", line, ack=True, volatile=True)
    assert [answered.status, outgoing.queued, outgoing.unacked] == [ReceiptStatus.SENT, 0, 3]
    outgoing.acked(answered.message_id, ("yes",))
    assert taken_back.discard()
    outgoing.connection_ended("ping timeout")
    assert await answered == "yes"
    with pytest.raises(ConnectionLost, match="ping timeout"):
        await lost
    outgoing.flush(second := Line())
    assert second.texts == []


async def test_a_discarded_message_is_not_sent_and_its_late_ack_is_ignored() -> None:
    outgoing, line = delivery(), Line()
    waiting = say(outgoing, "a", line, ack=True)
    queued = say(outgoing, "b")
    assert waiting.discard()
    assert queued.discard()
    outgoing.acked(waiting.message_id, ("late",))
    outgoing.flush(line)
    assert len(line.texts) == 1
    assert waiting.status is ReceiptStatus.FAILED


def test_the_queues_refusal_is_raised_at_once() -> None:
    outgoing = delivery(max_messages=1)
    say(outgoing, 1)
    with pytest.raises(SendRefused, match="full"):
        say(outgoing, 2)


def test_what_cannot_be_encoded_is_refused_at_once() -> None:
    outgoing = delivery()
    with pytest.raises(LocalProtocolError, match="say"):
        say(outgoing, object())
    with pytest.raises(LocalProtocolError, match="connect"):
        outgoing.submit("connect", (), ack=False, volatile=False, now=0.0, line=None)
    assert outgoing.messages == ()


def test_what_is_sent_is_what_was_meant_when_it_was_said() -> None:
    outgoing, line = delivery(), Line()
    thing = {"text": "before"}
    say(outgoing, thing)
    thing["text"] = "after"
    outgoing.flush(line)
    assert line.texts == ['42["say",{"text":"before"}]']


def test_bytes_travel_as_attachments() -> None:
    outgoing, line = delivery(), Line()
    say(outgoing, b"\x00\x01", line)
    assert line.texts == ['451-["say",{"_placeholder":true,"num":0}]']
    assert line.attachments == [b"\x00\x01"]


async def test_a_message_over_the_servers_limit_is_given_up_instead_of_killing_every_connection() -> None:
    outgoing, line = delivery(), Line()
    big = say(outgoing, "x" * 100, ack=True)
    small = say(outgoing, "x")
    outgoing.max_payload = 50
    outgoing.flush(line)
    assert line.texts == ['42["say","x"]']
    assert small.status is ReceiptStatus.SENT
    with pytest.raises(SendRefused, match="50 bytes") as refused:
        await big
    assert refused.value.code == "message_too_large"


def test_once_the_servers_limit_is_known_it_is_told_at_once() -> None:
    outgoing = delivery()
    outgoing.max_payload = 50
    for volatile in (False, True):
        with pytest.raises(SendRefused, match="50 bytes"):
            say(outgoing, "x" * 100, Line(), volatile=volatile)


async def test_messages_that_got_too_old_fail() -> None:
    outgoing = delivery(max_age_s=10)
    receipt = say(outgoing, "old news")
    assert outgoing.next_timer() == 10
    outgoing.expire(10)
    with pytest.raises(SendRefused, match="10 s old") as refused:
        await receipt
    assert refused.value.code == "expired"
    assert outgoing.next_timer() is None


async def test_an_expired_message_that_was_written_before_may_have_arrived() -> None:
    outgoing, line = delivery(max_age_s=10), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    outgoing.connection_ended("ping timeout")
    outgoing.expire(12)
    with pytest.raises(SendRefused, match="may have arrived"):
        await receipt


async def test_a_callback_that_says_more_while_the_queue_is_flushed_keeps_the_order() -> None:
    outgoing, line = delivery(), Line()
    first = say(outgoing, 1)
    say(outgoing, 2)
    first.add_done_callback(lambda ended: say(outgoing, 3, line))
    outgoing.flush(line)
    assert line.texts == ['42["say",1]', '42["say",2]', '42["say",3]']


def test_an_outbox_that_outlived_its_process_is_delivered_without_receipts() -> None:
    queue = MessageQueue()
    before = Delivery(queue, namespace="/")
    say(before, "a", ack=True)
    say(before, "b")
    after, line = Delivery(queue, namespace="/"), Line()
    after.flush(line)
    after.acked(1, ())
    after.connection_ended("ping timeout")
    assert len(line.texts) == 2
    assert after.messages == ()


def test_another_namespace_is_in_every_packet() -> None:
    outgoing, line = Delivery(MessageQueue(), namespace="/chat"), Line()
    say(outgoing, 1, line)
    assert line.texts == ['42/chat,["say",1]']
