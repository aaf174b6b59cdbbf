"""The database file: its tables, bringing an old one up to date, saying what is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from realtime.server.engine.base import EngineError
from realtime.utils import sqlite_problem
from realtime.utils.sqlite_database import Unusable, connect, create, exists

APPLICATION_ID = 0x52544C42
"""``RTLB``, at byte 68 of the file (https://www.sqlite.org/fileformat.html): this database is ours."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE rooms (
        room INTEGER PRIMARY KEY,
        room_id TEXT NOT NULL UNIQUE,
        last INTEGER NOT NULL,         -- offset of the newest message
        horizon INTEGER NOT NULL,      -- messages up to this offset are gone
        ids_horizon INTEGER NOT NULL   -- so are message ids
    );
    CREATE TABLE messages (
        room INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        event TEXT NOT NULL,
        origin TEXT NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        body TEXT NOT NULL,            -- the JSON object that clients see
        PRIMARY KEY (room, offset)
    ) WITHOUT ROWID;
    CREATE TABLE ids (
        room INTEGER NOT NULL,
        user_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        offset INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        PRIMARY KEY (room, user_id, message_id)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE ids RENAME TO old_ids;
    CREATE TABLE ids (
        room INTEGER NOT NULL,
        message_id TEXT NOT NULL,      -- before the user: a message is found without its author
        user_id TEXT NOT NULL,
        offset INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        PRIMARY KEY (room, message_id, user_id)
    ) WITHOUT ROWID;
    INSERT INTO ids SELECT room, message_id, user_id, offset, timestamp_ms FROM old_ids;
    DROP TABLE old_ids;
    ALTER TABLE rooms ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;          -- so many ids of changes there ever were
    ALTER TABLE rooms ADD COLUMN changes_horizon INTEGER NOT NULL DEFAULT 0;  -- so many of them are gone
    CREATE TABLE changes (             -- the ids of amendments
        room INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        offset INTEGER NOT NULL,       -- what was answered
        timestamp_ms INTEGER NOT NULL,
        number INTEGER NOT NULL,       -- counted per room, as what changes nothing has no offset of its own
        PRIMARY KEY (room, message_id, user_id)
    ) WITHOUT ROWID;
    CREATE TABLE amended (
        room INTEGER NOT NULL,
        offset INTEGER NOT NULL,       -- of the message
        state TEXT NOT NULL,           -- amendments.Amended, as JSON
        PRIMARY KEY (room, offset)
    ) WITHOUT ROWID;
    CREATE TABLE markers (
        room INTEGER NOT NULL,
        user_id TEXT NOT NULL,
        received INTEGER NOT NULL,
        read INTEGER NOT NULL,
        PRIMARY KEY (room, user_id)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE notes (               -- what parts of the server want to have again
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    """,
)
"""What makes version n + 1 (``PRAGMA user_version``) of version n. Only ever add to its end."""


CHECKPOINT_PAGES = 4000
"""16 MB, so that one checkpoint serves many commits."""


def open_database(
    path: Path, *, epoch: str, lock_timeout_s: float, checkpoint_pages: int = CHECKPOINT_PAGES
) -> sqlite3.Connection:
    """Open the database, after making it where there is none or migrating it where it is old.

    You must hold its lock. Every commit on the connection is durable; transactions are begun by hand.

    Args:
        path: of the file; ``-wal`` and ``-shm`` beside it are SQLite's.
        epoch: of the logs in a new database.
        lock_timeout_s: how long a write waits for another program that writes.
        checkpoint_pages: the log of changes is carried over to the database once it has so many pages of 4 KiB.

    Raises:
        EngineError: it cannot be opened, or is not ours, or of a later version; then it is left as it is.
        sqlite3.Error: the same, in SQLite's words.
        OSError: the same, in the system's words.
    """

    def make(connection: sqlite3.Connection) -> None:
        _migrate(connection)
        connection.execute("INSERT INTO facts VALUES ('epoch', ?), ('openings', '0')", (epoch,))

    try:
        if not exists(path, APPLICATION_ID):
            create(path, APPLICATION_ID, make)
    except Unusable as error:
        raise EngineError(f"{error}; it was left as it is. Give another path, or move it away") from None
    connection = connect(path, lock_timeout_s=lock_timeout_s)
    try:
        _migrate(connection)
        connection.execute("PRAGMA cache_size = -32768")  # KiB
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
    except BaseException:
        connection.close()
        raise
    return connection


def problem(error: BaseException) -> str:
    """What is wrong, and what to do, in words."""
    return str(error) if isinstance(error, EngineError) else sqlite_problem.problem(error)


def _migrate(connection: sqlite3.Connection) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise EngineError(
            f"the database has version {version}, of a newer realtime-lab; this one knows up to {len(MIGRATIONS)}. "
            "Upgrade realtime-lab, or give another path"
        )
    for number in range(version, len(MIGRATIONS)):
        # A script that fails half-way is rolled back when the connection is closed.
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT")
