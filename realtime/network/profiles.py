"""Named network profiles: data with a source each, in ``data/profiles.toml``.

Delays are stored one-way and per direction, because presets in the field mix one-way delays with
round trips; the round trip is derived and shown.
"""

from __future__ import annotations

import difflib
import functools
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from realtime.network.link import NS, LinkConditions
from realtime.network.radio import RadioConditions
from realtime.protocol.errors import RealtimeError
from realtime.utils.share import share_path

_ALWAYS_ON = RadioConditions()


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
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One direction as the file has it."""

    delay_ms: _Number
    rate_kbps: _Positive | None = None
    jitter_ms: _Number = 0.0
    loss: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    queue_kb: _Positive | None = None

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{key} must be a finite number, not {value}")

    def conditions(self) -> LinkConditions:
        """The same in the units of the link."""
        return LinkConditions(
            rate_bps=None if self.rate_kbps is None else round(self.rate_kbps * 1000),
            delay_ns=round(self.delay_ms * 1_000_000),
            jitter_ns=round(self.jitter_ms * 1_000_000),
            loss=self.loss,
            queue_bytes=None if self.queue_kb is None else round(self.queue_kb * 1000),
        )


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profile as the file has it."""

    title: _Text
    source: _Text
    down: _Direction
    up: _Direction


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


def _read(path: Path) -> dict[str, Profile]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path} is not TOML: {error}") from error
    return {name: _profile(path, name, table) for name, table in tables.items()}


def _profile(path: Path, name: str, table: Any) -> Profile:
    try:
        entry = msgspec.convert(table, _Entry)
    except msgspec.ValidationError as error:
        raise ProfileError(f"{path}: profile {name!r}: {error}") from error
    return Profile(name, entry.title, entry.down.conditions(), entry.up.conditions(), entry.source)
