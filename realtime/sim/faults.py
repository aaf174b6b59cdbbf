"""What can be done to the hosts of a world: now, or at a set time.

A host comes to exist as a machine, by ``with world.on(name)``, or when its network is described by ``set_profile``,
``set_conditions`` or ``follow``. Once there are machines, the other verbs refuse names that they do not know; in a
world without any, they make hosts as well. Faults of one kind may overlap, as may those of several kinds: each lasts
until its own end, and what is over leaves nothing behind. Nonsense is refused where it is written, not when its time
comes.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any

from realtime.network.figures import changed
from realtime.network.link import LinkConditions
from realtime.network.profiles import Profile, profile
from realtime.network.traces import Trace, load_trace
from realtime.sim.machine import Machines
from realtime.utils.share import share_path


class Faults(ABC):
    """The verbs.

    Where a verb takes ``for_s``, it ends by itself after so many virtual seconds; None is until the verb that ends it,
    which ends all of its kind.

    Args:
        machines: those that can be crashed, killed and put to sleep.
        hosts: the names of all that exist.
    """

    def __init__(self, machines: Machines, hosts: Collection[str]) -> None:
        self.machines = machines
        self._hosts = hosts

    @abstractmethod
    def _do(self, verb: str, *args: Any, for_s: float | None = None) -> None:
        """Carry out a verb, now or later."""

    # -- what a host's network is like

    def set_profile(self, host: str, name: str | Profile | None, *, for_s: float | None = None) -> None:
        """Give a host the network of a profile; None is ideal.

        Args:
            host: its name.
            name: of the profile, or the profile.
            for_s: then it has the network again that it had before. While several such changes last, the newest rules.

        Raises:
            ProfileError: there is no such profile.
        """
        self._do("set_profile", _host(host), _profile(name), for_s=_length(for_s))

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
        for_s: float | None = None,
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
            for_s: as for :meth:`set_profile`.

        Raises:
            ValueError: a value is out of its range.
        """
        figures = {"delay_ms": delay_ms, "jitter_ms": jitter_ms, "loss": loss}
        given: dict[str, Any] = {name: value for name, value in figures.items() if value is not None}
        if rate_kbps is not None:
            given["rate_kbps"] = None if rate_kbps == math.inf else rate_kbps
        if queue_bytes is not None:
            given["queue_kb"] = queue_bytes / 1000
        changed(LinkConditions(), given)
        for name, conditions in (("up", up), ("down", down)):
            if not isinstance(conditions, LinkConditions | None):
                raise TypeError(f"{name} must be LinkConditions, not {conditions!r}; a profile is for set_profile")
        self._do("set_conditions", _host(host), up, down, given, for_s=_length(for_s))

    def follow(self, host: str, trace: Trace | Path | str | None, *, for_s: float | None = None) -> None:
        """Let a host's network follow a trace from now on; None ends that.

        Args:
            host: its name.
            trace: as it was loaded, or its path. One that is not there is looked for in the lab's ``data``.
            for_s: as for :meth:`set_profile`.

        Raises:
            TraceError: the file is no trace.
            OSError: it cannot be read.
        """
        loaded = load_trace(_found(Path(trace))) if isinstance(trace, Path | str) else trace
        if not isinstance(loaded, Trace | None):
            raise TypeError(f"a host follows a Trace, the path of one, or None, not {trace!r}")
        self._do("follow", _host(host), loaded, for_s=_length(for_s))

    def change_network(self, host: str, profile: str | Profile | None = None, *, for_s: float | None = None) -> None:
        """The host comes into another network: its address is new, so its connections are dead, half-open both ways.

        An app with a method ``network_changed(kind)`` is told, with the kind "wifi" or "cellular".

        Args:
            host: its name.
            profile: of the new network; None is one like the old.
            for_s: then it comes back into the old network, with a new address once more.

        Raises:
            ProfileError: there is no such profile.
            ValueError: ``for_s`` without a profile.
        """
        if profile is None and for_s is not None:
            raise ValueError("change_network(for_s=…) needs the profile of the network that the host is in meanwhile")
        self._do("change_network", self._known(host), _profile(profile), for_s=_length(for_s))

    # -- silence

    def outage(self, host: str, *, for_s: float | None = None) -> None:
        """Nothing passes to or from the host, what is in flight included, until :meth:`restore`."""
        self._do("outage", self._known(host), for_s=_length(for_s))

    def restore(self, host: str) -> None:
        """End every outage of the host."""
        self._do("restore", self._known(host))

    def partition(self, a: str, b: str, *, for_s: float | None = None) -> None:
        """Nothing passes between two hosts until :meth:`repair`; each still reaches the others."""
        self._do("partition", *self._pair(a, b), for_s=_length(for_s))

    def partition_oneway(self, source: str, target: str, *, for_s: float | None = None) -> None:
        """Nothing passes from one host to another, until :meth:`repair`; the way back is open."""
        self._do("partition_oneway", *self._pair(source, target), for_s=_length(for_s))

    def repair(self, a: str, b: str) -> None:
        """End every partition of two hosts, those of one way included."""
        self._do("repair", *self._pair(a, b))

    def hold(self, host: str, other: str | None = None, *, for_s: float | None = None) -> None:
        """What is sent to and from the host waits, without loss, until :meth:`release` lets all of it arrive.

        Args:
            host: its name.
            other: given, only what they send to each other waits.
            for_s: then it is released.
        """
        self._do("hold", *self._one_or_pair(host, other), for_s=_length(for_s))

    def release(self, host: str, other: str | None = None) -> None:
        """End every hold of the host, or of the two hosts: not the one by the other."""
        self._do("release", *self._one_or_pair(host, other))

    # -- connections

    def unplug(self, host: str, *, for_s: float | None = None) -> None:
        """The host's connections die half-open: for good, both ends believing in them.

        New ones get no answer until :meth:`replug`, which does not revive the old.
        """
        self._do("unplug", self._known(host), for_s=_length(for_s))

    def replug(self, host: str) -> None:
        """New connections work again."""
        self._do("replug", self._known(host))

    def reset(self, host: str) -> None:
        """Both ends of each of the host's connections get a reset at once, whatever its links are like."""
        self._do("reset", self._known(host))

    def nat_expire(self, host: str) -> None:
        """The NAT on the host's access forgets its connections: their packets vanish from now on, both ways."""
        self._do("nat_expire", self._known(host))

    # -- machines

    def crash(self, host: str, *, for_s: float | None = None) -> None:
        """The machine fails: memory is lost, files are as they were synced, and no packet comes from it.

        Peers hear nothing before they send to the restarted machine, which answers with a reset.

        Args:
            host: a machine.
            for_s: then it starts again; None is until :meth:`restart`.

        Raises:
            ValueError: there is no such machine.
        """
        self._do("crash", self._machine(host), for_s=_length(for_s))

    def kill_app(self, host: str, *, for_s: float | None = None) -> None:
        """The process is killed: its system closes its connections, and its files are as they were written.

        Args:
            host: a machine.
            for_s: then it starts again; None is until :meth:`restart`.

        Raises:
            ValueError: there is no such machine.
        """
        self._do("kill_app", self._machine(host), for_s=_length(for_s))

    def restart(self, host: str) -> None:
        """Start the machine's program anew, in the foreground; one that runs is killed before.

        Raises:
            ValueError: there is no such machine.
        """
        self._do("restart", self._machine(host))

    def background(self, host: str, *, for_s: float | None = None) -> None:
        """Call the app's ``background()``: its user looks elsewhere. Nothing happens to an app that does not run.

        Raises:
            ValueError: there is no such machine, or its app has no ``background()``.
        """
        self._do("background", self._phone(host), for_s=_length(for_s))

    def foreground(self, host: str) -> None:
        """Call the app's ``foreground()``, if it is in the background.

        Raises:
            ValueError: there is no such machine, or its app has no ``foreground()``.
        """
        self._do("foreground", self._phone(host))

    def _known(self, host: str) -> str:
        if _host(host) in self._hosts or not self.machines:
            return host
        raise ValueError(
            f"there is no host {host!r}; there are {', '.join(self._hosts)}. One that is no machine comes to exist by "
            f"world.set_profile({host!r}, profile) or with world.on({host!r})"
        )

    def _pair(self, a: str, b: str) -> tuple[str, str]:
        if _host(a) == _host(b):
            raise ValueError(f"two different hosts are wanted, not {a!r} twice")
        return self._known(a), self._known(b)

    def _one_or_pair(self, a: str, b: str | None) -> tuple[str, ...]:
        return (self._known(a),) if b is None else self._pair(a, b)

    def _machine(self, host: str) -> str:
        return self.machines[_host(host)].name

    def _phone(self, host: str) -> str:
        machine = self.machines[_host(host)]
        for verb in ("background", "foreground"):
            if machine.is_running and not callable(getattr(machine.app, verb, None)):
                raise ValueError(
                    f"the app of {host!r}, {machine.app!r}, has no {verb}(): it cannot be in the background"
                )
        return machine.name


def _host(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"a host is named by a string, not by {name!r}")
    return name


def _found(path: Path) -> Path:
    with contextlib.suppress(FileNotFoundError):
        if not path.exists() and (ours := share_path("data") / path).exists():
            return ours
    return path


def _length(for_s: object) -> float | None:
    if for_s is None:
        return None
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not 0 < for_s < math.inf:
        raise ValueError(f"for_s must be a number of seconds above 0, or None for no end; not {for_s!r}")
    return for_s


def _profile(name: str | Profile | None) -> Profile | None:
    if not isinstance(name, str | Profile | None):
        raise TypeError(f"a profile is given by its name, or as a Profile, not as {name!r}")
    return profile(name) if isinstance(name, str) else name
