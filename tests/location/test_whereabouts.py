"""Where everybody is: by room, and all together."""

import pytest

from realtime.location.fix import Fix
from realtime.location.whereabouts import Whereabouts


def fix(n):
    return Fix(latitude=59.9, longitude=10.7, accuracy_m=5.0, timestamp_ms=n)


@pytest.fixture
def known():
    return Whereabouts(trail_length=3)


def test_a_new_position_is_news_and_an_old_one_is_not(known):
    assert known.moved("lobby", "ben", (fix(1), fix(2)))
    assert not known.moved("lobby", "ben", (fix(2),))
    assert not known.moved("lobby", "ben", ())
    assert known.state.snapshot.fixes == {"ben": fix(2)}


def test_what_is_no_news_disturbs_no_observer(known):
    known.moved("lobby", "ben", (fix(2),))
    seen = []
    known.state.observe(seen.append)
    known.room("lobby").observe(seen.append)
    known.moved("lobby", "ben", (fix(2),))
    known.gone("lobby", "cleo")
    known.gone("tram", "ben")
    assert seen == []


def test_trails_are_bounded_in_both_views(known):
    for n in range(9):
        known.moved("lobby", "ben", (fix(n),))
    assert known.state.snapshot.trails == known.room("lobby").snapshot.trails == {"ben": (fix(6), fix(7), fix(8))}


def test_one_who_shares_with_two_rooms_is_gone_when_gone_from_both(known):
    known.moved("lobby", "ben", (fix(1),))
    known.moved("tram", "ben", (fix(2),))
    assert known.room("lobby").snapshot.fixes == {"ben": fix(1)}
    known.gone("tram", "ben")
    assert known.room("tram").snapshot.fixes == {}
    assert known.state.snapshot.fixes == {"ben": fix(2)}
    known.gone("lobby", "ben")
    assert known.state.snapshot.fixes == {}


def test_who_was_lost_and_comes_back_goes_on_with_the_trail(known):
    known.moved("lobby", "ben", (fix(1), fix(2)))
    known.gone("lobby", "ben", may_return=True)
    assert known.room("lobby").snapshot.trails == known.state.snapshot.trails == {}
    assert known.moved("lobby", "ben", (fix(2),)), "where he was is news again"
    known.moved("lobby", "ben", (fix(3),))
    assert known.room("lobby").snapshot.trails == known.state.snapshot.trails == {"ben": (fix(1), fix(2), fix(3))}


def test_who_stopped_begins_a_new_trail(known):
    known.moved("lobby", "ben", (fix(1), fix(2)))
    known.gone("lobby", "ben", may_return=True)
    known.gone("lobby", "ben")
    known.moved("lobby", "ben", (fix(3),))
    assert known.room("lobby").snapshot.trails == {"ben": (fix(3),)}


def test_a_room_is_always_the_same_observable(known):
    assert known.room("lobby") is known.room("lobby")


@pytest.mark.clause("RT-LOC-5")
def test_an_older_position_is_no_news_and_part_of_the_trail(known):
    known.moved("lobby", "ben", (fix(2),))
    assert not known.moved("lobby", "ben", (fix(1),))
    assert known.room("lobby").snapshot.trails == {"ben": (fix(1), fix(2))}


DTYPES = {
    "room": "string",
    "user": "string",
    "timestamp": "datetime64[ms, UTC]",
    "latitude": "float64",
    "longitude": "float64",
    "accuracy_m": "float64",
    "speed_mps": "float64",
    "heading_deg": "float64",
}


@pytest.mark.clause("RT-LOC-14")
def test_the_trails_are_a_tidy_table(known):
    known.moved("tram", "ben", (fix(2000), fix(1000)))
    known.moved("lobby", "cleo", (fix(5000),))
    table = known.to_frame()
    assert list(zip(table.room, table.user, table.timestamp.dt.second, strict=True)) == [
        ("lobby", "cleo", 5), ("tram", "ben", 1), ("tram", "ben", 2),
    ]  # fmt: skip
    assert table.dtypes.astype(str).to_dict() == DTYPES
    assert table.speed_mps.isna().all()
    assert list(known.to_frame("lobby").user) == ["cleo"]


def test_an_empty_table_has_the_same_columns(known):
    table = known.to_frame()
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == DTYPES
