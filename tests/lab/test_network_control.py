"""A phone's network in one's hand, from any thread."""

import random

import pytest

from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState
from realtime.connection.net_info import NetInfo, NetType
from realtime.lab.network_control import HISTORY, NetworkControl
from realtime.network.link import MS, NS, LinkConditions
from realtime.network.profiles import ProfileError, profile
from realtime.network.proxy import ChaosProxy
from realtime.network.rate_trace import RateTrace
from realtime.network.traces import Trace
from realtime.utils.observable import Observable


class Bench:
    """A control over a proxy that is not started, and over a device that is only told things."""

    def __init__(self, background):
        self.proxy = ChaosProxy("127.0.0.1", 9, profile="lte", rng=random.Random(1))
        self.net_info = NetInfo(NetType.CELLULAR)
        self.connection_state = Observable(ConnectionSnapshot())
        self.said = []
        self.control = NetworkControl(
            self.proxy,
            self.net_info,
            self.connection_state,
            background,
            clock=lambda: 0.0,
            on_act=lambda act, detail: self.said.append((act, detail)),
        )


@pytest.fixture
def bench(background):
    return Bench(background)


def test_a_profile_is_read_and_set_by_name(bench):
    assert bench.control.profile == "lte"
    bench.control.profile = "3g"
    assert bench.control.profile == "3g"
    assert bench.proxy.profile == profile("3g")
    bench.control.profile = None
    assert bench.control.profile is None
    assert bench.control.conditions("up") == LinkConditions()
    with pytest.raises(ProfileError, match="wifi"):
        bench.control.profile = "5g-plus"
    assert bench.said == [("profile", "3g"), ("profile", "unlimited")]


def test_single_values_change_the_rest_stays(bench):
    bench.control.set(rate_kbps=64, loss=0.02)
    for direction, of_lte in (("down", profile("lte").down), ("up", profile("lte").up)):
        now = bench.control.conditions(direction)
        assert (now.rate_bps, now.loss) == (64_000, 0.02)
        assert now.delay_ns == of_lte.delay_ns
    assert bench.control.profile is None
    assert bench.said == [("set", "rate_kbps=64 loss=0.02")]


def test_one_direction_alone(bench):
    bench.control.set(delay_ms=12.5, jitter_ms=3, direction="up")
    up, down = bench.control.conditions("up"), bench.control.conditions("down")
    assert (up.delay_ns, up.jitter_ns) == (12_500_000, 3 * MS)
    assert down == profile("lte").down
    assert bench.said == [("set", "delay_ms=12.5 jitter_ms=3 direction=up")]


def test_no_limit_is_none(bench):
    bench.control.set(rate_kbps=None)
    assert bench.control.conditions("down").rate_bps is None


def test_the_queue_is_a_figure_too(bench):
    bench.control.set(queue_kb=20)
    assert bench.control.conditions("up").queue_bytes == 20_000


def test_conditions_are_told_in_the_units_of_set(bench):
    bench.control.set(rate_kbps=64, delay_ms=12.5, direction="down")
    told = bench.control.figures("down")
    queue_kb = profile("lte").down.queue_bytes / 1000
    assert told == {"rate_kbps": 64.0, "delay_ms": 12.5, "jitter_ms": 0.0, "loss": 0.0, "queue_kb": queue_kb}
    bench.control.set(**told, direction="up")
    assert bench.control.figures("up") == told


def test_a_trace_is_followed_until_another_profile_is_chosen(bench):
    tram = Trace(name="tram", source="here", down=RateTrace([0], [64_000], NS), up=None, positions=(), duration_ns=NS)
    bench.control.follow(tram)
    assert (bench.control.label, bench.control.trace, bench.control.profile) == ("tram", "tram", "lte")
    assert bench.control.figures("down")["rate_kbps"] == 64.0
    bench.control.follow(None)
    assert (bench.control.label, bench.control.trace) == ("lte", None)
    bench.control.follow(tram)
    bench.control.profile = "3g"
    assert (bench.control.label, bench.control.trace) == ("3g", None)
    assert bench.said == [("follow", "tram"), ("follow", ""), ("follow", "tram"), ("profile", "3g")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"loss": 5}, "loss"),
        ({"delay_ms": -1}, "delay"),
        ({"rate_kbps": 0}, "rate_kbps"),
        ({"rate_kbps": 10, "direction": "sideways"}, "direction"),
        ({"queue_kb": 0}, "queue_kb"),
        ({}, "rate_kbps, delay_ms"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(bench, wrong, words):
    before = bench.control.conditions("down"), bench.control.conditions("up")
    with pytest.raises(ValueError, match=words):
        bench.control.set(**wrong)
    assert (bench.control.conditions("down"), bench.control.conditions("up")) == before
    assert bench.control.profile == "lte"


def test_the_device_is_told_when_it_is_offline_and_gets_its_network_back(bench):
    bench.control.offline()
    assert bench.control.state == bench.proxy.state == "offline"
    assert not bench.net_info.is_connected
    bench.control.online()
    assert bench.control.state == "online"
    assert bench.net_info.type is NetType.CELLULAR


def test_the_device_does_not_notice_that_it_is_unplugged(bench):
    told = []
    bench.net_info.observe(told.append)
    bench.control.unplug()
    assert bench.control.state == "unplugged"
    bench.control.replug()
    bench.control.reset()
    assert bench.control.state == "online"
    assert told == []
    assert [act for act, _ in bench.said] == ["unplug", "replug", "reset"]


@pytest.mark.parametrize(
    ("act", "state", "back", "words"),
    [
        ("hold", "held", "release", ["hold", "release"]),
        ("partition", "partitioned", "repair", ["partition both", "repair"]),
    ],
)
def test_faults_that_the_device_does_not_notice_either(bench, act, state, back, words):
    told = []
    bench.net_info.observe(told.append)
    getattr(bench.control, act)()
    assert bench.control.state == bench.proxy.state == state
    getattr(bench.control, back)()
    assert bench.control.state == "online"
    assert told == []
    assert [" ".join(said).strip() for said in bench.said] == words


def test_a_partition_has_a_direction(bench):
    bench.control.partition("up")
    assert bench.proxy.access.up.down is not None
    assert bench.proxy.access.down.down is None
    assert bench.said == [("partition", "up")]
    with pytest.raises(ValueError, match="direction is 'both', 'down' or 'up', not 'left'"):
        bench.control.partition("left")


def test_an_outage_has_a_length(bench):
    bench.control.outage(8)
    assert bench.control.state == "outage"
    assert bench.said == [("outage", "for_s=8")]
    with pytest.raises(ValueError, match="for_s"):
        bench.control.outage(-1)
    assert bench.said == [("outage", "for_s=8")], "what was refused did not happen"


def test_a_lost_address_is_no_state(bench):
    bench.control.change_address()
    bench.control.nat_expire()
    assert bench.control.state == "online"
    assert bench.said == [("change_address", ""), ("nat_expire", "")]


def test_samples_tell_rates_round_trip_and_what_waits(bench):
    now = [10.0]
    bench.control._clock = lambda: now[0]
    bench.connection_state.set(ConnectionSnapshot(state=ConnectionState.CONNECTED, rtt_s=0.115, queued=2, unacked=1))
    bench.control.sample()
    bench.proxy.access.up.delivered_bytes += 500
    bench.proxy.access.down.delivered_bytes += 1000
    now[0] = 10.5
    bench.control.sample()
    newest = bench.control.samples.snapshot[-1]
    assert (newest.t_s, newest.rtt_ms, newest.up_bps, newest.down_bps) == (10.5, 115.0, 8000.0, 16000.0)
    assert (newest.state, newest.queued, newest.unacked) == ("connected", 2, 1)


def test_an_unknown_round_trip_is_none(bench):
    bench.control.sample()
    assert bench.control.samples.snapshot[-1].rtt_ms is None


def test_samples_are_bounded(bench):
    for _ in range(HISTORY + 5):
        bench.control.sample()
    assert len(bench.control.samples.snapshot) == HISTORY


def test_its_repr_tells_what_the_network_is_like(bench):
    assert repr(bench.control) == "<NetworkControl lte online>"
    bench.control.set(loss=0.1)
    bench.control.unplug()
    assert repr(bench.control) == "<NetworkControl custom unplugged>"
