"""Rows of a database by the portion.

Every statement of the `sqlite3` module, and every row that it fetches, lets other threads run, and then waits until the
interpreter comes back to it: 5 ms each, where the event loop is busy. So one statement writes many rows, and what is
read comes as one JSON text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

T = TypeVar("T")

MOST_ROWS = 128
"""In one statement: times 7 columns, below the 999 parameters that any SQLite takes."""


def portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Rows for one statement each, in sizes so few that prepared statements are used again."""
    start = 0
    while start < len(rows):
        size = min(MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
        yield rows[start : start + size]
        start += size


def insert(
    db: sqlite3.Connection, table: str, rows: Sequence[Sequence[object]], *, or_replace: bool = False, then: str = ""
) -> None:
    """Insert complete rows; ``then`` is what follows: an ``ON CONFLICT`` clause."""
    verb = "REPLACE" if or_replace else "INSERT"
    for portion in portions(rows):
        db.execute(f"{verb} INTO {table} VALUES {_places(len(portion[0]), len(portion))} {then}", _flat(portion))


def delete(db: sqlite3.Connection, table: str, columns: Sequence[str], keys: Sequence[Sequence[object]]) -> None:
    """Delete the rows with these keys, as far as there are such."""
    for portion in portions(keys):
        places = _places(len(columns), len(portion))
        db.execute(f"DELETE FROM {table} WHERE ({', '.join(columns)}) IN (VALUES {places})", _flat(portion))


def selected(
    db: sqlite3.Connection,
    columns: Sequence[str],
    keys: Sequence[Sequence[object]],
    query: str,
    decoder: msgspec.json.Decoder[list[T]],
) -> list[T]:
    """What a query finds for keys, in any order.

    Args:
        columns: of the keys, which the query has as the table ``asked``.
        query: it gives one JSON array of all that it finds.
    """
    found: list[T] = []
    for portion in portions(keys):
        [rows] = db.execute(_asking(columns, len(portion), query), _flat(portion)).fetchone()
        found += decoder.decode(rows)
    return found


@lru_cache(maxsize=128)
def _places(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


@lru_cache(maxsize=128)
def _asking(columns: Sequence[str], rows: int, query: str) -> str:
    return f"WITH asked ({', '.join(columns)}) AS (VALUES {_places(len(columns), rows)}) {query}"


def _flat(rows: Iterable[Sequence[object]]) -> list[object]:
    return [value for row in rows for value in row]
