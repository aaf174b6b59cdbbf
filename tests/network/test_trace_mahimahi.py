"""mahimahi traces: one line per delivery opportunity of 1500 bytes."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_mahimahi import load_mahimahi
from realtime.network.trace_model import TraceError
from realtime.network.units import MS


@pytest.fixture
def file(tmp_path):
    def write(content, name="cell.down"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_each_line_carries_1500_bytes_until_its_millisecond(file):
    """1500 bytes in 1 ms are 12 Mbit/s. Three lines at 3 ms are three packets there; the last line is the period."""
    trace = load_mahimahi(file("1\n3\n3\n3\n5\n"))
    rates = [12_000_000, 0, 36_000_000, 0, 12_000_000]
    assert trace.down == RateTrace([0, MS, 2 * MS, 3 * MS, 4 * MS], rates, 5 * MS)
    assert trace.up is None
    assert trace.duration_ns == 5 * MS


def test_a_packet_of_1500_bytes_leaves_at_the_time_of_its_line(file):
    trace = load_mahimahi(file("2\n7\n7\n11\n")).down
    now, left = 0, []
    for _ in range(8):
        now = trace.end_of_bits(now, 12_000)
        left.append(now / MS)
    # Two opportunities in one millisecond follow each other within it.
    assert left == [2, 6.5, 7, 11, 13, 17.5, 18, 22]


def test_it_wraps_and_what_stands_at_0_is_what_stands_at_the_end(file):
    assert load_mahimahi(file("0\n2\n")).down == load_mahimahi(file("2\n2\n")).down
    assert load_mahimahi(file("0\n2\n")).down.mean_bps == 12_000_000


def test_equal_rates_side_by_side_are_one_step(file):
    assert load_mahimahi(file("1\n2\n3\n")).down == RateTrace([0], [12_000_000], 3 * MS)


def test_the_other_direction_is_a_file_of_its_own(file):
    down, up = file("1\n2\n"), file("4\n", "cell.up")
    trace = load_mahimahi(down, up)
    assert trace.up.mean_bps == 3_000_000
    assert trace.duration_ns == 2 * MS, "that of the way down; up repeats with a period of its own"
    assert (trace.name, trace.source) == ("cell", f"{down}, {up}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"cell\.down:1: the file is empty; expected whole milliseconds"),
        ("1\n2 3\n", r"cell\.down:2: '2 3' is no whole number of milliseconds"),
        ("1\n2.5\n", r"cell\.down:2: '2\.5' is no whole"),
        ("1\nfast\n", r"cell\.down:2: 'fast' is no whole"),
        ("1\n-2\n", r"cell\.down:2: '-2' is no whole"),
        ("5\n\n4\n", r"cell\.down:3: 4 ms is before 5 ms, the line before"),
        ("1200\n1201\n12", r"cell\.down:3: 12 ms is before 1201 ms"),  # truncated in its last line
        ("0\n0\n", r"cell\.down:2: the last opportunity is at 0 ms"),
        ("99999999999999999999\n", r"cell\.down:1: .*year"),
        (f"1\n{'9' * 5000}\n", r"cell\.down:2: 9{20}… ms is more than a year"),  # too long for int()
        (b"1\n\x00\x01\n", r"cell\.down:2: a byte 0"),
        (b"1\n\xff\n", r"cell\.down:2: the byte 0xff is not UTF-8"),
        ("1\n2\n".encode("utf-16"), r"cell\.down:1: the file is UTF-16"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(file, content, says):
    with pytest.raises(TraceError, match=says):
        load_mahimahi(file(content))


def test_a_damaged_file_of_the_other_direction_is_named(file):
    with pytest.raises(TraceError, match=r"cell\.up:1: 'x'"):
        load_mahimahi(file("1\n"), file("x\n", "cell.up"))
