"""The payloads of positions and geofences, as they stand on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from realtime.server.messages import Fix, RoomId

Transition = Literal["enter", "exit", "dwell"]
ShortId = Annotated[str, Meta(min_length=1, max_length=200)]

SharedFix = Fix


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    pass


class ShareUpdate(_Wire, frozen=True):
    """``location:update``; a phone that was offline sends several fixes at once.

    Args:
        room_id: the room.
        fixes: in the order of their times.
        until: sharing ends by itself then, in ms since the Unix epoch.
        sent_at: the present by the clock of ``until``; None: that is the server's.
    """

    room_id: RoomId
    fixes: Annotated[list[Fix], Meta(min_length=1, max_length=100)]
    until: Annotated[int, Meta(ge=0)] | None = None
    sent_at: Annotated[int, Meta(ge=0)] | None = None


class ShareStop(_Wire, frozen=True):
    """``location:stop``."""

    room_id: RoomId
    reason: Annotated[str, Meta(max_length=64)] | UnsetType | None = UNSET


class ShareStopped(_Wire, frozen=True):
    """``location:stop``, to the others in the room."""

    room_id: str
    user_id: str
    reason: str | UnsetType = UNSET


class Rejected(_Wire, frozen=True):
    """A fix that was not taken: its place in the update, and why."""

    index: int
    reason: str


class SharedReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``location:update``; ``accepted`` counts what was known already too."""

    ok: bool = True
    accepted: int
    rejected: list[Rejected] | UnsetType = UNSET


class FenceEvent(_Wire, frozen=True):
    """``geofence:event``; ``event_id`` tells a retry from another crossing, and without one each is another."""

    room_id: RoomId
    fence_id: ShortId
    transition: Transition
    fix: Fix
    event_id: ShortId | None = None


class FenceBody(_Wire, frozen=True):
    """What is logged of a ``geofence:event``; the engine adds timestamp, offset and position."""

    event: str
    room_id: str
    event_id: str
    user_id: str
    fence_id: str
    transition: Transition
    fix: Fix
