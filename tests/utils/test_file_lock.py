"""One program at a time."""

import os
import subprocess
import sys

import pytest

from realtime.utils.file_lock import FileLock, sync_folder
from tests.faulty_disk import small_disk

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="there are no POSIX locks")
HOLD = "import sys; from pathlib import Path; from realtime.utils.file_lock import FileLock; "
HOLD += "lock = FileLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
TRY = "import sys; from pathlib import Path; from realtime.utils.file_lock import FileLock; FileLock(Path(sys.argv[1]))"


@posix_only
def test_another_program_keeps_us_out_until_it_ends_in_whatever_way(tmp_path):
    path = tmp_path / "db-lock"
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match=f"another program.*process {other.pid}"):
            FileLock(path)
        other.kill()
        other.wait()
        FileLock(path).release()


@posix_only
def test_taken_twice_it_is_held_until_it_is_released_twice(tmp_path):
    path = tmp_path / "db-lock"

    def is_refused_elsewhere():
        tried = subprocess.run([sys.executable, "-c", TRY, path], capture_output=True, text=True, check=False)
        return f"process {os.getpid()}" in tried.stderr

    first, second = FileLock(path), FileLock(path)
    first.release()
    first.release()
    assert is_refused_elsewhere()
    second.release()
    assert not is_refused_elsewhere()


def test_what_is_released_can_be_taken_again(tmp_path):
    lock = FileLock(tmp_path / "db-lock")
    lock.release()
    lock.release()
    FileLock(tmp_path / "db-lock").release()


def test_a_lock_needs_its_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "nowhere" / "db-lock")


def test_a_folder_can_be_synced(tmp_path):
    sync_folder(tmp_path)


@pytest.mark.needs("mount")
def test_on_a_full_disk_it_is_locked_and_let_go_without_a_name(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        FileLock(disk.path / "lock").release()
        disk.free()
        lock = FileLock(disk.path / "lock")
        assert (disk.path / "lock").read_text() == f"{os.getpid()}\n"
        lock.release()
