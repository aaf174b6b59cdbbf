"""Who has the messages of a room, in the words of a bubble (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime.chat.message import Marker, Message

NAMED = 5  # the others are counted


class Audience:
    """How far the users of a room are, sorted once for all its messages.

    Args:
        markers: by user id, as in a ``RoomState``.
    """

    def __init__(self, markers: Mapping[str, Marker]) -> None:
        self.markers = markers
        """What it was made of."""
        self._furthest = sorted(markers.values(), key=lambda marker: (-marker.read, -marker.received))

    def of(self, message: Message) -> dict[str, Any] | None:
        """``{read, delivered, more}``: some who have read it, some who merely have it, and how many others; or None."""
        if (offset := message.offset) is None:
            return None
        having = [each for each in self._furthest if each.received >= offset and each.user_id != message.user_id]
        if not having:
            return None
        return {
            "read": [each.user_id for each in having[:NAMED] if each.read >= offset],
            "delivered": [each.user_id for each in having[:NAMED] if each.read < offset],
            "more": max(0, len(having) - NAMED),
        }
