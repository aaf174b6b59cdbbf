"""The lock screen of a simulated device: what the system shows by itself, whether the app sleeps, runs or is dead."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime.network.link import NS
from realtime.notifications.remembered_ids import RememberedIds

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone
    from realtime.server.push.local_gateway import LocalGateway
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

LAG_S = 0.05, 1.0
"""How long a push service takes: from a good moment of its to a bad one."""
SHOWN = "shown"
"""The file on the device's disk that remembers what was shown."""
_TRY_AGAIN_S = 1.0


class SimTray:
    """A device's system. It takes pushes by a channel of its own, gives them to the app if that runs, and shows them.

    Make it once for each device, before the machine, and give it to every
    :class:`~realtime.lab.sim_phone.SimPhone` that runs there. Without power, or without a network, pushes wait.

    Args:
        world: where the device is.
        gateway: the push service.
        device: the name of the machine.
        history: what is shown is noted there; None notes nothing.
        lag_s: how long a push takes, in seconds, at least and at most.
    """

    def __init__(
        self,
        world: World,
        gateway: LocalGateway,
        device: str,
        *,
        history: History | None = None,
        lag_s: tuple[float, float] = LAG_S,
    ) -> None:
        self.device = device
        self.token = f"token of {device}"
        self._world = world
        self._history = history
        self._lag_s = lag_s
        self._rng: random.Random = world.rng(f"{device}: pushes")
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._is_due = False
        self._screen: dict[str, Mapping[str, Any]] = {}  # by collapse key, oldest first
        self._crashes = 0
        gateway.attach(self.token, self._sent)

    def __repr__(self) -> str:
        return f"<SimTray {self.device!r} on_screen={len(self.on_screen)}>"

    @property
    def on_screen(self) -> tuple[Mapping[str, Any], ...]:
        """The payloads of what is shown, oldest first. A crash clears them away."""
        crashes = self._machine.crashes if self.device in self._world.machines else 0
        if crashes != self._crashes:
            self._crashes = crashes
            for payload in tuple(self._screen.values()):
                self.take_off(payload["id"])
        return tuple(self._screen.values())

    def tap(self, notification_id: str) -> bool:
        """The user taps a notification; returns whether it was there, and the app ran to hear of it."""
        payload = next((each for each in self.on_screen if each["id"] == notification_id), None)
        if payload is None or not self._machine.is_running:
            return False
        self.take_off(notification_id)
        with self._world.on(self.device):
            self._phone.push.opened(payload)
        return True

    def take_off(self, notification_id: str) -> None:
        """Show it no more. Harmless if it is not there."""
        for kind in [kind for kind, each in self._screen.items() if each["id"] == notification_id]:
            del self._screen[kind]
            if self._history is not None:
                self._history.cleared(self.device, notification_id)

    # -- what comes

    @property
    def _machine(self) -> Machine:
        return self._world.machines[self.device]

    @property
    def _phone(self) -> SimPhone:
        phone: SimPhone = self._machine.app
        return phone

    def _sent(self, payload: Mapping[str, Any]) -> None:
        """The push service has it: on the server's host, on which nothing depends from now on."""
        self._waiting.append(payload)
        if not self._is_due:
            self._wait(self._rng.uniform(*self._lag_s))

    def _wait(self, delay_s: float) -> None:
        self._is_due = True
        loop = self._world.loop
        loop.call_at_ns(loop.now_ns + round(delay_s * NS), self._come, context=loop.neutral)

    def _come(self) -> None:
        self._is_due = False
        if not self._can_come():
            self._wait(_TRY_AGAIN_S)
            return
        waiting, self._waiting = self._waiting, deque()
        for payload in waiting:
            self._arrived(payload)

    def _can_come(self) -> bool:
        if self.device not in self._world.machines or not self._machine.has_power:
            return False
        link, now_ns = self._world.downlink(self.device), self._world.loop.now_ns
        return not (link.is_held or link.swallows(now_ns))

    def _arrived(self, payload: Mapping[str, Any]) -> None:
        screen = {each["id"] for each in self.on_screen}
        if self._machine.is_running:
            with self._world.on(self.device):
                shows = self._phone.push.received(payload)
        else:
            shows = "withdraw" not in payload and self._is_new(payload)
        if "withdraw" in payload:
            self.take_off(payload["withdraw"])
        elif shows and payload["id"] not in screen:
            kind = payload.get("collapseKey", payload["id"])
            if (replaced := self._screen.get(kind)) is not None:
                self.take_off(replaced["id"])
            self._screen[kind] = payload
            if self._history is not None:
                self._history.notified(self.device, _names(payload), "push")

    def _is_new(self, payload: Mapping[str, Any]) -> bool:
        """The app does not run, but its extension does, which wakes up for a push and shares a file with the app."""
        disk = self._machine.disk
        if not (disk.is_used and (path := disk.path / SHOWN).exists()):
            return True
        seen = RememberedIds(path=path)
        is_new = payload["id"] not in seen
        for name in _names(payload):
            seen.add(name)
        return is_new


def _names(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """The id of a notification, and those of the messages that it stands for."""
    return tuple(dict.fromkeys((payload["id"], *payload["data"].get("messageIds", ()))))
