"""Traces in the simulated world: the ones that come with the lab, and what they do to a phone."""

import pytest

from realtime.network.rate_trace import RateTrace
from realtime.network.traces import Trace, TracePoint, load_trace
from realtime.network.units import NS
from realtime.utils.share import share_path
from tests.network.trace_runs import check_ride, ride

FILES = ["cell.down", "cell.up", "tram-3g.log", "bus-lte.log", "drive-5g.csv", "handovers.csv", "way.gpx"]


@pytest.mark.parametrize("name", FILES)
def test_a_phone_rides_along(name):
    check_ride(load_trace(share_path("data") / "traces" / name))


@pytest.mark.clause("RT-NET-8")
def test_rate_and_place_belong_together():
    """The rate falls from 8 Mbit/s to 80 kbit/s at 2 s, where the tunnel begins at 60.1 degrees north.

    Of 4 MB about 1.8 MB pass before that; the rest takes 2.2e6·8/80e3 = 220 s: 120 s in the first tunnel,
    then 120 s outside again are more than enough. So it ends after 122 s, back at the beginning of the way.
    """
    down = RateTrace([0, 2 * NS], [8_000_000, 80_000], 122 * NS)
    way = (TracePoint(0, 60.0, 10.0), TracePoint(2 * NS, 60.1, 10.0), TracePoint(122 * NS, 60.2, 10.0))
    found = ride(Trace("tunnel", "made up", 122 * NS, down=down, positions=way), nbytes=4_000_000, echoes=1)
    assert 122 < found.ended_ns / NS < 126
    assert 60.0 < found.place.latitude < 60.11
