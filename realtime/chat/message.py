"""The values of a chat: a message, the state of a room, a position in its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from realtime.chat.mentions import mentions
from realtime.protocol.errors import LocalProtocolError

if TYPE_CHECKING:
    import pandas as pd

MAX_ROOM_ID = 256  # characters
MAX_TEXT = 8_000  # characters; the server refuses longer ones
MAX_EMOJI = 64  # characters; a family with skin tones takes 11


class MessageStatus(StrEnum):
    """Where a message stands, as this device knows it."""

    PENDING = "pending"
    """Sent by the user, not acknowledged by the server yet."""
    SENT = "sent"
    """Acknowledged: the server has it, and its place in the room is known."""
    DELIVERED = "delivered"
    """Sent, and at least one other user has it."""
    READ = "read"
    """Sent, and at least one other user has read up to it."""
    FAILED = "failed"
    """Late: still in the outbox, and may turn to sent. With an ``error``: refused for good."""
    RECEIVED = "received"
    """Came from another user."""


class Reaction(msgspec.Struct, frozen=True, gc=False):
    """One emoji at a message.

    Args:
        emoji: 1 to 64 characters.
        user_ids: who reacted with it, in the order in which they did.
        pending: this user's own part in it is not acknowledged yet.
    """

    emoji: str
    user_ids: tuple[str, ...]
    pending: bool = False


class Gap(msgspec.Struct, frozen=True, gc=False):
    """The entries with ``after < offset < before`` are not here, and gone from the server."""

    after: int
    before: int


class Marker(msgspec.Struct, frozen=True, gc=False):
    """How far a user is in a room: offsets of its log, 0 for not at all. ``received`` is never below ``read``."""

    user_id: str
    received: int = 0
    read: int = 0


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One bubble. A message keeps its ``message_id`` for ever, whatever becomes of it.

    Args:
        timestamp_ms: when it was sent, by this device's clock while unsent, by the server's after.
        offset: its place in the room's log; None while unsent.
        mine: sent by this user, on this device or another.
        error: why the server refused it; None unless it did.
        revision: offset of the newest edit, deletion or reaction that shows in it; 0 if there is none.
        edited_ms: when its text was changed last; None if it never was.
        is_deleted: its author deleted it: the bubble stays, and the text is empty.
        reactions: in the order in which the emoji were added.
        pending: an own edit or deletion shows in it that is not acknowledged yet.
        held: why the server could not take it so far, though it is sent again: ``storage_failed``; otherwise None.
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
    revision: int = 0
    edited_ms: int | None = None
    is_deleted: bool = False
    reactions: tuple[Reaction, ...] = ()
    pending: bool = False
    held: str | None = None

    @property
    def mentions(self) -> tuple[str, ...]:
        """The user ids after an ``@`` in the text, each once."""
        return mentions(self.text)


class RoomState(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat room looks like on this device.

    Args:
        messages: in the room's order: by offset, those without one last, in the order they were sent.
        typing: other users who are typing.
        members: users with at least one device in the room.
        unread: messages of others that this user has not read, on any device.
        mentioned: how many of them name this user.
        joined: whether the server has this device in the room, on the present connection.
        has_older: there are messages before the first one; ``load_older`` brings them.
        behind: how many entries are known to exist and still to come: newer ones than show, or from a hole in what
            shows.
        gaps: what the server could not bring any more.
        markers: how far each user is who ever received something, by user id.
    """

    room_id: str
    messages: Sequence[Message] = ()
    typing: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    unread: int = 0
    mentioned: int = 0
    joined: bool = False
    has_older: bool = False
    behind: int = 0
    gaps: tuple[Gap, ...] = ()
    markers: Mapping[str, Marker] = {}

    @property
    def gap(self) -> bool:
        """Whether messages are missing that the server could not bring any more."""
        return bool(self.gaps)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of all messages, in the room's order."""
        return tuple(message.text for message in self.messages)

    @property
    def unsent(self) -> tuple[Message, ...]:
        """Own messages that the server has not acknowledged."""
        return tuple(message for message in self.messages if message.offset is None)

    def delivered_to(self, message: Message) -> tuple[str, ...]:
        """The users who have a message, its author excepted, as far as this device was told."""
        return self._who(message, "received")

    def read_by(self, message: Message) -> tuple[str, ...]:
        """The users who have read up to a message or further, its author excepted."""
        return self._who(message, "read")

    def to_frame(self) -> pd.DataFrame:
        """The messages as a frame, a row for each; see :data:`realtime.chat.room_frame.COLUMNS`."""
        from realtime.chat.room_frame import messages_frame  # which needs this module

        return messages_frame([self])

    def _who(self, message: Message, how: str) -> tuple[str, ...]:
        if (offset := message.offset) is None:
            return ()
        others = (marker for marker in self.markers.values() if marker.user_id != message.user_id)
        return tuple(marker.user_id for marker in others if getattr(marker, how) >= offset)

    def __repr__(self) -> str:
        words = [f"<RoomState {self.room_id!r}", "joined" if self.joined else "not joined"]
        words += ["gap"] if self.gap else []
        words.append(f"messages={len(self.messages)}")
        words += [f"behind={self.behind}"] if self.behind else []
        words += [f"unread={self.unread}"] if self.unread else []
        words += [f"mentioned={self.mentioned}"] if self.mentioned else []
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
    _check_length(text)
    if reply_to is not None and not 0 < len(reply_to) <= MAX_ROOM_ID:
        raise LocalProtocolError(f"reply_to must be a message id, got {reply_to!r}")


def check_edit(text: str) -> None:
    """Refuse a text that a message cannot be changed to.

    Raises:
        LocalProtocolError: it is empty or too long.
    """
    if not text.strip():
        raise LocalProtocolError("the new text is empty: to take the message away, call delete_message")
    _check_length(text)


def check_change(room_id: str, message_id: str, message: Message | None, *, authors_only: bool) -> Message:
    """Refuse a change of a message that the server would refuse.

    Args:
        room_id: the room.
        message_id: of the message.
        message: as it shows; None if it is not loaded.
        authors_only: the change is an edit or a deletion.

    Returns:
        The message.

    Raises:
        LocalProtocolError: it is not here, not the user's own, was deleted, or was refused by the server.
    """
    if message is None:
        raise LocalProtocolError(f"there is no message {message_id!r} in {room_id!r}, or it is not loaded: load_older")
    if message.error is not None:
        raise LocalProtocolError(f"message {message_id!r} was not taken by the server: retry it, or discard it")
    if authors_only and not message.mine:
        raise LocalProtocolError(f"message {message_id!r}: only its author may change it: {message.user_id} wrote it")
    if message.is_deleted:
        raise LocalProtocolError(f"message {message_id!r} was deleted, and takes no more changes")
    return message


def check_emoji(emoji: str) -> None:
    """Refuse what cannot be a reaction.

    Raises:
        LocalProtocolError: naming the limit.
    """
    if not 0 < len(emoji) <= MAX_EMOJI:
        raise LocalProtocolError(f"a reaction's emoji has 1 to {MAX_EMOJI} characters, this one has {len(emoji)}")


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise LocalProtocolError(f"the message has {len(text)} characters; at most {MAX_TEXT} may be sent at once")


def check_room_id(room_id: str) -> None:
    """Refuse what cannot name a room.

    Raises:
        LocalProtocolError: naming the limit.
    """
    if not 0 < len(room_id) <= MAX_ROOM_ID:
        raise LocalProtocolError(f"a room id has 1 to {MAX_ROOM_ID} characters, this one has {len(room_id)}")
    try:
        room_id.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"the room id {room_id!r} cannot be sent: {error.reason}") from error
