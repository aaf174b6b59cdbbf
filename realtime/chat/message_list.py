"""The messages of a room's snapshot, without a copy of them for each snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, Generic, TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class MessageList(Sequence[T_co], Generic[T_co]):
    """An immutable sequence: what a list holds now, and a few more.

    A room with thousands of messages gets a new snapshot with each of them; this one costs the same for any number.

    Args:
        placed: you may append to it afterwards, which does not show; you must not change it otherwise.
        rest: follows.
        start: index in ``placed`` of the first one that belongs to it.
    """

    __slots__ = ("_placed", "_rest", "_size", "_start")

    def __init__(self, placed: list[T_co], rest: tuple[T_co, ...] = (), *, start: int = 0) -> None:
        self._placed = placed
        self._start = start
        self._size = len(placed) - start
        self._rest = rest

    def __len__(self) -> int:
        return self._size + len(self._rest)

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        at = index if index >= 0 else index + len(self)
        if 0 <= at < self._size:
            return self._placed[self._start + at]
        if at < 0:
            raise IndexError(f"there are {len(self)} messages, none at {index}")
        return self._rest[at - self._size]

    def __iter__(self) -> Iterator[T_co]:
        return chain(islice(self._placed, self._start, self._start + self._size), self._rest)

    def __eq__(self, other: Any) -> bool:
        if self is other:
            return True
        if isinstance(other, MessageList):
            if self._placed is other._placed and self._start == other._start and self._size == other._size:
                return self._rest == other._rest
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
