"""Fewer parts that still fail: found in few tries, whatever the culprits are."""

import pytest

from realtime.sim.shrink import shrink


def counted(culprits):
    """A test that fails if all culprits are there, and the parts with which it was asked."""
    asked = []

    def fails(kept):
        asked.append(kept)
        return set(culprits) <= set(kept)

    return fails, asked


@pytest.mark.parametrize(
    ("parts", "culprits"),
    [
        (1, [0]),
        (8, [0]),
        (8, [7]),
        (9, [4]),
        (16, [3, 12]),
        (20, [0, 1, 19]),
        (13, [2, 5, 6, 11]),
        (6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_what_remains_is_needed_to_the_last_part(parts, culprits):
    fails, asked = counted(culprits)
    assert shrink(parts, fails, max_tries=500) == tuple(culprits)
    assert len(asked) == len(set(asked)), "nothing is tried twice"


def test_one_culprit_among_many_costs_about_two_tries_per_halving():
    fails, asked = counted([700])
    assert shrink(1024, fails, max_tries=500) == (700,)
    assert len(asked) <= 1 + 2 * 10, "none at all, then two halves at each of log2(1024) = 10 levels"


def test_no_part_is_needed_if_it_fails_without_any():
    fails, asked = counted([])
    assert shrink(40, fails, max_tries=500) == ()
    assert asked == [()]


def test_the_tries_are_bounded_and_the_smallest_failure_so_far_counts():
    fails, asked = counted([0, 31])
    kept = shrink(32, fails, max_tries=7)
    assert len(asked) == 7
    assert {0, 31} <= set(kept)


def test_without_parts_there_is_nothing_to_try():
    fails, asked = counted([])
    assert shrink(0, fails, max_tries=10) == ()
    assert asked == []
