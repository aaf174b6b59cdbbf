"""Link conditions in the units that people type: kbit/s, ms one-way, a fraction, kB of 1000 bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from realtime.network.link import DEFAULT_QUEUE_BYTES, MS, LinkConditions
from realtime.network.rate_trace import RateTrace

FIGURES = ("rate_kbps", "delay_ms", "jitter_ms", "loss", "queue_kb")
_MOST = 1e12  # a petabit per second, 30 years, a petabyte: more is a mistake, and overflows
_MAY_BE_NONE = {
    "rate_kbps": "null for no limit; for no traffic at all go offline",
    "queue_kb": "null for the usual one",
}


def figures(conditions: LinkConditions, now_ns: int) -> dict[str, float | None]:
    """What conditions are at ``now_ns``, by the names of :data:`FIGURES`; without a rate there is no queue."""
    rate = conditions.rate_bps
    if isinstance(rate, RateTrace):
        rate = rate.rate_at(now_ns)
    return {
        "rate_kbps": None if rate is None else rate / 1000,
        "delay_ms": conditions.delay_at(now_ns) / MS,
        "jitter_ms": conditions.jitter_ns / MS,
        "loss": conditions.loss_at(now_ns),
        "queue_kb": None if rate is None else (conditions.queue_bytes or DEFAULT_QUEUE_BYTES) / 1000,
    }


def changed(conditions: LinkConditions, given: Mapping[str, Any]) -> LinkConditions:
    """Conditions with some figures replaced; what is not given stays.

    A rate, a delay or a loss ends that of a trace; a loss ends bursts as well.

    Args:
        conditions: the present ones.
        given: by the names of :data:`FIGURES`; a rate or a queue may be None: no limit, or the usual one.

    Raises:
        ValueError: there is no figure of that name, or it is out of its range.
    """
    for name, value in given.items():
        _check(name, value)
    changes: dict[str, Any] = {}
    if "rate_kbps" in given:
        rate = given["rate_kbps"]
        changes["rate_bps"] = None if rate is None else max(1, round(rate * 1000))
    if "queue_kb" in given:
        queue = given["queue_kb"]
        changes["queue_bytes"] = None if queue is None else max(1, round(queue * 1000))
    for name in ("delay", "jitter"):
        if f"{name}_ms" in given:
            changes[f"{name}_ns"] = round(given[f"{name}_ms"] * MS)
    if "delay_ms" in given:
        changes["delays"] = None
    if "loss" in given:
        changes |= {"loss": float(given["loss"]), "bursts": None, "losses": None}
    return replace(conditions, **changes)


def _check(name: str, value: Any) -> None:
    if name not in FIGURES:
        raise ValueError(f"there is no {name!r}; there are {', '.join(FIGURES)}")
    if value is None and name in _MAY_BE_NONE:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, not {'null' if value is None else repr(value)}")
    if not -math.inf < value < math.inf:
        raise ValueError(f"{name} must be a finite number, not {value}")
    if value > _MOST:
        raise ValueError(f"{name} must be at most {_MOST:g}")
    if name in _MAY_BE_NONE and value <= 0:
        raise ValueError(f"{name} must be above 0, or {_MAY_BE_NONE[name]}; not {value}")
    if name == "loss" and not 0 <= value <= 1:
        raise ValueError(f"loss is a fraction between 0 and 1, not {value}: 2 % is 0.02")
    if value < 0:
        raise ValueError(f"{name} must be 0 or above, not {value}")
