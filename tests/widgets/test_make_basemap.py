"""The base map without internet is what its script makes, and the tram ride fits into it."""

import json
import re
import subprocess
import sys

import pytest

from realtime.utils.share import share_path

KEPT = share_path("data") / "basemap" / "oslo-centre.geojson"
KINDS = {"water", "park", "river", "street", "avenue", "rail", "tram", "stop", "label"}


@pytest.fixture(scope="module")
def features():
    return json.loads(KEPT.read_text())["features"]


def points(coordinates):
    if isinstance(coordinates[0], float):
        return [tuple(coordinates)]
    return [point for part in coordinates for point in points(part)]


def test_the_script_makes_the_file_that_is_kept(tmp_path):
    made = tmp_path / "city.geojson"
    subprocess.run([sys.executable, share_path("data") / "make_basemap.py", made], check=True)
    assert made.read_bytes() == KEPT.read_bytes()
    assert KEPT.stat().st_size < 60_000


def test_every_kind_of_feature_is_there_and_no_other(features):
    assert {feature["properties"]["kind"] for feature in features} == KINDS


def test_the_tram_ride_lies_on_the_map(features):
    streets = [
        p
        for f in features
        if f["properties"]["kind"] in {"street", "avenue"}
        for p in points(f["geometry"]["coordinates"])
    ]
    west, east = min(x for x, _ in streets), max(x for x, _ in streets)
    south, north = min(y for _, y in streets), max(y for _, y in streets)
    ride = re.findall(r'lat="([\d.]+)" lon="([\d.]+)"', (share_path("data") / "tracks" / "tram.gpx").read_text())
    assert len(ride) > 100
    assert all(south < float(latitude) < north and west < float(longitude) < east for latitude, longitude in ride)
