"""The values of a chat: a message, the state of a room, a position in its log."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from realtime.protocol.errors import LocalProtocolError

MAX_ROOM_ID = 256  # characters
MAX_TEXT = 8_000  # characters; the server refuses longer ones


class MessageStatus(StrEnum):
    """Where a message stands, as this device knows it."""

    PENDING = "pending"
    """Sent by the user, not acknowledged by the server yet."""
    SENT = "sent"
    """Acknowledged: the server has it, and its place in the room is known."""
    FAILED = "failed"
    """Late: still in the outbox, and may turn to sent. With an ``error``: refused for good."""
    RECEIVED = "received"
    """Came from another user."""


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One bubble. A message keeps its ``message_id`` for ever, whatever becomes of it.

    Args:
        timestamp_ms: when it was sent, by this device's clock while unsent, by the server's after.
        offset: its place in the room's log; None while unsent.
        mine: sent by this user, on this device or another.
        error: why the server refused it; None unless it did.
    """

    room_id: str
    message_id: str
    user_id: str
    text: str
    timestamp_ms: int
    offset: int | None
    status: MessageStatus
    reply_to: str | None = None
    mine: bool = False
    error: str | None = None


class RoomState(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat room looks like on this device.

    Args:
        messages: in the room's order: by offset, those without one last, in the order they were sent.
        typing: other users who are typing.
        members: users with at least one device in the room.
        unread: messages of others since the last ``mark_read``.
        joined: whether the server has this device in the room, on the present connection.
        gap: messages are missing before the newest ones: the server could not cover an absence.
    """

    room_id: str
    messages: Sequence[Message] = ()
    typing: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    unread: int = 0
    joined: bool = False
    gap: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of all messages, in the room's order."""
        return tuple(message.text for message in self.messages)

    @property
    def unsent(self) -> tuple[Message, ...]:
        """Own messages that the server has not acknowledged."""
        return tuple(message for message in self.messages if message.offset is None)

    def __repr__(self) -> str:
        words = [f"<RoomState {self.room_id!r}", "joined" if self.joined else "not joined"]
        words += ["gap"] if self.gap else []
        words.append(f"messages={len(self.messages)}")
        words += [f"unread={self.unread}"] if self.unread else []
        words += [f"typing={','.join(self.typing)}"] if self.typing else []
        return " ".join(words) + ">"


class Position(NamedTuple):
    """A place in a room's log: which log, and the offset of the last entry at or before it."""

    epoch: str
    offset: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read ``"epoch:offset"``.

        Raises:
            msgspec.ValidationError: it is not of that form.
        """
        epoch, _, offset = text.rpartition(":")
        if not (epoch and offset.isascii() and offset.isdigit()):
            raise msgspec.ValidationError(f"expected a position like 'epoch:7', got {text!r}")
        return cls(epoch, int(offset))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


def check_message(room_id: str, text: str, reply_to: str | None) -> None:
    """Refuse here, with a clear word, what the server would refuse after a round trip.

    Raises:
        LocalProtocolError: naming the field, its limit and what it was.
    """
    check_room_id(room_id)
    if not text.strip():
        raise LocalProtocolError("the message is empty: send at least one visible character")
    if len(text) > MAX_TEXT:
        raise LocalProtocolError(f"the message has {len(text)} characters; at most {MAX_TEXT} may be sent at once")
    if reply_to is not None and not 0 < len(reply_to) <= MAX_ROOM_ID:
        raise LocalProtocolError(f"reply_to must be a message id, got {reply_to!r}")


def check_room_id(room_id: str) -> None:
    """Refuse what cannot name a room.

    Raises:
        LocalProtocolError: naming the limit.
    """
    if not 0 < len(room_id) <= MAX_ROOM_ID:
        raise LocalProtocolError(f"a room id has 1 to {MAX_ROOM_ID} characters, this one has {len(room_id)}")
