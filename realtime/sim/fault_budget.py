"""How much may go wrong in a run, and what: the verbs that can be drawn, each with its arguments."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from realtime.network.profiles import profile

DEFAULT_PROFILES = ("wifi", "lte", "3g", "edge")
_LOSS = 0.02, 0.3  # of set_conditions
_DELAY_MS = 20, 800


class FaultBudget(msgspec.Struct, frozen=True, kw_only=True):
    """How much may go wrong in a run.

    Args:
        unhealthy_share: of the time, at most, during which any fault is in force.
        at_once: faults in force at one moment, at most.
        shortest_s: of those that last.
        longest_s: of those that last. Lengths in between are drawn alike on a scale of logarithms.
        per_minute: faults, on average.
        weights: verb → how often it is drawn, compared with the others; those not given are as in :data:`VERBS`.
        profiles: of the networks that a phone may come into.
        traces: that a phone's network may follow for a while; none are followed without.

    Raises:
        ValueError: a value makes no sense.
    """

    unhealthy_share: float = 0.5
    at_once: int = 3
    shortest_s: float = 0.5
    longest_s: float = 45.0
    per_minute: float = 6.0
    weights: Mapping[str, float] = {}
    profiles: tuple[str, ...] = DEFAULT_PROFILES
    traces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.unhealthy_share <= 1:
            raise ValueError(f"unhealthy_share must be above 0 and at most 1, not {self.unhealthy_share}")
        if self.at_once < 1:
            raise ValueError(f"at_once must be at least 1, not {self.at_once}")
        if not (0 < self.shortest_s <= self.longest_s < math.inf):
            raise ValueError(f"shortest_s ({self.shortest_s}) must be above 0 and at most longest_s ({self.longest_s})")
        if not 0 < self.per_minute < math.inf:
            raise ValueError(f"per_minute must be above 0, not {self.per_minute}")
        for verb, weight in self.weights.items():
            verb_named(verb)
            if not 0 <= weight < math.inf:
                raise ValueError(f"the weight of {verb} must be 0 or above, not {weight}")
        if not self.profiles:
            raise ValueError("profiles must not be empty; to keep phones in their networks, set weights to 0")
        for name in self.profiles:
            profile(name)


class Cast(NamedTuple):
    """Who and what faults are drawn from.

    Args:
        rng: decides.
        phones: everything can happen to them.
        servers: they keep their networks and stay in the foreground.
        budget: says into which networks phones come.
    """

    rng: random.Random
    phones: Sequence[str]
    servers: Sequence[str]
    budget: FaultBudget

    def any_host(self) -> str:
        """A phone or a server."""
        return self.rng.choice([*self.phones, *self.servers])

    def phone(self) -> str:
        """One of the phones."""
        return self.rng.choice(self.phones)

    @property
    def has_pairs(self) -> bool:
        """Whether any two hosts talk to each other: phones do so where there is no server only."""
        return bool(self.servers) or len(self.phones) > 1

    def pair(self) -> tuple[str, str]:
        """Two hosts that talk to each other, in either order."""
        one = self.phone()
        other = self.rng.choice(self.servers or [phone for phone in self.phones if phone != one])
        return (one, other) if self.rng.random() < 0.5 else (other, one)


Drawn = tuple[tuple[str, ...], Mapping[str, float]]  # positional and keyword arguments


class Verb(NamedTuple):
    """How a verb of the world is drawn.

    Args:
        lasts: whether it is in force until it is ended; otherwise it is over at once.
        weight: how often it is drawn, compared with the others.
        draw: gives its arguments.
    """

    lasts: bool
    weight: float
    draw: Callable[[Cast], Drawn]


def _weather(cast: Cast) -> Drawn:
    loss, delay_ms = cast.rng.uniform(*_LOSS), cast.rng.uniform(*_DELAY_MS)
    return (cast.phone(),), {"loss": round(loss, 3), "delay_ms": round(delay_ms)}


def _held(cast: Cast) -> Drawn:
    return (cast.pair() if cast.has_pairs and cast.rng.random() < 0.5 else (cast.any_host(),)), {}


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "outage": Verb(True, 4, lambda cast: ((cast.any_host(),), {})),
        "partition": Verb(True, 1, lambda cast: (cast.pair(), {})),
        "partition_oneway": Verb(True, 1, lambda cast: (cast.pair(), {})),
        "hold": Verb(True, 1, _held),
        "unplug": Verb(True, 2, lambda cast: ((cast.any_host(),), {})),
        "reset": Verb(False, 1, lambda cast: ((cast.any_host(),), {})),
        "nat_expire": Verb(False, 1, lambda cast: ((cast.phone(),), {})),
        "change_network": Verb(True, 2, lambda cast: ((cast.phone(), cast.rng.choice(cast.budget.profiles)), {})),
        "set_profile": Verb(True, 1, lambda cast: ((cast.phone(), cast.rng.choice(cast.budget.profiles)), {})),
        "set_conditions": Verb(True, 1, _weather),
        "follow": Verb(True, 1, lambda cast: ((cast.phone(), cast.rng.choice(cast.budget.traces)), {})),
        "crash": Verb(True, 1, lambda cast: ((cast.any_host(),), {})),
        "kill_app": Verb(True, 1, lambda cast: ((cast.any_host(),), {})),
        "background": Verb(True, 2, lambda cast: ((cast.phone(),), {})),
    }
)
"""What can be drawn. What ends a fault (restore, repair, restart …) is in its length."""


def verb_named(name: str) -> Verb:
    """The verb of this name; ``ValueError`` lists the names that there are."""
    if name not in VERBS:
        raise ValueError(f"there is no verb {name!r}; there are {', '.join(VERBS)}")
    return VERBS[name]


def weights(cast: Cast) -> dict[str, float]:
    """The verbs that can be drawn here, and how often each is.

    Raises:
        ValueError: there is none.
    """
    found = {name: cast.budget.weights.get(name, verb.weight) for name, verb in VERBS.items()}
    if not cast.budget.traces:
        del found["follow"]
    if not cast.has_pairs:
        del found["partition"], found["partition_oneway"]
    if not any(found.values()):
        raise ValueError("with these weights there is nothing to draw")
    return {name: weight for name, weight in found.items() if weight > 0}
