"""The recorder in the simulated world: phones on their hosts, links sampled in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from realtime.lab.network_control import SAMPLE_INTERVAL_S, NetworkSample
from realtime.lab.recorder import LIMIT, Recorder
from realtime.network.units import NS

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone
    from realtime.sim.world import World


class SimRecorder(Recorder):
    """Records a simulated run, in the frames of a live lab's recorder; a run is the same with and without it.

    Call :meth:`watch_phone` where phones are made. While something is watched the run has something to do for ever:
    give it a ``max_virtual_s``.

    Args:
        world: where.
        every_s: between two samples of each link, in virtual seconds.
        limit: rows per table.

    Raises:
        ValueError: ``every_s`` is not above zero.
    """

    def __init__(self, world: World, *, every_s: float = SAMPLE_INTERVAL_S, limit: int = LIMIT) -> None:
        if not every_s > 0:
            raise ValueError(f"every_s must be above zero, not {every_s}")
        super().__init__(lambda: world.now_s, receivers=self._in_room, limit=limit)
        self._world = world
        self._every_ns = round(every_s * NS)
        self._phones: dict[str, SimPhone] = {}
        self._sampled_at: dict[str, tuple[float, int, int]] = {}  # when, and the bytes sent and received by then

    def watch_phone(self, phone: SimPhone) -> None:
        """Record a phone from now on; one that was restarted instead of the one before."""
        self.watch_parts(phone.name, phone.socket, phone.chat, phone.location, phone.app_state)
        self.watch_people(phone.name, phone.presence, phone.push, phone.in_app)
        phone.on_send = partial(self.sent, phone.name)
        if not self._phones:
            self._at(self._world.loop.now_ns, self._sample)
        self._phones[phone.name] = phone
        self._sampled_at.pop(phone.name, None)

    def fired(self, verb: str, args: tuple[object, ...]) -> None:
        """A fault was carried out: ``world.on_fault = recorder.fired``."""
        self.acted(str(args[0]) if args else "", verb, ", ".join(map(str, args[1:])))

    def _in_room(self, room_id: str) -> list[str]:
        return [name for name, phone in self._phones.items() if room_id in phone.chat.rooms]

    def _sample(self) -> None:
        now_ns = self._world.loop.now_ns
        for name, phone in self._phones.items():
            self.sampled(name, self._network_sample(name, phone))
            self.sampled_link(name, self._world.network.host(name).access.sample(now_ns))
        self._at(now_ns + self._every_ns, self._sample)

    def _network_sample(self, name: str, phone: SimPhone) -> NetworkSample:
        """As a live phone's. What the client itself counts stands for the bytes that got through."""
        now_s, connection = self._world.now_s, phone.socket.connection_state.snapshot
        sent, received = connection.bytes_sent, connection.bytes_received
        before_s, before_sent, before_received = self._sampled_at.get(name, (now_s, sent, received))
        self._sampled_at[name] = (now_s, sent, received)
        elapsed_s = max(now_s - before_s, 1e-3)
        return NetworkSample(
            t_s=now_s,
            rtt_ms=None if connection.rtt_s is None else connection.rtt_s * 1000,
            up_bps=(sent - before_sent) * 8 / elapsed_s,
            down_bps=(received - before_received) * 8 / elapsed_s,
            state=connection.state.value,
            queued=connection.queued,
            unacked=connection.unacked,
        )

    def _at(self, when_ns: int, action: Callable[[], None]) -> None:
        loop = self._world.loop
        loop.call_at_ns(when_ns, action, context=loop.neutral)
