"""NetworkPanel: a phone's network, to look at and to spoil."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime.network.figures import figures
from realtime.network.profiles import Profile, load_profiles
from widgets.connection_word import connection_word
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static

if TYPE_CHECKING:
    from realtime.lab.live import Phone

WINDOW_S = 60  # what the charts show

_NETWORK_ACTS = ("offline", "online", "unplug", "replug", "reset")
_APP_ACTS = ("background", "foreground")


class NetworkPanel(LiveWidget):
    """Profile, rate, delay and loss of a phone's network; offline, unplug and reset; the app's background.

    Beside them the last minute: round-trip time, throughput, messages that wait, and the state of the connection.
    Everything works by keyboard. Call :meth:`close` to end its subscriptions.

    Args:
        phone: a phone of a running lab.
        title: the heading; the phone's name if None.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    _esm = static("feed.js", "elements.js", "chart.js", "network_panel.js")
    _css = static("frame.css", "network_panel.css")

    def __init__(self, phone: Phone, *, title: str | None = None, layout: Any = None, **unknown: Any) -> None:
        refuse_unknown("NetworkPanel", NetworkPanel.__init__, unknown)
        self._phone = phone
        self._title = phone.name if title is None else title
        self._profiles = [[profile.name, _offer(profile), _group(profile)] for profile in load_profiles().values()]
        super().__init__(watches=[phone.network.samples, phone.socket.connection_state, phone.app_state], layout=layout)

    def __repr__(self) -> str:
        return f"NetworkPanel({self._phone.name!r})"

    def compose(self) -> Mapping[str, Any]:
        """The conditions towards the phone (kbit/s or None, ms one-way, fraction), states, and a minute of samples.

        A sample is ``[t_s, rtt_ms or None, up_bps, down_bps, connection state, messages that wait]``.
        """
        network, down = self._phone.network, self._phone.network.figures("down")
        samples = network.samples.snapshot
        since_s = samples[-1].t_s - WINDOW_S if samples else 0.0
        return {
            "title": self._title,
            "profiles": self._profiles,
            "window_s": WINDOW_S,
            "profile": network.profile,
            "rate_kbps": down["rate_kbps"],
            "delay_ms": down["delay_ms"],
            "loss": down["loss"],
            "network": network.state,
            "about": _about(network.trace, network.state),
            "app": str(self._phone.app_state.snapshot),
            "connection": connection_word(self._phone),
            "samples": [
                [s.t_s, s.rtt_ms, s.up_bps, s.down_bps, str(s.state), s.queued + s.unacked]
                for s in samples
                if s.t_s >= since_s
            ],
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """Choose a profile, set one condition, or do one of the acts."""
        return {"profile": self._choose, "set": self._set, "act": self._act}

    def _choose(self, asked: Mapping[str, Any]) -> None:
        self._phone.network.profile = asked["name"]
        self._batcher.touch()

    def _set(self, asked: Mapping[str, Any]) -> None:
        self._phone.network.set(**{name: value for name, value in asked.items() if name != "type"})
        self._batcher.touch()

    def _act(self, asked: Mapping[str, Any]) -> None:
        act = asked["act"]
        if act not in _NETWORK_ACTS + _APP_ACTS:
            raise ValueError(f"there is no {act!r}; there are {', '.join(_NETWORK_ACTS + _APP_ACTS)}")
        getattr(self._phone if act in _APP_ACTS else self._phone.network, act)()
        self._batcher.touch()


def _about(trace: str | None, state: str) -> str:
    """What is not a figure: the trace that it follows, and why nothing passes."""
    follows = "" if trace is None else f", follows {trace}"
    return f"network{follows}" if state == "online" else f"network{follows}: {state}"


def _offer(profile: Profile) -> str:
    """One line of the list: title, rates, round trip."""
    rates = [figures(each, 0)["rate_kbps"] for each in (profile.down, profile.up)]
    mega = all(rate is not None and rate >= 1000 for rate in rates)
    unit_kbps, unit = (1000, "Mbit/s") if mega else (1, "kbit/s")
    down, up = ("unlimited" if rate is None else f"{rate / unit_kbps:g}" for rate in rates)
    return f"{profile.title}: ↓ {down} ↑ {up} {unit}, {profile.rtt_s * 1000:.0f} ms"


def _group(profile: Profile) -> str:
    """What its figures do not tell."""
    radio = profile.radio
    if radio.outages or radio.handovers or radio.address_changes:
        return "On the way: outages and changes of cell"
    return "With a radio that sleeps" if radio.promotions else "Steady"
