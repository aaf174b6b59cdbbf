"""A phone's access to the network: both directions, and what they share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from realtime.network.link import IDEAL, NEVER_NS, DropReason, LinkConditions
from realtime.network.metered_link import MeteredLink
from realtime.network.radio import Radio, RadioConditions
from realtime.network.rate_trace import RateTrace

if TYPE_CHECKING:
    from realtime.network.profiles import Profile
    from realtime.network.trace_model import Trace

Direction = Literal["up", "down"]


class LinkSample(msgspec.Struct, frozen=True):
    """What an access link is like at a moment.

    Args:
        up_rate_bps: from the phone; None is unlimited.
        down_rate_bps: towards the phone.
        rtt_ns: both one-way delays, without jitter and queueing.
        up_loss: probability that a packet is lost, outside of bursts.
        down_loss: the same towards the phone.
        is_down: whether one direction or both let nothing pass.
        radio: whether a packet now would find it awake.
        radio_on_ns: how long the radio has been on so far.
        up_backlog_bytes: waiting to be sent by the phone.
        down_backlog_bytes: waiting to be sent to it.
    """

    up_rate_bps: int | None
    down_rate_bps: int | None
    rtt_ns: int
    up_loss: float
    down_loss: float
    is_down: bool
    radio: Literal["idle", "active"]
    radio_on_ns: int
    up_backlog_bytes: int
    down_backlog_bytes: int


class Situation(NamedTuple):
    """What an access link was like; :meth:`AccessLink.restore` takes it."""

    profile: Profile | None
    trace: Trace | None
    up: LinkConditions
    down: LinkConditions
    radio: RadioConditions
    untraced: tuple[LinkConditions, LinkConditions]


class AccessLink:
    """What stands between a phone and the network; a change holds for all its connections at once.

    After a change of any kind :attr:`on_change` is called once.

    Args:
        rng: draws the seeds of all streams.
        now_ns: the present.

    Attributes:
        up: the link from the phone.
        down: the link to the phone.
        radio: what they share.
        profile: the one in force; None without one, or after :meth:`set_conditions`.
        trace: the one that it follows, if there is one.
        nat_idle_ns: a flow without a packet for longer than this is forgotten; None is never.
        nat_since_ns: since when there is such a limit; earlier silence does not count.
        epoch: grows whenever the bindings made before become void.
        next_epoch_ns: when it has to be asked for with :meth:`epoch_at` again.
        on_change: called after each change.
    """

    def __init__(self, rng: random.Random, *, now_ns: int = 0) -> None:
        self.radio = Radio(RadioConditions(), random.Random(rng.getrandbits(128)), now_ns=now_ns)
        self.up = MeteredLink(IDEAL, random.Random(rng.getrandbits(128)), self.radio)
        self.down = MeteredLink(IDEAL, random.Random(rng.getrandbits(128)), self.radio, towards_phone=True)
        self.profile: Profile | None = None
        self.trace: Trace | None = None
        self.nat_idle_ns: int | None = None
        self.nat_since_ns = now_ns
        self.epoch = 0
        self.next_epoch_ns = NEVER_NS
        self.on_change: Callable[[], None] | None = None
        self._untraced = (IDEAL, IDEAL)  # up and down without the trace
        self._interruptions: dict[object, None] = {}
        self._oneway: set[Direction] = set()
        self._expiries = 0
        self._is_changing = False
        self.up.on_change = self.down.on_change = self._changed

    # -- what it is like

    def set_profile(self, now_ns: int, profile: Profile | None) -> None:
        """Take everything from a profile; None is ideal. A trace that it follows ends."""
        self.profile, self.trace = profile, None
        if profile is None:
            self._set(now_ns, IDEAL, IDEAL, RadioConditions())
        else:
            self._set(now_ns, profile.up, profile.down, profile.radio)

    def set_conditions(
        self, now_ns: int, *, up: LinkConditions | None = None, down: LinkConditions | None = None
    ) -> None:
        """Replace the conditions of one direction or both. A trace that it follows ends."""
        self.profile = self.trace = None
        old_up, old_down = self._untraced
        self._set(now_ns, up or old_up, down or old_down, self.radio.conditions)

    def follow(self, now_ns: int, trace: Trace | None) -> None:
        """Take what a trace has from it, beginning now, over and over; None goes back to what was before."""
        self.trace = trace
        self._set(now_ns, *self._untraced, self.radio.conditions)

    @property
    def situation(self) -> Situation:
        """What it is like at present, for :meth:`restore`."""
        up, down = self.up.conditions, self.down.conditions
        return Situation(self.profile, self.trace, up, down, self.radio.conditions, self._untraced)

    def restore(self, now_ns: int, situation: Situation) -> None:
        """Make it what it was; a trace is where it would be if it had gone on meanwhile."""
        self.profile, self.trace = situation.profile, situation.trace
        self._untraced = situation.untraced
        self._change(now_ns, situation.up, situation.down, situation.radio)

    # -- faults

    def interrupt(self, reason: object) -> None:
        """Nothing passes, both ways, until every reason has ended."""
        self._interruptions[reason] = None
        self._gate()

    def resume(self, reason: object) -> None:
        """A reason ends; an unknown one is ignored."""
        self._interruptions.pop(reason, None)
        self._gate()

    def interruptions(self, kind: type) -> list[object]:
        """The present reasons of one type, oldest first."""
        return [reason for reason in self._interruptions if isinstance(reason, kind)]

    def interrupt_oneway(self, direction: Direction) -> None:
        """Nothing passes in one direction."""
        self._oneway.add(_direction(direction))
        self._gate()

    def resume_oneway(self, direction: Direction) -> None:
        """End :meth:`interrupt_oneway`."""
        self._oneway.discard(_direction(direction))
        self._gate()

    def hold(self, now_ns: int) -> None:
        """What arrives waits, both ways, for :meth:`release`."""
        with self._at_once():
            self.up.hold()
            self.down.hold()

    def release(self, now_ns: int) -> None:
        """What has waited arrives, in order."""
        with self._at_once():
            self.up.release(now_ns)
            self.down.release(now_ns)

    # -- addresses

    def change_address(self, now_ns: int) -> None:
        """The phone has another address: its live connections are half-open for ever."""
        with self._at_once():
            self.radio.change_address()
            self.epoch_at(now_ns)

    def nat_expire(self, now_ns: int) -> None:
        """The NAT forgets every flow, as after a long silence: live connections are half-open for ever."""
        with self._at_once():
            self._expiries += 1
            self.epoch_at(now_ns)

    def epoch_at(self, now_ns: int) -> int:
        """Bring :attr:`epoch` up to date and return it."""
        self.epoch = self.radio.address(now_ns) + self._expiries
        self.next_epoch_ns = self.radio.next_address_ns(now_ns)
        return self.epoch

    # -- what it tells

    def sample(self, now_ns: int) -> LinkSample:
        """What it is like now."""
        up, down = self.up.conditions, self.down.conditions
        return LinkSample(
            up_rate_bps=up.rate_at(now_ns),
            down_rate_bps=down.rate_at(now_ns),
            rtt_ns=up.delay_at(now_ns) + down.delay_at(now_ns),
            up_loss=up.loss_at(now_ns),
            down_loss=down.loss_at(now_ns),
            is_down=any(link.swallows(now_ns) is not None for link in (self.up, self.down)),
            radio="active" if self.radio.is_awake(now_ns) else "idle",
            radio_on_ns=self.radio.on_ns(now_ns),
            up_backlog_bytes=self.up.backlog_bytes(now_ns),
            down_backlog_bytes=self.down.backlog_bytes(now_ns),
        )

    # -- inside

    def _set(self, now_ns: int, up: LinkConditions, down: LinkConditions, radio: RadioConditions) -> None:
        self._untraced = up, down
        if (trace := self.trace) is not None:
            up, down = _traced(up, now_ns, trace, trace.up), _traced(down, now_ns, trace, trace.down)
        self._change(now_ns, up, down, radio)

    def _change(self, now_ns: int, up: LinkConditions, down: LinkConditions, radio: RadioConditions) -> None:
        with self._at_once():
            if radio.nat_idle_ns != self.nat_idle_ns:
                self.nat_idle_ns, self.nat_since_ns = radio.nat_idle_ns, now_ns
            self.radio.change(now_ns, radio)
            self.up.change(now_ns, up)
            self.down.change(now_ns, down)
            self.epoch_at(now_ns)

    def _gate(self) -> None:
        both = DropReason.DOWN if self._interruptions else None
        with self._at_once():
            self.up.down = both or (DropReason.PARTITION if "up" in self._oneway else None)
            self.down.down = both or (DropReason.PARTITION if "down" in self._oneway else None)

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Changes that are told as one."""
        self._is_changing = True
        try:
            yield
        finally:
            self._is_changing = False
        self._changed()

    def _changed(self) -> None:
        if not self._is_changing and self.on_change is not None:
            self.on_change()

    def __repr__(self) -> str:
        return f"<AccessLink up={self.up} down={self.down}>"


def _direction(name: Direction) -> Direction:
    if name not in ("up", "down"):
        raise ValueError(f"a direction is 'up' or 'down', not {name!r}")
    return name


def _traced(conditions: LinkConditions, now_ns: int, trace: Trace, rate: RateTrace | None) -> LinkConditions:
    """Conditions under a trace that begins now: what it has, rules."""
    return replace(
        conditions,
        rate_bps=conditions.rate_bps if rate is None else rate.starting_at(now_ns),
        delays=None if trace.delay_ns is None else trace.delay_ns.starting_at(now_ns),
        losses=None if trace.loss is None else trace.loss.starting_at(now_ns),
    )
