"""The payloads of presence, as they come from the server."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Member(_Wire, frozen=True):
    """Somebody in a room: a user on a device.

    Args:
        user_id: the user.
        device_id: the user's device.
        state: ``active``, or ``background`` where the app is not looked at.
        status: ``online``, ``away`` or ``busy``; ``invisible`` only of one's own devices.
        since: when this stay in the room began, in ms since the Unix epoch.
        text: the user's own words.
        meta: what the application adds.
    """

    user_id: str
    device_id: str
    state: str = "active"
    status: str = "online"
    since: int = 0
    text: str | None = None
    meta: dict[str, Any] | None = None


class LeftMember(_Wire, frozen=True):
    """Somebody who is in a room no more."""

    user_id: str
    device_id: str


class PresenceDiff(_Wire, frozen=True):
    """Who came, changed or left; without ``n``, of one's own invisible devices."""

    room_id: str
    joins: tuple[Member, ...] = ()
    leaves: tuple[LeftMember, ...] = ()
    n: Annotated[int, Meta(ge=1)] | None = None


class SyncReply(_Wire, frozen=True):
    """Everybody in a room; the diffs after ``n`` go on from there, within one ``epoch``."""

    members: tuple[Member, ...]
    epoch: str
    n: int


class Place(_Wire, frozen=True):
    """Where the members of a :class:`JoinReply` stand."""

    epoch: str
    n: int


class JoinReply(_Wire, frozen=True):
    """What presence needs of the answer to ``room:join``."""

    members: tuple[Member, ...]
    presence: Place


class UserStatus(_Wire, frozen=True):
    """A user over all devices.

    Args:
        user_id: the user.
        status: ``online``, ``away``, ``busy`` or ``offline``.
        text: the user's own words.
        last_seen: of who is offline: when that began, in ms since the Unix epoch; None: it is not known.
    """

    user_id: str
    status: str
    text: str | None = None
    last_seen: int | None = None


class SubscribeReply(_Wire, frozen=True):
    """The users as they are now, in this life of the server; what changes is told from now on."""

    users: tuple[UserStatus, ...]
    epoch: str | None = None
