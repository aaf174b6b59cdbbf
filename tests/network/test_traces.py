"""Any trace file by its path: what it holds tells what it is."""

import pytest

from realtime.network.traces import Trace, TraceError, TracePoint, load_mahimahi, load_trace

GHENT = "1450274031248 725 51.0638 3.7300 90625 725\n"
DRIVE = """Timestamp,Longitude,Latitude,Speed,DL_bitrate,UL_bitrate
2020.01.01_00.00.00,1,1,1,5,1
2020.01.01_00.00.01,1,1,1,5,1
"""
HANDOVERS = "time,avg_power,active interface,handover type\n0,1,4G,\n1,1,4G,4t4\n"
GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="59.91" lon="10.75"><time>2025-05-02T07:42:00Z</time></trkpt>
<trkpt lat="59.92" lon="10.76"><time>2025-05-02T07:43:00Z</time></trkpt>
</trkseg></trk></gpx>
"""


@pytest.fixture
def file(tmp_path):
    def write(content, name="trace"):
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


@pytest.mark.parametrize("name", ["trace", "trace.txt", "trace.csv"])
@pytest.mark.parametrize(
    ("content", "mean_bps", "positions"),
    [
        pytest.param("1\n4\n", 6_000_000, 0, id="mahimahi"),
        pytest.param("0 3\n1 5\n", 4_000_000, 0, id="throughput"),
        pytest.param("# seconds, Mbit/s\n0,3\n1,5\n", 4_000_000, 0, id="throughput with commas"),
        pytest.param(GHENT, 1_000_000, 1, id="ghent"),
        pytest.param(DRIVE, 5_000, 2, id="drive test"),
        pytest.param(DRIVE.replace(",", ";"), 5_000, 2, id="drive test with semicolons"),
        pytest.param(HANDOVERS, 28_800_000 * 1.7 / 2, 0, id="handovers"),
        pytest.param(GPX, None, 2, id="gpx"),
    ],
)
def test_what_a_file_holds_tells_what_it_is_whatever_its_name(file, name, content, mean_bps, positions):
    trace = load_trace(file(content, name))
    assert isinstance(trace, Trace)
    assert len(trace.positions) == positions
    assert (None if trace.down is None else trace.down.mean_bps) == mean_bps


def test_a_path_may_be_a_string(file):
    assert load_trace(str(file(GHENT))).positions == (TracePoint(725_000_000, 51.0638, 3.73),)


def test_a_mahimahi_file_comes_with_the_one_of_the_other_direction(file):
    down, up = file("1\n", "cell.down"), file("2\n", "cell.up")
    for path in (down, up):
        trace = load_trace(path)
        assert (trace.down.mean_bps, trace.up.mean_bps) == (12_000_000, 6_000_000)
    down.unlink()
    alone = load_trace(up)
    assert (alone.down, alone.up.mean_bps) == (None, 6_000_000)


def test_mahimahi_without_any_file_is_refused():
    with pytest.raises(ValueError, match="a file for one direction at least"):
        load_mahimahi(None)


@pytest.mark.clause("RT-NET-8")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"trace:1: the file is empty; expected a trace: mahimahi \(.*\), .*GPX"),
        ("1 2 3\n", r"trace:1: '1 2 3' is the beginning of no known trace; expected a trace: mahimahi"),
        ("Lorem ipsum dolor\n", r"trace:1: 'Lorem ipsum dolor' is the beginning of no known trace"),
        ("{'a': 1}\n", r"trace:1: .* is the beginning of no known trace"),
        ("# only words\n", r"trace:1: '# only words' is the beginning"),
        ("x" * 1000 + " 1 2 3\n", r"trace:1: 'x{40}…' is the beginning"),
        ("<html>\n", r"trace:2: no XML"),
        ("0 1\n1 x\n", r"trace:2: the rate is 'x'"),
        ("1\nx\n", r"trace:2: 'x' is no whole number"),
    ],
)
def test_what_is_no_trace_is_refused(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_trace(file(content))


def test_a_file_that_is_not_there_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_trace(tmp_path / "nowhere.down")
