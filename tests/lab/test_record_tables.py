"""The frames of the records: columns with units, the same types whatever is in them."""

import pandas as pd
import pytest

from realtime.lab.record_tables import COLUMNS, frame


@pytest.mark.parametrize("table", list(COLUMNS))
def test_an_empty_frame_has_the_types_of_a_full_one(table):
    values = {"ms": 1_700_000_000_000, "bool": True, None: "text"}
    row = tuple(values.get(kind, 3) for kind in COLUMNS[table].values())
    assert frame(table, []).dtypes.equals(frame(table, [row]).dtypes)
    assert list(frame(table, []).columns) == list(COLUMNS[table])


def test_moments_are_utc_and_whole_numbers_may_be_missing():
    [row] = frame("deliveries", [("ben", "lobby", "m1", "ana", 1.0, 2.0, 0, 1.0, None)]).to_dict("records")
    assert row["at"] == pd.Timestamp(0, tz="UTC")
    assert pd.isna(row["offset"])


@pytest.mark.parametrize("table", list(COLUMNS))
def test_figures_have_their_unit_in_their_name(table):
    units = ("_s", "_ms", "_bps", "_m", "_deg", "_mps", "_bytes", "_loss")
    plain = {"offset", "expected", "delivered", "missing", "duplicates", "queued", "unacked"}
    figures = [name for name, kind in COLUMNS[table].items() if kind in ("float", "int", "Int64")]
    assert [name for name in figures if not name.endswith(units) and name not in plain] == []
