"""Throughput logs: seconds and Mbit/s."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import TraceError
from realtime.network.trace_throughput import load_throughput_log
from realtime.network.units import MS, NS


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "tram.log"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_each_rate_holds_until_the_next_and_the_last_as_long_as_the_one_before(file):
    trace = load_throughput_log(file("0.0\t4.5\n1.5\t0\n2.0\t0.25\n"))
    assert trace.down == RateTrace([0, 1500 * MS, 2 * NS], [4_500_000, 0, 250_000], 2500 * MS)
    assert trace.up is None
    assert (trace.name, trace.duration_ns) == ("tram", 2500 * MS)


@pytest.mark.parametrize("separator", ["\t", " ", "   ", ",", ", ", ";"])
def test_columns_are_separated_as_one_likes(file, separator):
    assert load_throughput_log(file(f"0{separator}1\n1{separator}2\n")).down.rates_bps == (1_000_000, 2_000_000)


def test_time_begins_with_the_first_line_and_comments_are_left_out(file):
    trace = load_throughput_log(file("# t mbit\n100 1\n101 3\n"))
    assert trace.down == RateTrace([0, NS], [1_000_000, 3_000_000], 2 * NS)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"tram\.log:1: the file is empty; expected a time in seconds and a rate in Mbit/s"),
        ("# nothing\n", r"tram\.log:1: there is no line with a rate"),
        ("0 1\n1 2 3\n", r"tram\.log:2: 3 columns; expected a time in seconds and a rate in Mbit/s"),
        ("0 1\n1\n", r"tram\.log:2: 1 column;"),  # truncated in its last line
        ("0 1\n", r"tram\.log:1: a single line has no length"),
        ("0 1\n1 fast\n", r"tram\.log:2: the rate is 'fast', which is no number"),
        ("0 1\n1s 2\n", r"tram\.log:2: the time is '1s', which is no number"),
        ("0 1\n1 nan\n", r"tram\.log:2: the rate is 'nan'"),
        ("0 1\n1 -2\n", r"tram\.log:2: the rate is -2, below 0"),
        ("-1 1\n1 2\n", r"tram\.log:1: the time is -1, below 0"),
        ("0 1\n2 1\n1 1\n", r"tram\.log:3: the time 1 s is not after 2 s, the one before"),
        ("0 1\n0 1\n", r"tram\.log:2: the time 0 s is not after 0 s"),
        ("0 0\n1 0.0000001\n", r"tram\.log:2: all rates are 0"),
        ("0 1\n1 1e12\n", r"tram\.log:2: the rate is 1e\+12, above"),
        (b"0 1\n1 2\x00\n", r"tram\.log:2: a byte 0"),
        ("0 1\n1 2 µ\n".encode("latin-1"), r"tram\.log:2: the byte 0xb5 is not UTF-8"),
        ("0 1\n1 2\n".encode("utf-16"), r"tram\.log:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_throughput_log(file(content))
