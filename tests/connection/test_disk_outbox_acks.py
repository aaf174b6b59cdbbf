"""Acknowledgements reach the disk together, a little later; what is lost of them by a crash is only sent again."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from realtime.connection.delivery import Delivery
from realtime.connection.disk_outbox import ACKS_WAIT_S, DiskOutbox
from tests.jumping_clock import jumping

COUNT = 50


class Counted(DiskOutbox):
    """It counts its writes to the disk."""

    def __init__(self, path: Path) -> None:
        self.writes = 0
        super().__init__(path, clock=lambda: 0.0, lock_timeout_s=0.01, synced=self._count)
        self.next_id()  # it reserves many at once
        self.writes = 0

    def _count(self, path: Path) -> None:
        self.writes += path.suffix != ".outbox-wal"


def sent(outbox: DiskOutbox, count: int) -> list[int]:
    """Emit so many, and write them to a connection."""
    for n in range(count):
        Delivery(outbox, namespace="/").submit("say", (n,), ack=True, volatile=False, now=0.0, line=None)
    ids = []
    while (message := outbox.next_unwritten()) is not None:
        outbox.written(message.message_id)
        ids.append(message.message_id)
    return ids


def on_disk(path: Path) -> list[int]:
    """What another run of the app would find now."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [each for (each,) in db.execute("SELECT message_id FROM messages ORDER BY message_id")]
    finally:
        db.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "an.outbox"


@jumping
async def test_acks_that_come_together_are_one_write(path: Path) -> None:
    outbox = Counted(path)
    ids = sent(outbox, COUNT)
    assert outbox.writes == COUNT  # each emit is on the disk when it returns
    for message_id in ids:
        assert outbox.acked(message_id)
    assert outbox.messages == ()
    assert (outbox.writes, on_disk(path)) == (COUNT, ids)
    await asyncio.sleep(2 * ACKS_WAIT_S)
    assert (outbox.writes, on_disk(path)) == (COUNT + 1, [])
    [last] = sent(outbox, 1)
    outbox.acked(last)
    await asyncio.sleep(2 * ACKS_WAIT_S)
    assert (outbox.writes, on_disk(path)) == (COUNT + 3, [])
    outbox.close()


@jumping
async def test_the_next_emit_takes_them_along(path: Path) -> None:
    outbox = Counted(path)
    first, second = sent(outbox, 2)
    outbox.acked(first)
    [third] = sent(outbox, 1)
    assert (outbox.writes, on_disk(path)) == (3, [second, third])
    await asyncio.sleep(2 * ACKS_WAIT_S)
    assert outbox.writes == 3
    outbox.close()


@jumping
async def test_closing_writes_what_is_left_and_nothing_comes_after(path: Path) -> None:
    outbox = Counted(path)
    for message_id in sent(outbox, 3):
        outbox.acked(message_id)
    outbox.close()
    assert on_disk(path) == []
    writes = outbox.writes
    await asyncio.sleep(2 * ACKS_WAIT_S)
    assert outbox.writes == writes


@jumping
async def test_what_a_crash_loses_of_them_is_sent_again(path: Path) -> None:
    outbox = Counted(path)
    ids = sent(outbox, 3)
    outbox.acked(ids[0])
    again = Counted(path)  # as after a crash: nobody closed the first one
    assert [message.message_id for message in again.messages] == ids
    assert all(message.writes for message in again.messages)  # the server may know them
    await asyncio.sleep(2 * ACKS_WAIT_S)
    assert on_disk(path) == ids  # the first one does not write into what is another's now
    again.close()
    outbox.close()


@jumping
async def test_what_is_taken_back_is_gone_at_once(path: Path) -> None:
    outbox = Counted(path)
    first, second, third = sent(outbox, 3)
    outbox.acked(first)
    assert outbox.discard(second)
    assert on_disk(path) == [third]
    outbox.close()


def test_without_a_loop_there_is_no_later(path: Path) -> None:
    outbox = Counted(path)
    for message_id in sent(outbox, 2):
        outbox.acked(message_id)
    assert on_disk(path) == []
    outbox.close()
