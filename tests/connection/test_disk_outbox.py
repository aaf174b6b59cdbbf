"""An outbox that outlives its app. Its contract as a queue is in test_message_queue.py."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.connection.delivery import Delivery
from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.errors import SendRefused
from realtime.utils import ambient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[DiskOutbox]:
    outbox = DiskOutbox(path, clock=lambda: 0.0, lock_timeout_s=0.01)
    yield outbox
    outbox.close()


def say(outbox: DiskOutbox, word: str) -> int:
    receipt = Delivery(outbox, namespace="/").submit("say", (word,), ack=True, volatile=False, now=0.0, line=None)
    return receipt.message_id


def words(outbox: DiskOutbox) -> list[str]:
    return [message.args[0] for message in outbox.messages]


def reopened(outbox: DiskOutbox) -> DiskOutbox:
    outbox.close()
    return DiskOutbox(outbox.path, clock=lambda: 0.0)


def test_ids_go_on_after_the_highest_one_that_was_ever_used(outbox: DiskOutbox) -> None:
    used = [say(outbox, "one"), outbox.next_id(), outbox.next_id()]
    outbox.discard(used[0])
    again = reopened(outbox)
    assert again.next_id() > max(used)
    again.close()


def test_what_was_acknowledged_discarded_or_too_old_does_not_come_back(outbox: DiskOutbox, path: Path) -> None:
    for word in ("acked", "sent", "discarded", "kept"):
        say(outbox, word)
    for number in (1, 2):
        outbox.written(number)
    outbox.acked(1)
    outbox.discard(3)
    again = reopened(outbox)
    assert words(again) == ["sent", "kept"]
    assert (again.queued, again.unacked) == (2, 0)
    assert [message.writes for message in again.messages] == [1, 1], "nobody knows"
    again.close()
    with_age = DiskOutbox(path, max_age_s=10, clock=lambda: 0.0)
    assert len(with_age.expire(11)) == 2
    with_age = reopened(with_age)
    assert with_age.messages == ()
    with_age.close()


def test_the_time_while_the_app_was_not_running_counts(path: Path) -> None:
    wall_s = 1_000_000.0

    def opened(loop_s: float) -> DiskOutbox:
        return DiskOutbox(path, max_age_s=60, clock=lambda: loop_s)

    with ambient.installed(wall_clock=lambda: wall_s, source=random.Random(0)):
        first = opened(0.0)
        say(first, "hello")
        first.close()
        wall_s += 50  # and the device was restarted: its clock begins anew, at 7
        second = opened(7.0)
        assert second.next_timer() == 7 - 50 + 60
        assert second.expire(16.9) == []
        second.close()
        wall_s -= 3600  # the user set the clock back
        third = opened(7.0)
        assert third.next_timer() == 67
        third.close()


def test_limits_that_shrank_keep_what_is_there(outbox: DiskOutbox, path: Path) -> None:
    for word in "abc":
        say(outbox, word)
    outbox.close()
    small = DiskOutbox(path, max_messages=2, clock=lambda: 0.0)
    assert words(small) == ["a", "b", "c"]
    with pytest.raises(SendRefused, match="full with 3 messages"):
        say(small, "d")
    small.close()
    dropping = DiskOutbox(path, max_messages=2, when_full="drop_oldest", clock=lambda: 0.0)
    say(dropping, "d")
    dropping = reopened(dropping)
    assert words(dropping) == ["c", "d"]
    dropping.close()


@pytest.mark.clause("RT-QUEUE-3")
def test_after_kills_everything_a_receipt_was_returned_for_is_there_once_and_in_order(path: Path) -> None:
    """Three lives on one file, each ended by SIGKILL amid emits: the numbers of lines are where."""
    kept: dict[int, int] = {}
    for lines in (1, 40, 83):
        command = [sys.executable, "-m", "tests.connection.outbox_victim", path]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            told = [victim.stdout.readline() for _ in range(lines)]
            victim.kill()
            told += victim.stdout.readlines()
        doubtful = set()
        for line in told:
            if line.endswith("\n"):  # the last one may be cut
                sign, message_id, number = line.split()
                if sign == "+":
                    kept[int(message_id)] = int(number)
                else:
                    del kept[int(message_id)]
        # Killed between a step and its line: the last kept one may be discarded, and one more may be there.
        outbox = DiskOutbox(path, max_messages=100_000)
        found = {message.message_id: message.args[0]["number"] for message in outbox.messages}
        last = max(kept, default=0)
        if kept.get(last, 1) % 5 == 0:
            doubtful.add(last)
        ids = [message.message_id for message in outbox.messages]
        assert ids == sorted(set(ids))
        extra = found.keys() - kept.keys()
        assert len(extra) <= 1
        assert all(each > last for each in extra)
        assert kept.keys() - found.keys() <= doubtful
        assert all(found[each] == number for each, number in kept.items() if each in found)
        assert all(message.attachments == (b"bytes",) for message in outbox.messages)
        kept = found
        outbox.close()
    assert len(kept) > 60  # of 124 lines five in six tell of an emit, and one in five of these is taken back


def broken_by_a_full_disk(outbox: DiskOutbox) -> Callable[[], object]:
    [pages] = outbox._file._db.execute("PRAGMA page_count").fetchone()
    outbox._file._db.execute(f"PRAGMA max_page_count = {pages}")
    return lambda: outbox._file._db.execute("PRAGMA max_page_count = 1000000")


def broken_by_rights(outbox: DiskOutbox) -> Callable[[], object]:
    outbox._file._db.execute("PRAGMA query_only = ON")
    return lambda: outbox._file._db.execute("PRAGMA query_only = OFF")


def broken_by_another_program(outbox: DiskOutbox) -> Callable[[], object]:
    other = sqlite3.connect(outbox.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


@pytest.mark.parametrize(
    ("spoil", "words_of_it"),
    [
        (broken_by_a_full_disk, "the disk is full; free some space; then try again"),
        (broken_by_rights, "the database is read-only"),
        (broken_by_another_program, "is locked by another program"),
    ],
)
def test_what_the_disk_does_not_take_is_refused_and_not_half_kept(
    outbox: DiskOutbox, spoil: Callable[[DiskOutbox], Callable[[], object]], words_of_it: str
) -> None:
    say(outbox, "before")
    repair = spoil(outbox)
    with pytest.raises(SendRefused, match=words_of_it) as refused:
        say(outbox, "x" * 100_000)
    assert refused.value.code == "storage_failed"
    assert str(outbox.path) in refused.value.message
    assert words(outbox) == ["before"]
    repair()
    say(outbox, "after")
    again = reopened(outbox)
    assert words(again) == ["before", "after"]
    again.close()


def test_what_a_failing_disk_did_not_forget_goes_with_the_next_change(
    outbox: DiskOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    say(outbox, "one")
    say(outbox, "two")
    repair = broken_by_rights(outbox)
    outbox.written(1)
    assert outbox.acked(1)
    assert outbox.discard(2)
    assert caplog.text.count("until its disk works again") == 1
    assert outbox.messages == ()
    repair()
    say(outbox, "three")
    again = reopened(outbox)
    assert words(again) == ["three"]
    again.close()


def test_its_repr_names_the_file(outbox: DiskOutbox, path: Path) -> None:
    assert repr(outbox) == f"<DiskOutbox {str(path)!r} queued=0 unacked=0>"
