"""The SQLite engine, beyond what every engine promises: durable, grouped, and whole again after whatever went wrong."""

import asyncio
import json
import logging
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from realtime.server.engine import sqlite as engine_module
from realtime.server.engine.base import EngineError
from realtime.server.engine.sqlite import SqliteEngine
from realtime.utils import ambient
from tests.server.engine.rig import Rig, draft

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rooms.db"


def engine(path, **options):
    return SqliteEngine(path, rng=random.Random(0), lock_timeout_s=0.05, **options)


def started(path, **options):
    return Rig(engine(path, **options))


def count(path, table="messages"):
    """Rows as another program sees them."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


def store(rig):
    return rig.engine._store._db


# Durable


def test_another_engine_on_the_same_file_goes_on_where_the_last_one_ended(path):
    with started(path) as rig:
        first = rig.append("m1", timestamp_ms=1000)
        before = rig.read()
    with started(path) as rig:
        assert rig.read() == before
        again = rig.append("m1", timestamp_ms=2000)
        assert (again.offset, again.timestamp_ms, again.duplicate) == (first.offset, 1000, True)
        assert rig.append("m2").offset == 2
        assert rig.read().covers(before.position)
        assert len(rig.delivered) == 1


def test_every_new_file_is_another_epoch(tmp_path):
    epochs = set()
    for n in range(3):
        with Rig(SqliteEngine(tmp_path / f"{n}.db", rng=random.Random(n))) as rig:
            epochs.add(rig.read().epoch)
    assert len(epochs) == 3


def test_nobody_is_told_before_other_programs_can_read_it(path):
    seen = []
    with started(path) as rig:
        rig.run(rig.engine.stop())
        rig.run(rig.engine.start(lambda record: seen.append(("delivered", count(path)))))
        rig.ask(
            lambda done: rig.engine.append(draft("m1"), lambda result: (seen.append(("done", count(path))), done(0)))
        )
    assert seen == [("delivered", 1), ("done", 1)]


def test_what_comes_at_once_shares_a_commit_and_what_comes_meanwhile_the_next_in_a_thread_of_their_own(path):
    commits, threads = [], set()

    def synced(file):
        threads.add(threading.get_ident())
        if file == path:
            commits.append(count(path))

    with started(path, synced=synced) as rig:
        commits.clear()
        rig.append_numbered(1, 100)
        assert commits == [100]

        def chain(done):
            rig.engine.append(draft("a"), lambda result: rig.engine.append(draft("b"), done))

        rig.ask(chain, lambda done: rig.engine.append(draft("c"), done))
        assert commits == [100, 102, 103]
    assert threading.get_ident() not in threads
    assert len(threads) == 1


def test_more_than_fits_in_one_commit_is_answered_in_order(path, monkeypatch):
    monkeypatch.setattr(engine_module, "MOST_AT_ONCE", 8)
    with started(path) as rig:
        assert [answer.offset for answer in rig.append_numbered(1, 100)] == list(range(1, 101))
        assert [record.offset for record in rig.delivered] == list(range(1, 101))


def test_more_than_may_wait_is_refused_at_once(path, monkeypatch):
    monkeypatch.setattr(engine_module, "MOST_WAITING", 5)
    with started(path) as rig:
        answers = rig.append_numbered(1, 7)
        assert [answer.offset for answer in answers[:5]] == [1, 2, 3, 4, 5]
        assert all(isinstance(answer, EngineError) and "does not keep up" in str(answer) for answer in answers[5:])
        assert rig.append("m7").offset == 6


def test_stopping_waits_for_what_was_accepted(path):
    async def stopping():
        first = engine(path)
        answers = []
        await first.start(lambda record: None)
        for n in range(50):
            first.append(draft(f"m{n}"), answers.append)
        first.read("lobby", answers.append, after=None, before=None, limit=1)
        await first.stop()
        first.append(draft("late"), answers.append)
        first.read("lobby", answers.append, after=None, before=None, limit=1)
        return answers

    *appended, page, late, late_page = asyncio.run(stopping())
    assert [answer.offset for answer in appended] == list(range(1, 51))
    assert page.last == 50
    assert "stopping" in str(late)
    assert isinstance(late_page, EngineError)
    assert not path.with_name("rooms.db-wal").exists()
    assert count(path) == 50


# Killed


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_after_a_kill_every_acknowledged_message_is_there_once(path):
    acked = {}
    for life, lines in enumerate((1, 150, 400)):
        command = [sys.executable, "-m", "tests.server.engine.sqlite_victim", path, f"{life}-"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
            told = [victim.stdout.readline() for _ in range(lines)]
            victim.kill()
            told += victim.stdout.readlines()
        for line in told:
            if line.endswith("\n"):  # the last one may be cut
                room, message_id, offset = line.split("\t")
                acked[room, message_id] = int(offset)
    with started(path) as rig:
        for room in ("room 0", "room 1"):
            records = rig.read(room, limit=100_000).records
            assert [record.offset for record in records] == list(range(1, len(records) + 1))
            held = {json.loads(record.body)["messageId"]: record.offset for record in records}
            assert len(held) == len(records)
            mine = {message_id: offset for (where, message_id), offset in acked.items() if where == room}
            assert len(mine) > 100
            assert mine.items() <= held.items()
            message_id, offset = mine.popitem()
            again = rig.append(message_id, room)
            assert (again.offset, again.duplicate) == (offset, True)


# What goes wrong


def broken_by_a_full_disk(rig, path):
    [pages] = store(rig).execute("PRAGMA page_count").fetchone()
    store(rig).execute(f"PRAGMA max_page_count = {pages}")
    return lambda: store(rig).execute("PRAGMA max_page_count = 1000000")


def broken_by_another_program(rig, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def broken_by_rights(rig, path):
    store(rig).execute("PRAGMA query_only = ON")
    return lambda: store(rig).execute("PRAGMA query_only = OFF")


FAILURES = {
    "the disk is full": broken_by_a_full_disk,
    "locked by another program": broken_by_another_program,
    "read-only": broken_by_rights,
}


@pytest.mark.parametrize(("words", "break_it"), FAILURES.items(), ids=FAILURES)
def test_a_failure_is_told_nothing_is_applied_and_the_next_message_is_a_new_attempt(path, caplog, words, break_it):
    body = b'{"text":"%b"}' % (b"x" * 10_000)  # more than a page, so that a full disk is felt
    with started(path) as rig, caplog.at_level(logging.INFO, "realtime.server.engine"):
        rig.append("m1")
        repair = break_it(rig, path)
        for _ in range(2):
            for answer in rig.append_all([draft("m2", body=body), draft("m3", room_id="new", body=body)]):
                assert isinstance(answer, EngineError)
                assert words in str(answer)
                assert "nothing was stored" in str(answer)
        assert rig.read().last == 1  # reading goes on
        assert rig.read("new").last == 0
        repair()
        answers = rig.append_all([draft("m2", body=body), draft("m3", room_id="new", body=body), draft("m1")])
        assert [(answer.offset, answer.duplicate) for answer in answers] == [(2, False), (1, False), (1, True)]
        assert [record.offset for record in rig.delivered] == [1, 2, 1]
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "INFO"]  # when it begins and when it ends, not for every message
    assert str(path) in caplog.text


def test_a_failing_callback_keeps_nobody_elses_answer(path):
    with started(path) as rig:
        told = []
        rig.loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))

        def fail(result):
            raise KeyError("a bug")

        [answer] = rig.ask(lambda done: (rig.engine.append(draft("m1"), fail), rig.engine.append(draft("m2"), done)))
        assert answer.offset == 2
        assert [type(error) for error in told] == [KeyError]


REFUSED = {
    "another program": lambda path: sqlite3.connect(path).executescript("CREATE TABLE t (x)").connection.close(),
    "no database": lambda path: path.write_bytes(b"Dear diary"),
}


@pytest.mark.parametrize(("words", "make"), REFUSED.items(), ids=REFUSED)
def test_a_file_that_is_not_ours_is_refused_by_name_and_left_alone(path, words, make):
    make(path)
    before = path.read_bytes()
    with pytest.raises(EngineError, match=words) as raised, started(path):
        pass
    assert str(path) in str(raised.value)
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_made_is_told_by_name(tmp_path):
    with pytest.raises(EngineError, match=r"nowhere.*no such file"), started(tmp_path / "nowhere" / "rooms.db"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="there are no POSIX locks")
def test_two_programs_on_one_file_are_refused(path):
    command = [sys.executable, "-m", "tests.server.engine.sqlite_victim", path, "m"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        with pytest.raises(EngineError, match="another program uses it"), started(path):
            pass
        other.kill()
    with started(path) as rig:
        assert rig.read("room 0").last > 0


def test_within_a_program_the_later_engine_takes_over(path):
    with started(path) as older:
        older.append("m1")
        with started(path) as newer:
            assert newer.append("m2").offset == 2
            assert "opened again" in str(older.append("m3"))
            assert newer.ids() == ["m1", "m2"]


def test_an_engine_is_started_once(path):
    with started(path) as rig, pytest.raises(EngineError, match="started already"):
        rig.run(rig.engine.start(lambda record: None))


@pytest.mark.parametrize("age", [0, -1])
def test_an_age_of_nothing_is_a_mistake(path, age):
    with pytest.raises(ValueError, match="max_age_s"):
        SqliteEngine(path, max_age_s=age)


# Age


def test_messages_go_with_age_as_soon_as_it_starts_and_ever_after(path):
    with started(path) as rig:
        rig.append("old", timestamp_ms=1_000_000)
        rig.append("young", timestamp_ms=1_060_000)
    now_s = 1090.0
    # 60 s of age are looked at every 60 / 20 = 3 s; here the clock jumps, and 0.02 s are looked at every 1 ms
    with ambient.installed(wall_clock=lambda: now_s, source=random.Random(0)), started(path, max_age_s=60) as rig:
        rig.append("any")  # behind the sweep
        assert rig.ids()[0] == "young"
        assert rig.append("old").duplicate
    with ambient.installed(wall_clock=lambda: now_s, source=random.Random(0)), started(path, max_age_s=0.02) as rig:
        assert rig.ids() == []
        rig.append("new", timestamp_ms=1_090_000)
        assert rig.ids() == ["new"]
        now_s = 1091.0

        async def gone():
            async with asyncio.timeout(20):
                while count(path):
                    await asyncio.sleep(0)

        rig.run(gone())
        assert rig.read().last == 4
