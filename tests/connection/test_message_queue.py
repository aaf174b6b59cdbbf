"""The outbox: order, limits, what stays until it is acknowledged."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.connection.errors import SendRefused
from realtime.connection.message_queue import MessageQueue, QueuedMessage


def put(queue: MessageQueue, *, ack: bool = False, size: int = 10, now: float = 0.0) -> int:
    message = QueuedMessage(
        message_id=queue.next_id(), event="say", args=("x",), ack=ack, text=b"x" * size, attachments=(), queued_at_s=now
    )
    queue.put(message)
    return message.message_id


def write_all(queue: MessageQueue) -> list[int]:
    written = []
    while (message := queue.next_unwritten()) is not None:
        queue.written(message.message_id)
        written.append(message.message_id)
    return written


def ids(queue: MessageQueue) -> list[int]:
    return [message.message_id for message in queue.messages]


def test_what_needs_no_ack_leaves_once_it_is_written() -> None:
    queue = MessageQueue()
    put(queue)
    put(queue)
    assert write_all(queue) == [1, 2]
    assert (queue.queued, queue.unacked, queue.messages) == (0, 0, ())


def test_what_needs_an_ack_stays_until_it_comes() -> None:
    queue = MessageQueue()
    put(queue, ack=True)
    assert write_all(queue) == [1]
    assert (queue.queued, queue.unacked) == (0, 1)
    assert queue.acked(1)
    assert not queue.acked(1)
    assert queue.messages == ()


def test_unacknowledged_messages_are_written_again_in_order_and_before_newer_ones() -> None:
    queue = MessageQueue()
    for ack in (True, False, True):
        put(queue, ack=ack)
    write_all(queue)
    put(queue)
    assert queue.rewind() == [1, 3]
    assert queue.queued == 3
    assert [message.writes for message in queue.messages] == [1, 1, 0]
    assert write_all(queue) == [1, 3, 4]
    assert [message.writes for message in queue.messages] == [2, 2]


def test_an_unwritten_message_is_never_acknowledged() -> None:
    queue = MessageQueue()
    put(queue, ack=True)
    assert not queue.acked(1)
    assert ids(queue) == [1]


def test_an_ack_nobody_asked_for_is_ignored() -> None:
    queue = MessageQueue()
    assert not queue.acked(99)


def test_only_the_next_message_can_be_marked_as_written() -> None:
    queue = MessageQueue()
    put(queue)
    put(queue)
    with pytest.raises(ValueError, match="message 2 is not the next"):
        queue.written(2)


def test_discard_takes_a_message_out_wherever_it_stands() -> None:
    queue = MessageQueue()
    for _ in range(4):
        put(queue, ack=True)
    queue.written(1)
    assert queue.discard(1)
    assert queue.discard(3)
    assert not queue.discard(3)
    assert write_all(queue) == [2, 4]


def test_too_many_messages_are_refused_and_what_was_there_stays() -> None:
    queue = MessageQueue(max_messages=2)
    put(queue)
    put(queue)
    with pytest.raises(SendRefused, match="2 messages") as refused:
        put(queue)
    assert refused.value.code == "queue_full"
    assert ids(queue) == [1, 2]
    write_all(queue)
    assert put(queue) == 4  # an id is used once


def test_too_many_bytes_are_refused() -> None:
    queue = MessageQueue(max_bytes=100)
    put(queue, size=60)
    with pytest.raises(SendRefused, match="100 bytes") as refused:
        put(queue, size=41)
    assert refused.value.code == "queue_full"
    put(queue, size=40)
    assert queue.size_bytes == 100
    queue.discard(1)
    assert queue.size_bytes == 40


def test_a_message_over_the_limit_is_refused_even_by_an_empty_queue() -> None:
    queue = MessageQueue(max_message_bytes=50)
    with pytest.raises(SendRefused, match="51 bytes") as refused:
        put(queue, size=51)
    assert refused.value.code == "message_too_large"


def test_attachments_count() -> None:
    message = QueuedMessage(
        message_id=1, event="e", args=(), ack=False, text=b"12", attachments=(b"345", b"6"), queued_at_s=0.0
    )
    assert message.size_bytes == 6


def test_unacknowledged_messages_count_against_the_limits() -> None:
    queue = MessageQueue(max_messages=1)
    put(queue, ack=True)
    write_all(queue)
    with pytest.raises(SendRefused, match="full"):
        put(queue)


def test_messages_expire_in_the_order_of_their_age() -> None:
    queue = MessageQueue(max_age_s=10)
    put(queue, now=0)
    put(queue, now=4)
    assert queue.next_timer() == 10
    assert queue.expire(9.9) == []
    assert [message.message_id for message in queue.expire(10)] == [1]
    assert queue.next_timer() == 14
    assert [message.message_id for message in queue.expire(20)] == [2]
    assert queue.next_timer() is None


def test_without_an_age_limit_nothing_expires() -> None:
    queue = MessageQueue()
    put(queue)
    assert queue.next_timer() is None
    assert queue.expire(1e12) == []


def test_a_message_that_waits_for_its_ack_does_not_expire_until_it_has_to_be_written_again() -> None:
    queue = MessageQueue(max_age_s=10)
    put(queue, ack=True, now=0)
    write_all(queue)
    assert queue.next_timer() is None
    assert queue.expire(100) == []
    queue.rewind()
    assert [message.message_id for message in queue.expire(100)] == [1]


@pytest.mark.parametrize("name", ["max_messages", "max_bytes", "max_message_bytes", "max_age_s"])
def test_nonsense_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        MessageQueue(**{name: 0})


class Outboxes(RuleBasedStateMachine):
    """Whatever happens, a server that dedupes sees every kept message, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = MessageQueue(max_messages=8, max_age_s=50)
        self.now = 0.0
        self.expected: list[int] = []  # still owed, in order
        self.waiting: set[int] = set()  # written, ack outstanding
        self.acks: dict[int, bool] = {}

    @rule(ack=st.booleans())
    def send(self, ack: bool) -> None:
        try:
            message_id = put(self.queue, ack=ack, now=self.now)
        except SendRefused:
            assert len(self.expected) == 8
        else:
            self.expected.append(message_id)
            self.acks[message_id] = ack

    @precondition(lambda self: self.queue.queued)
    @rule()
    def write(self) -> None:
        message = self.queue.next_unwritten()
        assert message is not None
        assert message.message_id == next(i for i in self.expected if i not in self.waiting)
        self.queue.written(message.message_id)
        if message.ack:
            self.waiting.add(message.message_id)
        else:
            self.expected.remove(message.message_id)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.queue.acked(message_id)
        self.waiting.remove(message_id)
        self.expected.remove(message_id)

    @rule()
    def lose_the_connection(self) -> None:
        assert self.queue.rewind() == sorted(self.waiting)
        self.waiting.clear()

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.expected))
        assert self.queue.discard(message_id)
        self.expected.remove(message_id)
        self.waiting.discard(message_id)

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for message in self.queue.expire(self.now):
            assert message.message_id not in self.waiting
            self.expected.remove(message.message_id)
        timer = self.queue.next_timer()
        assert timer is None or timer > self.now

    @invariant()
    def the_books_balance(self) -> None:
        assert ids(self.queue) == self.expected
        assert self.queue.unacked == len(self.waiting)
        assert self.queue.queued == len(self.expected) - len(self.waiting)
        assert self.queue.size_bytes == 10 * len(self.expected)


TestOutboxes = Outboxes.TestCase
TestOutboxes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
