"""Every recorded trace loads and runs."""

import pytest

from realtime.network.traces import TraceError, load_trace
from realtime.network.units import NS
from tests.network.recorded import REAL
from tests.network.trace_runs import check_ride

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"there are no recorded traces at {REAL}")

FOLDERS = {"ghent-4g-raw": 1, "norway": 4, "mahimahi": 2, "sigcomm21-handover": 5, "gpx-gpxpy": 1}
FILES = sorted(
    str(path.relative_to(REAL))
    for folder in FOLDERS
    for path in REAL.glob(f"{folder}/*")
    if path.suffix not in (".md", ".txt")
)


def test_all_of_them_are_here():
    assert {folder: sum(name.startswith(f"{folder}/") for name in FILES) for folder in FOLDERS} == FOLDERS


@pytest.mark.parametrize("name", FILES or ["none"])
def test_it_loads_and_a_phone_rides_along(name):
    check_ride(load_trace(REAL / name))


def test_figures_are_those_of_their_descriptions():
    ghent = load_trace(next((REAL / "ghent-4g-raw").iterdir()))
    assert (round(ghent.duration_ns / NS), len(ghent.positions)) == (607, 607)
    assert 51.0 < ghent.position_at(300 * NS).latitude < 51.1
    drive = load_trace(REAL / "sigcomm21-handover" / "run107.csv")
    assert drive.down.rates_bps.count(0) == 38, "as many hand-overs as the file has rows with 4t4"
    cell = load_trace(REAL / "mahimahi" / "Verizon-LTE-short.down")
    opportunities = (REAL / "mahimahi" / "Verizon-LTE-short.down").read_text().splitlines()
    assert cell.down.mean_bps == pytest.approx(len(opportunities) * 12_000 / (int(opportunities[-1]) / 1000))


def test_what_lies_beside_them_is_no_trace():
    for path in (REAL / "README.md", *(REAL / "sigcomm21-rrc-probe").iterdir()):
        with pytest.raises(TraceError, match=r":\d+: .* is the beginning of no known trace"):
            load_trace(path)
