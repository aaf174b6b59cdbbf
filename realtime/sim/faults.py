"""What can be done to the hosts of a world: now, or at a set time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from realtime.network.link import MS, NS, LinkConditions
from realtime.network.profiles import Profile, profile
from realtime.sim.network import SimNetwork


class _Outage:
    """A reason for silence that :meth:`Faults.restore` ends."""


class _Unplugged:
    """A reason for silence that :meth:`Faults.replug` ends."""


_UNPLUGGED = _Unplugged()


class Faults(ABC):
    """The verbs. Hosts come to exist when they are named."""

    def __init__(self, network: SimNetwork) -> None:
        self.network = network

    @abstractmethod
    def _do(self, action: Callable[..., object], *args: Any) -> None:
        """Carry out an action, now or later."""

    def set_conditions(
        self,
        host: str,
        *,
        up: LinkConditions | None = None,
        down: LinkConditions | None = None,
        delay_ms: float | None = None,
        jitter_ms: float | None = None,
        loss: float | None = None,
        rate_kbps: float | None = None,
        queue_bytes: int | None = None,
    ) -> None:
        """Change the access links of a host; what is not given stays as it is.

        Args:
            host: its name.
            up: replaces the conditions from the host as a whole.
            down: replaces the conditions towards it as a whole.
            delay_ms: one-way, for each direction, as all that follow.
            jitter_ms: added to the delay, at most.
            loss: probability per packet.
            rate_kbps: thousand bits per second; ``math.inf`` is unlimited.
            queue_bytes: before the rate.
        """
        changes: dict[str, Any] = {}
        if delay_ms is not None:
            changes["delay_ns"] = round(delay_ms * MS)
        if jitter_ms is not None:
            changes["jitter_ns"] = round(jitter_ms * MS)
        if loss is not None:
            changes["loss"] = loss
        if rate_kbps is not None:
            changes["rate_bps"] = None if rate_kbps == float("inf") else round(rate_kbps * 1000)
        if queue_bytes is not None:
            changes["queue_bytes"] = queue_bytes
        replace(LinkConditions(), **changes)  # refuse wrong values now, not when the time comes
        self._do(self._set_conditions, host, up, down, changes)

    def set_profile(self, host: str, name: str | Profile) -> None:
        """Give the access links of a host the conditions of a profile."""
        chosen = profile(name) if isinstance(name, str) else name
        self._do(self._set_conditions, host, chosen.up, chosen.down, {})

    def outage(self, host: str, *, for_s: float | None = None) -> None:
        """Nothing passes to or from the host, what is in flight included.

        Args:
            host: its name.
            for_s: how long; None is until :meth:`restore`. Overlapping outages end with the last.
        """
        self._do(self._outage, host, for_s)

    def restore(self, host: str) -> None:
        """End every outage of the host."""
        self._do(self._restore, host)

    def partition(self, a: str, b: str) -> None:
        """Nothing passes between two hosts; each still reaches the others."""
        self._do(self._partition, a, b, True)

    def repair(self, a: str, b: str) -> None:
        """End the partition of two hosts."""
        self._do(self._partition, a, b, False)

    def unplug(self, host: str) -> None:
        """The host's connections die half-open: for good, both ends believing in them.

        New ones get no answer until :meth:`replug`, which does not revive the old.
        """
        self._do(self._unplug, host)

    def replug(self, host: str) -> None:
        """New connections work again."""
        self._do(lambda: self.network.host(host).resume(_UNPLUGGED))

    def reset(self, host: str) -> None:
        """Both ends of each of the host's connections get a reset at once, whatever its links are like."""
        self._do(self._reset, host)

    # -- how

    def _set_conditions(
        self, host: str, up: LinkConditions | None, down: LinkConditions | None, changes: dict[str, Any]
    ) -> None:
        machine = self.network.host(host)
        machine.up.conditions = replace(up or machine.up.conditions, **changes)
        machine.down.conditions = replace(down or machine.down.conditions, **changes)

    def _outage(self, host: str, for_s: float | None) -> None:
        machine, reason = self.network.host(host), _Outage()
        machine.interrupt(reason)
        if for_s is not None:
            loop = self.network.loop
            loop.call_at_ns(loop.now_ns + round(for_s * NS), machine.resume, reason, context=loop.neutral)

    def _restore(self, host: str) -> None:
        machine = self.network.host(host)
        for reason in machine.interruptions(_Outage):
            machine.resume(reason)

    def _partition(self, a: str, b: str, is_cut: bool) -> None:
        self.network.link(a, b).down = self.network.link(b, a).down = is_cut

    def _unplug(self, host: str) -> None:
        self.network.host(host).interrupt(_UNPLUGGED)
        for connection in self.network.connections(host):
            connection.cut()

    def _reset(self, host: str) -> None:
        for connection in self.network.connections(host):
            connection.reset()
