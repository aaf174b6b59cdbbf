"""What a crash makes of files while they are being synced."""

from __future__ import annotations

import random
from collections.abc import Mapping

SECTOR = 512
"""Bytes that a disk writes as a whole, or not at all."""


class UnfinishedSync:
    """Files that are on their way to the disk.

    Attributes:
        files: path within the disk → the bytes that are to be there.

    Args:
        rng: decides what a crash leaves.
    """

    def __init__(self, rng: random.Random) -> None:
        self.files: dict[str, bytes] = {}
        self._rng = rng

    def left(self, before: Mapping[str, bytes]) -> dict[str, bytes]:
        """What there is of them after a crash: nothing, or everything, or, of a single file, some of its sectors.

        Several files are never torn at once: who writes to several syncs each before it depends on it, as SQLite syncs
        its log before it touches the database.

        Args:
            before: what was on the disk, as :attr:`files`.
        """
        changed = {name: data for name, data in self.files.items() if before.get(name) != data}
        fate = self._rng.randrange(3)
        if fate == 0:
            return {}
        if fate == 1 and len(changed) == 1:
            [(name, data)] = changed.items()
            return {name: torn(before.get(name, b""), data, self._rng)}
        return changed


def torn(old: bytes, new: bytes, rng: random.Random) -> bytes:
    """A mixture of two contents of a file: it may be as long as either, and each sector is as in one of them.

    The first sector is the new one: SQLite syncs the head of a log that it begins anew before what follows
    (https://sqlite.org/src/info/ff5be73dee). Sectors that were never written read as zeros.
    """
    shortest, longest = sorted((len(old), len(new)))
    length = min(longest, shortest + rng.randint(0, -(-(longest - shortest) // SECTOR)) * SECTOR)
    data = bytearray(new[:SECTOR])
    for at in range(SECTOR, length, SECTOR):
        sector = (new if rng.random() < 0.5 else old)[at : at + SECTOR]
        data += sector.ljust(min(SECTOR, length - at), b"\0")[: length - at]
    return bytes(data[:length])
