"""Packets under way over a row of links."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from realtime.network.link import Deliver, Link

P = TypeVar("P")


class Path(Generic[P]):
    """Carries packets of one flow, in order, through links that other flows may share.

    After each call you must look at :meth:`next_timer` and call :meth:`arrivals` then.

    Args:
        links: in the order of travel; none at all is the inside of one host.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)
        # Per link the packets in it, per link in order of arrival at its far end; at last those arrived.
        self._under_way: tuple[deque[tuple[int, int, P]], ...] = tuple(deque() for _ in range(len(self._links) + 1))
        self._next_ns: int | None = None  # the earliest of all
        self._is_cut = False

    def send(self, now_ns: int, nbytes: int, packet: P) -> None:
        """Send a packet of ``nbytes``, headers included. It arrives later, or never."""
        if not self._is_cut:
            self._enter(0, now_ns, nbytes, packet)

    def cut(self) -> None:
        """From now on, and for good, everything vanishes, also what is under way."""
        self._is_cut = True
        self._next_ns = None
        for packets in self._under_way:
            packets.clear()

    def next_timer(self) -> int | None:
        """When :meth:`arrivals` wants to be called next."""
        return self._next_ns

    def arrivals(self, now_ns: int) -> list[P]:
        """Move the packets on and return those that have reached the end by ``now_ns``."""
        if self._next_ns is None or self._next_ns > now_ns:
            return []
        for hop, link in enumerate(self._links):
            packets = self._under_way[hop]
            while packets and packets[0][0] <= now_ns:
                at_ns, nbytes, packet = packets.popleft()
                if not link.down:
                    self._enter(hop + 1, at_ns, nbytes, packet)
        arrived = self._under_way[-1]
        result = [packet for _, _, packet in arrived]
        arrived.clear()
        self._next_ns = None
        for packets in self._under_way:
            if packets and (self._next_ns is None or packets[0][0] < self._next_ns):
                self._next_ns = packets[0][0]
        return result

    def _enter(self, hop: int, now_ns: int, nbytes: int, packet: P) -> None:
        at_ns = now_ns
        for link in self._links[hop:] if hop else self._links:
            verdict = link.offer(now_ns, nbytes)
            if not isinstance(verdict, Deliver):
                return
            at_ns = verdict.at_ns
            if at_ns > now_ns:
                break
            hop += 1
        self._under_way[hop].append((at_ns, nbytes, packet))
        if self._next_ns is None or at_ns < self._next_ns:
            self._next_ns = at_ns
