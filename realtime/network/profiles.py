"""Named network profiles: data with a source each, in ``data/profiles.toml``.

Delays are stored one-way and per direction, because presets in the field mix one-way delays with
round trips; the round trip is derived and shown.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from realtime.network.link import LinkConditions, LossBursts
from realtime.network.radio import Interruptions, Promotion, RadioConditions
from realtime.network.units import MS, NS
from realtime.protocol.errors import RealtimeError
from realtime.utils.share import share_path

_ALWAYS_ON = RadioConditions()
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ProfileError(RealtimeError, ValueError):
    """A profile does not exist, or its entry in the file is wrong. The message names it and what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A phone's access link.

    Args:
        name: kebab-case, as in the file.
        title: for people.
        down: conditions towards the phone.
        up: conditions from the phone.
        source: where the figures come from.
        radio: what both directions share: sleep, outages, hand-overs, address changes, NAT.
    """

    name: str
    title: str
    down: LinkConditions
    up: LinkConditions
    source: str
    radio: RadioConditions = _ALWAYS_ON

    @property
    def rtt_s(self) -> float:
        """The round trip of an empty link: both one-way delays, without jitter and queueing."""
        return (self.down.delay_ns + self.up.delay_ns) / NS


_Number = Annotated[float, msgspec.Meta(ge=0)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; all its numbers are finite."""

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{key} must be a finite number, not {value}")


class _Bursts(_Table, frozen=True):
    good_s: _Positive
    bad_s: _Positive
    loss: _Share = 1.0

    def figures(self) -> LossBursts:
        return LossBursts(_ns(self.good_s), _ns(self.bad_s), self.loss)


class _Direction(_Table, frozen=True):
    delay_ms: _Number
    rate_kbps: _Positive | None = None
    jitter_ms: _Number = 0.0
    jitter_memory: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    loss: _Share = 0.0
    bursts: _Bursts | None = None
    queue_kb: _Positive | None = None

    def conditions(self) -> LinkConditions:
        return LinkConditions(
            rate_bps=None if self.rate_kbps is None else round(self.rate_kbps * 1000),
            delay_ns=round(self.delay_ms * MS),
            jitter_ns=round(self.jitter_ms * MS),
            jitter_memory=self.jitter_memory,
            loss=self.loss,
            bursts=None if self.bursts is None else self.bursts.figures(),
            queue_bytes=None if self.queue_kb is None else round(self.queue_kb * 1000),
        )


class _Promotion(_Table, frozen=True):
    idle_s: _Number
    delay_ms: _Number
    spread: _Number = 0.0
    cycle_ms: _Number = 0.0
    settle_s: _Number = 0.0

    def figures(self) -> Promotion:
        cycle_ns, settle_ns = round(self.cycle_ms * MS), _ns(self.settle_s)
        return Promotion(_ns(self.idle_s), round(self.delay_ms * MS), self.spread, cycle_ns, settle_ns)


class _Changes(_Table, frozen=True):
    every_s: _Positive

    def figures(self) -> Interruptions:
        return Interruptions(_ns(self.every_s))


class _Interruptions(_Table, frozen=True):
    every_s: _Positive
    median_s: _Positive
    p90_s: _Positive
    max_s: _Positive

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.median_s <= self.p90_s <= self.max_s:
            raise ValueError(f"median_s, p90_s and max_s must ascend, not {self.median_s}, {self.p90_s}, {self.max_s}")

    def figures(self) -> Interruptions:
        return Interruptions(_ns(self.every_s), _ns(self.median_s), _ns(self.p90_s), _ns(self.max_s))


class _Radio(_Table, frozen=True):
    promotions: tuple[_Promotion, ...] = ()
    outages: _Interruptions | None = None
    handovers: _Interruptions | None = None
    address_changes: _Changes | None = None
    nat_idle_s: _Positive | None = None

    def conditions(self) -> RadioConditions:
        return RadioConditions(
            promotions=tuple(promotion.figures() for promotion in self.promotions),
            outages=None if self.outages is None else self.outages.figures(),
            handovers=None if self.handovers is None else self.handovers.figures(),
            address_changes=None if self.address_changes is None else self.address_changes.figures(),
            nat_idle_ns=None if self.nat_idle_s is None else _ns(self.nat_idle_s),
        )


class _Entry(_Table, frozen=True):
    """One profile as the file has it."""

    title: _Text
    source: _Text
    down: _Direction
    up: _Direction
    radio: _Radio = _Radio()


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """All profiles of a file, in its order.

    Args:
        path: a TOML file of the same form; by default the one that comes with the installation.

    Raises:
        ProfileError: the file has an unknown key, a bad number or a missing one.
    """
    return dict(_shipped()) if path is None else _read(path)


def profile(name: str) -> Profile:
    """The shipped profile of this name.

    Raises:
        ProfileError: there is none; the message lists those there are.
    """
    known = _shipped()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ProfileError(f"no profile {name!r}; {hint}there are {', '.join(known)}")


@functools.cache
def _shipped() -> dict[str, Profile]:
    return _read(share_path("data") / "profiles.toml")


def _ns(seconds: float) -> int:
    return max(round(seconds * NS), 1 if seconds else 0)


def _read(path: Path) -> dict[str, Profile]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not UTF-8, as TOML is: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path} is not TOML: {error}") from error
    return {name: _profile(path, name, table) for name, table in tables.items()}


def _profile(path: Path, name: str, table: Any) -> Profile:
    if not _NAME.fullmatch(name):
        raise ProfileError(f"{path}: profile {name!r}: a name is small letters, digits and single hyphens")
    try:
        entry = msgspec.convert(table, _Entry)
        down, up, radio = entry.down.conditions(), entry.up.conditions(), entry.radio.conditions()
    except ValueError as error:
        raise ProfileError(f"{path}: profile {name!r}: {str(error).replace('$.', '')}") from error
    return Profile(name, entry.title, down, up, entry.source, radio)
