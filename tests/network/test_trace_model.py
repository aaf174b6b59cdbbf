"""What a trace is: rates, delays, losses and places over time."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import StepSeries, Trace, TraceError, TracePoint
from realtime.network.units import NS
from realtime.protocol.errors import RealtimeError


def ride(*positions, seconds=10):
    return Trace("a ride", "made up", seconds * NS, positions=positions)


def test_a_series_holds_each_value_until_the_next_and_repeats():
    series = StepSeries((0, 2 * NS), (5, 7), 3 * NS)
    assert [series.at(at) for at in (0, 2 * NS - 1, 2 * NS, 3 * NS - 1, 3 * NS, 8 * NS)] == [5, 5, 7, 7, 5, 7]


def test_a_series_can_begin_at_any_time():
    series = StepSeries((0, 2 * NS), (5, 7), 3 * NS).starting_at(NS)
    assert [series.at(at * NS) for at in (0, 1, 2, 3, 4)] == [7, 5, 5, 7, 5]


@pytest.mark.parametrize(
    ("times", "values", "period"),
    [((), (), 1), ((1,), (1,), 2), ((0, 0), (1, 2), 2), ((0, 2), (1, 2), 2), ((0,), (), 2)],
)
def test_an_impossible_series_is_refused(times, values, period):
    with pytest.raises(ValueError, match="series"):
        StepSeries(times, values, period)


def test_between_two_positions_one_is_on_the_way():
    found = ride(TracePoint(0, 60.0, 10.0, 4.0), TracePoint(4 * NS, 60.0, 10.4, None)).position_at(3 * NS)
    assert found == TracePoint(3 * NS, pytest.approx(60.0, abs=1e-3), pytest.approx(10.3, abs=1e-6), 4.0)


def test_before_the_first_and_after_the_last_position_one_stands_there():
    trace = ride(TracePoint(2 * NS, 60.0, 10.0), TracePoint(4 * NS, 60.0, 10.4))
    assert trace.position_at(0) == TracePoint(0, 60.0, 10.0)
    assert trace.position_at(9 * NS) == TracePoint(9 * NS, 60.0, 10.4)


def test_positions_repeat_with_the_rates():
    trace = ride(TracePoint(0, 60.0, 10.0), TracePoint(4 * NS, 60.0, 10.4))
    assert trace.position_at(12 * NS)[1:3] == trace.position_at(2 * NS)[1:3]
    assert trace.position_at(12 * NS).t_ns == 12 * NS


def test_a_trace_without_gps_knows_no_position():
    assert ride().position_at(0) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"duration_ns": 0}, "duration_ns must be positive"),
        ({"positions": (TracePoint(0, 91.0, 0.0),)}, "latitude"),
        ({"positions": (TracePoint(2, 0.0, 0.0), TracePoint(2, 0.0, 0.0))}, "ascend"),
        ({"positions": (TracePoint(-1, 0.0, 0.0),)}, "ascend"),
        ({"positions": (TracePoint(11 * NS, 0.0, 0.0),)}, "duration"),
        ({"loss": StepSeries((0,), (1.5,), 1)}, "loss"),
        ({"delay_ns": StepSeries((0,), (-1,), 1)}, "delay"),
    ],
)
def test_an_impossible_trace_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        Trace(**{"name": "x", "source": "x", "duration_ns": 10 * NS} | changes)


def test_it_shows_what_it_holds():
    down = RateTrace([0], [2_000_000], NS)
    assert repr(Trace("tram", "x", 90 * NS, down=down)) == "<Trace 'tram', 90 s, down 2 Mbit/s>"
    assert repr(ride(TracePoint(0, 1.0, 1.0))) == "<Trace 'a ride', 10 s, 1 position>"


def test_an_error_names_file_line_and_what_is_expected():
    error = TraceError("a/b.log", 7, "3 columns", "a time in seconds and a rate in Mbit/s")
    assert str(error) == "a/b.log:7: 3 columns; expected a time in seconds and a rate in Mbit/s"
    assert isinstance(error, RealtimeError)
    assert isinstance(error, ValueError)
    assert (error.path, error.line) == ("a/b.log", 7)
