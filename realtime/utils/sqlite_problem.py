"""What is wrong with a database, and what to do about it."""

from __future__ import annotations

import sqlite3


def problem(error: BaseException) -> str:
    """Say in words what an error of the database, or of the file system below it, means."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    code = getattr(error, "sqlite_errorcode", None)
    return _PROBLEMS.get(code & 0xFF, str(error)) if code is not None else f"{type(error).__name__}: {error}"


_PROBLEMS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "the database is locked by another program; end that one's transaction",
    sqlite3.SQLITE_LOCKED: "the database is locked by another program; end that one's transaction",
    sqlite3.SQLITE_READONLY: "the database is read-only; make the file and its folder writable",
    sqlite3.SQLITE_PERM: "the database may not be written; make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; is its folder there, and writable?",
    sqlite3.SQLITE_IOERR: "the disk fails to read or write; see the system's log",
    sqlite3.SQLITE_CORRUPT: "the database is damaged; move it away and put a copy back, or try sqlite3's .recover",
    sqlite3.SQLITE_NOTADB: "the file is no database; move it away, or give another path",
}
