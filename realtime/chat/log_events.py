"""What a room's log tells."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from realtime.chat.amendments import Kind
from realtime.chat.message import Message
from realtime.chat.wire import LoggedOther


class Received(msgspec.Struct, frozen=True):
    """A message came that this device did not send. Told once per message, in the room's order."""

    message: Message


class Delivered(msgspec.Struct, frozen=True):
    """The server has an own message. Told once per message."""

    message: Message


class Failed(msgspec.Struct, frozen=True):
    """An own message is late, or with an ``error`` refused for good. Told once per message."""

    message: Message


class Edited(msgspec.Struct, frozen=True):
    """The log has another text for a message that is loaded, by whomever. Told once per edit."""

    message: Message


class Deleted(msgspec.Struct, frozen=True):
    """The log has no text any more for a message that is loaded. Told once."""

    message: Message


class Reacted(msgspec.Struct, frozen=True):
    """Somebody added a reaction to a message that is loaded, or took one back. Told once each time."""

    message: Message


class Other(msgspec.Struct, frozen=True):
    """An entry came that is no message and no change to one. Told once per entry, in the room's order."""

    entry: LoggedOther


LogEvent: TypeAlias = Received | Delivered | Failed | Edited | Deleted | Reacted | Other

NEWS: dict[Kind, type[Edited | Deleted | Reacted]] = {
    Kind.EDIT: Edited,
    Kind.DELETE: Deleted,
    Kind.REACTION: Reacted,
}
"""What is told of each kind of amendment."""
