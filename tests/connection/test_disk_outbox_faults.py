"""An outbox on disks that fail for real, and under clocks that jump: refused with a reason, and on it goes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.connection.delivery import Delivery
from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.errors import OutboxError, SendRefused
from realtime.utils import ambient
from tests.faulty_disk import SmallDisk, locked_by_another_process, small_disk

LARGE = "x" * 100_000  # more than the log beside the database has room for already
HOUR_S = 3600


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def opened(path: Path, *, now: float = 0.0, max_age_s: float | None = None) -> DiskOutbox:
    return DiskOutbox(path, clock=lambda: now, lock_timeout_s=0.01, max_age_s=max_age_s)


def say(outbox: DiskOutbox, word: str) -> int:
    receipt = Delivery(outbox, namespace="/").submit("say", (word,), ack=True, volatile=False, now=0.0, line=None)
    return receipt.message_id


def written(outbox: DiskOutbox) -> int:
    message = outbox.next_unwritten()
    assert message is not None
    outbox.written(message.message_id)
    return message.message_id


def check_kept(path: Path, words: list[str]) -> None:
    """What another run of the app finds."""
    outbox = opened(path)
    assert [message.args[0] for message in outbox.messages] == words
    outbox.close()


def check_refused(outbox: DiskOutbox, words: str) -> None:
    before = outbox.messages
    with pytest.raises(SendRefused, match=words) as refused:
        say(outbox, LARGE)
    assert refused.value.code == "storage_failed"
    assert outbox.messages == before


@pytest.mark.needs("mount")
def test_a_full_disk(disk: SmallDisk) -> None:
    path = disk.path / "outbox"
    outbox = opened(path)
    say(outbox, "acked")
    say(outbox, "kept")
    disk.fill()
    for _ in range(3):
        check_refused(outbox, "the disk is full; free some space")
    assert outbox.acked(written(outbox))  # what the server has is done with, whatever the disk does
    disk.free()
    say(outbox, "after")
    outbox.close()
    check_kept(path, ["kept", "after"])


@pytest.mark.needs("mount")
def test_a_full_disk_at_the_start(disk: SmallDisk) -> None:
    path = disk.path / "outbox"
    disk.fill()
    with pytest.raises(OutboxError, match=r"outbox: (the disk is full|no space left)"):
        opened(path)
    disk.free()
    outbox = opened(path)
    assert outbox.set_aside is None
    say(outbox, "one")
    outbox.close()
    check_kept(path, ["one"])


def test_a_lock_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    outbox = opened(path)
    say(outbox, "acked")
    say(outbox, "kept")
    with locked_by_another_process(path):
        for _ in range(2):
            check_refused(outbox, "locked by another program")
        assert outbox.acked(written(outbox))
    say(outbox, "after")
    outbox.close()
    check_kept(path, ["kept", "after"])


@pytest.mark.needs("mount")
def test_a_folder_that_is_read_only(disk: SmallDisk) -> None:
    path = disk.path / "outbox"
    outbox = opened(path)
    say(outbox, "before")
    outbox.close()
    disk.remount("ro")
    with pytest.raises(OutboxError, match="read-only"):
        opened(path)
    disk.remount("rw")
    check_kept(path, ["before"])


@pytest.mark.parametrize(("jump_s", "gone"), [(HOUR_S, 1), (-HOUR_S, 0)])
def test_a_clock_that_jumps_while_the_app_is_away_ages_messages_or_not_and_never_makes_them_younger(
    tmp_path: Path, jump_s: float, gone: int
) -> None:
    path, wall_s = tmp_path / "outbox", 1_000_000.0
    with ambient.installed(wall_clock=lambda: wall_s, source=random.Random(0)):
        outbox = opened(path, max_age_s=HOUR_S / 2)
        say(outbox, "one")
        wall_s += jump_s  # while it runs, the loop's clock counts
        assert outbox.expire(HOUR_S / 2 - 1) == []
        outbox.close()
        again = opened(path, max_age_s=HOUR_S / 2)
        assert len(again.expire(0.0)) == gone
        assert again.next_timer() == (None if gone else HOUR_S / 2)
        again.close()
