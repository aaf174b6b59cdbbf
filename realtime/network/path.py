"""Packets under way over a row of links."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from realtime.network.binding import Binding
from realtime.network.link import NEVER_NS, Deliver, DropReason, Link, Verdict

P = TypeVar("P")


class Path(Generic[P]):
    """Carries packets of one flow, in order, through links that other flows may share.

    After each call you must look at :attr:`next_ns` and call :meth:`arrivals` then; after a change of one of the
    links, or of an access link that holds a binding, :meth:`revise`.

    Args:
        links: in the order of travel; none at all is the inside of one host.
        bindings: the flow's entries in address tables on the way; without one of them nothing passes.
        judge: decides about each packet before the links do, by (packet, bytes, now); None leaves it to them. What
            arrives by its verdict passes no link, and may overtake and be overtaken.

    Attributes:
        next_ns: when :meth:`arrivals` wants to be called next; ``NEVER_NS`` if nothing is under way.
        judge: may be set and unset at any time.
        dropped: how many packets the path itself dropped, and why; each link counts its own.
    """

    __slots__ = (
        "_arrived",
        "_bindings",
        "_bound_until_ns",
        "_is_cut",
        "_later",
        "_live",
        "_number",
        "_stages",
        "dropped",
        "judge",
        "next_ns",
    )

    def __init__(
        self,
        links: Sequence[Link],
        *,
        bindings: Sequence[Binding] = (),
        judge: Callable[[P, int, int], Verdict | None] | None = None,
    ) -> None:
        # Of each link the packets in it, in the order of their arrival at its far end, and the stages behind it.
        stages: tuple[tuple[Link, deque[tuple[Deliver, int, P]], Any], ...] = ()
        for link in reversed(links):
            stages = ((link, deque(), stages), *stages)
        self._stages = stages
        self._live = stages  # the same without those that let everything pass at once
        self._arrived: list[P] = []
        self._later: list[tuple[int, int, P]] = []  # heap: (when it arrives by verdict, number, packet)
        self._number = 0
        self._bindings = tuple(bindings)
        self._bound_until_ns = 0 if bindings else NEVER_NS  # until then they need not be asked
        self._is_cut = False
        self.dropped: Counter[DropReason] = Counter()
        self.judge = judge
        self.next_ns = NEVER_NS
        self._skip()

    def send(self, now_ns: int, nbytes: int, packet: P) -> None:
        """Send a packet of ``nbytes``, headers included. It arrives later, or never."""
        if now_ns >= self._bound_until_ns and not self._is_bound(now_ns):
            self.dropped[DropReason.UNBOUND] += 1
            return
        if self.judge is not None and (verdict := self.judge(packet, nbytes, now_ns)) is not None:
            self._obey(verdict, packet)
            return
        for link, packets, _ in self._live:
            if packets or not link.is_ideal:
                verdict = link.offer(now_ns, nbytes)
                if verdict.__class__ is Deliver:
                    packets.append((verdict, nbytes, packet))
                    if verdict.at_ns < self.next_ns and not link.is_held:
                        self.next_ns = verdict.at_ns
                return
        self._arrived.append(packet)
        if now_ns < self.next_ns:
            self.next_ns = now_ns

    def cut(self) -> None:
        """From now on, and for good, everything vanishes, also what is under way."""
        self._is_cut = True
        self._clear()

    def renew(self, now_ns: int) -> None:
        """The flow begins anew in the address tables on the way, where its addresses are still the same."""
        for binding in self._bindings:
            binding.renew(now_ns)

    def arrivals(self, now_ns: int) -> list[P]:
        """Move the packets on and return those that have reached the end by ``now_ns``."""
        if self.next_ns > now_ns:
            return []
        result, self._arrived = self._arrived, []
        next_ns = NEVER_NS
        for link, packets, rest in self._live:
            if not packets or link.is_held:
                continue
            while packets:
                deliver, nbytes, packet = packets[0]
                at_ns = deliver.at_ns
                if at_ns > now_ns:
                    if at_ns < next_ns:
                        next_ns = at_ns
                    break
                packets.popleft()
                if at_ns >= link.clear_until_ns and (reason := link.swallows(at_ns)) is not None:
                    link.dropped[reason] += 1
                    continue
                for further, behind, _ in rest:
                    if behind or not further.is_ideal:
                        verdict = further.offer(at_ns, nbytes)
                        if verdict.__class__ is Deliver:
                            behind.append((verdict, nbytes, packet))
                        break
                else:
                    result.append(packet)
        self.next_ns = next_ns
        if self._later:
            result += self._arrived_by_verdict(now_ns)
        if result and now_ns >= self._bound_until_ns and not all(each.is_alive(now_ns) for each in self._bindings):
            self.dropped[DropReason.UNBOUND] += len(result)
            self._clear()
            return []
        return result

    def revise(self, now_ns: int) -> None:
        """Look anew when something arrives, because a link or an access link has changed."""
        next_ns = now_ns if self._arrived else self._later[0][0] if self._later else NEVER_NS
        for link, packets, _ in self._stages:
            if packets and not link.is_held:
                for deliver, _, _ in packets:  # those that were held arrive now
                    if deliver.at_ns >= now_ns:
                        break
                    deliver.at_ns = now_ns
                next_ns = min(next_ns, packets[0][0].at_ns)
        self.next_ns = next_ns
        if self._bindings:
            self._bound_until_ns = 0
        self._skip()

    def _skip(self) -> None:
        """Leave out links that are ideal and empty: until the next change nothing stays in them."""
        live: tuple[tuple[Link, deque[tuple[Deliver, int, P]], Any], ...] = ()
        for link, packets, _ in reversed(self._stages):
            if packets or not link.is_ideal:
                live = ((link, packets, live), *live)
        self._live = live

    def _is_bound(self, now_ns: int) -> bool:
        """Ask the bindings, for a packet that is sent now."""
        if self._is_cut:
            return False
        if not all(binding.passes(now_ns) for binding in self._bindings):
            self._clear()
            return False
        self._bound_until_ns = min(binding.holds_until_ns(now_ns) for binding in self._bindings)
        return True

    def _clear(self) -> None:
        """What is under way vanishes."""
        self._bound_until_ns = 0
        under_way = sum(len(packets) for _, packets, _ in self._stages)
        self.dropped[DropReason.UNBOUND] += under_way + len(self._arrived) + len(self._later)
        self._arrived.clear()
        self._later.clear()
        for _, packets, _ in self._stages:
            packets.clear()
        self.next_ns = NEVER_NS

    def _obey(self, verdict: Verdict, packet: P) -> None:
        if isinstance(verdict, Deliver):
            heapq.heappush(self._later, (verdict.at_ns, self._number, packet))
            self._number += 1
            self.next_ns = min(self.next_ns, verdict.at_ns)
        else:
            self.dropped[verdict.reason] += 1

    def _arrived_by_verdict(self, now_ns: int) -> list[P]:
        later = self._later
        arrived = []
        while later and later[0][0] <= now_ns:
            arrived.append(heapq.heappop(later)[2])
        if later:
            self.next_ns = min(self.next_ns, later[0][0])
        return arrived
