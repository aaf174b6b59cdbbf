"""A failure with fewer causes: take parts away as long as it still fails (pure).

The method is delta debugging: A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
IEEE Transactions on Software Engineering 28 (2002).
"""

from __future__ import annotations

from collections.abc import Callable

Parts = tuple[int, ...]


def shrink(count: int, fails: Callable[[Parts], bool], *, max_tries: int) -> Parts:
    """The numbers of some parts that still fail, none of which can be missed unless the tries ran out.

    Args:
        count: how many parts there are; with all of them it fails.
        fails: whether it fails with these parts only, given in rising order.
        max_tries: bound on the calls of ``fails``.
    """
    search = _Search(fails, max_tries)
    kept = tuple(range(count))
    if not kept or search.fails(()):
        return ()
    pieces = 2
    while len(kept) > 1 and not search.is_over:
        pieces = min(pieces, len(kept))
        chunks = [kept[len(kept) * n // pieces : len(kept) * (n + 1) // pieces] for n in range(pieces)]
        smaller = next((chunk for chunk in chunks if search.fails(chunk)), None)
        if smaller is not None:
            kept, pieces = smaller, 2
            continue
        rests = (tuple(part for part in kept if part not in chunk) for chunk in map(set, chunks))
        smaller = next((rest for rest in rests if search.fails(rest)), None)
        if smaller is not None:
            kept, pieces = smaller, max(2, pieces - 1)
        elif pieces == len(kept):
            break
        else:
            pieces *= 2
    return kept


class _Search:
    """Asks everything once, and no more when the tries are used up."""

    def __init__(self, fails: Callable[[Parts], bool], max_tries: int) -> None:
        self._fails = fails
        self._tries_left = max_tries
        self._known: dict[Parts, bool] = {}

    @property
    def is_over(self) -> bool:
        return self._tries_left <= 0

    def fails(self, parts: Parts) -> bool:
        if parts not in self._known:
            if self.is_over:
                return False
            self._tries_left -= 1
            self._known[parts] = self._fails(parts)
        return self._known[parts]
