"""Fixes that cannot be true, and what is done with those that only look so."""

import pytest

from realtime.location.plausibility import FixGate, Limits

OSLO = (59.9139, 10.7522)


def north(metres):
    return OSLO[0] + metres / 111_195, OSLO[1]


@pytest.mark.clause("RT-LOC-9")
@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ((north(10), 5.0, 2000), None),
        ((OSLO, 5.0, 2000), None),
        ((OSLO, 5.0, 1000), "late"),
        ((OSLO, 5.0, 999), "late"),
        ((OSLO, 5001.0, 2000), "inaccurate"),
        ((OSLO, 5000.0, 2000), None),
        ((north(300), 5.0, 2000), "too_fast"),  # 300 m less both circles of 5 m in 1 s: 290 m/s; the limit is 250
        ((north(255), 5.0, 2000), None),  # 245 m/s
        ((north(300), 100.0, 2000), None),  # within the circles, it may have been slow
    ],
)
def test_the_second_fix_is_judged_by_the_first(second, reason):
    gate = FixGate()
    assert gate.judge(OSLO, 5.0, 1000) is None
    assert gate.judge(*second) == reason


def test_an_outlier_does_not_spoil_what_follows():
    gate = FixGate()
    gate.judge(OSLO, 5.0, 0)
    assert gate.judge(north(9000), 5.0, 1000) == "too_fast"
    assert gate.judge(north(3), 5.0, 2000) is None


@pytest.mark.clause("RT-LOC-9")
def test_three_in_a_row_that_agree_are_believed():
    """The first fix of a cold receiver may be the wrong one: it must not lock out the truth for an hour."""
    gate = FixGate()
    gate.judge(north(900_000), 5.0, 0)
    assert [gate.judge(north(n), 5.0, 1000 * n) for n in (1, 2, 3, 4)] == ["too_fast", "too_fast", None, None]


def test_three_in_a_row_that_do_not_agree_are_not_believed():
    gate = FixGate()
    gate.judge(OSLO, 5.0, 0)
    wild = [(north(9_000 * n), 5.0, 1000 * n) for n in (1, 2, 3, 4, 5)]
    assert {gate.judge(*fix) for fix in wild} == {"too_fast"}


def test_what_was_refused_says_nothing_of_time():
    gate = FixGate()
    gate.judge(OSLO, 5.0, 1000)
    gate.judge(OSLO, 9999.0, 5000)
    assert gate.judge(OSLO, 5.0, 2000) is None


def test_the_limits_can_be_set():
    gate = FixGate(Limits(max_speed_mps=10, max_accuracy_m=50))
    gate.judge(OSLO, 0.0, 0)
    assert gate.judge(north(11), 0.0, 1000) == "too_fast"
    assert gate.judge(OSLO, 51.0, 1000) == "inaccurate"


@pytest.mark.parametrize(
    "options", [{"max_speed_mps": 0}, {"max_accuracy_m": -1}, {"max_ahead_s": 0}, {"max_speed_mps": float("nan")}]
)
def test_nonsense_is_refused_by_name(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        Limits(**options)


@pytest.mark.clause("RT-LOC-9")
def test_a_fix_of_the_far_future_is_not_taken_and_spoils_nothing():
    """Receivers miscount weeks; a phone's clock may be hours off where somebody set the wrong zone."""
    gate = FixGate()
    assert gate.judge(OSLO, 5.0, 86_400_001, now_ms=0) == "future"
    assert gate.judge(OSLO, 5.0, 1000, now_ms=2000) is None, "none of the present ones is late"
    assert gate.judge(OSLO, 5.0, 86_400_000, now_ms=0) is None
    assert FixGate(Limits(max_ahead_s=60)).judge(OSLO, 5.0, 60_001, now_ms=0) == "future"
