"""What a page tells of the device that it runs on: read whole, or refused whole (pure)."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from realtime.connection.net_info import NetStatus, NetType
from realtime.location.fix import Fix

MAX_FIXES = 50  # in one report; what waits longer comes in further ones

_YEAR_2100_MS = 4_102_444_800_000
_EARTH_M = 40_100_000  # once around: no circle of uncertainty is larger
_SLOW = ("slow-2g", "2g", "3g")

_Id = Annotated[str, Meta(min_length=1, max_length=256)]
_Count = Annotated[int, Meta(ge=1)]


class Sense(enum.StrEnum):
    """How one of the device's senses stands."""

    OFF = "off"
    """Nobody has pressed its button yet."""
    ASKING = "asking"
    ON = "on"
    DENIED = "denied"
    """The user, or the page's surroundings, said no."""
    MISSING = "missing"
    """This browser cannot do it."""
    INSECURE = "insecure"
    """The page came over plain http from another machine: browsers keep it to https and localhost."""
    FAILED = "failed"
    """Allowed, but there is nothing to be had now; it is tried on."""


class SenseState(msgspec.Struct, frozen=True):
    """How a sense stands, and why in words.

    Args:
        sense: where it stands.
        detail: what the browser said, or an empty text.
    """

    sense: Sense = Sense.OFF
    detail: Annotated[str, Meta(max_length=500)] = ""


class _Battery(msgspec.Struct, frozen=True):
    level: Annotated[float, Meta(ge=0, le=1)]
    charging: bool


class _PageFix(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0, le=_EARTH_M)]
    timestamp: Annotated[int, Meta(ge=0, le=_YEAR_2100_MS)]
    speed: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    heading: Annotated[float, Meta(ge=0, le=360)] | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of a page, as it sends it at every change and with every heartbeat.

    Args:
        page: which page it is, drawn by itself.
        run: how often its button was pressed.
        seq: counts its reports.
        phase: ``stop``: its user ended it; ``bye``: the page is being closed.
        visible: whether it is in sight.
        frozen: whether the browser is about to put it to sleep. Chromium closes the page's connections as it does so,
            and this word may be lost with them: what remains is the silence.
        online: ``navigator.onLine``.
        carrier: ``navigator.connection.type``, where the browser tells it.
        speed: ``navigator.connection.effectiveType``: what the network is as fast as.
        battery: where the browser tells it.
        position: how the position stands.
        notifications: how notifications stand.
        fixes: measured and not heard by the kernel before, oldest first.
        opened: ids of the system's notifications that were clicked, and not heard of before.
    """

    page: Annotated[str, Meta(min_length=1, max_length=64)]
    run: _Count
    seq: _Count
    phase: Literal["on", "stop", "bye"]
    visible: bool
    frozen: bool = False
    online: bool
    carrier: Annotated[str, Meta(max_length=32)] | None = None
    speed: Annotated[str, Meta(max_length=32)] | None = None
    battery: _Battery | None = None
    position: SenseState
    notifications: SenseState
    fixes: Annotated[tuple[_PageFix, ...], Meta(max_length=MAX_FIXES)] = ()
    opened: Annotated[tuple[_Id, ...], Meta(max_length=100)] = ()

    @property
    def net_status(self) -> NetStatus:
        """The network in the words of NetInfo. Where the browser does not name the carrier, slow means cellular."""
        if not self.online or self.carrier == "none":
            return NetStatus(False, NetType.NONE)
        if self.carrier in ("wifi", "cellular"):
            return NetStatus(True, NetType(self.carrier))
        is_guessed = self.carrier in (None, "unknown") and self.speed in _SLOW
        return NetStatus(True, NetType.CELLULAR if is_guessed else NetType.UNKNOWN)

    @property
    def known_fixes(self) -> list[Fix]:
        """The fixes, oldest first."""
        return sorted(
            (
                Fix(
                    latitude=each.latitude,
                    longitude=each.longitude,
                    accuracy_m=each.accuracy,
                    timestamp_ms=each.timestamp,
                    speed_mps=each.speed,
                    heading_deg=each.heading,
                )
                for each in self.fixes
            ),
            key=lambda fix: fix.timestamp_ms,
        )


def read_report(content: object) -> Report:
    """Read what a page sent; fields that are not known are ignored.

    Raises:
        msgspec.ValidationError: naming the field that is missing or wrong.
    """
    return msgspec.convert(content, Report)
