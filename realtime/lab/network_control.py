"""A phone's network in one's hand: conditions, faults, and what they do to the phone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal

from realtime.connection.connection_state import ConnectionSnapshot
from realtime.connection.net_info import NetInfo
from realtime.lab.background import BackgroundLoop
from realtime.network.figures import FIGURES, changed, figures
from realtime.network.link import LinkConditions
from realtime.network.profiles import Profile
from realtime.network.proxy import ChaosProxy, State
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.network.traces import Trace

SAMPLE_INTERVAL_S = 0.5
HISTORY = 240  # samples: two minutes

Direction = Literal["both", "down", "up"]
_Figure = float | EllipsisType  # ... leaves it as it is


@dataclass(frozen=True, slots=True)
class NetworkSample:
    """A phone's network and connection at one moment.

    Attributes:
        t_s: seconds since the lab began.
        rtt_ms: the newest round trip that the connection measured; None while unknown.
        up_bps: bits per second that reached the server since the sample before, without headers.
        down_bps: the same towards the phone.
        state: of the connection.
        queued: messages to write, or to write again.
        unacked: messages written, that wait for their acknowledgement.
    """

    t_s: float
    rtt_ms: float | None
    up_bps: float
    down_bps: float
    state: str
    queued: int
    unacked: int


class NetworkControl:
    """Changes and shows one phone's network. Call it from any thread.

    Args:
        proxy: the phone's access link.
        net_info: what the phone's operating system reports to its app.
        connection_state: of the phone's connection.
        background: the loop that all of these live on.
        clock: seconds since the lab began.
        on_act: told of every change as ``(what, detail)``, on the loop's thread.
    """

    def __init__(
        self,
        proxy: ChaosProxy,
        net_info: NetInfo,
        connection_state: Observable[ConnectionSnapshot],
        background: BackgroundLoop,
        *,
        clock: Callable[[], float],
        on_act: Callable[[str, str], object],
    ) -> None:
        self.samples: Observable[tuple[NetworkSample, ...]] = Observable(())
        self._proxy = proxy
        self._net_info = net_info
        self._carrier = net_info.type
        self._connection_state = connection_state
        self._background = background
        self._clock = clock
        self._on_act = on_act
        self._timer: asyncio.TimerHandle | None = None
        self._sampled_s = clock()
        self._sampled_bytes = (0, 0)

    def __repr__(self) -> str:
        return f"<NetworkControl {self.label} {self.state}>"

    # -- conditions

    @property
    def profile(self) -> str | None:
        """The name of the profile in force; assign one to change the network. None: no limits, or changed by hand."""
        found = self._proxy.profile
        return None if found is None else found.name

    @profile.setter
    def profile(self, profile: Profile | str | None) -> None:
        self._background.call(self._set_profile, profile)

    @property
    def label(self) -> str:
        """The trace's name, the profile's, ``unlimited`` or ``custom``."""
        return self._proxy.label

    @property
    def trace(self) -> str | None:
        """The name of the trace that it follows."""
        found = self._proxy.trace
        return None if found is None else found.name

    def conditions(self, direction: Literal["down", "up"]) -> LinkConditions:
        """What one direction is like; ``down`` is towards the phone."""
        return self._proxy.conditions(direction)

    def figures(self, direction: Literal["down", "up"]) -> dict[str, float | None]:
        """The same as of now, by the names and in the units of :meth:`set`."""
        return figures(self._proxy.conditions(direction), self._proxy.clock.peek_ns())

    def set(
        self,
        *,
        rate_kbps: _Figure | None = ...,
        delay_ms: _Figure = ...,
        jitter_ms: _Figure = ...,
        loss: _Figure = ...,
        queue_kb: _Figure | None = ...,
        direction: Direction = "both",
    ) -> None:
        """Change single figures, for live connections too; what is not given stays.

        Args:
            rate_kbps: kilobits per second; None is unlimited.
            delay_ms: one-way, in each direction that is changed.
            jitter_ms: each packet takes up to this much longer.
            loss: the fraction of packets that is lost, 0 to 1, each alone.
            queue_kb: how much may wait before the bottleneck, in kB of 1000 bytes; None is the usual one.
            direction: ``down`` is towards the phone.

        Raises:
            ValueError: a figure is out of its range, or none is given; nothing was changed.
        """
        values = zip(FIGURES, (rate_kbps, delay_ms, jitter_ms, loss, queue_kb), strict=True)
        given = {name: value for name, value in values if value is not ...}
        if not given:
            raise ValueError(f"give at least one of {', '.join(FIGURES)}")
        words = [
            f"{name}={value:g}" if isinstance(value, float | int) else f"{name}={value}"
            for name, value in given.items()
        ]
        words += [] if _checked(direction) == "both" else [f"direction={direction}"]
        self._background.call(self._set, given, direction, " ".join(words))

    def follow(self, trace: Trace | None) -> None:
        """Take the rates from a trace, from its beginning and over and over; None goes back to the profile's.

        Raises:
            ValueError: the trace has no rates.
        """
        self._background.call(
            self._act, "follow", "" if trace is None else trace.name, lambda: self._proxy.follow(trace)
        )

    # -- faults

    @property
    def state(self) -> State:
        """``online``, or the weightiest of ``unplugged``, ``offline``, ``outage``, ``partitioned`` and ``held``."""
        return self._proxy.state

    def offline(self) -> None:
        """No network, and the phone knows: aeroplane mode. Its app stops trying until :meth:`online`."""
        self._background.call(self._offline)

    def online(self) -> None:
        """The network is back, and the phone knows."""
        self._background.call(self._online)

    def unplug(self) -> None:
        """The path is dead and nobody knows: live connections are half-open for ever, as after a change of network."""
        self._background.call(self._act, "unplug", "", self._proxy.unplug)

    def replug(self) -> None:
        """New connections get through again; the phone has to find that out by itself."""
        self._background.call(self._act, "replug", "", self._proxy.replug)

    def outage(self, for_s: float) -> None:
        """Nothing passes for so many seconds, and the phone does not know: a tunnel.

        Raises:
            ValueError: that is no length of time.
        """
        self._background.call(self._act, "outage", f"for_s={for_s:g}", lambda: self._proxy.outage(for_s))

    def partition(self, direction: Direction = "both") -> None:
        """Nothing passes, both ways or one way, until :meth:`repair`; ``down`` is towards the phone."""
        self._background.call(self._partition, _checked(direction))

    def repair(self) -> None:
        """End every partition."""
        self._background.call(self._act, "repair", "", self._proxy.repair)

    def hold(self) -> None:
        """What arrives waits, both ways, until :meth:`release`; nothing is lost."""
        self._background.call(self._act, "hold", "", self._proxy.hold)

    def release(self) -> None:
        """What :meth:`hold` kept waiting arrives at once."""
        self._background.call(self._act, "release", "", self._proxy.release)

    def change_address(self) -> None:
        """The phone gets another address: its live connections die half-open, new ones work. Nobody is told."""
        self._background.call(self._act, "change_address", "", self._proxy.change_address)

    def nat_expire(self) -> None:
        """The carrier's NAT forgets the phone's connections, with the same effect."""
        self._background.call(self._act, "nat_expire", "", self._proxy.nat_expire)

    def reset(self) -> None:
        """All live connections are reset at once."""
        self._background.call(self._act, "reset", "", self._proxy.reset)

    # -- samples; call these on the loop's thread

    def start_sampling(self) -> None:
        """Take a sample now and every half second."""
        self.sample()
        self._timer = self._background.loop.call_later(SAMPLE_INTERVAL_S, self.start_sampling)

    def stop_sampling(self) -> None:
        """End :meth:`start_sampling`."""
        if self._timer is not None:
            self._timer.cancel()

    def sample(self) -> None:
        """Take a sample."""
        now_s, stats, connection = self._clock(), self._proxy.stats, self._connection_state.snapshot
        elapsed_s = max(now_s - self._sampled_s, 1e-3)
        up, down = self._sampled_bytes
        newest = NetworkSample(
            t_s=now_s,
            rtt_ms=None if connection.rtt_s is None else connection.rtt_s * 1000,
            up_bps=(stats.bytes_up - up) * 8 / elapsed_s,
            down_bps=(stats.bytes_down - down) * 8 / elapsed_s,
            state=connection.state.value,
            queued=connection.queued,
            unacked=connection.unacked,
        )
        self._sampled_s, self._sampled_bytes = now_s, (stats.bytes_up, stats.bytes_down)
        self.samples.set((*self.samples.snapshot, newest)[-HISTORY:])

    # -- on the loop's thread

    def _set_profile(self, profile: Profile | str | None) -> None:
        self._proxy.set_profile(profile)
        self._on_act("profile", self.label)

    def _set(self, given: dict[str, Any], direction: Direction, words: str) -> None:
        down, up = self._proxy.conditions("down"), self._proxy.conditions("up")
        self._proxy.set_conditions(
            down=None if direction == "up" else changed(down, given),
            up=None if direction == "down" else changed(up, given),
        )
        self._on_act("set", words)

    def _act(self, name: str, detail: str, act: Callable[[], None]) -> None:
        act()
        self._on_act(name, detail)

    def _partition(self, direction: Direction) -> None:
        if direction == "both":
            self._proxy.partition()
        else:
            self._proxy.partition_oneway(direction)
        self._on_act("partition", direction)

    def _offline(self) -> None:
        if self._net_info.is_connected:
            self._carrier = self._net_info.type
        self._act("offline", "", self._proxy.offline)
        self._net_info.update(is_connected=False)

    def _online(self) -> None:
        self._act("online", "", self._proxy.online)
        self._net_info.update(type=self._carrier)


def _checked(direction: Direction) -> Direction:
    if direction not in ("both", "down", "up"):
        raise ValueError(f"direction is 'both', 'down' or 'up', not {direction!r}")
    return direction
