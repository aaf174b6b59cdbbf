"""Amendments (pure): what an edit, a deletion or a reaction makes of the message that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from realtime.server.engine.base import Appended, Draft, NotApplied

MOST_REACTIONS = 500
"""Of one message."""


class _Edit(msgspec.Struct, frozen=True):
    text: str


class _Delete(msgspec.Struct, frozen=True):
    pass


class _Reaction(msgspec.Struct, frozen=True):
    emoji: str
    action: Literal["add", "remove"]


Change = _Edit | _Delete | _Reaction

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "chat:edit": msgspec.json.Decoder(_Edit),
    "chat:delete": msgspec.json.Decoder(_Delete),
    "chat:reaction": msgspec.json.Decoder(_Reaction),
}


class Amended(msgspec.Struct, frozen=True):
    """What is remembered of a message's amendments, beside its body.

    Args:
        edit: offset of the entry whose text it has; 0 for its own.
        deleted: offset of its deletion, and when it was; None if it stands.
        reactions: by emoji and user, in the order of first adding: offset and time (ms) of the entry that added each.
    """

    edit: int = 0
    deleted: tuple[int, int] | None = None
    reactions: dict[str, dict[str, tuple[int, int]]] = {}


class Message(NamedTuple):
    """A message as it stands in the log: where and when it was logged, its JSON body, its amendments."""

    logged: Appended
    body: bytes
    amended: Amended


class Amendment(NamedTuple):
    """What becomes of the message, and the offset of the edit that loses its text by it."""

    message: Message
    superseded: int | None = None


def change_of(draft: Draft) -> Change:
    """What the draft of an amendment asks for.

    Raises:
        ValueError: it is no amendment.
    """
    try:
        change: Change = _DECODERS[draft.event].decode(draft.body)
    except (KeyError, msgspec.DecodeError) as error:
        raise ValueError(f"this is no amendment that an engine knows: {draft.event} {draft.body!r}: {error}") from None
    return change


def chosen(draft: Draft, named: Mapping[str, Appended], horizon: int) -> Appended:
    """Which message an amendment is about: the sender's own one, or, for a reaction, the oldest.

    Args:
        named: where the messages with this id were logged, by their authors.
        horizon: entries up to this offset are gone.

    Raises:
        NotApplied: there is none.
    """
    if draft.event == "chat:reaction":
        about = min(named.values(), key=lambda each: each.offset, default=None)
    else:
        about = named.get(draft.user_id)
        if named and about is None:
            raise NotApplied("not_author", f"only its author edits or deletes message {draft.about!r}")
    if about is None or about.offset <= horizon:
        raise NotApplied("unknown_message", f"the room's log has no message {draft.about!r}, or not any more")
    return about


def amend(draft: Draft, offset: int, message: Message) -> Amendment | Appended:
    """Apply an amendment, logged at ``offset``, to its message; the author's rights are checked already.

    Returns:
        What changes; or, where nothing does, where the entry is that stands.

    Raises:
        NotApplied: it cannot be.
        ValueError: the draft is no amendment.
    """
    change = change_of(draft)
    amended = message.amended
    if amended.deleted is not None:
        if isinstance(change, _Delete):
            return Appended(*amended.deleted, duplicate=True)
        raise NotApplied("deleted", f"message {draft.about!r} was deleted: it takes no edit and no reaction any more")
    if isinstance(change, _Reaction):
        return _react(change, draft, offset, message)
    if isinstance(change, _Delete):
        fields: dict[str, Any] = {"text": "", "deleted": True}
        after = msgspec.structs.replace(amended, edit=0, deleted=(offset, draft.timestamp_ms))
    else:
        fields = {"text": change.text, "editedAt": draft.timestamp_ms}
        after = msgspec.structs.replace(amended, edit=offset)
    body = _with(message.body, fields | {"revision": offset})
    return Amendment(Message(message.logged, body, after), amended.edit or None)


def superseded(body: bytes) -> bytes:
    """The body of an edit after a newer one."""
    return _with(body, {"text": None, "superseded": True})


def _react(change: _Reaction, draft: Draft, offset: int, message: Message) -> Amendment | Appended:
    reactions = {emoji: dict(users) for emoji, users in message.amended.reactions.items()}
    users = reactions.setdefault(change.emoji, {})
    standing = users.get(draft.user_id)
    if change.action == "add":
        if standing is not None:
            return Appended(*standing, duplicate=True)
        if sum(map(len, reactions.values())) >= MOST_REACTIONS:
            raise NotApplied("too_many_reactions", f"message {draft.about!r} has {MOST_REACTIONS} reactions already")
        users[draft.user_id] = (offset, draft.timestamp_ms)
    elif standing is None:
        return Appended(message.logged.offset, message.logged.timestamp_ms, duplicate=True)
    else:
        del users[draft.user_id]
        if not users:
            del reactions[change.emoji]
    fields = {"reactions": {emoji: list(users) for emoji, users in reactions.items()} or None, "revision": offset}
    after = msgspec.structs.replace(message.amended, reactions=reactions)
    return Amendment(Message(message.logged, _with(message.body, fields), after))


def _with(body: bytes, fields: dict[str, Any]) -> bytes:
    """A JSON object with some fields changed, those that are None taken out, and all others as they are."""
    changed: dict[str, Any] = _OBJECT.decode(body) | fields
    return msgspec.json.encode({name: value for name, value in changed.items() if value is not None})


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
