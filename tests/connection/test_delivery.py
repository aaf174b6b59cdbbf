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


@pytest.mark.clause("RT-DLV-1")
async def test_what_is_said_offline_goes_out_once_and_in_order() -> None:
    outgoing, line = delivery(), Line()
    receipts = [say(outgoing, number) for number in range(3)]
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.QUEUED] * 3
    outgoing.flush(line)
    outgoing.flush(line)
    assert line.texts == ['42["say",0]', '42["say",1]', '42["say",2]']
    assert [await receipt for receipt in receipts] == [None, None, None]
    assert outgoing.messages == ()


@pytest.mark.clause("RT-DLV-1")
async def test_an_acknowledged_message_is_done() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    assert line.texts == ['421["say","hello"]']
    assert (receipt.status, outgoing.queued, outgoing.unacked) == (ReceiptStatus.SENT, 0, 1)
    outgoing.acked(1, ("yes", "and more"), 0.0)
    assert await receipt == "yes"
    assert outgoing.unacked == 0


async def test_an_ack_without_arguments_is_none() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    outgoing.acked(1, (), 0.0)
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
    outgoing.acked(1, (True,), 0.0)
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
    outgoing.acked(answered.message_id, ("yes",), 0.0)
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
    outgoing.acked(waiting.message_id, ("late",), 0.0)
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
    outgoing.handle_timer(10)
    with pytest.raises(SendRefused, match="10 s old") as refused:
        await receipt
    assert refused.value.code == "expired"
    assert outgoing.next_timer() is None


async def test_an_expired_message_that_was_written_before_may_have_arrived() -> None:
    outgoing, line = delivery(max_age_s=10), Line()
    receipt = say(outgoing, "hello", line, ack=True)
    outgoing.connection_ended("ping timeout")
    outgoing.handle_timer(12)
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
    after.acked(1, (), 0.0)
    after.connection_ended("ping timeout")
    assert len(line.texts) == 2
    assert after.messages == ()


def test_another_namespace_is_in_every_packet() -> None:
    outgoing, line = Delivery(MessageQueue(), namespace="/chat"), Line()
    say(outgoing, 1, line)
    assert line.texts == ['42/chat,["say",1]']


FAILED = {"ok": False, "error": {"code": "storage_failed", "message": "the disk is full"}}
NO_MEMBER = {"ok": False, "error": {"code": "not_member", "message": "join the room first"}}


async def test_what_the_server_could_not_store_stays_and_is_written_again_after_a_while() -> None:
    outgoing, line = delivery(), Line()
    receipts = [say(outgoing, word, line, ack=True) for word in ("one", "two")]
    line.texts.clear()
    held: list[str] = []
    receipts[0].on_held = held.append
    assert not outgoing.acked(1, (FAILED,), 100.0)
    assert held == ["storage_failed"]
    assert not outgoing.acked(2, (FAILED,), 100.0)
    later = say(outgoing, "three", line, ack=True)
    assert [receipt.status for receipt in (*receipts, later)] == [ReceiptStatus.QUEUED] * 3
    assert line.texts == [], "nothing overtakes"
    assert outgoing.next_timer() == 101
    outgoing.handle_timer(101.0)
    outgoing.flush(line)
    assert line.texts == ['421["say","one"]', '422["say","two"]', '423["say","three"]']
    for message_id in (1, 2, 3):
        assert not outgoing.acked(message_id, (FAILED,), 101.0)
    assert outgoing.next_timer() == 103, "twice as long"
    outgoing.handle_timer(103.0)
    outgoing.flush(line)
    for message_id in (1, 2, 3):
        assert outgoing.acked(message_id, ({"ok": True},), 103.0)
    assert [await receipt for receipt in (*receipts, later)] == [{"ok": True}] * 3
    assert (outgoing.messages, outgoing.next_timer()) == ((), None)


async def test_what_the_server_could_not_store_is_written_to_the_next_connection_at_once() -> None:
    outgoing, first, second = delivery(), Line(), Line()
    say(outgoing, "one", first, ack=True)
    outgoing.acked(1, (FAILED,), 100.0)
    outgoing.connection_ended("transport close")
    outgoing.flush(second)
    assert second.texts == ['421["say","one"]']
    assert outgoing.next_timer() is None


async def test_who_does_not_want_to_wait_gets_the_servers_word() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "one", line, ack=True)
    receipt.keeps_trying = False
    assert outgoing.acked(1, (FAILED,), 100.0)
    assert await receipt == FAILED


@pytest.mark.clause("RT-DLV-1")
async def test_any_other_refusal_is_final() -> None:
    outgoing, line = delivery(), Line()
    receipt = say(outgoing, "one", line, ack=True)
    assert outgoing.acked(1, (NO_MEMBER,), 100.0)
    assert await receipt == NO_MEMBER


async def test_those_that_make_way_fail() -> None:
    outgoing, line = delivery(max_messages=1, when_full="drop_oldest"), Line()
    written, waiting = say(outgoing, "one", line, ack=True), say(outgoing, "two")
    with pytest.raises(SendRefused, match=r"newer ones.*may have arrived") as refused:
        await written
    assert refused.value.code == "dropped"
    say(outgoing, "three")
    with pytest.raises(SendRefused, match="newer ones"):
        await waiting


async def test_what_an_earlier_run_left_can_be_claimed_once() -> None:
    queue, line = MessageQueue(), Line()
    before = Delivery(queue, namespace="/")
    for word in ("a", "b", "c"):
        say(before, word, ack=True)
    after = Delivery(queue, namespace="/")
    [(message, receipt)] = after.claim("say", lambda args: args == ("b",))
    assert (message.message_id, message.args) == (2, ("b",))
    assert after.claim("shout", lambda args: True) == []
    assert [message.args for message, _ in after.claim("say", lambda args: True)] == [("a",), ("c",)]
    assert after.claim("say", lambda args: True) == []
    after.flush(line)
    after.acked(2, ("yes",), 0.0)
    assert await receipt == "yes"
    say(after, "d", ack=True)
    assert after.claim("say", lambda args: True) == [], "of this run"


async def test_what_nobody_has_claimed_survives_a_refusal_until_somebody_does() -> None:
    """An app may connect first and join its rooms then."""
    queue, line = MessageQueue(), Line()
    say(Delivery(queue, namespace="/"), "a", ack=True)
    after = Delivery(queue, namespace="/")
    after.flush(line)
    assert not after.acked(1, (NO_MEMBER,), 0.0)
    after.flush(line)
    assert len(line.texts) == 1
    assert after.next_timer() is None
    [(_, receipt)] = after.claim("say", lambda args: True)
    after.flush(line)
    assert len(line.texts) == 2
    after.acked(1, (NO_MEMBER,), 0.0)
    assert await receipt == NO_MEMBER, "now it is final"


async def test_a_refused_message_may_wait_in_the_outbox_for_a_retry() -> None:
    """It never leaves the outbox, so that nothing is lost if the app ends meanwhile."""
    outgoing, line = delivery(), Line()
    one, two = (say(outgoing, word, line, ack=True) for word in ("one", "two"))
    one.waits = two.waits = lambda code: code == "not_member"
    line.texts.clear()
    assert not outgoing.acked(1, (NO_MEMBER,), 0.0)
    assert outgoing.acked(2, (FAILED | {"error": {"code": "no", "message": ""}},), 0.0), "any other refusal is final"
    say(outgoing, "three", line, ack=True)
    assert [message.message_id for message in outgoing.messages] == [1, 3]
    assert (one.status, outgoing.next_timer()) == (ReceiptStatus.QUEUED, None)
    outgoing.retry(one)
    outgoing.retry(one)
    outgoing.flush(line)
    assert line.texts == ['423["say","three"]', '421["say","one"]']
    one.waits = None
    assert outgoing.acked(1, (NO_MEMBER,), 0.0)
    assert one.status is ReceiptStatus.ACKED


async def test_a_message_that_waits_goes_out_with_the_next_connection_too() -> None:
    outgoing, line = delivery(), Line()
    one = say(outgoing, "one", line, ack=True)
    one.waits = lambda code: True
    outgoing.acked(1, (NO_MEMBER,), 0.0)
    outgoing.connection_ended("lost")
    outgoing.flush(line)
    assert line.texts == ['421["say","one"]'] * 2


async def test_after_a_pause_nothing_is_written_before_all_that_was_under_way_is_answered() -> None:
    """The refusal of the last one may be under way still, and what is written now would overtake it."""
    outgoing, line = delivery(), Line()
    receipts = [say(outgoing, word, line, ack=True) for word in ("one", "two", "three")]
    line.texts.clear()
    outgoing.acked(1, (FAILED,), 100.0)
    later = say(outgoing, "four", line, ack=True)
    outgoing.handle_timer(101.0)
    outgoing.flush(line)
    assert line.texts == []
    assert not outgoing.acked(2, (FAILED,), 101.5)
    assert not outgoing.acked(3, (FAILED,), 102.0)
    assert outgoing.next_timer() == 102.0
    outgoing.handle_timer(102.0)
    outgoing.flush(line)
    assert line.texts == ['421["say","one"]', '422["say","two"]', '423["say","three"]', '424["say","four"]']
    for message_id in (1, 2, 3, 4):
        assert outgoing.acked(message_id, ({"ok": True},), 103.0)
    assert [await receipt for receipt in (*receipts, later)] == [{"ok": True}] * 4


async def test_an_answer_that_never_comes_holds_the_others_up_for_half_a_minute() -> None:
    outgoing, line = delivery(), Line()
    for word in ("one", "two"):
        say(outgoing, word, line, ack=True)
    line.texts.clear()
    outgoing.acked(1, (FAILED,), 100.0)
    outgoing.handle_timer(101.0)
    assert outgoing.next_timer() == 101.0 + 30.0
    outgoing.handle_timer(131.0)
    outgoing.flush(line)
    assert line.texts == ['421["say","one"]']


async def test_what_is_taken_last_lets_the_others_go_on() -> None:
    outgoing, line = delivery(), Line()
    for word in ("one", "two"):
        say(outgoing, word, line, ack=True)
    outgoing.acked(1, (FAILED,), 100.0)
    outgoing.handle_timer(101.0)
    assert not outgoing.acked(2, ({"ok": True},), 105.0), "the timer has changed"
    assert outgoing.next_timer() == 105.0
