"""What the checkers found, for people and for programs."""

import random

import msgspec
import pytest

from realtime.sim.report import COUNTS, Latency, Report, Violation


def report(*violations, **counts):
    return Report(counts=dict.fromkeys(COUNTS, 0) | counts, violations=violations, latencies={})


def test_it_passes_without_violations():
    assert report().passed
    assert not report(Violation("lost", "m1 never reached ben", 3.0)).passed


def test_a_violation_says_when_what_and_how():
    assert str(Violation("lost", "'m1' never reached ben", 3.0)) == "3.000 s: lost: 'm1' never reached ben"


def test_it_reads_as_a_few_lines():
    found = report(Violation("lost", "'m1' never reached ben", 3.0), attempted=2, acked=1, lost=1)
    assert str(found).splitlines() == [
        "attempted 2, acked 1, delivered 0, faults 0, reconnects 0",
        "lost 1, duplicated 0, reordered 0, phantom 0, divergent 0, stuck 0",
        "3.000 s: lost: 'm1' never reached ben",
    ]


def test_what_else_was_driven_is_told_if_it_was():
    assert "presence 3, crossings 0, notifications 1" in str(report(presence=3, notifications=1)).splitlines()


def test_a_long_list_is_cut():
    found = report(*(Violation("lost", f"m{n}", float(n)) for n in range(30)))
    lines = str(found).splitlines()
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "… and 10 more"


def test_what_another_checker_found_is_counted_with_it():
    found = report(Violation("lost", "m1", 3.0), lost=1)
    more = found.with_further([Violation("divergent", "m2", 1.0), Violation("stale", "m3", 9.0)])
    assert [violation.text for violation in more.violations] == ["m2", "m1", "m3"]
    assert (more.counts["lost"], more.counts["divergent"]) == (1, 1)
    assert set(more.counts) == set(found.counts)


def test_it_travels_as_json():
    found = report(Violation("lost", "'m1' never reached ben", 3.0), lost=1)
    values = msgspec.json.decode(msgspec.json.encode(found))
    assert values["counts"]["lost"] == 1
    assert values["violations"] == [{"kind": "lost", "text": "'m1' never reached ben", "t_s": 3.0}]
    assert msgspec.convert(values, Report) == found


@pytest.mark.parametrize(
    ("values", "p50_s", "p99_s", "max_s"),
    [([4.0], 4, 4, 4), ([3.0, 1.0, 2.0], 2, 3, 3), ([float(n) for n in range(1, 201)], 100, 198, 200)],
)
def test_a_percentile_is_a_value_that_occurred(values, p50_s, p99_s, max_s):
    """Nearest rank: the smallest value that at least so many per cent do not exceed."""
    latency = Latency.of(values)
    assert (latency.count, latency.p50_s, latency.p99_s, latency.max_s) == (len(values), p50_s, p99_s, max_s)


def test_the_latency_of_nothing_is_unknown():
    assert Latency.of([]) == Latency(0, None, None, None)
    assert Latency.pooled([]) == Latency.pooled([Latency.of([])]) == Latency.of([])


def test_pooled_latencies_are_those_of_all_values_within_one_per_cent():
    """A run of 10 slow ones and one of 990 fast ones: the median of their medians would be 25 s."""
    rng = random.Random(0)
    runs = [[rng.uniform(0.05, 0.15) for _ in range(990)], [50.0] * 10]
    everything = Latency.of([*runs[0], *runs[1]])
    pooled = Latency.pooled(Latency.of(values) for values in runs)
    assert (pooled.count, pooled.max_s) == (1000, 50.0)
    assert pooled.p50_s == pytest.approx(everything.p50_s, rel=0.01)
    assert pooled.p99_s == pytest.approx(everything.p99_s, rel=0.01)
    assert pooled.p99_s < 1
    assert Latency.pooled([pooled, Latency.of([])]) == pooled, "what is pooled can be pooled again"


def test_what_took_no_time_at_all_is_pooled_too():
    pooled = Latency.pooled([Latency.of([0.0, 0.0, 1e-12]), Latency.of([0.0, 7.0])])
    assert (pooled.count, pooled.p50_s, pooled.max_s) == (5, 0.0, 7.0)
