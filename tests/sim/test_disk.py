"""What a crash leaves of a host's files."""

import os
import sqlite3
from pathlib import Path

import pytest

from realtime.sim.disk import Disks

FOLDER_SYNC = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


@pytest.fixture
def disks():
    with Disks() as disks:
        yield disks


@pytest.fixture
def disk(disks):
    return disks.disk("ana")


def write(path, text, *, sync=True):
    with path.open("w") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def sync(folder):
    fd = os.open(folder, FOLDER_SYNC)
    os.fsync(fd)
    os.close(fd)


def files(disk):
    """Everything on it: path → text."""
    paths = sorted(disk.path.rglob("*"))
    return {path.relative_to(disk.path).as_posix(): path.read_text() for path in paths if path.is_file()}


def test_what_was_synced_survives_and_later_writes_are_lost(disk):
    write(disk.path / "a", "one")
    write(disk.path / "a", "two", sync=False)
    with (disk.path / "b").open("w") as file:
        file.write("begun")
        file.flush()
        os.fsync(file)  # a file object will do
        file.write(" and not finished")
    disk.crash()
    assert files(disk) == {"a": "one", "b": "begun"}


def test_a_new_file_that_was_never_synced_vanishes(disk):
    write(disk.path / "a", "one", sync=False)
    assert files(disk) == {"a": "one"}, "while nothing crashes it is there"
    disk.crash()
    assert files(disk) == {}


def test_its_name_may_be_synced_without_its_bytes(disk):
    """The folder is on the disk and the file is not: the classic empty file."""
    write(disk.path / "a", "one", sync=False)
    sync(disk.path)
    disk.crash()
    assert files(disk) == {"a": ""}


def test_a_replaced_file_is_the_old_one_until_its_folder_is_synced(disk):
    write(disk.path / "a", "old")
    write(disk.path / "a.new", "new")
    os.replace(disk.path / "a.new", disk.path / "a")
    assert files(disk) == {"a": "new"}
    disk.crash()
    assert files(disk) == {"a": "old", "a.new": "new"}
    os.replace(disk.path / "a.new", disk.path / "a")
    sync(disk.path)
    disk.crash()
    assert files(disk) == {"a": "new"}


def test_a_replacement_that_was_never_synced_is_empty(disk):
    write(disk.path / "a", "old")
    write(disk.path / "a.new", "new", sync=False)
    os.replace(disk.path / "a.new", disk.path / "a")
    sync(disk.path)
    disk.crash()
    assert files(disk) == {"a": ""}


def test_a_removed_file_is_back_until_its_folder_is_synced(disk):
    write(disk.path / "a", "one")
    (disk.path / "a").unlink()
    disk.crash()
    assert files(disk) == {"a": "one"}
    (disk.path / "a").unlink()
    sync(disk.path)
    disk.crash()
    assert files(disk) == {}


def test_folders(disk):
    (disk.path / "deep" / "deeper").mkdir(parents=True)
    (disk.path / "empty").mkdir()
    write(disk.path / "deep" / "deeper" / "a", "one")
    disk.crash()
    assert files(disk) == {"deep/deeper/a": "one"}
    assert not (disk.path / "empty").exists()
    (disk.path / "empty").mkdir()
    (disk.path / "deep" / "deeper" / "a").unlink()
    (disk.path / "deep" / "deeper").rmdir()
    (disk.path / "deep").rmdir()
    sync(disk.path)
    disk.crash()
    assert [path.name for path in disk.path.rglob("*")] == ["empty"]


def test_a_new_file_is_not_taken_for_a_removed_one(disk):
    """The system gives the number of a removed file to the next one that is made."""
    for n in range(20):
        write(disk.path / "a", f"{n}")
        (disk.path / "a").unlink()
        write(disk.path / "b", "never synced", sync=False)
        sync(disk.path)
        disk.crash()
        assert files(disk) == {"b": ""}


def test_a_file_with_two_names_survives_under_both(disk):
    write(disk.path / "a", "one", sync=False)
    os.link(disk.path / "a", disk.path / "b")
    write(disk.path / "a", "one")
    disk.crash()
    assert files(disk) == {"a": "one", "b": "one"}


def test_the_dead_do_not_write(disk):
    """A file that was open at the crash writes nowhere, whenever Python gets around to closing it."""
    write(disk.path / "a", "one")
    open_file = (disk.path / "a").open("a")
    open_file.write(" and two")
    disk.crash()
    open_file.close()
    assert files(disk) == {"a": "one"}


def test_a_second_crash_changes_nothing(disk):
    write(disk.path / "a", "one")
    disk.crash()
    disk.crash()
    write(disk.path / "a", "two", sync=False)
    disk.crash()
    assert files(disk) == {"a": "one"}


def test_data_sync_is_as_good(disk):
    if not hasattr(os, "fdatasync"):
        pytest.skip("this system has no fdatasync")
    with (disk.path / "a").open("w") as file:
        file.write("one")
        file.flush()
        os.fdatasync(file.fileno())
    disk.crash()
    assert files(disk) == {"a": "one"}


def test_native_code_says_itself_what_it_synced(disk):
    """SQLite writes and syncs in C, unseen: whoever owns the database says when it has committed."""

    def rows():
        connection = sqlite3.connect(disk.path / "log.db")
        found = connection.execute("select text from log").fetchall()
        connection.close()
        return found

    connection = sqlite3.connect(disk.path / "log.db")
    connection.execute("create table log (text)")
    connection.execute("insert into log values ('one')")
    connection.commit()
    disk.synced(disk.path / "log.db")
    connection.execute("insert into log values ('two')")
    connection.commit()
    assert rows() == [("one",), ("two",)]
    disk.crash()
    assert rows() == [("one",)]
    connection.close()


def test_what_is_synced_must_be_on_the_disk(disk, tmp_path):
    with pytest.raises(ValueError, match="is not on the disk of ana"):
        disk.synced(tmp_path)
    with pytest.raises(FileNotFoundError):
        disk.synced(disk.path / "none")


def test_hosts_share_nothing(disks):
    write(disks.disk("ana").path / "a", "hers")
    write(disks.disk("ben").path / "a", "his")
    write(disks.disk("ben").path / "a", "his, later", sync=False)
    disks.disk("ana").crash()
    assert files(disks.disk("ana")) == {"a": "hers"}
    assert files(disks.disk("ben")) == {"a": "his, later"}
    assert disks.disk("ana") is disks.disk("ana")


def test_any_name_of_a_host_makes_a_folder(disks):
    names = ["../etc", "a/b", "a b", "ä", "con:", "", "A", "a"]
    folders = {disks.disk(name).path for name in names}
    assert len(folders) == len(names)
    assert len({folder.parent for folder in folders}) == 1


def test_files_elsewhere_are_synced_by_the_system(monkeypatch, tmp_path):
    real = []
    monkeypatch.setattr(os, "fsync", real.append)
    with Disks() as disks, (tmp_path / "a").open("w") as file:
        os.fsync(file.fileno())
        assert real == [file.fileno()]
        with (disks.disk("ana").path / "a").open("w") as own:
            os.fsync(own.fileno())
        assert real == [file.fileno()]
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fsync(999_999)


def test_the_end_leaves_nothing_and_what_was_not_used_was_never_made():
    with Disks() as disks:
        disks.disk("ana").crash()
        assert disks.disk("ana").is_used is False
        path = disks.disk("ben").path
        write(path / "a", "one")
        assert path.is_dir()
        assert disks.disk("ben").is_used
    assert not path.parent.exists()
    assert open_files() == []


def open_files():
    """Descriptors of this process under a simulation's folder."""
    own = Path("/proc/self/fd")
    names = [os.readlink(link) for link in own.iterdir() if link.exists()] if own.exists() else []
    return [name for name in names if "realtime-sim-" in name]


def test_it_is_in_memory_where_there_is_a_folder_for_that(monkeypatch, tmp_path):
    """A tmpfs has room for a run and syncs for nothing; a full one, or none, is no reason to fail."""
    for ram in (tmp_path, tmp_path / "none"):
        monkeypatch.setattr("realtime.sim.disk.RAM", ram)
        with Disks() as disks:
            assert disks.disk("ana").path.is_relative_to(tmp_path) is (ram == tmp_path)
    monkeypatch.setattr("realtime.sim.disk.RAM", tmp_path)
    monkeypatch.setattr("realtime.sim.disk.ROOM_BYTES", 2**80)
    with Disks() as disks:
        assert not disks.disk("ana").path.is_relative_to(tmp_path)
