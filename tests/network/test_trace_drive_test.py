"""Drive-test tables as G-NetTrack writes them: a row a second, with GPS, rates and pings."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_drive_test import load_drive_test
from realtime.network.trace_model import StepSeries, TraceError, TracePoint
from realtime.network.units import MS, NS

HEADER = (
    "Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,"
    "DL_bitrate,UL_bitrate,State,PINGAVG,PINGMIN,PINGMAX,PINGSTDEV,PINGLOSS\n"
)
ROWS = (
    "2019.12.14_23.59.58,-8.50,51.90,36,A,12,LTE,-95,8000,100,D,60,40,80,9,0\n",
    "2019.12.14_23.59.59,-8.51,51.91,-,A,12,LTE,-,-,-,D,-,-,-,-,-\n",
    "2019.12.15_00.00.00,-,-,18,A,12,5G,-90,0,50,D,100,40,300,9,36\n",
)


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "drive.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def trace(file):
    return load_drive_test(file(HEADER + "".join(ROWS)))


def test_rates_are_those_of_the_columns_and_a_missing_one_is_that_before(trace):
    assert trace.down == RateTrace([0, 2 * NS], [8_000_000, 0], 3 * NS)
    assert trace.up == RateTrace([0, 2 * NS], [100_000, 50_000], 3 * NS)
    assert (trace.name, trace.duration_ns) == ("drive", 3 * NS)


def test_half_a_ping_is_the_delay_of_each_direction(trace):
    assert trace.delay_ns == StepSeries((0, 2 * NS), (30 * MS, 50 * MS), 3 * NS)


def test_a_ping_is_lost_if_it_or_its_answer_is(trace):
    """1 - 0.8² = 0.36."""
    assert trace.loss.times_ns == (0, 2 * NS)
    assert trace.loss.values == (0, pytest.approx(0.2))


def test_positions_come_with_metres_per_second_and_a_missing_one_is_left_out(trace):
    assert trace.positions == (TracePoint(0, 51.90, -8.50, 10.0), TracePoint(NS, 51.91, -8.51, None))


def test_before_the_first_value_there_is_the_first_value(file):
    late = load_drive_test(file(HEADER + ROWS[1] + ROWS[2] + ROWS[0].replace("14_23.59.58", "15_00.00.01")))
    assert late.down == RateTrace([0, 2 * NS], [0, 8_000_000], 3 * NS)


def test_a_second_that_stands_there_twice_counts_with_its_last_row(file):
    again = ROWS[0].replace(",8000,", ",9000,").replace("-8.50", "-8.49")
    trace = load_drive_test(file(HEADER + ROWS[0] + again + "".join(ROWS[1:])))
    assert trace.down == RateTrace([0, 2 * NS], [9_000_000, 0], 3 * NS)
    assert trace.positions[0] == TracePoint(0, 51.90, -8.49, 10.0)


def test_what_was_received_while_nothing_was_asked_for_is_no_measure_of_the_link(file):
    """State I is idle, D is downloading."""
    idle = ROWS[2].replace(",D,", ",I,")
    assert load_drive_test(file(HEADER + ROWS[0] + ROWS[1] + idle)).down == RateTrace([0], [8_000_000], 3 * NS)


def test_if_nothing_was_ever_asked_for_what_was_received_is_all_there_is(file):
    idle = [row.replace(",D,", ",I,") for row in ROWS]
    assert load_drive_test(file(HEADER + "".join(idle))).down == RateTrace([0, 2 * NS], [8_000_000, 0], 3 * NS)


def test_columns_without_a_value_are_not_measured(file):
    header = "Timestamp,Latitude,Longitude,Speed,DL_bitrate,UL_bitrate\n"
    rows = "2020.01.01_00.00.00,0,0,0,5,-\n2020.01.01_00.00.01,-,-,-,6,-\n"
    trace = load_drive_test(file(header + rows))
    assert trace.up is trace.delay_ns is trace.loss is None
    assert trace.down == RateTrace([0, NS], [5000, 6000], 2 * NS)
    assert trace.positions == (), "0, 0 is no fix"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"drive\.csv:1: the file is empty; expected a table with the columns Timestamp"),
        (HEADER, r"drive\.csv:1: there is nothing below the header"),
        ("".join(ROWS), r"drive\.csv:1: there are no columns 'Timestamp'"),
        (HEADER.replace("Speed", "Pace") + ROWS[0], r"drive\.csv:1: there is no column 'Speed'"),
        (HEADER + ROWS[0] + ROWS[1][:50], r"drive\.csv:3: 11 columns; expected 16, as the header has"),  # truncated
        (HEADER + ROWS[0] + ROWS[1].replace(",D,", ","), r"drive\.csv:3: 15 columns; expected 16"),
        (HEADER + ROWS[0].replace("8000", "fast") + ROWS[1], r"drive\.csv:2: DL_bitrate is 'fast', which is no number"),
        (HEADER + ROWS[0].replace(",60,", ",slow,") + ROWS[1], r"drive\.csv:2: PINGAVG is 'slow'"),
        (HEADER + ROWS[0].replace("8000", "-8") + ROWS[1], r"drive\.csv:2: DL_bitrate is -8, below 0"),
        (HEADER + ROWS[0].replace(",36,", ",-36,") + ROWS[1], r"drive\.csv:2: Speed is -36, below 0"),
        (HEADER + ROWS[2].replace(",36\n", ",101\n") + ROWS[0], r"drive\.csv:2: PINGLOSS is 101, above 100"),
        (HEADER + ROWS[0].replace("51.90", "91") + ROWS[1], r"drive\.csv:2: Latitude is 91, above 90"),
        (
            HEADER + ROWS[0].replace("_23.", " 23:") + ROWS[1],
            r"drive\.csv:2: Timestamp is .*; expected 2019\.12\.14_10\.",
        ),
        (HEADER + ROWS[0].replace(".12.14", ".13.14") + ROWS[1], r"drive\.csv:2: Timestamp is '2019\.13\.14_23"),
        (HEADER + ROWS[1] + ROWS[0], r"drive\.csv:3: 2019\.12\.14_23\.59\.58 is before the row above it"),
        (HEADER + ROWS[0], r"drive\.csv:2: a single second has no length"),
        (HEADER + ROWS[1] + ROWS[2], r"drive\.csv:3: DL_bitrate is never above 0"),
        ((HEADER + ROWS[0]).encode() + b"\x00\x00", r"drive\.csv:3: a byte 0"),
        ((HEADER + ROWS[0].replace(",A,", ",Télé,")).encode("latin-1"), r"drive\.csv:2: the byte 0xe9 is not UTF-8"),
        ((HEADER + ROWS[0]).encode("utf-16"), r"drive\.csv:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_drive_test(file(content))
