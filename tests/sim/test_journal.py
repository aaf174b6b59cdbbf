"""The two hashes of a run."""

import pytest

from realtime.sim.journal import Journal, Kind, event_code


def journal(*events):
    journal = Journal()
    for event in events:
        journal.record(*event)
    return journal


EVENT = (1000, Kind.SENT, 7, True, b"abc")


def test_equal_runs_have_equal_hashes():
    assert journal(EVENT).hash == journal(EVENT).hash
    assert journal(EVENT).timing_hash == journal(EVENT).timing_hash
    assert journal(EVENT, EVENT).hash != journal(EVENT).hash


@pytest.mark.parametrize(
    "other",
    [
        (1001, Kind.SENT, 7, True, b"abc"),
        (1000, Kind.RECEIVED, 7, True, b"abc"),
        (1000, Kind.SENT, 8, True, b"abc"),
        (1000, Kind.SENT, 7, False, b"abc"),
        (1000, Kind.SENT, 7, True, b"abcd"),
    ],
)
def test_time_kind_connection_direction_and_size_count_in_both(other):
    assert journal(other).hash != journal(EVENT).hash
    assert journal(other).timing_hash != journal(EVENT).timing_hash


def test_bytes_count_in_one_only():
    other = (1000, Kind.SENT, 7, True, b"xyz")
    assert journal(other).hash != journal(EVENT).hash
    assert journal(other).timing_hash == journal(EVENT).timing_hash


def test_a_code_stands_for_kind_connection_and_end():
    short = Journal()
    short.note(1000, event_code(Kind.SENT, 7, True), b"abc")
    assert short.hash == journal(EVENT).hash
    codes = {event_code(kind, number, end) for kind in Kind for number in range(1000) for end in (True, False)}
    assert len(codes) == len(Kind) * 1000 * 2


def test_where_one_piece_ends_and_the_next_begins_counts():
    one = journal((1, Kind.SENT, 7, True, b"ab"), (1, Kind.SENT, 7, True, b"c"))
    assert one.hash != journal((1, Kind.SENT, 7, True, b"a"), (1, Kind.SENT, 7, True, b"bc")).hash


def test_looking_at_a_hash_changes_nothing():
    looked_at = Journal()
    for n in range(10):
        looked_at.record(n, Kind.SENT, 1, True, b"abc")
        looked_at.record(n, Kind.RECEIVED, 1, True, b"abc")
        assert len({looked_at.hash, looked_at.timing_hash, looked_at.hash}) == 2
    events = [(n, kind, 1, True, b"abc") for n in range(10) for kind in (Kind.SENT, Kind.RECEIVED)]
    assert looked_at.hash == journal(*events).hash
    assert looked_at.timing_hash == journal(*events).timing_hash


def test_a_long_run_and_large_pieces_take_no_room():
    long = journal(*((n, Kind.SENT, 1, True, bytes(10_000)) for n in range(10_000)))
    assert sum(map(len, long._pieces)) < 100_000
    assert len(long._heads) < 100_000
    assert long.hash != journal(*((n, Kind.SENT, 1, True, bytes(10_000)) for n in range(9_999))).hash
