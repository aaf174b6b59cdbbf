"""What happened on the network, condensed to two hashes.

Two runs of one seed must agree in both. Where only :attr:`Journal.hash` differs, entropy has leaked
into the bytes; where :attr:`Journal.timing_hash` differs too, the order of events has.
"""

from __future__ import annotations

import hashlib
from array import array
from enum import IntEnum


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


_MANY_INTS = 6_000  # are hashed together: three for each event
_LARGE_BYTES = 4096  # a piece of such a size is hashed at once


def event_code(kind: Kind, connection: int, at_client: bool) -> int:
    """Kind, connection and end in one number, for :meth:`Journal.note`."""
    return connection << 8 | kind << 1 | at_client


class Journal:
    """Collects the events of one run."""

    def __init__(self) -> None:
        self._timing = hashlib.blake2b(digest_size=16)
        self._bytes = hashlib.blake2b(digest_size=16)
        self._heads: list[int] = []  # what is not hashed yet
        self._pieces: list[bytes] = []

    def record(self, now_ns: int, kind: Kind, connection: int, at_client: bool, data: bytes = b"") -> None:
        """Add an event of a connection.

        Args:
            now_ns: when.
            kind: what.
            connection: its number.
            at_client: at which end.
            data: a piece of the stream.
        """
        self.note(now_ns, event_code(kind, connection, at_client), data)

    def note(self, now_ns: int, code: int, data: bytes) -> None:
        """Add an event by its :func:`event_code`."""
        size = len(data)
        heads = self._heads
        heads += (now_ns, code, size)
        if size:
            self._pieces.append(data)
        if size > _LARGE_BYTES or len(heads) > _MANY_INTS:
            self._digest()

    @property
    def hash(self) -> str:
        """Over times, sizes and bytes."""
        self._digest()
        return hashlib.blake2b(self._timing.digest() + self._bytes.digest(), digest_size=16).hexdigest()

    @property
    def timing_hash(self) -> str:
        """Over times and sizes."""
        self._digest()
        return self._timing.hexdigest()

    def _digest(self) -> None:
        self._timing.update(array("q", self._heads))
        self._bytes.update(b"".join(self._pieces))  # the sizes in the heads tell the pieces apart
        self._heads.clear()
        self._pieces.clear()
