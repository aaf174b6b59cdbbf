"""What happened on the network, condensed to two hashes.

Two runs of one seed must agree in both. Where only :attr:`Journal.hash` differs, entropy has leaked
into the bytes; where :attr:`Journal.timing_hash` differs too, the order of events has.
"""

from __future__ import annotations

import hashlib
import struct
from enum import IntEnum
from typing import Literal

Way = Literal["up", "down"]  # from the client of a connection to its server, or back


class Kind(IntEnum):
    """What can happen to a connection."""

    OPENED = 1
    ACCEPTED = 2
    REFUSED = 3
    SENT = 4
    RECEIVED = 5
    ENDED = 6
    RESET = 7
    TIMED_OUT = 8


_HEAD = struct.Struct("<QBQ?Q")


class Journal:
    """Collects the events of one run."""

    def __init__(self) -> None:
        self._everything = hashlib.blake2b(digest_size=16)
        self._timing = hashlib.blake2b(digest_size=16)

    def record(self, now_ns: int, kind: Kind, connection: int, way: Way, data: bytes = b"") -> None:
        """Add an event of a connection."""
        head = _HEAD.pack(now_ns, kind, connection, way == "up", len(data))
        self._timing.update(head)
        self._everything.update(head)
        self._everything.update(data)

    @property
    def hash(self) -> str:
        """Over times, sizes and bytes."""
        return self._everything.hexdigest()

    @property
    def timing_hash(self) -> str:
        """Over times and sizes."""
        return self._timing.hexdigest()
