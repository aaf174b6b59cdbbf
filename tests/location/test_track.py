"""Tracks: where one was at any moment between the recorded points."""

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from realtime.location.track import Track, TrackPoint, read_gpx
from realtime.utils.geo import distance_m
from realtime.utils.share import share_path

# About 111 m north in 10 s, 20 s at a stop, then east at half the speed.
NORTH = Track(
    (
        TrackPoint(0.0, 60.0, 10.0),
        TrackPoint(10.0, 60.001, 10.0),
        TrackPoint(30.0, 60.001, 10.0),
        TrackPoint(50.0, 60.001, 10.002),
    )
)


@pytest.mark.parametrize(
    ("at_s", "latitude", "longitude", "speed_mps", "heading_deg"),
    [
        (-5.0, 60.0, 10.0, 11.12, 0),
        (0.0, 60.0, 10.0, 11.12, 0),
        (5.0, 60.0005, 10.0, 11.12, 0),
        (10.0, 60.001, 10.0, 0.0, None),
        (20.0, 60.001, 10.0, 0.0, None),
        (40.0, 60.001, 10.001, 5.56, 90),
        (50.0, 60.001, 10.002, 0.0, None),
        (99.0, 60.001, 10.002, 0.0, None),
    ],
)
def test_a_track_tells_place_speed_and_heading(at_s, latitude, longitude, speed_mps, heading_deg):
    moment = NORTH.at(at_s)
    assert (moment.latitude, moment.longitude) == pytest.approx((latitude, longitude), abs=1e-7)
    assert moment.speed_mps == pytest.approx(speed_mps, abs=0.01)
    assert moment.heading_deg == (None if heading_deg is None else pytest.approx(heading_deg, abs=0.01))


def test_a_track_knows_its_length():
    assert NORTH.duration_s == 50.0
    assert NORTH.length_m == pytest.approx(111.2 + 111.2, abs=0.5)
    assert repr(NORTH) == "<Track 4 points, 50 s, 222 m>"


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.0], [5.0, 1.0], []])
def test_times_must_rise(times):
    with pytest.raises(ValueError, match=r"two points|rise"):
        Track(tuple(TrackPoint(t, 60.0, 10.0) for t in times))


def test_a_point_off_the_globe_is_refused():
    with pytest.raises(ValueError, match="latitude"):
        Track((TrackPoint(0.0, 60.0, 10.0), TrackPoint(1.0, 160.0, 10.0)))


def gpx(tmp_path, *points):
    """A GPX file of (seconds or None, latitude, longitude)."""
    start = datetime(2025, 5, 2, 8, tzinfo=UTC)
    rows = "".join(
        f'<trkpt lat="{lat}" lon="{lon}">'
        + ("" if t is None else f"<time>{(start + timedelta(seconds=t)).isoformat()}</time>")
        + "</trkpt>"
        for t, lat, lon in points
    )
    path = tmp_path / "track.gpx"
    path.write_text(
        '<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1" creator="test"><trk><trkseg>'
        f"{rows}</trkseg></trk></gpx>"
    )
    return path


def test_a_gpx_file_is_read_from_its_first_moment(tmp_path):
    track = read_gpx(gpx(tmp_path, (7, 60.0, 10.0), (17, 60.001, 10.0)))
    assert track.points == (TrackPoint(0.0, 60.0, 10.0), TrackPoint(10.0, 60.001, 10.0))


def test_points_of_one_moment_count_once(tmp_path):
    """Receivers that record twice a second but write whole seconds are common."""
    track = read_gpx(gpx(tmp_path, (0, 60.0, 10.0), (0, 60.5, 10.0), (1, 60.0, 10.0), (1, 60.1, 10.0)))
    assert track.points == (TrackPoint(0.0, 60.0, 10.0), TrackPoint(1.0, 60.0, 10.0))


@pytest.mark.parametrize(
    ("points", "words"),
    [([], "two points"), ([(0, 60.0, 10.0)], "two points"), ([(None, 60.0, 10.0), (None, 60.1, 10.0)], "no times")],
)
def test_a_file_that_cannot_be_followed_is_refused_by_name(tmp_path, points, words):
    with pytest.raises(ValueError, match=rf"track\.gpx.*{words}"):
        read_gpx(gpx(tmp_path, *points))


def test_what_is_no_gpx_is_refused_by_name(tmp_path):
    path = tmp_path / "notes.gpx"
    path.write_text("no track")
    with pytest.raises(ValueError, match=r"notes\.gpx"):
        read_gpx(path)
    with pytest.raises(FileNotFoundError):
        read_gpx(tmp_path / "none.gpx")


def test_without_gpxpy_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpxpy", None)
    with pytest.raises(ImportError, match=r"pip install 'realtime-lab\[geo\]'"):
        read_gpx(gpx(tmp_path, (0, 60.0, 10.0), (1, 60.0, 10.0)))


class TestTheTramRide:
    """The track that comes with the project looks like a ride by tram."""

    @pytest.fixture
    def track(self):
        return read_gpx(share_path("data") / "tracks" / "tram.gpx")

    def test_it_takes_its_time(self, track):
        assert 8 * 60 <= track.duration_s <= 12 * 60
        assert 2_000 <= track.length_m <= 5_000

    def test_it_is_in_oslo(self, track):
        assert all(distance_m((59.9139, 10.7522), (p.latitude, p.longitude)) < 5_000 for p in track.points)

    def test_it_goes_as_fast_as_a_tram_and_stops_at_stops(self, track):
        speeds = [track.at(second).speed_mps for second in range(int(track.duration_s))]
        assert max(speeds) < 14
        assert 0.15 < sum(speed < 0.3 for speed in speeds) / len(speeds) < 0.5
        stops = sum(now < 0.3 <= before for before, now in pairwise(speeds))
        assert 5 <= stops <= 12
