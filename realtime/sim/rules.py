"""Rules: small functions that decide about packets before the links do.

``with world.rule(drop(nth=3, kind="data", source="ana")): …``. A rule gets a packet, and returns what becomes of it, or
None to leave that to the rules after it and to the links.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias, get_args

import msgspec

from realtime.network.link import MS, Deliver, Drop, DropReason, Verdict
from realtime.network.tcp_segment import Kind, Segment

DROP = Drop(DropReason.RULE)
"""The verdict of a rule that loses a packet."""


class PacketView(msgspec.Struct, frozen=True, gc=False):
    """A packet as a rule sees it.

    Args:
        source: the host that sends it.
        target: the host that it is for.
        nbytes: its size, headers included.
        data: its payload, a piece of the stream; WebSocket frames from clients are masked, so their text is not in it.
        kind: "syn", "syn-ack", "ack" (nothing else in it), "data", "fin" or "rst".
        now_ns: when it is sent.
    """

    source: str
    target: str
    nbytes: int
    data: bytes
    kind: Kind
    now_ns: int

    @classmethod
    def of(cls, segment: Segment, source: str, target: str, now_ns: int) -> PacketView:
        """A segment on its way."""
        return cls(source, target, segment.nbytes, segment.data, segment.kind, now_ns)

    def __str__(self) -> str:
        return f"{self.kind} {self.source} → {self.target}, {self.nbytes} bytes"


Rule: TypeAlias = Callable[[PacketView], Verdict | None]


class Rules:
    """The rules in force, oldest first.

    Args:
        on_change: told whether there are any, when that changes: without, the network need not ask.
    """

    def __init__(self, on_change: Callable[[bool], object] | None = None) -> None:
        self._rules: dict[int, Rule] = {}
        self._number = 0
        self._on_change = on_change

    def __bool__(self) -> bool:
        return bool(self._rules)

    @contextlib.contextmanager
    def installed(self, rule: Rule) -> Iterator[None]:
        """Ask a rule about each packet that is sent while the block lasts.

        Raises:
            TypeError: it is no function of a packet.
        """
        if not callable(rule) or inspect.iscoroutinefunction(rule):
            raise TypeError(
                f"a rule is a function that takes a packet and returns a verdict; not async, and not {rule!r}"
            )
        self._number += 1
        number = self._number
        self._rules[number] = rule
        self._tell(1)
        try:
            yield
        finally:
            del self._rules[number]
            self._tell(0)

    def judge(self, segment: Segment, source: str, target: str, now_ns: int) -> Verdict | None:
        """What the rules say about a packet.

        Raises:
            TypeError: a rule said something else.
            ValueError: a rule wants it to arrive in the past.
        """
        packet = PacketView.of(segment, source, target, now_ns)
        for rule in list(self._rules.values()):
            verdict = rule(packet)
            if verdict is None:
                continue
            if not isinstance(verdict, Verdict):
                raise TypeError(f"{_name(rule)} must return Drop, Deliver or None, not {verdict!r} ({packet})")
            if isinstance(verdict, Deliver) and verdict.at_ns < now_ns:
                raise ValueError(f"{_name(rule)} wants a packet to arrive at {verdict.at_ns} ns, and it is {now_ns} ns")
            return verdict
        return None

    def _tell(self, first: int) -> None:
        if len(self._rules) == first and self._on_change is not None:
            self._on_change(bool(first))


def drop(
    *,
    nth: int | Collection[int] | None = None,
    kind: Kind | None = None,
    containing: bytes | None = None,
    source: str | None = None,
    target: str | None = None,
) -> Rule:
    """A rule that loses packets: all that fit everything given.

    Args:
        nth: only these of those that fit, from 1.
        kind: only those of this kind, such as "data"; see :class:`PacketView`.
        containing: only those with these bytes in their payload.
        source: only those that this host sends.
        target: only those for this host.

    Raises:
        ValueError: nothing can fit that.
        TypeError: ``containing`` is no bytes.
    """
    return _decides(lambda packet: DROP, nth, kind, containing, source, target)


def delay(
    by_ms: float,
    *,
    nth: int | Collection[int] | None = None,
    kind: Kind | None = None,
    containing: bytes | None = None,
    source: str | None = None,
    target: str | None = None,
) -> Rule:
    """A rule that brings packets ``by_ms`` after they were sent, past all links; see :func:`drop` for which."""
    if not 0 <= by_ms < math.inf:
        raise ValueError(f"delay by 0 ms or more, not by {by_ms}")
    by_ns = round(by_ms * MS)
    return _decides(lambda packet: Deliver(packet.now_ns + by_ns), nth, kind, containing, source, target)


def _decides(
    verdict: Callable[[PacketView], Verdict],
    nth: int | Collection[int] | None,
    kind: Kind | None,
    containing: bytes | None,
    source: str | None,
    target: str | None,
) -> Rule:
    _check(kind, containing)
    wanted = None if nth is None else _numbers(nth)
    count = 0

    def rule(packet: PacketView) -> Verdict | None:
        nonlocal count
        if kind is not None and packet.kind != kind:
            return None
        if (source is not None and packet.source != source) or (target is not None and packet.target != target):
            return None
        if containing is not None and containing not in packet.data:
            return None
        count += 1
        return verdict(packet) if wanted is None or count in wanted else None

    return rule


def _check(kind: str | None, containing: object) -> None:
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"there is no kind {kind!r} of packets; there are {', '.join(get_args(Kind))}")
    if containing is not None and not isinstance(containing, bytes):
        raise TypeError(f"containing must be bytes, not {containing!r}")
    if containing == b"":
        raise ValueError("containing must not be empty; leave it out for all packets")


def _numbers(nth: int | Collection[int]) -> frozenset[int]:
    numbers = frozenset([nth] if isinstance(nth, int) else nth)
    if not numbers:
        raise ValueError("nth is empty: this rule would never do anything")
    if min(numbers) < 1:
        raise ValueError(f"nth counts from 1, and there is {min(numbers)} in it")
    return numbers


def _name(rule: Rule) -> str:
    code = getattr(rule, "__code__", None)
    where = "" if code is None else f" ({code.co_filename}:{code.co_firstlineno})"
    return f"the rule {getattr(rule, '__qualname__', rule)}{where}"
