"""The two hashes of a run."""

import pytest

from realtime.sim.journal import Journal, Kind


def journal(*events):
    journal = Journal()
    for event in events:
        journal.record(*event)
    return journal


EVENT = (1000, Kind.SENT, 7, "up", b"abc")


def test_equal_runs_have_equal_hashes():
    assert journal(EVENT).hash == journal(EVENT).hash
    assert journal(EVENT).timing_hash == journal(EVENT).timing_hash
    assert journal(EVENT, EVENT).hash != journal(EVENT).hash


@pytest.mark.parametrize(
    "other",
    [
        (1001, Kind.SENT, 7, "up", b"abc"),
        (1000, Kind.RECEIVED, 7, "up", b"abc"),
        (1000, Kind.SENT, 8, "up", b"abc"),
        (1000, Kind.SENT, 7, "down", b"abc"),
        (1000, Kind.SENT, 7, "up", b"abcd"),
    ],
)
def test_time_kind_connection_direction_and_size_count_in_both(other):
    assert journal(other).hash != journal(EVENT).hash
    assert journal(other).timing_hash != journal(EVENT).timing_hash


def test_bytes_count_in_one_only():
    other = (1000, Kind.SENT, 7, "up", b"xyz")
    assert journal(other).hash != journal(EVENT).hash
    assert journal(other).timing_hash == journal(EVENT).timing_hash
