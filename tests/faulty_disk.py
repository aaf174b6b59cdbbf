"""Real faults of a disk: it is full, it is read-only, another process has the database locked."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

_LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


class SmallDisk:
    """A file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Leave not a byte."""
        with open(self.path / "ballast", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        assert not shutil.disk_usage(self.path).free

    def free(self) -> None:
        """Make room again."""
        (self.path / "ballast").unlink()

    def remount(self, mode: str) -> None:
        """``ro``: nobody can write; ``rw``: as before. No file may be open for writing."""
        subprocess.run(["mount", "-o", f"remount,{mode}", self.path], check=True)


@contextlib.contextmanager
def small_disk(path: Path, *, kib: int = 1024):
    """Mount one at a new folder; the test must be marked ``needs("mount")``."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", path], check=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextlib.contextmanager
def locked_by_another_process(path: Path):
    """While it lasts, nobody else writes to the database."""
    command = [sys.executable, "-c", _LOCKER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        yield
        other.stdin.close()
        other.wait()
