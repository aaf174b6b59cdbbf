"""Ids that were seen, also by an earlier run of the app."""

import pytest

from realtime.notifications.remembered_ids import RememberedIds


def test_the_first_time_is_news():
    ids = RememberedIds()
    assert [ids.add(each) for each in ("a", "b", "a")] == [True, True, False]
    assert "b" in ids
    assert "c" not in ids


def test_the_oldest_are_forgotten_and_a_second_time_is_recent():
    ids = RememberedIds(limit=2)
    for each in ("a", "b", "a", "c"):
        ids.add(each)
    assert list(ids) == ["a", "c"]


def test_a_restart_changes_nothing(tmp_path):
    path = tmp_path / "seen"
    first = RememberedIds(limit=3, path=path)
    for each in ("a", "b\nc", "ø", "d", "a"):
        first.add(each)
    again = RememberedIds(limit=3, path=path)
    assert sorted(again) == sorted(first)
    assert not again.add("a")


def test_the_file_stays_small(tmp_path):
    path = tmp_path / "seen"
    ids = RememberedIds(limit=10, path=path)
    for n in range(1000):
        ids.add(f"id {n:05}")
    # Ten ids of 11 bytes with their quotes and newline; rewritten when twice as many lines stand there
    assert path.stat().st_size <= 20 * 11
    assert len(RememberedIds(limit=10, path=path)) == 10


def test_a_line_that_was_cut_off_by_a_crash_costs_only_itself(tmp_path):
    path = tmp_path / "seen"
    ids = RememberedIds(path=path)
    ids.add("a")
    ids.add("b")
    path.write_bytes(path.read_bytes()[:-2])
    again = RememberedIds(path=path)
    assert list(again) == ["a"]
    again.add("c")
    assert list(RememberedIds(path=path)) == ["a", "c"]


def test_a_disk_that_fails_costs_the_memory_of_a_restart_and_nothing_else(tmp_path, caplog):
    ids = RememberedIds(path=tmp_path / "no folder" / "seen")
    assert ids.add("secret")
    assert not ids.add("secret")
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_a_mistake_is_named():
    with pytest.raises(ValueError, match="limit"):
        RememberedIds(limit=0)
