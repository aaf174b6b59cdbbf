"""Ids that were seen before: a bounded memory that may outlive the app."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

_log = logging.getLogger("realtime.notifications")


class RememberedIds:
    """The newest ids that were seen; with a file, also by earlier runs of the app.

    What the file loses in a crash may be seen again, so a failing disk is logged once and otherwise ignored. Adding
    writes to the disk, once per id.

    Args:
        limit: how many are remembered.
        path: a file of this object's own; None: only as long as the app runs.

    Raises:
        ValueError: the limit is below 1.
    """

    def __init__(self, *, limit: int = 1000, path: str | os.PathLike[str] | None = None) -> None:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        self._limit = limit
        self._path = None if path is None else Path(path)
        self._ids: dict[str, None] = {}
        self._lines = 0
        if self._path is not None and self._path.exists():
            self._load(self._path)

    def __contains__(self, each: str) -> bool:
        return each in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def add(self, each: str) -> bool:
        """Remember an id; returns whether it is new."""
        is_new = each not in self._ids
        self._ids.pop(each, None)
        self._ids[each] = None
        if len(self._ids) > self._limit:
            del self._ids[next(iter(self._ids))]
        if is_new:
            self._write(each)
        return is_new

    def _load(self, path: Path) -> None:
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            self._disk_failed(error)
            return
        for line in lines:
            try:
                each = msgspec.json.decode(line, type=str)
            except msgspec.DecodeError:
                continue  # the empty one at the end, or one that a crash cut off
            self._ids.pop(each, None)
            self._ids[each] = None
        for each in tuple(self._ids)[: -self._limit]:
            del self._ids[each]
        self._lines = 2 * self._limit  # the next one writes the file anew: whole lines only

    def _write(self, each: str) -> None:
        if self._path is None:
            return
        try:
            if self._lines < 2 * self._limit:
                with self._path.open("ab") as file:
                    file.write(msgspec.json.encode(each) + b"\n")
                self._lines += 1
            else:
                other = self._path.with_name(self._path.name + ".new")
                other.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in self._ids))
                other.replace(self._path)
                self._lines = len(self._ids)
        except OSError as error:
            self._disk_failed(error)

    def _disk_failed(self, error: OSError) -> None:
        _log.warning("what was shown is remembered only until the app ends: %s", error.strerror or type(error).__name__)
        self._path = None
