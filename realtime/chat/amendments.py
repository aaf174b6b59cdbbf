"""Edits, deletions and reactions (pure): what they make of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from realtime.chat.message import Message, MessageStatus, Reaction
from realtime.chat.wire import LoggedAmendment, LoggedMessage

_SHARED_CHARACTERS = 256  # of a text; longer ones are few


class Kind(StrEnum):
    """What is changed; the value is its event on the wire."""

    EDIT = "chat:edit"
    DELETE = "chat:delete"
    REACTION = "chat:reaction"


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one message.

    Args:
        message_id: of the message that it is about.
        user_id: who made it; of an edit and a deletion that is the message's author.
        timestamp_ms: when, by this device's clock while it is not acknowledged, by the server's after.
        offset: its place in the room's log; None for an own one that is not acknowledged.
        text: of an edit.
        emoji: of a reaction.
        add: whether the reaction is added, or taken back.
    """

    kind: Kind
    message_id: str
    user_id: str
    timestamp_ms: int
    offset: int | None = None
    text: str = ""
    emoji: str = ""
    add: bool = True

    @property
    def author(self) -> str | None:
        """Whose message it is about; None: the id must do, and the oldest message that has it is meant."""
        return None if self.kind is Kind.REACTION else self.user_id

    def is_about(self, message: Message) -> bool:
        """Whether a message may be the one that it changes."""
        return self.message_id == message.message_id and self.author in (None, message.user_id)


def read_amendment(entry: LoggedAmendment) -> Amendment | None:
    """What an entry of the log changes; None: nothing, as its text is gone, or this version does not know its kind."""
    text, emoji, add = "", "", True
    match entry.event:
        case "chat:edit" if entry.text is not None and not entry.superseded:
            text = entry.text
        case "chat:reaction" if entry.emoji and entry.action in ("add", "remove"):
            emoji, add = entry.emoji, entry.action == "add"
        case "chat:delete":
            pass
        case _:
            return None
    return Amendment(
        kind=Kind(entry.event),
        message_id=entry.message_id,
        user_id=entry.user_id,
        timestamp_ms=entry.timestamp,
        offset=entry.offset,
        text=text,
        emoji=emoji,
        add=add,
    )


def change_from(event: str, payload: Mapping[str, Any], user_id: str) -> Amendment | None:
    """What a user asks for with a payload; None if it is not what this version sends."""
    entry = {"event": event, "userId": user_id, "timestamp": 0, "offset": 1} | dict(payload)
    if not isinstance(payload.get("changeId"), str):
        return None
    try:
        change = read_amendment(msgspec.convert(entry, LoggedAmendment))
    except msgspec.ValidationError:
        return None
    return None if change is None else replace(change, offset=None)


@lru_cache(maxsize=1024)
def _one_string(string: str) -> str:
    """The same string for all devices in this process, which get a message at about the same time.

    A simulated town of phones so has one copy of it; ``sys.intern`` would keep it for ever on Python 3.12.
    """
    return string


def message_of(entry: LoggedMessage, *, room_id: str, user_id: str, mine: bool) -> Message:
    """The message that an entry of the log is.

    Args:
        entry: of a page or a broadcast.
        room_id: the room.
        user_id: the entry's, as the one string that all messages of this user share.
        mine: whether that is this user.
    """
    message = Message(
        room_id=room_id,
        message_id=_one_string(entry.message_id),
        user_id=user_id,
        text=_one_string(entry.text) if len(entry.text) <= _SHARED_CHARACTERS else entry.text,
        timestamp_ms=entry.timestamp,
        offset=entry.offset,
        status=MessageStatus.SENT if mine else MessageStatus.RECEIVED,
        reply_to=entry.reply_to,
        mine=mine,
    )
    if not (entry.revision or entry.deleted or entry.reactions or entry.edited_at):  # nearly always
        return message
    return replace(
        message,
        revision=entry.revision,
        edited_ms=None if entry.deleted else entry.edited_at,
        is_deleted=entry.deleted,
        reactions=tuple(Reaction(emoji, users) for emoji, users in (entry.reactions or {}).items()),
    )


def fold(message: Message, amendments: Iterable[Amendment]) -> Message:
    """The message after amendments that come in the order of the log; those that show in it already are passed over."""
    for amendment in amendments:
        if amendment.offset is None or amendment.offset > message.revision:
            message = amended(message, amendment)
    return message


def amended(message: Message, amendment: Amendment) -> Message:
    """The message after one amendment. A deleted one takes no more."""
    revision = message.revision if amendment.offset is None else amendment.offset
    if message.is_deleted:
        return replace(message, revision=revision)
    pending = amendment.offset is None
    if amendment.kind is Kind.EDIT:
        edited_ms = amendment.timestamp_ms
        return replace(message, text=amendment.text, edited_ms=edited_ms, revision=revision, pending=pending)
    if amendment.kind is Kind.DELETE:
        return replace(message, text="", edited_ms=None, is_deleted=True, revision=revision, pending=pending)
    return replace(message, reactions=_reacted(message.reactions, amendment), revision=revision)


def _reacted(reactions: tuple[Reaction, ...], amendment: Amendment) -> tuple[Reaction, ...]:
    emoji, user_id = amendment.emoji, amendment.user_id
    pending = amendment.offset is None
    standing = next((reaction for reaction in reactions if reaction.emoji == emoji), None)
    if amendment.add == (standing is not None and user_id in standing.user_ids):
        return reactions
    if standing is None:
        return (*reactions, Reaction(emoji, (user_id,), pending))
    users = tuple(user for user in standing.user_ids if user != user_id)
    if amendment.add:
        users += (user_id,)
    changed = (Reaction(emoji, users, pending),) if users else ()
    index = reactions.index(standing)
    return reactions[:index] + changed + reactions[index + 1 :]
