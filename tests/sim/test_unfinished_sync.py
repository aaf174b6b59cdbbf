"""What a crash amid a sync leaves: SQLite opens it, with all that was committed before."""

import random
import sqlite3

import pytest

from realtime.sim.disk import Disks
from realtime.sim.unfinished_sync import SECTOR, UnfinishedSync, torn


def test_all_of_it_is_there_or_nothing_or_of_a_single_file_some():
    before = {"a": b"o" * 4 * SECTOR, "b": b"o" * 4 * SECTOR}
    new = b"n" * 4 * SECTOR
    seen = {1: set(), 2: set()}
    for changed, outcomes in seen.items():
        for seed in range(60):
            under_way = UnfinishedSync(random.Random(seed))
            under_way.files |= {"a": new, "b": new if changed == 2 else before["b"]}
            after = before | under_way.left(before)
            names = {new: "n", before["a"]: "o"}
            outcomes.add("".join(names.get(after[name], "t") for name in "ab"))
    assert seen == {1: {"oo", "no", "to"}, 2: {"oo", "nn"}}


def test_torn_bytes_are_old_or_new_sector_by_sector_and_the_first_is_new():
    old, new = b"o" * 4 * SECTOR, b"n" * 6 * SECTOR
    lengths, mixed = set(), 0
    for seed in range(200):
        data = torn(old, new, random.Random(seed))
        assert data[:SECTOR] == b"n" * SECTOR
        sectors = [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]
        assert all(len(set(sector)) == 1 for sector in sectors)
        assert set(data[: 4 * SECTOR]) <= set(b"on")
        assert set(data[4 * SECTOR :]) <= set(b"n\0")
        lengths.add(len(sectors))
        mixed += b"o" in data
    assert lengths == {4, 5, 6}
    assert mixed > 100


@pytest.mark.parametrize("seed", range(25))
def test_a_database_opens_after_a_crash_amid_its_commit(seed):
    """With all that was committed before, and all or nothing of what was being committed; with checkpoints."""
    rng = random.Random(seed)
    with Disks() as disks:
        disk = disks.disk("ana")
        path = disk.path / "log.db"

        def opened():
            db = sqlite3.connect(path, isolation_level=None)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 12")
            return db

        def synced():
            for name in ("log.db", "log.db-wal"):
                disk.synced(disk.path / name)

        db, count, dead = opened(), 0, []
        db.execute("CREATE TABLE log (n INTEGER PRIMARY KEY, text TEXT)")
        synced()
        for _ in range(6):
            for _ in range(rng.randrange(12)):
                count += 1
                db.execute("INSERT INTO log VALUES (?, ?)", (count, f"{count} " * 500))
                synced()
            with disk.syncing(rng):
                db.execute("INSERT INTO log VALUES (?, ?)", (count + 1, f"{count + 1} " * 500))
                synced()
            dead.append(db)
            disk.crash()
            db = opened()
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            [(found, newest)] = db.execute("SELECT count(*), max(n) FROM log").fetchall()
            assert found == (newest or 0)
            assert count <= found <= count + 1
            count = found
            synced()
        for each in (*dead, db):
            each.close()
