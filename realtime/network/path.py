"""Packets under way over a row of links."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from realtime.network.binding import Binding
from realtime.network.link import NEVER_NS, Deliver, Drop, Link, Verdict

P = TypeVar("P")


class Path(Generic[P]):
    """Carries packets of one flow, in order, through links that other flows may share.

    After each call you must look at :attr:`next_ns` and call :meth:`arrivals` then; after a change of one of the
    links, :meth:`revise`.

    Args:
        links: in the order of travel; none at all is the inside of one host.
        bindings: the flow's entries in address tables on the way; without any of them nothing passes.
        judge: decides about each packet before the links do; None leaves it to them.

    Attributes:
        next_ns: when :meth:`arrivals` wants to be called next; ``NEVER_NS`` if nothing is under way.
        judge: may be set and unset at any time.
    """

    __slots__ = ("_bindings", "_here", "_is_cut", "_stages", "judge", "next_ns")

    def __init__(
        self,
        links: Sequence[Link],
        *,
        bindings: Sequence[Binding] = (),
        judge: Callable[[P, int, int], Verdict | None] | None = None,
    ) -> None:
        # Per link the packets in it, per link in order of arrival at its far end.
        self._stages: tuple[tuple[Link, deque[tuple[Deliver, int, P]]], ...] = tuple((link, deque()) for link in links)
        self._here: deque[tuple[Deliver, P]] = deque()  # at the end of the way
        self._bindings = tuple(bindings)
        self._is_cut = False
        self.judge = judge
        self.next_ns = NEVER_NS

    def send(self, now_ns: int, nbytes: int, packet: P) -> None:
        """Send a packet of ``nbytes``, headers included. It arrives later, or never."""
        if self._is_cut:
            return
        for binding in self._bindings:
            if not binding.passes(now_ns):
                return
        if self.judge is not None and (verdict := self.judge(packet, nbytes, now_ns)) is not None:
            if isinstance(verdict, Deliver):
                self._arrive(verdict.at_ns, packet)
            return
        self._enter(0, now_ns, nbytes, packet)

    def cut(self) -> None:
        """From now on, and for good, everything vanishes, also what is under way."""
        self._is_cut = True
        self.next_ns = NEVER_NS
        self._here.clear()
        for _, packets in self._stages:
            packets.clear()

    def next_timer(self) -> int | None:
        """When :meth:`arrivals` wants to be called next."""
        return None if self.next_ns == NEVER_NS else self.next_ns

    def arrivals(self, now_ns: int) -> list[P]:
        """Move the packets on and return those that have reached the end by ``now_ns``."""
        if self.next_ns > now_ns:
            return []
        for hop, (link, packets) in enumerate(self._stages, 1):
            if packets and not link.is_held:
                while packets and (at_ns := packets[0][0].at_ns) <= now_ns:
                    _, nbytes, packet = packets.popleft()
                    at_ns = max(at_ns, link.released_ns)
                    if link.swallows(at_ns):
                        link.drops += 1
                    else:
                        self._enter(hop, at_ns, nbytes, packet)
        result = []
        here = self._here
        while here and here[0][0].at_ns <= now_ns:
            result.append(here.popleft()[1])
        self.revise(now_ns)
        if result and any(binding.is_gone for binding in self._bindings):
            return []
        return result

    def revise(self, now_ns: int) -> None:
        """Look anew when something arrives, because a link has changed."""
        next_ns = self._here[0][0].at_ns if self._here else NEVER_NS
        for link, packets in self._stages:
            if packets and packets[0][0].at_ns < next_ns and not link.is_held:
                next_ns = packets[0][0].at_ns
        self.next_ns = next_ns

    def _enter(self, hop: int, now_ns: int, nbytes: int, packet: P) -> None:
        for link, packets in self._stages[hop:]:
            if link.is_ideal and not packets:
                continue
            verdict = link.offer(now_ns, nbytes)
            if isinstance(verdict, Drop):
                return
            if verdict.at_ns > now_ns or packets or link.is_held:
                packets.append((verdict, nbytes, packet))
                if verdict.at_ns < self.next_ns and not link.is_held:
                    self.next_ns = verdict.at_ns
                return
        self._arrive(now_ns, packet)

    def _arrive(self, at_ns: int, packet: P) -> None:
        if self._here and self._here[-1][0].at_ns > at_ns:
            at_ns = self._here[-1][0].at_ns
        self._here.append((Deliver(at_ns), packet))
        if at_ns < self.next_ns:
            self.next_ns = at_ns
