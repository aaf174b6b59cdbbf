"""Spells of something, one after another in time."""

import random

from hypothesis import given
from hypothesis import strategies as st

from realtime.network.spells import Spells, exponential_ns


def fixed(*lengths):
    return iter(lengths).__next__


def test_gaps_and_spells_alternate():
    spells = Spells(100, fixed(10, 20, 30, 40), fixed(1, 2, 3, 4))
    assert [at for at in range(100, 168) if spells.until(at)] == [110, 131, 132, 163, 164, 165]
    assert spells.until(164) == 166, "asked about the past: when it ended"


def test_it_may_begin_inside():
    spells = Spells(100, fixed(10, 10), fixed(5, 1), begins_inside=True)
    assert (spells.until(99), spells.until(100), spells.until(104), spells.until(105)) == (0, 105, 105, 0)


def test_spells_without_a_length_are_counted():
    moments = Spells(0, fixed(10, 10, 10), fixed(0, 0, 0))
    assert [moments.count(at) for at in (0, 9, 10, 19, 20)] == [0, 0, 1, 1, 2]
    assert moments.until(20) == 0


def random_spells(seed):
    rng = random.Random(seed)
    return Spells(0, exponential_ns(rng, 100), exponential_ns(rng, 30))


@given(st.integers(0, 99), st.lists(st.integers(0, 2000)))
def test_what_it_says_does_not_depend_on_how_it_is_asked(seed, moments):
    asked, fresh = random_spells(seed), random_spells(seed)
    in_order = [fresh.until(at) for at in range(2001)]
    assert [asked.until(at) for at in moments] == [in_order[at] for at in moments]


def test_lengths_are_exponential():
    """Mean of 10 000 draws: standard error 1 %; share above the mean: 1/e, standard error 0.5 %. Four of each."""
    draw = exponential_ns(random.Random(1), 10**9)
    lengths = [draw() for _ in range(10_000)]
    assert abs(sum(lengths) / 1e13 - 1) < 0.04
    assert abs(sum(length > 10**9 for length in lengths) / 1e4 - 0.3679) < 0.02


def test_the_last_256_spells_are_remembered_and_a_long_run_takes_no_room():
    """Spells of 1 ns every 10 ns: of 10,000, those of the last 2560 ns at least are known."""
    spells = Spells(0, lambda: 9, lambda: 1)
    now_ns = 100_000
    spells.until(now_ns)
    assert [bool(spells.until(at_ns)) for at_ns in range(now_ns - 2560, now_ns)] == [*[False] * 9, True] * 256
    assert len(spells._past) <= 1024
