"""The database of an outbox: making it, setting aside what is not one, changing it durably."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from realtime.connection.errors import OutboxError
from realtime.connection.message_queue import QueuedMessage
from realtime.protocol.errors import RealtimeError
from realtime.protocol.socketio import Decoder, Packet
from realtime.utils.file_lock import FileLock, sync_folder
from realtime.utils.sqlite_problem import problem

APPLICATION_ID = 0x52544F42
"""``RTOB``, at byte 68 of the file (https://www.sqlite.org/fileformat.html): this database is an outbox."""

VERSION = 1
_SCHEMA = f"""
    BEGIN;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {VERSION};
    CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO facts VALUES ('openings', 0), ('last_id', 0);
    CREATE TABLE messages (
        message_id INTEGER PRIMARY KEY,
        ack INTEGER NOT NULL,
        queued_at_ms INTEGER NOT NULL,   -- by the wall clock
        text BLOB NOT NULL,              -- the text frame
        attachments BLOB NOT NULL        -- the binary frames, a MessagePack array
    );
    COMMIT;
"""
_HEADER_BYTES = 100
_log = logging.getLogger("realtime.connection")


class StoredMessage(NamedTuple):
    """A message as the file has it."""

    message: QueuedMessage
    queued_at_ms: int


class _Unusable(Exception):
    """The file is no outbox, or a damaged one."""


class OutboxFile:
    """An open outbox file. Who opens it last, within this program, has it: others are refused from then on.

    Call it on one thread at a time.

    Args:
        path: of the file; it is made if it is not there, in a folder that is. A file that is damaged, or no outbox, is
            renamed, and a new one is made.
        lock_timeout_s: how long a change waits for another program that writes.
        synced: called with each file whose content has just become durable.

    Attributes:
        set_aside: what an unusable file is called now; None if there was none.
        messages: what the file held when it was opened, oldest first.
        last_id: up to which ids were reserved then.

    Raises:
        OutboxError: it cannot be opened, another program uses it, or a newer version made it; it is left as it is.
    """

    def __init__(
        self, path: Path, *, lock_timeout_s: float = 0.1, synced: Callable[[Path], object] | None = None
    ) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._synced = synced
        try:
            lock = FileLock(path.with_name(f"{path.name}-lock"))
        except BlockingIOError as error:
            raise OutboxError(f"{path}: {error}; stop that, or give this one another outbox") from None
        except OSError as error:
            raise OutboxError(f"{path}: {problem(error)}; give an outbox a writable folder") from error
        try:
            self._open(lock_timeout_s)
        except (sqlite3.Error, OSError, _Unusable) as error:
            lock.release()
            raise OutboxError(f"{path}: {problem(error)}") from error
        except BaseException:
            lock.release()
            raise
        self._close = weakref.finalize(self, _close, self._db, lock)
        self._tell_synced()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self._close.alive

    def change(
        self, *, add: StoredMessage | None = None, remove: Sequence[int] = (), last_id: int | None = None
    ) -> None:
        """Change it, in one transaction: when this returns it is durable, when it raises nothing changed.

        Raises:
            OutboxError: it could not be done. The message says why, and what to do.
        """
        if not self.is_open:
            raise OutboxError(f"{self.path}: the outbox was closed; open it again")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._check_owner()
            self._db.executemany("DELETE FROM messages WHERE message_id = ?", [(each,) for each in remove])
            if add is not None:
                message = add.message
                attachments = msgspec.msgpack.encode(message.attachments)
                row = (message.message_id, message.ack, add.queued_at_ms, message.text, attachments)
                self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", row)
            if last_id is not None:
                self._db.execute("UPDATE facts SET value = ? WHERE name = 'last_id'", (last_id,))
            self._db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._roll_back()
            raise OutboxError(f"{self.path}: {problem(error)}") from error
        except BaseException:
            self._roll_back()
            raise
        self._tell_synced()

    def close(self) -> None:
        """Let go of the file. Doing it twice is harmless."""
        if self.is_open:
            self._close()
            self._tell_synced()

    # --- opening

    def _open(self, lock_timeout_s: float) -> None:
        try:
            if self._is_there():
                self._db = _connect(self.path, lock_timeout_s)
                self._take_over()
                return
        except (sqlite3.DatabaseError, _Unusable) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            self.set_aside = _set_aside(self.path)
            why = problem(error) if isinstance(error, sqlite3.Error) else str(error)
            _log.warning("%s was set aside as %s, and the outbox begins empty: %s", self.path, self.set_aside.name, why)
        _create(self.path)
        self._db = _connect(self.path, lock_timeout_s)
        self._take_over()

    def _is_there(self) -> bool:
        """Look at the first page only: SQLite might write to a database already by opening it."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            if _beside(self.path, "-wal").exists():
                raise _Unusable("the database is gone, and its -wal file is not")
            return False
        with open(self.path, "rb") as file:
            header = file.read(_HEADER_BYTES)
        if not header.startswith(b"SQLite format 3\x00"):
            raise _Unusable("the file is no database")
        if int.from_bytes(header[68:72]) != APPLICATION_ID:
            raise _Unusable("the database is no outbox")
        return True

    def _take_over(self) -> None:
        db = self._db
        try:
            [version] = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise OutboxError(
                    f"{self.path}: the outbox has version {version}, of a newer realtime-lab; this one knows up to "
                    f"{VERSION}. Upgrade realtime-lab, or give another path"
                )
            [verdict] = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _Unusable(f"the database is damaged: {verdict}")
            self.messages = _restored(db)
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE facts SET value = value + 1 WHERE name = 'openings'")
            self._opening = self._fact("openings")
            self.last_id = self._fact("last_id")
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise

    def _fact(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        if row is None or not isinstance(row[0], int):
            raise _Unusable(f"the database does not say its {name}")
        return row[0]

    # --- changing

    def _check_owner(self) -> None:
        if self._fact("openings") != self._opening:
            raise OutboxError(f"{self.path}: the outbox was opened again since, in this program; use the newer one")

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _tell_synced(self) -> None:
        if self._synced is not None:
            for path in (self.path, _beside(self.path, "-wal")):
                if path.exists():
                    self._synced(path)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _close(connection: sqlite3.Connection, lock: FileLock) -> None:
    connection.close()
    lock.release()


def _connect(path: Path, lock_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: one fsync per commit, before it returns
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync stops at the drive's cache
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make a database under another name, so that a crash in between leaves nothing half-made under this one."""
    new = _beside(path, "-new")
    new.unlink(missing_ok=True)
    _beside(new, "-journal").unlink(missing_ok=True)
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        connection.executescript(_SCHEMA)
    finally:
        connection.close()
    with open(new, "rb+") as file:
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def _set_aside(path: Path) -> Path:
    """Rename a file and its -wal, which holds the newest of it, to the first name that is free."""
    number = 1
    while (to := _beside(path, f".set-aside-{number}")).exists() or _beside(to, "-wal").exists():
        number += 1
    for suffix in ("-wal", ""):
        if (part := _beside(path, suffix)).exists():
            part.rename(_beside(to, suffix))
    _beside(path, "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)
    return to


def _restored(db: sqlite3.Connection) -> list[StoredMessage]:
    stored = []
    for message_id, ack, queued_at_ms, text, frames in db.execute("SELECT * FROM messages ORDER BY message_id"):
        try:
            attachments = msgspec.msgpack.decode(frames, type=tuple[bytes, ...])
            event, *args = _packet(text, attachments).data
        except (RealtimeError, ValueError, TypeError, AttributeError) as error:
            raise _Unusable(f"message {message_id} cannot be read: {error}") from error
        message = QueuedMessage(
            message_id=message_id,
            event=event,
            args=tuple(args),
            ack=bool(ack),
            text=text,
            attachments=attachments,
            queued_at_s=0.0,
            writes=int(bool(ack)),
        )
        stored.append(StoredMessage(message, queued_at_ms))
    return stored


def _packet(text: bytes, attachments: Sequence[bytes]) -> Packet:
    decoder = Decoder()
    packet = decoder.receive_text(text[1:])  # after the Engine.IO digit
    for attachment in attachments:
        packet = decoder.receive_binary(attachment)
    if packet is None:
        raise ValueError("attachments are missing")
    return packet
