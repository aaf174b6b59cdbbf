"""Ids that are unique without coordination and replayable from a seed."""

from __future__ import annotations

import random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread
_LENGTH = 24  # 24 * 5 = 120 random bits


def new_id(source: random.Random) -> str:
    """A 24-character id with 120 random bits, safe in URLs and file names."""
    bits = source.getrandbits(5 * _LENGTH)
    return "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(0, 5 * _LENGTH, 5))
