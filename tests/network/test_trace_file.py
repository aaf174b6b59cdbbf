"""Trace files as numbered lines, and what is said of bad ones."""

import pytest

from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import TraceError


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "x.log"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return TraceFile(path, "numbers")

    return write


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_numbered_and_empty_ones_left_out(file, newline):
    lines = file(newline.join(["1 2", "", "  3\t4 ", ""]))
    assert list(lines) == [(1, "1 2"), (3, "3\t4")]
    assert lines.last_line == 3


def test_a_byte_order_mark_is_no_part_of_the_first_line(file):
    assert list(file(b"\xef\xbb\xbf1\n")) == [(1, "1")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"x\.log:1: the file is empty; expected numbers"),
        (b"\n \n", r"x\.log:1: the file is empty"),
        (b"1\n2\x00\n", r"x\.log:2: a byte 0: the file is binary"),
        (b"\x89PNG\r\n\x1a\n\x00", r"x\.log:3: .*binary"),
        (b"\xef\xbb\xbf1\n\xff", r"x\.log:2: the byte 0xff is not UTF-8"),
        (b"1\n2\n\xff3\n", r"x\.log:3: the byte 0xff is not UTF-8"),
        ("1\n2\n".encode("utf-16"), r"x\.log:1: the file is UTF-16; expected numbers, as UTF-8"),
        (b"1\n\x1f\x8b\x08\n", r"x\.log:2: .*0x8b is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(file, content, says):
    with pytest.raises(TraceError, match=says):
        file(content)


def test_a_file_that_is_not_there_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        TraceFile(tmp_path / "nowhere.log", "numbers")


def test_numbers_are_read(file):
    read = file("x").number
    assert read(1, "2.5", "a rate") == 2.5
    assert read(1, "0", "a rate", least=0) == 0
    assert read(1, " -3e2 ", "a rate") == -300


@pytest.mark.parametrize(
    ("text", "bounds", "says"),
    [
        ("fast", {}, r"x\.log:4: a rate is 'fast', which is no number; expected numbers"),
        ("", {}, "a rate is '', which is no number"),
        ("nan", {}, "a rate is 'nan'"),
        ("inf", {}, "a rate is 'inf'"),
        ("1_000", {}, "a rate is '1_000'"),
        ("-1", {"least": 0}, "a rate is -1, below 0"),
        ("101", {"most": 100}, "a rate is 101, above 100"),
    ],
)
def test_what_is_no_number_is_refused(file, text, bounds, says):
    with pytest.raises(TraceError, match=says):
        file("x").number(4, text, "a rate", **bounds)


def test_times_must_rise(file):
    lines = file("x")
    lines.check_rises(1, 0, None)
    lines.check_rises(2, 1, 0)
    with pytest.raises(TraceError, match=r"x\.log:3: the time 0\.5 s is not after 1 s, the one before"):
        lines.check_rises(3, 500_000_000, 1_000_000_000)


def test_columns_are_counted(file):
    lines = file("x")
    lines.check_columns(1, ["a", "b"], 2)
    with pytest.raises(TraceError, match=r"x\.log:2: 1 column; expected numbers"):
        lines.check_columns(2, ["a"], 2)
    with pytest.raises(TraceError, match=r"x\.log:3: 3 columns; expected numbers"):
        lines.check_columns(3, ["a", "b", "c"], 2)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_by_the_names_of_its_header(file, separator):
    lines = file(separator.join(["a", " b", "c"]) + "\n\n" + separator.join(["1", '"2"', " 3 "]) + "\n")
    assert list(lines.table("a", "c")) == [(3, {"a": "1", "b": "2", "c": "3"})]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n", r"x\.log:1: there is no column 'c'; expected numbers"),
        ("b\n1\n", r"x\.log:1: there are no columns 'a' and 'c'; expected numbers"),
        ("a,c\n", r"x\.log:1: there is nothing below the header"),
        ("a,c\n1,2\n1\n", r"x\.log:3: 1 column; expected 2, as the header has"),
        ("a,c\n1,2,3\n", r"x\.log:2: 3 columns; expected 2, as the header has"),
        ('a,c\n1,"2\n', r"x\.log:2: .*; expected numbers"),
        ("a,c,a\n1,2,3\n", r"x\.log:1: the column 'a' stands there twice"),
    ],
)
def test_a_damaged_table_is_refused(file, content, says):
    with pytest.raises(TraceError, match=says):
        list(file(content).table("a", "c"))
