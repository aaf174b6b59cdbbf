"""The outbox, in memory and on disk: order, limits, what stays until it is acknowledged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.errors import SendRefused
from realtime.connection.message_queue import MessageQueue, QueuedMessage, WhenFull

Queue = MessageQueue | DiskOutbox
Make = Callable[..., Queue]


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Both kinds of outbox keep one contract."""
    made: list[DiskOutbox] = []

    def in_memory(**limits: Any) -> MessageQueue:
        return MessageQueue(**limits)

    def on_disk(**limits: Any) -> DiskOutbox:
        made.append(DiskOutbox(tmp_path / f"outbox{len(made)}.sqlite", clock=lambda: 0.0, **limits))
        return made[-1]

    yield in_memory if request.param == "memory" else on_disk
    for outbox in made:
        outbox.close()


def put(queue: Queue, *, ack: bool = False, size: int = 10, now: float = 0.0) -> int:
    """Put a message of so many bytes: ``42["ssss"]``."""
    text = b'42["%s"]' % (b"s" * (size - 6))
    message = QueuedMessage(
        message_id=queue.next_id(), event="say", args=("x",), ack=ack, text=text, attachments=(), queued_at_s=now
    )
    queue.put(message)
    return message.message_id


def write_all(queue: Queue) -> list[int]:
    written = []
    while (message := queue.next_unwritten()) is not None:
        queue.written(message.message_id)
        written.append(message.message_id)
    return written


def ids(queue: Queue) -> list[int]:
    return [message.message_id for message in queue.messages]


def test_what_needs_no_ack_leaves_once_it_is_written(make: Make) -> None:
    queue = make()
    put(queue)
    put(queue)
    assert write_all(queue) == [1, 2]
    assert (queue.queued, queue.unacked, queue.messages) == (0, 0, ())


def test_what_needs_an_ack_stays_until_it_comes(make: Make) -> None:
    queue = make()
    put(queue, ack=True)
    assert write_all(queue) == [1]
    assert (queue.queued, queue.unacked) == (0, 1)
    assert queue.acked(1)
    assert not queue.acked(1)
    assert queue.messages == ()


@pytest.mark.clause("RT-QUEUE-2")
def test_unacknowledged_messages_are_written_again_in_order_and_before_newer_ones(make: Make) -> None:
    queue = make()
    for ack in (True, False, True):
        put(queue, ack=ack)
    write_all(queue)
    put(queue)
    assert queue.rewind() == [1, 3]
    assert queue.queued == 3
    assert [message.writes for message in queue.messages] == [1, 1, 0]
    assert write_all(queue) == [1, 3, 4]
    assert [message.writes for message in queue.messages] == [2, 2]


def test_an_unwritten_message_is_never_acknowledged(make: Make) -> None:
    queue = make()
    put(queue, ack=True)
    assert not queue.acked(1)
    assert ids(queue) == [1]


def test_an_ack_nobody_asked_for_is_ignored(make: Make) -> None:
    queue = make()
    assert not queue.acked(99)


def test_only_the_next_message_can_be_marked_as_written(make: Make) -> None:
    queue = make()
    put(queue)
    put(queue)
    with pytest.raises(ValueError, match="message 2 is not the next"):
        queue.written(2)


def test_discard_takes_a_message_out_wherever_it_stands(make: Make) -> None:
    queue = make()
    for _ in range(4):
        put(queue, ack=True)
    queue.written(1)
    assert queue.discard(1)
    assert queue.discard(3)
    assert not queue.discard(3)
    assert write_all(queue) == [2, 4]


@pytest.mark.clause("RT-QUEUE-4")
def test_too_many_messages_are_refused_and_what_was_there_stays(make: Make) -> None:
    queue = make(max_messages=2)
    put(queue)
    put(queue)
    with pytest.raises(SendRefused, match="2 messages") as refused:
        put(queue)
    assert refused.value.code == "queue_full"
    assert ids(queue) == [1, 2]
    write_all(queue)
    assert put(queue) == 4  # an id is used once


def test_too_many_bytes_are_refused(make: Make) -> None:
    queue = make(max_bytes=100)
    put(queue, size=60)
    with pytest.raises(SendRefused, match="100 bytes") as refused:
        put(queue, size=41)
    assert refused.value.code == "queue_full"
    put(queue, size=40)
    assert queue.size_bytes == 100
    queue.discard(1)
    assert queue.size_bytes == 40


def test_a_message_over_the_limit_is_refused_even_by_an_empty_queue(make: Make) -> None:
    queue = make(max_message_bytes=50)
    with pytest.raises(SendRefused, match="51 bytes") as refused:
        put(queue, size=51)
    assert refused.value.code == "message_too_large"


@pytest.mark.clause("RT-QUEUE-4")
def test_the_oldest_make_way_if_the_caller_says_so(make: Make) -> None:
    queue = make(max_messages=3, max_bytes=100, when_full=WhenFull.DROP_OLDEST)
    for size in (30, 20, 40):
        put(queue, ack=True, size=size)
    queue.written(1)
    late = QueuedMessage(
        message_id=queue.next_id(), event="say", args=(), ack=True, text=b"x" * 31, attachments=(), queued_at_s=0.0
    )
    # 90 bytes are there: 31 more fit once the first 30 are gone, which a fourth message asks for as well
    assert [dropped.message_id for dropped in queue.put(late)] == [1]
    assert ids(queue) == [2, 3, 4]
    assert (queue.size_bytes, queue.queued, queue.unacked) == (91, 3, 0)
    assert not queue.acked(1)
    put(queue, size=100)
    assert ids(queue) == [5]


def test_what_is_too_large_for_an_empty_outbox_drops_nothing(make: Make) -> None:
    queue = make(max_bytes=50, when_full="drop_oldest")
    put(queue, size=50)
    with pytest.raises(SendRefused, match="51 bytes") as refused:
        put(queue, size=51)
    assert refused.value.code == "message_too_large"
    assert ids(queue) == [1]


def test_a_refused_answer_is_written_again_in_its_place(make: Make) -> None:
    queue = make()
    for _ in range(3):
        put(queue, ack=True)
    queue.written(1)
    queue.written(2)
    assert queue.retry(2)
    assert queue.retry(1)
    assert not queue.retry(1), "it is to be written already"
    assert not queue.retry(99)
    assert (queue.queued, queue.unacked) == (3, 0)
    assert write_all(queue) == [1, 2, 3]


def test_attachments_count() -> None:
    message = QueuedMessage(
        message_id=1, event="e", args=(), ack=False, text=b"12", attachments=(b"345", b"6"), queued_at_s=0.0
    )
    assert message.size_bytes == 6


def test_unacknowledged_messages_count_against_the_limits(make: Make) -> None:
    queue = make(max_messages=1)
    put(queue, ack=True)
    write_all(queue)
    with pytest.raises(SendRefused, match="full"):
        put(queue)


def test_messages_expire_in_the_order_of_their_age(make: Make) -> None:
    queue = make(max_age_s=10)
    put(queue, now=0)
    put(queue, now=4)
    assert queue.next_timer() == 10
    assert queue.expire(9.9) == []
    assert [message.message_id for message in queue.expire(10)] == [1]
    assert queue.next_timer() == 14
    assert [message.message_id for message in queue.expire(20)] == [2]
    assert queue.next_timer() is None


def test_without_an_age_limit_nothing_expires(make: Make) -> None:
    queue = make()
    put(queue)
    assert queue.next_timer() is None
    assert queue.expire(1e12) == []


def test_a_message_that_waits_for_its_ack_does_not_expire_until_it_has_to_be_written_again(make: Make) -> None:
    queue = make(max_age_s=10)
    put(queue, ack=True, now=0)
    write_all(queue)
    assert queue.next_timer() is None
    assert queue.expire(100) == []
    queue.rewind()
    assert [message.message_id for message in queue.expire(100)] == [1]


@pytest.mark.parametrize("name", ["max_messages", "max_bytes", "max_message_bytes", "max_age_s"])
def test_nonsense_is_refused_by_name(make: Make, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make(**{name: 0})


def test_an_unknown_policy_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="newest"):
        make(when_full="newest")


class Outboxes(RuleBasedStateMachine):
    """Whatever happens, a server that dedupes sees every kept message, in order."""

    def make(self, **limits: Any) -> Queue:
        return MessageQueue(**limits)

    def __init__(self) -> None:
        super().__init__()
        self.queue = self.make(max_messages=8, max_age_s=50)
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

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def be_refused_for_now(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.queue.retry(message_id)
        self.waiting.remove(message_id)

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


class DiskOutboxes(Outboxes):
    """The same, and now and then the app is killed: what was written then waits to be written again."""

    def make(self, **limits: Any) -> Queue:
        self.folder = tempfile.TemporaryDirectory()
        self.limits = limits
        return self.open()

    def open(self) -> DiskOutbox:
        return DiskOutbox(Path(self.folder.name) / "outbox", clock=lambda: self.now, **self.limits)

    @rule()
    def die(self) -> None:
        if isinstance(self.queue, DiskOutbox):
            self.queue = self.open()  # the former one is forgotten without a word
            self.waiting.clear()

    def teardown(self) -> None:
        if isinstance(self.queue, DiskOutbox):
            self.queue.close()
        self.folder.cleanup()


TestDiskOutboxes = DiskOutboxes.TestCase
TestDiskOutboxes.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
