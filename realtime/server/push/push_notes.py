"""How what pushes need after a restart of the server becomes notes of its engine, and is had from them again."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from realtime.server.engine.base import Note

KINDS = ("push.token", "push.room", "push.up_to", "push.job", "push.letter", "push.ticket")

T = TypeVar("T")


class Clock(msgspec.Struct, frozen=True):
    """One moment by the loop's clock, which begins anew with each process, and by the wall clock, which goes on."""

    now: float
    wall_ms: int

    def ms(self, time: float) -> int:
        """A time of the loop's clock, by the wall clock."""
        return self.wall_ms + round((time - self.now) * 1000)

    def time(self, ms: int) -> float:
        """A time of the wall clock, by the loop's."""
        return self.now + (ms - self.wall_ms) / 1000


def made(kind: str, key: str | int | tuple[str, ...], value: object) -> Note:
    """A note; without a value it is forgotten."""
    if isinstance(key, int):
        key = f"{key:015d}"  # so that the order of the keys is that of the numbers
    elif not isinstance(key, str):
        key = msgspec.json.encode(key).decode()
    return Note(kind, key, None if value is None else msgspec.json.encode(value).decode())


def names(note: Note) -> tuple[str, ...]:
    """The key of a note, where it is several texts."""
    return msgspec.json.decode(note.key, type=tuple[str, ...])


def value(note: Note, kind: type[T]) -> T:
    """What a note says."""
    assert note.value is not None
    return msgspec.json.decode(note.value, type=kind)
