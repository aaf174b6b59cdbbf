"""The database of an outbox: making it, setting aside what is not one, changing it durably."""

from __future__ import annotations

import logging
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
from realtime.utils.file_lock import FileLock
from realtime.utils.sqlite_database import Unusable, connect, create, exists, set_aside, tell_synced, transaction
from realtime.utils.sqlite_problem import problem

APPLICATION_ID = 0x52544F42
"""``RTOB``, at byte 68 of the file (https://www.sqlite.org/fileformat.html): this database is an outbox."""

VERSION = 1
_SCHEMA = f"""
    BEGIN;
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
_log = logging.getLogger("realtime.connection")


class StoredMessage(NamedTuple):
    """A message as the file has it."""

    message: QueuedMessage
    queued_at_ms: int


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
        except (sqlite3.Error, OSError, Unusable) as error:
            lock.release()
            raise OutboxError(f"{path}: {problem(error)}") from error
        except BaseException:
            lock.release()
            raise
        self._close = weakref.finalize(self, _close, self._db, lock)
        tell_synced(self.path, self._synced)

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
            with transaction(self._db):
                self._check_owner()
                self._db.executemany("DELETE FROM messages WHERE message_id = ?", [(each,) for each in remove])
                if add is not None:
                    message = add.message
                    attachments = msgspec.msgpack.encode(message.attachments)
                    row = (message.message_id, message.ack, add.queued_at_ms, message.text, attachments)
                    self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", row)
                if last_id is not None:
                    self._db.execute("UPDATE facts SET value = ? WHERE name = 'last_id'", (last_id,))
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(f"{self.path}: {problem(error)}") from error
        tell_synced(self.path, self._synced)

    def close(self) -> None:
        """Let go of the file. Doing it twice is harmless."""
        if self.is_open:
            self._close()
            tell_synced(self.path, self._synced)

    # --- opening

    def _open(self, lock_timeout_s: float) -> None:
        try:
            if exists(self.path, APPLICATION_ID):
                self._db = connect(self.path, lock_timeout_s=lock_timeout_s)
                self._take_over()
                return
        except (sqlite3.DatabaseError, Unusable) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            self.set_aside = set_aside(self.path)
            why = problem(error) if isinstance(error, sqlite3.Error) else str(error)
            _log.warning("%s was set aside as %s, and the outbox begins empty: %s", self.path, self.set_aside.name, why)
        create(self.path, APPLICATION_ID, lambda new: new.executescript(_SCHEMA))
        self._db = connect(self.path, lock_timeout_s=lock_timeout_s)
        self._take_over()

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
                raise Unusable(f"the database is damaged: {verdict}")
            self.messages = _restored(db)
            with transaction(db):
                db.execute("UPDATE facts SET value = value + 1 WHERE name = 'openings'")
                self._opening = self._fact("openings")
                self.last_id = self._fact("last_id")
        except BaseException:
            db.close()
            raise

    def _fact(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        if row is None or not isinstance(row[0], int):
            raise Unusable(f"the database does not say its {name}")
        return row[0]

    # --- changing

    def _check_owner(self) -> None:
        if self._fact("openings") != self._opening:
            raise OutboxError(f"{self.path}: the outbox was opened again since, in this program; use the newer one")


def _close(connection: sqlite3.Connection, lock: FileLock) -> None:
    connection.close()
    lock.release()


def _restored(db: sqlite3.Connection) -> list[StoredMessage]:
    stored = []
    for message_id, ack, queued_at_ms, text, frames in db.execute("SELECT * FROM messages ORDER BY message_id"):
        try:
            attachments = msgspec.msgpack.decode(frames, type=tuple[bytes, ...])
            event, *args = _packet(text, attachments).data
        except (RealtimeError, ValueError, TypeError, AttributeError) as error:
            raise Unusable(f"message {message_id} cannot be read: {error}") from error
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
