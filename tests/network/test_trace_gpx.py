"""GPX tracks: where somebody was, and nothing about the network."""

import builtins

import pytest

from realtime.network.trace_gpx import load_gpx_track
from realtime.network.trace_model import TraceError, TracePoint
from realtime.network.units import MS, NS

A = '<trkpt lat="59.91" lon="10.75"><time>2025-05-02T07:42:00Z</time><speed>1.5</speed></trkpt>\n'
B = '<trkpt lat="59.92" lon="10.76"><time>2025-05-02T07:42:02.5Z</time></trkpt>\n'
C = '<trkpt lat="59.93" lon="10.77"><time>2025-05-02T07:43:00+00:00</time></trkpt>\n'


def gpx(*points, version="1.0", name="Tram"):
    segment = f"<trk><name>{name}</name><trkseg>\n{''.join(points)}</trkseg></trk>"
    space = f"http://www.topografix.com/GPX/1/{version[-1]}"
    root = f'<gpx version="{version}" creator="x" xmlns="{space}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n{segment}\n</gpx>\n'


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "tram.gpx"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_it_holds_positions_from_the_first_point_on(file):
    trace = load_gpx_track(file(gpx(A, B, C)))
    assert trace.positions == (
        TracePoint(0, 59.91, 10.75, 1.5),
        TracePoint(2500 * MS, 59.92, 10.76),
        TracePoint(60 * NS, 59.93, 10.77),
    )
    assert (trace.name, trace.duration_ns) == ("Tram", 60 * NS)
    assert trace.up is trace.down is trace.loss is trace.delay_ns is None


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_versions_are_read(file, version):
    points = [point.replace("<speed>1.5</speed>", "") for point in (A, B)]
    assert len(load_gpx_track(file(gpx(*points, version=version))).positions) == 2


def test_segments_follow_each_other_and_planned_ones_without_times_are_left_out(file):
    planned = '<trkpt lat="1" lon="1"/>\n<trkpt lat="2" lon="1"/>\n'
    split = gpx(planned + "</trkseg><trkseg>" + A, B + "</trkseg><trkseg>" + C)
    assert len(load_gpx_track(file(split)).positions) == 3


def test_a_point_in_a_comment_is_none(file):
    trace = load_gpx_track(file(gpx(A, f"<!-- {B}{B} -->\n", B, C)))
    assert len(trace.positions) == 3
    with pytest.raises(TraceError, match=r"tram\.gpx:8:"):
        load_gpx_track(file(gpx(A, f"<!-- {B}{B} -->\n", A, C)))


def test_a_point_in_a_description_is_none(file):
    told = B.replace("<time>", f"<desc><![CDATA[{A}]]></desc><time>")
    assert len(load_gpx_track(file(gpx(A, told, C))).positions) == 3
    with pytest.raises(TraceError, match=r"tram\.gpx:7:"):  # the description has a line of its own
        load_gpx_track(file(gpx(A, told, A)))


def test_a_time_without_a_zone_is_utc_as_gpx_has_it(file):
    trace = load_gpx_track(file(gpx(A.replace("00Z", "00"), B, C.replace("+00:00", ""))))
    assert [point.t_ns for point in trace.positions] == [0, 2500 * MS, 60 * NS]


def test_a_trace_is_named_after_a_track_that_was_recorded(file):
    planned = "</trkseg></trk><trk><name>Tram</name><trkseg>"
    assert load_gpx_track(file(gpx(planned, A, B, name="Plan"))).name == "Tram"


def test_a_track_without_a_name_has_that_of_the_file(file):
    assert load_gpx_track(file(gpx(A, B, name=""))).name == "tram"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"tram\.gpx:1: the file is empty; expected a GPX track with times"),
        ("hello\n", r"tram\.gpx:1: no XML"),
        (gpx(A, B)[:-30], r"tram\.gpx:5: no XML: .*; expected a GPX track"),  # truncated
        (gpx(A, B).replace("</trkpt>", "", 1), r"tram\.gpx:6: no XML"),
        (gpx(), r"tram\.gpx:1: there is no track with times"),
        (gpx('<trkpt lat="1" lon="1"/>\n' * 2), r"tram\.gpx:1: there is no track with times"),
        (gpx(A), r"tram\.gpx:4: a single point has no length; expected two points"),
        (gpx(A, B.replace('"59.92"', '"north"')), r"tram\.gpx:5: the latitude is 'north', which is no number"),
        (gpx(A, B.replace(' lon="10.76"', "")), r"tram\.gpx:5: a point without a longitude"),
        (gpx(A, B.replace('"59.92"', '"-95"')), r"tram\.gpx:5: the latitude is -95, below -90"),
        (gpx(A, B.replace('"10.76"', '"181"')), r"tram\.gpx:5: the longitude is 181, above 180"),
        (gpx(A, B.replace("2025-05-02T", "yesterday ")), r"tram\.gpx:5: a point without a time that can be read"),
        (gpx(A, '<trkpt lat="1" lon="1"/>\n', B), r"tram\.gpx:5: a point without a time"),
        (gpx(B, A), r"tram\.gpx:5: the time -2\.5 s is not after 0 s, the one before; expected times that rise"),
        (gpx(A, A), r"tram\.gpx:5: the time 0 s is not after 0 s"),
        (gpx(A.replace("1.5", "-1.5"), B), r"tram\.gpx:4: the speed is -1\.5, below 0"),
        ("<kml><Document/></kml>\n", r"tram\.gpx:1: there is no track with times"),
        (
            gpx(A, B).replace("trkpt", "g:trkpt").replace("<gpx ", '<gpx xmlns:g="http://www.topografix.com/GPX/1/0" '),
            r"tram\.gpx:4: none of the 2 points can be read; expected .*prefix",
        ),
        (gpx(A, B).encode() + b"\x00", r"tram\.gpx:8: a byte 0"),
        (gpx(A, B, name="Trå").encode("latin-1"), r"tram\.gpx:3: the byte 0xe5 is not UTF-8"),
        (gpx(A, B).encode("utf-16"), r"tram\.gpx:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_gpx_track(file(content))


def test_without_gpxpy_it_says_what_to_install(file, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("gpxpy"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'realtime-lab\[geo\]'"):
        load_gpx_track(file(gpx(A, B)))
