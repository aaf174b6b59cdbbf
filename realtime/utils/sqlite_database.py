"""Database files: telling ours from others', making them, changing them durably."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from realtime.utils.file_lock import sync_folder

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100  # of the file, with the application's id at 68: https://www.sqlite.org/fileformat.html


class Unusable(Exception):
    """The file is no database, or somebody else's. The message says why."""


def exists(path: Path, application_id: int) -> bool:
    """Whether there is a database of ours; an empty file is none yet.

    It looks at the first page only: SQLite might write to a database already by opening it.

    Raises:
        Unusable: there is something else.
        OSError: it cannot be read.
    """
    if not path.exists() or path.stat().st_size == 0:
        wal = _beside(path, "-wal")
        if wal.exists():
            raise Unusable(f"{wal.name} is there without its database")
        return False
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_MAGIC):
        raise Unusable("the file is no database")
    if int.from_bytes(header[68:72]) != application_id:
        raise Unusable("the database belongs to another program")
    return True


def create(path: Path, application_id: int, make: Callable[[sqlite3.Connection], object]) -> None:
    """Make a database under another name, so that a crash in between leaves nothing half-made under this one.

    Args:
        make: what is called with its connection, to fill it.

    Raises:
        sqlite3.Error: it cannot be made.
        OSError: the same.
    """
    new = _beside(path, "-new")
    new.unlink(missing_ok=True)
    _beside(new, "-journal").unlink(missing_ok=True)
    new.touch()  # where this fails, the system says why in better words than SQLite
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {application_id}")
        make(connection)
    finally:
        connection.close()
    with open(new, "rb+") as file:
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def connect(path: Path, *, lock_timeout_s: float) -> sqlite3.Connection:
    """Open a database in WAL mode: every commit is on the disk when it returns. Transactions are begun by hand.

    Args:
        lock_timeout_s: how long a write waits for another program that writes.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: one fsync per commit, before it returns
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync stops at the drive's cache
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is done within is done as a whole, durably when this ends, or, if anything is raised, not at all."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def set_aside(path: Path) -> Path:
    """Rename a file and its -wal, which holds the newest of it, to the first name that is free.

    Returns:
        The new name.
    """
    number = 1
    while (to := _beside(path, f".set-aside-{number}")).exists() or _beside(to, "-wal").exists():
        number += 1
    for suffix in ("-wal", ""):
        if (part := _beside(path, suffix)).exists():
            part.rename(_beside(to, suffix))
    _beside(path, "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)
    return to


def tell_synced(path: Path, synced: Callable[[Path], object] | None) -> None:
    """Call ``synced`` with each file of a database, for a simulated world that wants to know what a crash leaves."""
    if synced is not None:
        for part in _parts(path):
            if os.path.exists(part):
                synced(part)


@lru_cache(maxsize=64)
def _parts(path: Path) -> tuple[Path, Path]:
    """A database and its log of changes."""
    return path, _beside(path, "-wal")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
