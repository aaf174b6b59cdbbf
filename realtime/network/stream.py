"""A random stream that waits until somebody draws from it."""

from __future__ import annotations

import random


class Stream:
    """A generator of 2.5 KB that most links never need: it is made at the first use.

    Args:
        seed: determines what it draws.
    """

    __slots__ = ("_rng", "_seed")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng: random.Random | None = None

    @property
    def rng(self) -> random.Random:
        """The generator."""
        if self._rng is None:
            self._rng = random.Random(self._seed)
        return self._rng
