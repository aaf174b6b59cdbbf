"""What the server says about a chat. Unknown fields are ignored: a newer server may say more."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

import msgspec
from msgspec import Meta

from realtime.connection import verdict

R = TypeVar("R")


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    pass


class LoggedEntry:
    """One entry of a room's log: a :class:`LoggedMessage`, a :class:`LoggedAmendment` or a :class:`LoggedOther`."""

    __slots__ = ()

    offset: int
    position: str | None


class LoggedMessage(_Wire, LoggedEntry, frozen=True):
    """A message as the server's log has it: in broadcasts as it was sent, in history as it stands.

    Args:
        revision: offset of the newest amendment that shows in it.
        edited_at: when its text was changed last, in milliseconds.
        deleted: the text is empty because the author deleted it.
        reactions: the users by emoji, both in the order of adding.
    """

    message_id: str
    user_id: str
    text: str
    timestamp: int
    offset: Annotated[int, Meta(ge=1)]
    reply_to: str | None = None
    room_id: str | None = None
    position: str | None = None
    revision: int = 0
    edited_at: int | None = None
    deleted: bool = False
    reactions: dict[str, tuple[str, ...]] | None = None


class LoggedAmendment(_Wire, LoggedEntry, frozen=True, kw_only=True):
    """An edit, a deletion or a reaction, with an offset of its own.

    Args:
        event: ``chat:edit``, ``chat:delete``, ``chat:reaction``, or what a newer server logs.
        message_id: of the message that it changes.
        user_id: who did it.
        text: the new one; absent unless it is an edit that stands.
        emoji: of a reaction.
        action: ``add`` or ``remove``, of a reaction.
        superseded: a later edit or deletion took its place, and its text is gone.
    """

    event: str
    message_id: str
    user_id: str
    timestamp: int
    offset: Annotated[int, Meta(ge=1)]
    text: str | None = None
    emoji: str | None = None
    action: str | None = None
    superseded: bool = False
    room_id: str | None = None
    position: str | None = None


class LoggedOther(_Wire, LoggedEntry, frozen=True, kw_only=True):
    """An entry that is no business of the chat: a ``geofence:event``, or what a newer server logs.

    Args:
        body: all of it, as the server has it.
    """

    event: str
    offset: Annotated[int, Meta(ge=1)]
    room_id: str | None = None
    position: str | None = None
    body: Any = msgspec.field(default=None, name="")  # no key of an entry is empty

    @classmethod
    def from_wire(cls, payload: object) -> Self:
        """Read an entry.

        Raises:
            msgspec.ValidationError: it is none.
        """
        return msgspec.structs.replace(msgspec.convert(payload, cls), body=payload)


class MarkerPayload(_Wire, frozen=True):
    """How far a user is in a room."""

    user_id: str
    received: int = 0
    read: int = 0


class ReceivedByUser(_Wire, frozen=True):
    """A user has received up to an offset."""

    user_id: str
    up_to: int


class MessageDelivered(_Wire, frozen=True):
    """A user has received up to an offset; ``message_id`` is this user's newest message among what is covered.

    Args:
        others: users who moved up in the same moment, and how far each of them is.
    """

    room_id: str
    user_id: str
    up_to: int
    message_id: str | None = None
    others: tuple[ReceivedByUser, ...] = ()


class ReadByUser(_Wire, frozen=True):
    """A user has read up to an offset."""

    room_id: str
    user_id: str
    up_to: int


class MemberPayload(_Wire, frozen=True):
    """Somebody in a room: a user on a device."""

    user_id: str
    device_id: str | None = None


class PresenceDiff(_Wire, frozen=True):
    """Who came to a room and who left it. Merging twice changes nothing."""

    room_id: str
    joins: tuple[MemberPayload, ...] = ()
    leaves: tuple[MemberPayload, ...] = ()


class TypingPayload(_Wire, frozen=True):
    """Somebody types, or stopped."""

    room_id: str
    user_id: str
    is_typing: bool


class JoinReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``room:join``. See :meth:`realtime.chat.room_log.RoomLog.joined`.

    Args:
        receipts: of everybody who ever received something; None: the server has no receipts.
        horizon: the entries up to here are gone from the server.
    """

    position: str
    recovered: bool
    messages: tuple[LoggedEntry, ...]
    more: bool
    members: tuple[MemberPayload, ...] = ()
    receipts: tuple[MarkerPayload, ...] | None = None
    horizon: int = 0


class HistoryReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:history``; ``horizon``: the entries up to here are gone from the server."""

    messages: tuple[LoggedEntry, ...]
    more: bool
    recovered: bool = True
    position: str | None = None
    horizon: int = 0


class SentReply(_Wire, frozen=True, kw_only=True):
    """The answer to a message and to what amends one: where it stands in the room's log."""

    offset: Annotated[int, Meta(ge=1)]
    timestamp: int


class ReactionPayload(_Wire, frozen=True):
    """Who reacted with what."""

    message_id: str
    emoji: str
    user_id: str


class ReactionsReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:reactions``."""

    reactions: tuple[ReactionPayload, ...]


def read_reply(reply: object, kind: type[R]) -> R:
    """Read an acknowledgement: see :func:`realtime.connection.verdict.read_reply`."""
    return verdict.read_reply(reply, kind, _entry)


def _entry(kind: type, value: Any) -> LoggedEntry:
    """Messages are logged without the name of their event."""
    if kind is not LoggedEntry:
        raise NotImplementedError
    if isinstance(value, dict) and "event" in value:
        if "messageId" not in value:
            return LoggedOther.from_wire(value)
        return msgspec.convert(value, LoggedAmendment)
    return msgspec.convert(value, LoggedMessage)
