"""Hand-over logs: seconds of a drive, and from what to what the phone was handed over in them."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_handovers import load_handovers
from realtime.network.trace_model import TraceError
from realtime.network.units import MS, NS

HEADER = "time,avg_power,active interface,handover type\n"
DRIVE = HEADER + "0.0,1.0,4G,unknown\n1.0,1.1,4G,4t4\n2.0,1.2,NSA 5G,\n3.0,1.3,NSA 5G,4t5\n"


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "run.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_nothing_passes_while_the_phone_is_handed_over(file):
    trace = load_handovers(file(DRIVE), down_bps=8000, up_bps=1000, gap_s=0.25)
    times = [0, NS, 1250 * MS, 3 * NS, 3250 * MS]
    assert trace.down == RateTrace(times, [8000, 0, 8000, 0, 8000], 4 * NS)
    assert trace.up == RateTrace(times, [1000, 0, 1000, 0, 1000], 4 * NS)
    assert (trace.name, trace.duration_ns) == ("run", 4 * NS)


def test_what_is_not_in_the_file_is_said_in_the_source(file):
    trace = load_handovers(file(DRIVE))
    assert "28.8/10 Mbit/s" in trace.source
    assert "0.3 s" in trace.source
    assert (trace.down.rate_at(0), trace.up.rate_at(0)) == (28_800_000, 10_000_000)


def test_a_hand_over_lasts_until_the_next_row_at_most(file):
    trace = load_handovers(file(DRIVE), down_bps=8000, gap_s=5)
    assert trace.down == RateTrace([0, NS, 2 * NS, 3 * NS], [8000, 0, 8000, 0], 4 * NS)


def test_a_drive_without_hand_overs_is_a_constant_rate(file):
    assert load_handovers(file(HEADER + "0,1,4G,\n1,1,4G,\n")).down == RateTrace([0], [28_800_000], 2 * NS)


def test_time_begins_with_the_first_row(file):
    shifted = (
        DRIVE.replace("\n0.0", "\n7.0").replace("\n1.0", "\n8.0").replace("\n2.0", "\n9.0").replace("\n3.0", "\n10")
    )
    assert load_handovers(file(shifted)).down == load_handovers(file(DRIVE)).down


@pytest.mark.parametrize(("figure", "value"), [("down_bps", 0), ("up_bps", -1), ("gap_s", 0)])
def test_impossible_figures_are_refused(file, figure, value):
    with pytest.raises(ValueError, match=f"{figure} must be above 0"):
        load_handovers(file(DRIVE), **{figure: value})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"run\.csv:1: the file is empty; expected a table with the columns time and handover type"),
        (HEADER, r"run\.csv:1: there is nothing below the header"),
        (DRIVE.replace("handover type", "type"), r"run\.csv:1: there is no column 'handover type'"),
        (DRIVE[:-5] + "\n", r"run\.csv:5: 3 columns; expected 4"),  # truncated in its last line
        (DRIVE.replace("2.0,1.2", "2.0"), r"run\.csv:4: 3 columns; expected 4"),
        (DRIVE.replace("2.0,", "two,"), r"run\.csv:4: time is 'two', which is no number"),
        (DRIVE.replace("0.0,", "-1,"), r"run\.csv:2: time is -1, below 0"),
        (DRIVE.replace("2.0,", "0.5,"), r"run\.csv:4: the time 0\.5 s is not after 1 s"),
        (DRIVE.replace("4t5", "4to5"), r"run\.csv:5: handover type is '4to5'; expected 4t4, 4t5, 5t4, 5t5, unknown or"),
        (HEADER + "0,1,4G,\n", r"run\.csv:2: a single row has no length"),
        (DRIVE.encode() + b"\x00\n", r"run\.csv:6: a byte 0"),
        (DRIVE.replace("4G,", "4Gé,").encode("latin-1"), r"run\.csv:2: the byte 0xe9 is not UTF-8"),
        (DRIVE.encode("utf-16"), r"run\.csv:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_handovers(file(content))
