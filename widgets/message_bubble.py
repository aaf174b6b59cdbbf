"""What a page needs to draw the bubbles of a chat room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from realtime.chat.mentions import mention_parts
from realtime.chat.message import Message, Reaction, RoomState
from widgets.audience import Audience
from widgets.room_window import key_of

QUOTED = 120  # characters of the message that is answered

_NOBODY: dict[str, Any] = {"key": None, "user": None, "text": "", "deleted": False}


class _Made(NamedTuple):
    """A bubble, and what it was made of."""

    message: Message
    target: Message | None
    audience: Audience | None
    bubble: dict[str, Any]


class Bubbles:
    """Makes JSON values of messages; those of what did not change are the same objects as the last time.

    Args:
        user_id: the reader.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._made: dict[int, _Made] = {}  # by the id() of the message, which is kept with it
        self._audience = Audience({})

    def __len__(self) -> int:
        return len(self._made)

    def of(self, room: RoomState, start: int) -> list[dict[str, Any]]:
        """A bubble for each message from the index ``start`` on. Times are milliseconds since the Unix epoch."""
        if room.markers != self._audience.markers:
            self._audience = Audience(room.markers)
        shown = list(islice(room.messages, start, None))
        targets = _targets(room.messages, shown)
        former, self._made = self._made, {}
        return [self._bubble(message, targets.get(message.reply_to or ""), former) for message in shown]

    def _bubble(self, message: Message, target: Message | None, former: Mapping[int, _Made]) -> dict[str, Any]:
        audience = self._audience if message.mine else None
        made = former.get(id(message))
        if made is None or made.target is not target or made.audience is not audience:
            who = None if audience is None else audience.of(message)
            is_same = made is not None and made.target is target and made.bubble["who"] == who
            bubble = made.bubble if made and is_same else self._make(message, target, who)
            made = _Made(message, target, audience, bubble)
        self._made[id(message)] = made
        return made.bubble

    def _make(self, message: Message, target: Message | None, who: dict[str, Any] | None) -> dict[str, Any]:
        parts = mention_parts(message.text)
        return {
            "key": key_of(message),
            "id": message.message_id,
            "user": message.user_id,
            "text": message.text,
            "parts": list(parts) if len(parts) > 1 else None,
            "at_ms": message.timestamp_ms,
            "offset": message.offset,
            "status": str(message.status),
            "mine": message.mine,
            "error": message.error,
            "edited": message.edited_ms is not None,
            "deleted": message.is_deleted,
            "pending": message.pending,
            "held": message.held,
            "reactions": [self._reaction(reaction) for reaction in message.reactions],
            "reply": None if message.reply_to is None else _quote(target),
            "who": who,
        }

    def _reaction(self, reaction: Reaction) -> dict[str, Any]:
        return {
            "emoji": reaction.emoji,
            "users": list(reaction.user_ids),
            "mine": self._user_id in reaction.user_ids,
            "pending": reaction.pending,
        }


def _targets(messages: Iterable[Message], shown: Iterable[Message]) -> dict[str, Message]:
    """The messages that are answered in what is shown, by id: of several, the oldest."""
    wanted = {message.reply_to for message in shown if message.reply_to is not None}
    found: dict[str, Message] = {}
    if wanted:
        for message in messages:
            if message.message_id in wanted:
                found.setdefault(message.message_id, message)
    return found


def _quote(target: Message | None) -> dict[str, Any]:
    if target is None:
        return _NOBODY
    text = target.text if len(target.text) <= QUOTED else f"{target.text[:QUOTED]}…"
    return {"key": key_of(target), "user": target.user_id, "text": text, "deleted": target.is_deleted}
