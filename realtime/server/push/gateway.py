"""What a push is, whom it goes to, and the one interface behind which the push services are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

PlatformName: TypeAlias = Literal["local", "web", "expo"]


class PushToken(NamedTuple):
    """Where a push service finds a device. The token is a secret: who has it can push; ``repr`` leaves it out."""

    user_id: str
    device_id: str
    platform: PlatformName
    token: str

    def __repr__(self) -> str:
        return f"<PushToken {self.platform} of {self.user_id!r} on {self.device_id!r}>"


DAY_S = 86_400.0
MAX_ID = 256  # characters; message ids have as many at most


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A notification on its way to a device.

    Args:
        id: the same on every way that it comes; for chat messages, the newest one's.
        data: for the app.
        collapse_key: a newer one of the same key takes its place on the device.
        is_urgent: the device shall wake up for it.
        ttl_s: after this many seconds nobody needs it.
        withdraws: takes the notification of this id off the screen, instead of showing one; with an ``offset`` in its
            data all messages of the room up to there.
    """

    id: str
    title: str = ""
    body: str = ""
    data: dict[str, Any] = {}
    room_id: str | None = None
    collapse_key: str | None = None
    is_urgent: bool = False
    ttl_s: float = DAY_S
    withdraws: bool = False

    def __repr__(self) -> str:  # without its text
        return f"<Push {self.id!r} room={self.room_id!r}{' withdraws' if self.withdraws else ''}>"

    def checked(self) -> Push:
        """Itself.

        Raises:
            ValueError: no app would take it, or it cannot be stored.
        """
        if not 0 < len(self.id) <= MAX_ID:
            raise ValueError(f"the id of a push has 1 to {MAX_ID} characters, not {len(self.id)}")
        try:
            msgspec.json.encode(self.to_wire())
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"the push {self.id!r} cannot be sent as JSON: {error}") from error
        return self

    def to_wire(self) -> dict[str, Any]:
        """As an app gets it."""
        if self.withdraws:
            wire: dict[str, Any] = {"withdraw": self.id} | ({"data": self.data} if self.data else {})
        else:
            wire = {"id": self.id, "title": self.title, "body": self.body, "data": self.data}
        if self.room_id is not None:
            wire["roomId"] = self.room_id
        if self.collapse_key is not None:
            wire["collapseKey"] = self.collapse_key
        if self.is_urgent:
            wire["urgent"] = True
        if self.ttl_s != DAY_S:
            wire["ttl"] = round(self.ttl_s * 1000)
        return wire


class Delivered(NamedTuple):
    """The push service has it.

    Args:
        ticket: by which it can be asked later what became of it, where it can.
    """

    ticket: str | None = None


class TryAgain(NamedTuple):
    """It failed, and may succeed later: not before ``after_s``, where the service said so."""

    reason: str
    after_s: float | None = None


class Gone(NamedTuple):
    """The token is dead: the app was removed, or has another one."""

    reason: str


class Rejected(NamedTuple):
    """The service will never take it."""

    reason: str


DELIVERED = Delivered()

Outcome: TypeAlias = Delivered | TryAgain | Gone | Rejected


class Parcel(NamedTuple):
    """One push to one device."""

    push: Push
    token: PushToken


class Gateway(Protocol):
    """A push service."""

    max_batch: int
    """How many parcels it takes at once."""

    receipts_after_s: float
    """How long after it took something :meth:`receipts` is asked; again so long after, if that is not known yet."""

    max_receipts: int
    """How many of its tickets it is asked for at once."""

    can_withdraw: bool
    """Whether it can take a notification off the screen."""

    def check(self, token: str) -> str | None:
        """What is wrong with a token that a device registers; None: nothing."""
        ...

    async def send(self, batch: Sequence[Parcel]) -> list[Outcome]:
        """Hand them over; returns what became of each, in their order. An exception means: try all of them again."""
        ...

    async def receipts(self, tickets: Sequence[str]) -> dict[str, Outcome]:
        """What became of what it took with these tickets, as far as it is known; an exception means: ask again."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
