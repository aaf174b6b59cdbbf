"""What a page needs to follow a state: one snapshot, then only what changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any


class Feed:
    """Turns a composed state into numbered changes. Safe from any thread.

    Lists are windows that grow at an end and change at few places, so a list travels as ``[drop, keep, new, end]``:
    new list = ``old[drop : drop + keep] + new + old[len(old) - end :]``. Everything else travels whole, if it changed.

    Args:
        compose: reads the state of now: a mapping of names to values that JSON can hold, lists included. Values must
            not be changed afterwards; those that are the same objects as before cost little.
    """

    def __init__(self, compose: Callable[[], Mapping[str, Any]]) -> None:
        self._compose = compose
        self._lock = threading.Lock()
        self._revision = 0
        self._state = dict(compose())

    def snapshot(self) -> dict[str, Any]:
        """``{revision, state}``: the state that the next changes start from."""
        with self._lock:
            return {"revision": self._revision, "state": self._state}

    def changes(self) -> dict[str, Any] | None:
        """``{revision, fields, lists}`` since the last call, or None if nothing changed.

        The caller must send it, or a snapshot in its place: a page refuses changes that do not follow its revision.
        """
        with self._lock:
            new = dict(self._compose())
            changed = {name: value for name, value in new.items() if value != self._state.get(name)}
            if not changed:
                return None
            lists = {name: _splice(self._state[name], v) for name, v in changed.items() if isinstance(v, list)}
            self._state = new
            self._revision += 1
            fields = {name: value for name, value in changed.items() if name not in lists}
            return {"revision": self._revision, "fields": fields, "lists": lists}


def _splice(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """``[drop, keep, middle, end]`` that makes ``new`` of ``old``."""
    end = _alike(reversed(old), reversed(new)) if old and new and _same(old[-1], new[-1]) else 0
    drop = old.index(new[0]) if len(new) > end and new[0] in old else 0
    keep = min(_alike(islice(old, drop, None), new), len(new) - end)
    return [drop, keep, list(new[keep : len(new) - end]), end]


def _alike(one: Iterable[Any], other: Iterable[Any]) -> int:
    """How many items are the same at the beginning of both."""
    count = 0
    for before, after in zip(one, other, strict=False):
        if not _same(before, after):
            break
        count += 1
    return count


def _same(before: Any, after: Any) -> bool:
    return before is after or bool(before == after)
