"""What the verbs of a world do when their time has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from realtime.network.access_link import AccessLink
from realtime.network.figures import changed
from realtime.network.link import DropReason, LinkConditions
from realtime.network.profiles import Profile
from realtime.network.traces import Trace
from realtime.sim.machine import Machines
from realtime.sim.network import SimNetwork
from realtime.sim.standing import Standing

OnFault: TypeAlias = Callable[[str, tuple[Any, ...]], object]

_CHANGES = frozenset({"set_profile", "set_conditions", "follow"})  # faults only where they are for a time
_HEALING = frozenset({"restore", "repair", "release", "replug", "restart", "foreground"})
_AT_ONCE = _HEALING | {"reset", "nat_expire"}


class Effects:
    """Carries out verbs, and counts those that do harm.

    Args:
        network: of the hosts.
        machines: those among the hosts that run programs.

    Attributes:
        on_fault: called with verb and arguments just before a fault is carried out. What heals is no fault, nor is a
            change of a network's conditions for good.
        faults_fired: how many faults of each verb were carried out.
    """

    def __init__(self, network: SimNetwork, machines: Machines) -> None:
        self.on_fault: OnFault | None = None
        self.faults_fired: Counter[str] = Counter()
        self._network = network
        self._loop = network.loop
        self._machines = machines
        self._standing = Standing(network.loop)
        self._homes: dict[str, _Home] = {}

    def carry_out(self, verb: str, args: tuple[Any, ...], for_s: float | None) -> None:
        """Do what a verb of :class:`~realtime.sim.faults.Faults` says."""
        if verb not in _HEALING and (for_s is not None or verb not in _CHANGES):
            self.faults_fired[verb] += 1
            if self.on_fault is not None:
                self.on_fault(verb, args)
        action: Callable[..., None] = getattr(self, f"_{verb}")
        if verb in _AT_ONCE:
            action(*args)
        else:
            action(*args, for_s=for_s)

    # -- what a host's network is like

    def _set_profile(self, host: str, profile: Profile | None, *, for_s: float | None) -> None:
        self._before_change(host, for_s)
        self._access(host).set_profile(self._loop.now_ns, profile)

    def _set_conditions(
        self,
        host: str,
        up: LinkConditions | None,
        down: LinkConditions | None,
        given: Mapping[str, Any],
        *,
        for_s: float | None,
    ) -> None:
        self._before_change(host, for_s)
        access = self._access(host)
        access.set_conditions(
            self._loop.now_ns,
            up=changed(up or access.up.conditions, given),
            down=changed(down or access.down.conditions, given),
        )

    def _follow(self, host: str, trace: Trace | None, *, for_s: float | None) -> None:
        self._before_change(host, for_s)
        self._access(host).follow(self._loop.now_ns, trace)

    def _change_network(self, host: str, profile: Profile | None, *, for_s: float | None) -> None:
        if profile is not None:
            self._before_change(host, for_s)
            self._access(host).set_profile(self._loop.now_ns, profile)
        if host in self._homes:
            self._homes[host].is_left = True
        self._move(host)

    def _before_change(self, host: str, for_s: float | None) -> None:
        """Of a change for a time, remember what it comes back to; one for good leaves nothing to come back to."""
        if for_s is None:
            self._standing.drop(("home", host))
            self._homes.pop(host, None)
        elif self._standing.add(("home", host), lambda: self._come_home(host), for_s=for_s):
            self._homes[host] = _Home(self._access(host))

    def _come_home(self, host: str) -> None:
        home = self._homes.pop(host)
        home.restore(self._loop.now_ns)
        if home.is_left:
            self._move(host)

    def _move(self, host: str) -> None:
        access = self._access(host)
        access.change_address(self._loop.now_ns)
        if host in self._machines:
            name = "" if access.profile is None else access.profile.name
            self._machines[host].network_changed("wifi" if "wifi" in name else "cellular")

    # -- silence

    def _outage(self, host: str, *, for_s: float | None) -> None:
        access = self._access(host)
        if self._standing.add(("outage", host), lambda: access.resume("outage"), for_s=for_s):
            access.interrupt("outage")

    def _restore(self, host: str) -> None:
        self._standing.end(("outage", host))

    def _partition(self, a: str, b: str, *, for_s: float | None) -> None:
        self._partition_oneway(a, b, for_s=for_s)
        self._partition_oneway(b, a, for_s=for_s)

    def _partition_oneway(self, source: str, target: str, *, for_s: float | None) -> None:
        link = self._network.link(source, target)
        if self._standing.add(("partition", source, target), lambda: setattr(link, "down", None), for_s=for_s):
            link.down = DropReason.PARTITION

    def _repair(self, a: str, b: str) -> None:
        self._standing.end(("partition", a, b))
        self._standing.end(("partition", b, a))

    def _hold(self, host: str, other: str | None = None, *, for_s: float | None) -> None:
        if self._standing.add(_hold_of(host, other), lambda: self._let_go(host, other), for_s=for_s):
            if other is None:
                self._access(host).hold(self._loop.now_ns)
            else:
                self._network.link(host, other).hold()
                self._network.link(other, host).hold()

    def _release(self, host: str, other: str | None = None) -> None:
        self._standing.end(_hold_of(host, other))

    def _let_go(self, host: str, other: str | None) -> None:
        now_ns = self._loop.now_ns
        if other is None:
            self._access(host).release(now_ns)
        else:
            self._network.link(host, other).release(now_ns)
            self._network.link(other, host).release(now_ns)

    # -- connections

    def _unplug(self, host: str, *, for_s: float | None) -> None:
        access = self._access(host)
        if self._standing.add(("unplug", host), lambda: access.resume("unplug"), for_s=for_s):
            access.interrupt("unplug")
        for connection in self._network.connections(host):
            connection.cut()

    def _replug(self, host: str) -> None:
        self._standing.end(("unplug", host))

    def _reset(self, host: str) -> None:
        for connection in self._network.connections(host):
            connection.reset()

    def _nat_expire(self, host: str) -> None:
        self._access(host).nat_expire(self._loop.now_ns)

    # -- machines

    def _crash(self, host: str, *, for_s: float | None) -> None:
        self._standing.add(("stopped", host), lambda: self._start(host), for_s=for_s)
        self._machines[host].crash()
        self._access(host).interrupt("crashed")

    def _kill_app(self, host: str, *, for_s: float | None) -> None:
        self._standing.add(("stopped", host), lambda: self._start(host), for_s=for_s)
        if self._machines[host].is_running:
            self._machines[host].kill()

    def _restart(self, host: str) -> None:
        self._standing.drop(("stopped", host))
        if self._machines[host].is_running:
            self._machines[host].kill()
        self._start(host)

    def _start(self, host: str) -> None:
        self._standing.drop(("background", host))  # whoever starts an app looks at it
        self._access(host).resume("crashed")
        self._machines[host].start()

    def _background(self, host: str, *, for_s: float | None) -> None:
        machine = self._machines[host]
        if machine.is_running:
            self._standing.add(("background", host), machine.foreground, for_s=for_s)
            machine.background()

    def _foreground(self, host: str) -> None:
        self._standing.end(("background", host))

    # -- inside

    def _access(self, host: str) -> AccessLink:
        return self._network.host(host).access


class _Home:
    """What a host's network was like before it changed for a time.

    Args:
        access: of the host.

    Attributes:
        is_left: whether the host's address has changed since.
    """

    def __init__(self, access: AccessLink) -> None:
        self.is_left = False
        self._access = access
        self._situation = access.situation

    def restore(self, now_ns: int) -> None:
        """Make it so again; a trace goes on where it would be."""
        self._access.restore(now_ns, self._situation)


def _hold_of(host: str, other: str | None) -> tuple[str, ...]:
    return ("hold", host) if other is None else ("hold", *sorted((host, other)))
