"""Fixes that could not be told yet, in a file: a ride through a tunnel outlives its app."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from realtime.location.fix import Fix
from realtime.utils.durable_file import read_file, replace_file, set_file_aside

SAVED_AFTER_S = 5.0
"""What is kept is on the disk after this at most; on a good network nothing is kept for so long."""

VERSION = 1
_log = logging.getLogger("realtime.location")


class _File(msgspec.Struct):
    version: int
    rooms: dict[str, list[object]] = {}


class KeptFixes:
    """What each room is still to be told, for ``LiveLocationTracker(…, store=KeptFixes(path))``, of one app at a time.

    The file is written as a whole, and is not there while nothing is kept. A disk that fails is logged: then what is
    kept lives as long as the app.

    Args:
        path: of the file, in a folder that is there. One that cannot be read is renamed.

    Raises:
        ValueError: a newer version made the file; it is left as it is.
        OSError: it is there and cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rooms = self._read()

    def __repr__(self) -> str:
        return f"<KeptFixes {self.path.name}: {sum(map(len, self._rooms.values()))} fixes>"

    def of(self, room_id: str) -> tuple[Fix, ...]:
        """What a room is still to be told, in the order of the times."""
        return self._rooms.get(room_id, ())

    def set(self, room_id: str, fixes: Sequence[Fix]) -> None:
        """Keep these for a room, instead of what was kept for it."""
        if tuple(fixes) == self.of(room_id):
            return
        self._rooms.pop(room_id, None)
        if fixes:
            self._rooms[room_id] = tuple(fixes)
        try:
            self._write()
        except OSError as error:
            _log.warning("fixes that wait for a connection could not be written to %s: %s", self.path, error)

    def _read(self) -> dict[str, tuple[Fix, ...]]:
        content = read_file(self.path)
        if content is None:
            return {}
        try:
            read = msgspec.json.decode(content, type=_File)
            if read.version == VERSION:
                return {room_id: tuple(map(Fix.from_wire, fixes)) for room_id, fixes in read.rooms.items()}
        except msgspec.DecodeError as error:
            aside = set_file_aside(self.path)
            _log.warning("%s was set aside as %s, it cannot be read: %s", self.path, aside.name, error)
            return {}
        raise ValueError(
            f"{self.path} has version {read.version}, of a newer realtime-lab: upgrade, or take another file"
        )

    def _write(self) -> None:
        rooms: dict[str, list[object]] = {
            room_id: [fix.to_wire() for fix in fixes] for room_id, fixes in self._rooms.items()
        }
        replace_file(self.path, msgspec.json.encode(_File(VERSION, rooms)) if rooms else None)
