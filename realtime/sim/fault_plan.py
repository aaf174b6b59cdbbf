"""Schedules of faults: drawn from a seed within a budget, kept as JSON, made smaller.

A budget is what makes liveness checkable: faults leave healthy time between them, and all are over in the end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from realtime.sim.fault_budget import VERBS, Cast, FaultBudget, verb_named, weights

__all__ = ["VERBS", "Fault", "FaultBudget", "FaultPlan"]

_TRIES = 8  # to find a place for a fault


class Fault(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One call of a verb of the world.

    Args:
        at_s: when, in seconds after the plan is applied.
        verb: its name, one of :data:`~realtime.sim.fault_budget.VERBS`.
        args: its positional arguments: hosts first.
        options: its keyword arguments.
        for_s: how long it lasts; None if it is over at once.

    Raises:
        ValueError: this cannot be asked of a world.
    """

    at_s: float
    verb: str
    args: tuple[str, ...] = ()
    options: Mapping[str, float] = {}
    for_s: float | None = None

    def __post_init__(self) -> None:
        lasts = verb_named(self.verb).lasts
        if not 0 <= self.at_s < math.inf:
            raise ValueError(f"at_s must be 0 or above, not {self.at_s:g}")
        if self.for_s is None and lasts:
            raise ValueError(f"{self.verb} needs for_s, the seconds that it lasts")
        if self.for_s is not None and not lasts:
            raise ValueError(f"{self.verb} is over at once and takes no for_s")
        if self.for_s is not None and not 0 < self.for_s < math.inf:
            raise ValueError(f"for_s must be above 0, not {self.for_s:g}")

    def __str__(self) -> str:
        words = [self.verb, *self.args, *(f"{name}={value:g}" for name, value in self.options.items())]
        lasts = "" if self.for_s is None else f" for {self.for_s:g} s"
        return f"{self.at_s:7.3f} s  {' '.join(words)}{lasts}"


class _Scheduler(Protocol):
    """What a plan needs of a world."""

    fault_plan: FaultPlan | None

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start."""

    def at(self, t_s: float, /) -> Any:
        """The verbs, at a time."""


class FaultPlan(msgspec.Struct, frozen=True):
    """Faults in the order of their beginning."""

    faults: tuple[Fault, ...]

    @classmethod
    def draw(
        cls,
        rng: random.Random,
        *,
        hosts: Collection[str],
        servers: Collection[str] = (),
        duration_s: float,
        budget: FaultBudget | None = None,
    ) -> FaultPlan:
        """A random plan; there is at least one fault in it.

        Args:
            rng: the same state gives the same plan.
            hosts: phones; everything can happen to them. Those that may crash must be machines of the world.
            servers: hosts that phones talk to; they keep their networks and stay in the foreground.
            duration_s: everything is over by then.
            budget: how much may go wrong; a moderate one by default.

        Raises:
            ValueError: nothing can be drawn from this.
        """
        budget = FaultBudget() if budget is None else budget
        _check_hosts(hosts, servers)
        cast = Cast(rng, list(hosts), list(servers), budget)
        verbs = weights(cast)
        longest_s = min(budget.longest_s, budget.unhealthy_share * duration_s)
        if longest_s < budget.shortest_s:
            raise ValueError(f"{duration_s:g} s are too short for a fault of {budget.shortest_s:g} s")
        faults: list[Fault] = []
        for _ in range(max(1, round(budget.per_minute * duration_s / 60 * rng.uniform(0.5, 1.5)))):
            name = rng.choices(list(verbs), list(verbs.values()))[0]
            args, options = VERBS[name].draw(cast)
            length_s = math.exp(rng.uniform(math.log(budget.shortest_s), math.log(longest_s)))
            for_s = max(round(length_s, 3), budget.shortest_s) if VERBS[name].lasts else None
            latest_s = duration_s - (for_s or 0)
            places = [math.floor(rng.uniform(0, latest_s) * 1000) / 1000 for _ in range(_TRIES)]
            candidates = (Fault(at_s, name, args, options, for_s) for at_s in places)
            fits = (fault for fault in candidates if _fits(fault, faults, budget, duration_s))
            faults += [fault] if (fault := next(fits, None)) is not None else []
        return cls(tuple(sorted(faults, key=lambda fault: fault.at_s)))

    @property
    def healed_s(self) -> float:
        """Seconds after the plan is applied until nothing is in force any more."""
        return max((fault.at_s + (fault.for_s or 0) for fault in self.faults), default=0.0)

    def apply(self, world: _Scheduler) -> None:
        """Schedule everything, from now on. Machines that a fault stops must exist.

        Raises:
            ValueError: the world has a plan already, or refuses a fault.
        """
        if world.fault_plan is not None:
            raise ValueError("a world takes one plan; put the faults of both into one FaultPlan")
        world.fault_plan = self
        now_s = world.now_s
        for fault in self.faults:
            lasts = {} if fault.for_s is None else {"for_s": fault.for_s}
            getattr(world.at(now_s + fault.at_s), fault.verb)(*fault.args, **fault.options, **lasts)

    def without(self, indices: Iterable[int]) -> FaultPlan:
        """The plan without some of its faults, by their numbers from 0."""
        missing = set(indices)
        if wrong := [index for index in sorted(missing) if not 0 <= index < len(self.faults)]:
            raise IndexError(f"there are {len(self.faults)} faults, and no number {wrong[0]}")
        return FaultPlan(tuple(fault for index, fault in enumerate(self.faults) if index not in missing))

    def to_json(self) -> str:
        """In one line, for :meth:`from_json`."""
        return msgspec.json.encode(self.faults).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> FaultPlan:
        """The plan that was written by :meth:`to_json`, or by hand.

        Raises:
            ValueError: it is none; the message names the fault.
        """
        try:
            raw = msgspec.json.decode(text, type=list[msgspec.Raw])
        except msgspec.MsgspecError as error:
            raise ValueError(f"this is no fault plan, a JSON list of faults: {error}") from error
        faults = []
        for index, item in enumerate(raw):
            try:
                faults.append(msgspec.json.decode(item, type=Fault))
            except (msgspec.MsgspecError, ValueError) as error:
                raise ValueError(f"this is no fault plan: fault {index}: {error}") from error
        return cls(tuple(faults))

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults)) or "no faults"


def _check_hosts(hosts: Collection[str], servers: Collection[str]) -> None:
    if isinstance(hosts, str) or not hosts:
        raise ValueError(f"hosts are the names of phones, at least one, not {hosts!r}")
    names = [*hosts, *servers]
    if len(set(names)) < len(names):
        raise ValueError(f"a host is named twice: {', '.join(names)}")


def _fits(new: Fault, others: Iterable[Fault], budget: FaultBudget, duration_s: float) -> bool:
    """Whether the budget allows for one more fault."""
    spans = sorted((fault.at_s, fault.at_s + (fault.for_s or 0)) for fault in (*others, new))
    unhealthy_s, until_s = 0.0, 0.0
    for start_s, end_s in spans:
        unhealthy_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
        if sum(other <= start_s <= end for other, end in spans) > budget.at_once:
            return False
    return unhealthy_s <= budget.unhealthy_share * duration_s
