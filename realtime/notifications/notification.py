"""A notification: what it says, how urgent it is, where it leads."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from realtime.protocol.errors import LocalProtocolError

MAX_ID = 256  # characters; message ids have as many at most


class Priority(enum.IntEnum):
    """What goes first, and what passes through quiet hours."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3
    """Passes through quiet hours: a mention, an alarm."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a user is told, by push, by socket or by the app itself.

    Args:
        id: the same on every way that it comes, 1 to 256 characters; for a chat message its message id.
        title: one line.
        body: the text.
        data: for the app; ``url`` is a deep link, ``messageIds`` are the messages that it stands for.
        room_id: the room that it is about.
        collapse_key: a newer notification with the same key takes its place.
        priority: among those that wait.
        ttl_s: seconds until nobody needs it any more; None: as long as the queue says.

    Raises:
        LocalProtocolError: the id or the time to live makes no sense.
    """

    id: str
    title: str
    body: str = ""
    data: Mapping[str, Any] = {}
    room_id: str | None = None
    collapse_key: str | None = None
    priority: Priority = Priority.NORMAL
    ttl_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.id) <= MAX_ID:
            raise LocalProtocolError(f"the id of a notification has 1 to {MAX_ID} characters, not {len(self.id)}")
        if self.ttl_s is not None and not self.ttl_s > 0:
            raise LocalProtocolError(f"ttl_s must be above 0 seconds, or None, not {self.ttl_s}")

    def __repr__(self) -> str:  # without its text, which is nobody's business in a log
        return f"<Notification {self.id!r} {self.priority.name} room={self.room_id!r}>"

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The ids under which the same news may come by another way; its own is one of them."""
        also = self.data.get("messageIds")
        others = [each for each in also if isinstance(each, str)] if isinstance(also, list | tuple) else []
        return tuple(dict.fromkeys((self.id, *others)))

    @classmethod
    def from_wire(cls, payload: object) -> Notification:
        """Read a ``notification`` event, or a push; unknown fields are ignored.

        Raises:
            msgspec.ValidationError: it is no notification.
        """
        wire = msgspec.convert(payload, _Wire)
        return cls(
            id=wire.id,
            title=wire.title,
            body=wire.body,
            data=wire.data,
            room_id=wire.room_id,
            collapse_key=wire.collapse_key,
            priority=Priority.URGENT if wire.urgent else Priority.NORMAL,
            ttl_s=None if wire.ttl is None else wire.ttl / 1000,
        )


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    id: Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
    title: str
    body: str = ""
    data: dict[str, Any] = {}
    room_id: str | None = None
    collapse_key: str | None = None
    urgent: bool = False
    ttl: Annotated[int, Meta(ge=1)] | None = None  # milliseconds
