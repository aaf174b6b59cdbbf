"""Ghent logs: what was received in each interval, and where."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_ghent import load_ghent
from realtime.network.trace_model import TraceError, TracePoint
from realtime.network.units import MS

FIRST = "1450274031248 725 51.0638 3.7300 90625 725\n"
SECOND = "1450274032248 1725 51.0639 3.7310 250000 1000\n"


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "bus.log"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_bytes_of_an_interval_are_its_rate_and_places_stand_at_its_end(file):
    """90 625 B in 725 ms are 1 Mbit/s, 250 kB in a second 2 Mbit/s. The log begins with its first interval."""
    trace = load_ghent(file(FIRST + SECOND))
    assert trace.down == RateTrace([0, 725 * MS], [1_000_000, 2_000_000], 1725 * MS)
    assert trace.up is None
    assert trace.positions == (TracePoint(725 * MS, 51.0638, 3.73), TracePoint(1725 * MS, 51.0639, 3.731))
    assert trace.duration_ns == 1725 * MS


def test_rate_and_position_move_together(file):
    trace = load_ghent(file(FIRST + SECOND))
    half = 1225 * MS
    assert trace.down.rate_at(half) == 2_000_000
    assert trace.position_at(half)[1:3] == (pytest.approx(51.06385), pytest.approx(3.7305))


def test_a_time_that_no_interval_covers_has_the_rate_of_the_line_that_ends_it(file):
    later = SECOND.replace(" 1725 ", " 2725 ")
    assert load_ghent(file(FIRST + later)).down == RateTrace([0, 725 * MS], [1_000_000, 2_000_000], 2725 * MS)


def test_a_place_at_zero_zero_is_no_fix(file):
    assert load_ghent(file(FIRST + SECOND.replace("51.0639 3.7310", "0.0 0.0"))).positions == (
        TracePoint(725 * MS, 51.0638, 3.73),
    )


def test_a_log_may_begin_late(file):
    late = "1450274131248 100725 51.0638 3.73 90625 725\n"
    trace = load_ghent(file(late))
    assert trace.duration_ns == 725 * MS
    assert trace.positions[0].t_ns == 725 * MS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"bus\.log:1: the file is empty; expected unix_ms, ms since the start, latitude, longitude, bytes, ms of"),
        (FIRST + "1450274032248 1725 51.06 3.73 25\n", r"bus\.log:2: 5 columns; expected unix_ms"),
        (FIRST + SECOND[:20], r"bus\.log:2: 3 columns"),  # truncated in its last line
        (FIRST + SECOND.replace("51.0639", "north"), r"bus\.log:2: the latitude is 'north', which is no number"),
        (FIRST + SECOND.replace("51.0639", "95"), r"bus\.log:2: the latitude is 95, above 90"),
        (FIRST + SECOND.replace("3.7310", "-181"), r"bus\.log:2: the longitude is -181, below -180"),
        (FIRST + SECOND.replace("250000", "-1"), r"bus\.log:2: the number of bytes is -1, below 0"),
        (FIRST + SECOND.replace(" 1000", " 0"), r"bus\.log:2: the interval is 0, below 1"),
        (FIRST + SECOND.replace("1450274032248", "now"), r"bus\.log:2: the unix time is 'now'"),
        (SECOND + FIRST, r"bus\.log:2: the time 0\.725 s is not after 1\.725 s, the one before"),
        (FIRST.replace("90625", "0"), r"bus\.log:1: all rates are 0"),
        (FIRST.encode() + b"\x00\x01\x02\n", r"bus\.log:2: a byte 0"),
        (FIRST.encode() + b"\xe9\n", r"bus\.log:2: the byte 0xe9 is not UTF-8"),
        (FIRST.encode("utf-16"), r"bus\.log:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_ghent(file(content))
