"""The network panel shows what a phone's network does, and lets one worsen and mend it."""

import pytest

from realtime.network.link import NS, LinkConditions
from realtime.network.profiles import load_profiles
from realtime.network.rate_trace import RateTrace
from tests.widgets.fakes import FakePhone, connection, sample
from tests.widgets.waiting import eventually
from widgets.network_panel import WINDOW_S, NetworkPanel


@pytest.fixture
def phone():
    return FakePhone("ana")


@pytest.fixture
def panel(phone):
    widget = NetworkPanel(phone)
    yield widget
    widget.close()


def asks(panel, **content):
    panel._handle_custom_msg(content, [])


def test_its_repr_is_stable(panel):
    assert repr(panel) == "NetworkPanel('ana')"


def test_all_profiles_are_offered_with_their_figures(panel):
    offered = panel.compose()["profiles"]
    assert [name for name, _, _ in offered] == list(load_profiles())
    words = {name: words for name, words, _ in offered}
    assert words["edge"] == "EDGE: ↓ 240 ↑ 200 kbit/s, 840 ms"
    assert words["lte"] == "LTE: ↓ 50 ↑ 10 Mbit/s, 115 ms"


def test_profiles_stand_in_groups_of_what_they_are_like(panel):
    """Figures do not tell that a radio sleeps, or that a train has tunnels."""
    groups = {name: group for name, _, group in panel.compose()["profiles"]}
    assert groups["lte"] == groups["2g"] == "Steady"
    assert groups["tmobile-4g"] == groups["sleeping-phone"] == "With a radio that sleeps"
    assert groups["subway"] == groups["highway"] == "On the way: outages and changes of cell"


def test_the_conditions_of_now_are_shown(panel, phone):
    shown = panel.compose()
    assert (shown["profile"], shown["rate_kbps"], shown["delay_ms"], shown["loss"]) == ("lte", 50_000, 50, 0)
    assert (shown["network"], shown["app"], shown["connection"]) == ("online", "active", "connected")
    phone.background()
    phone.socket.connection_state.set(connection("suspended"))
    assert (panel.compose()["app"], panel.compose()["connection"]) == ("background", "background")


def test_what_the_network_does_is_said_in_words(panel, phone):
    assert panel.compose()["about"] == "network"
    phone.network.trace = "tram"
    assert panel.compose()["about"] == "network, follows tram"
    phone.network.state = "outage"
    assert panel.compose()["about"] == "network, follows tram: outage"
    phone.network.trace, phone.network.state = None, "held"
    assert panel.compose()["about"] == "network: held"


def test_a_rate_that_changes_with_time_is_shown_as_of_now(panel, phone):
    phone.network._conditions = LinkConditions(rate_bps=RateTrace([0], [64_000], NS))
    assert panel.compose()["rate_kbps"] == 64


def test_samples_of_the_last_minute_are_shown(panel, phone):
    """Columns: seconds, RTT in ms, bits per second up and down, connection state, messages that wait."""
    phone.network.samples.set(tuple(sample(t / 2, waiting=t % 3) for t in range(400)))
    shown = panel.compose()["samples"]
    assert shown[-1] == [199.5, 115.0, 2000.0, 8000.0, "connected", 0]
    assert shown[0][0] == pytest.approx(199.5 - WINDOW_S)


def test_a_further_sample_travels_alone(panel, phone, monkeypatch):
    said = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: said.append(content))
    samples = tuple(sample(float(t)) for t in range(WINDOW_S + 1))
    phone.network.samples.set(samples)
    eventually(lambda: said)
    asks(panel, type="follow")
    said.clear()
    phone.network.samples.set((*samples, sample(WINDOW_S + 1.0, None, "reconnecting", waiting=2)))
    eventually(lambda: said)
    drop, keep, tail, _ = said[0]["lists"]["samples"]
    assert (drop, keep) == (1, WINDOW_S)
    assert tail == [[WINDOW_S + 1.0, None, 2000.0, 8000.0, "reconnecting", 2]]


def test_what_is_asked_for_goes_to_the_phone(panel, phone):
    asks(panel, type="profile", name="edge")
    asks(panel, type="set", rate_kbps=100)
    asks(panel, type="set", delay_ms=300)
    asks(panel, type="set", loss=0.05)
    for act in ("offline", "online", "unplug", "replug", "reset"):
        asks(panel, type="act", act=act)
    assert phone.network.asked == [
        ("profile", "edge"),
        ("set", {"rate_kbps": 100}),
        ("set", {"delay_ms": 300}),
        ("set", {"loss": 0.05}),
        *((act,) for act in ("offline", "online", "unplug", "replug", "reset")),
    ]
    asks(panel, type="act", act="background")
    assert panel.compose()["app"] == "background"
    asks(panel, type="act", act="foreground")
    assert panel.compose()["app"] == "active"


def test_an_unknown_act_is_refused(panel, phone, monkeypatch):
    said = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: said.append(content))
    asks(panel, type="act", act="close")
    assert said[0]["type"] == "refused"
    assert phone.network.asked == []


def test_the_panel_follows_changes_that_it_did_not_make(panel, phone, monkeypatch):
    said = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: said.append(content))
    phone.network.profile = "2g"
    phone.socket.connection_state.set(connection("reconnecting"))
    eventually(lambda: said and said[-1]["state"]["profile"] == "2g")


def test_closing_ends_the_subscriptions(phone):
    panel = NetworkPanel(phone, title="Ana's phone", layout={"width": "400px"})
    assert panel.compose()["title"] == "Ana's phone"
    panel.close()
    for watched in (phone.network.samples, phone.socket.connection_state, phone.app_state):
        assert watched._observers == {}
    with pytest.raises(TypeError, match="Its options: title, layout"):
        NetworkPanel(phone, heading="x")
