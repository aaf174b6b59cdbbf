"""The messages of rooms as a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from realtime.chat.message import Message, MessageStatus

if TYPE_CHECKING:
    import pandas as pd

    from realtime.chat.message import RoomState

COLUMNS: dict[str, Any] = {
    "room_id": "object",
    "message_id": "object",
    "user_id": "object",
    "text": "object",
    "timestamp": "datetime64[ms, UTC]",
    "offset": "Int64",
    "status": "category",
    "mine": "bool",
    "reply_to": "object",
    "edited": "bool",
    "deleted": "bool",
    "reactions": "int64",
    "mentions": "object",
    "error": "object",
}
"""The columns and their types; ``reactions`` counts them, ``mentions`` holds tuples of user ids."""


def messages_frame(states: Iterable[RoomState]) -> pd.DataFrame:
    """A row per message, in the order of the rooms and of their messages.

    Args:
        states: of the rooms.

    Returns:
        The columns of :data:`COLUMNS`, with these types also if there is no message; what is unknown is missing.
    """
    import pandas as pd  # takes half a second, and only people who look at frames need it

    rows = [_row(message) for state in states for message in state.messages]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")
    for name, dtype in COLUMNS.items():
        if name == "timestamp":
            frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True).astype("datetime64[ms, UTC]")
        elif name == "status":
            frame[name] = pd.Categorical(frame[name], categories=[status.value for status in MessageStatus])
        else:
            frame[name] = frame[name].astype(dtype)
    return frame


def _row(message: Message) -> tuple[Any, ...]:
    return (
        message.room_id,
        message.message_id,
        message.user_id,
        message.text,
        message.timestamp_ms,
        message.offset,
        message.status.value,
        message.mine,
        message.reply_to,
        message.edited_ms is not None,
        message.is_deleted,
        sum(len(reaction.user_ids) for reaction in message.reactions),
        message.mentions,
        message.error,
    )
