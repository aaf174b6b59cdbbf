"""The traces that come with the lab: small, made by a script, one in each form."""

import subprocess
import sys

import pytest

from realtime.network.traces import load_trace
from realtime.network.units import NS
from realtime.utils.share import share_path

TRACES = share_path("data") / "traces"


def test_the_script_makes_the_very_files_that_are_kept(tmp_path):
    subprocess.run([sys.executable, share_path("data") / "make_traces.py", tmp_path], check=True)
    kept = {path.name: path.read_bytes() for path in TRACES.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
    assert sum(map(len, kept.values())) < 200_000


@pytest.mark.parametrize(
    ("name", "minutes", "has"),
    [
        ("cell.down", 5, {"down", "up"}),
        ("cell.up", 5, {"down", "up"}),
        ("tram-3g.log", 10, {"down"}),
        ("bus-lte.log", 6, {"down", "positions"}),
        ("drive-5g.csv", 5, {"down", "up", "delay_ns", "loss", "positions"}),
        ("handovers.csv", 10, {"down", "up"}),
        ("way.gpx", 8, {"positions"}),
    ],
)
def test_each_is_some_minutes_long_and_has_what_its_form_can_hold(name, minutes, has):
    trace = load_trace(TRACES / name)
    assert trace.duration_ns / NS == pytest.approx(minutes * 60, abs=6)
    assert {field for field in ("down", "up", "delay_ns", "loss", "positions") if getattr(trace, field)} == has


@pytest.mark.parametrize("name", ["tram-3g.log", "bus-lte.log", "drive-5g.csv", "handovers.csv"])
def test_there_are_times_in_which_nothing_passes(name):
    assert 0 in load_trace(TRACES / name).down.rates_bps


def test_each_is_documented():
    text = (share_path("data") / "README.md").read_text()
    for path in TRACES.iterdir():
        assert path.name in text
